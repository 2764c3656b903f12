// Plays exchanges against the peers of the galleries. A mutant is killed by the verdict `fail` of a case that covers the
// requirement which it breaks, with its process alive before and after: a crash proves nothing. Some need `--strict`,
// which makes a warning a failure. An oddball passes when no case that applies to it fails.

import type { Catalog } from "../src/conformance/exchange/catalog.ts";
import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import type { Connection, Exchange } from "../src/conformance/exchange/exchange.ts";
import { runExchange, type Opening } from "../src/conformance/play/run.ts";
import { segmentations, type Segmentation } from "../src/conformance/play/segmentation.ts";
import type { Result, Verdict } from "../src/conformance/play/result.ts";
import { strictly } from "../src/conformance/suite/case-run.ts";
import { galleryProfile } from "../test/galleries/gallery-profile.ts";
import type { Mutant, Oddball, Patch, PeerSettings } from "../test/galleries/mutant.ts";
import { startPeer, type Peer, type PeerOpening } from "./galleries-peer.ts";

export interface Kill {
  readonly case: string;
  /** It took `--strict`, for what the requirement leaves to be seen is a matter of a SHOULD. */
  readonly strict: boolean;
  readonly segmentation: Segmentation;
  readonly reason: string;
}

export interface MutantOutcome {
  readonly role: Role;
  readonly name: string;
  readonly violates: string;
  readonly what: string;
  /** Undefined: it survived, or `problem` says why nothing can be said. */
  readonly killed: Kill | undefined;
  readonly problem: string | undefined;
  readonly ms: number;
}

export interface OddballOutcome {
  readonly role: Role;
  readonly name: string;
  readonly what: string;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly failures: readonly string[];
  /** Cases that were played a second time, for they had failed. */
  readonly playedAgain: number;
  readonly knownGap: string | undefined;
  readonly problem: string | undefined;
  readonly ms: number;
}

/** A mutant that says nothing costs this much; one that is slow must not be taken for one that is silent. */
const MUTANT_STEP_MS = 2500;
const ODDBALL_STEP_MS = 20_000;

export async function tryMutant(catalog: Catalog, role: Role, mutant: Mutant): Promise<MutantOutcome> {
  const { name, violates, what, patches, settings = {}, strict = false, stepMs = MUTANT_STEP_MS } = mutant;
  const startedAt = performance.now();
  const cases = catalog.exchanges.filter(
    (exchange) => exchange.covers.includes(violates) && exchange.roles.includes(role),
  );
  let killed: Kill | undefined;
  let plainly: string | undefined;
  const trouble = await withPeer(role, `${role}/${name}`, patches, settings, async (peer) => {
    for (const segmentation of segmentations) {
      await playAll(peer, cases, async (exchange) => {
        const result = await playOne(catalog, role, peer, exchange, segmentation, settings, stepMs);
        const { verdict, reason } = strict ? strictly(result) : result;
        if (verdict === "fail") killed ??= { case: exchange.id, strict, segmentation, reason };
        if (strict && result.verdict === "fail") plainly ??= `${exchange.id}, ${segmentation}: ${reason}`;
        return strict ? plainly === undefined : killed === undefined;
      });
      if (!strict && killed !== undefined) return;
    }
  });
  const misnamed =
    plainly === undefined ? undefined : `it is said to need --strict, but is killed by ${plainly}`;
  const problem = trouble ?? misnamed;
  const ms = Math.round(performance.now() - startedAt);
  return { role, name, violates, what, killed: problem === undefined ? killed : undefined, problem, ms };
}

export async function tryOddball(catalog: Catalog, oddball: Oddball): Promise<OddballOutcome> {
  const { role, name, what, patches, settings = {}, stopping, knownGap } = oddball;
  const startedAt = performance.now();
  const verdicts = { pass: 0, warn: 0, fail: 0, inconclusive: 0, unsupported: 0 };
  const failures: string[] = [];
  let playedAgain = 0;
  const problem = await withPeer(role, `oddball/${name}`, patches, settings, async (peer) => {
    const cases = catalog.exchanges.filter(
      ({ roles, operated }) => roles.includes(role) && !(operated && stopping),
    );
    const again: Exchange[] = [];
    const judge = async (exchange: Exchange, patient: boolean): Promise<boolean> => {
      const result = await playOne(catalog, role, peer, exchange, "whole", settings, ODDBALL_STEP_MS);
      const { verdict, reason, line } = result;
      const failed = verdict === "fail" || verdict === "inconclusive";
      if (failed && patient) again.push(exchange);
      else verdicts[verdict]++;
      if (failed && !patient) failures.push(`${exchange.id}:${line ?? ""} ${verdict}: ${reason}`);
      return peer.death === undefined;
    };
    await playAll(peer, cases, async (exchange) => await judge(exchange, knownGap === undefined));
    // Deadlines are short here, and others are at work: what fails once more by itself has failed.
    for (const exchange of again) await judge(exchange, false);
    playedAgain = again.length;
  });
  const ms = Math.round(performance.now() - startedAt);
  return { role, name, what, verdicts, failures, playedAgain, knownGap, problem, ms };
}

/** Gives what makes the outcome worthless: a start that failed, a death, a patch that did not come about. */
async function withPeer(
  role: Role,
  fullName: string,
  patches: readonly Patch[],
  settings: PeerSettings,
  play: (peer: Peer) => Promise<void>,
): Promise<string | undefined> {
  let peer: Peer;
  try {
    peer = await startPeer(role, fullName, settings);
  } catch (error) {
    return String(error);
  }
  try {
    await play(peer);
  } catch (error) {
    if (peer.death === undefined) throw error;
  }
  const { death } = peer;
  const words = await peer.stop();
  if (death !== undefined) return `it died: ${death.lastWords}`;
  if (words.includes("broken: ")) return `it broke: ${words.slice(words.indexOf("broken: "))}`;
  const unpatched = patches.find(({ file }) => !words.includes(`patched ${file}\n`));
  return unpatched === undefined ? undefined : `${unpatched.file} was not patched`;
}

/** As many at once as the peer takes, until one says that it's enough. */
async function playAll(
  peer: Peer,
  cases: readonly Exchange[],
  play: (exchange: Exchange) => Promise<boolean>,
): Promise<void> {
  const waiting = cases.toReversed();
  let going = true;
  const job = async (): Promise<void> => {
    for (let exchange = waiting.pop(); exchange !== undefined && going; exchange = waiting.pop())
      if (!(await play(exchange))) going = false;
  };
  await Promise.all(Array.from({ length: peer.connections }, job));
}

async function playOne(
  catalog: Catalog,
  role: Role,
  peer: Peer,
  exchange: Exchange,
  segmentation: Segmentation,
  settings: PeerSettings,
  timeoutMs: number,
): Promise<Result> {
  const opened: PeerOpening[] = [];
  const { operated } = exchange;
  const open = async (connection?: Connection): Promise<Opening> => {
    const opening = await peer.open(connection, operated);
    opened.push(opening);
    return opening;
  };
  const profile = galleryProfile(role, settings);
  // The probe of a case that stops its server would find nobody.
  const played = operated ? { ...exchange, probe: undefined } : exchange;
  try {
    return await runExchange(catalog, played, { role, profile, segmentation, timeoutMs, open });
  } finally {
    for (const opening of opened) await opening.close();
  }
}
