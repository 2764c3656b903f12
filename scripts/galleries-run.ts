// Plays exchanges against the peers of the galleries. A mutant is killed by the verdict `fail` of a case that covers the
// requirement which it breaks, with its process alive before and after: a crash proves nothing. An oddball passes
// when no case that applies to it fails.

import type { Catalog } from "../src/conformance/exchange/catalog.ts";
import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import type { Exchange } from "../src/conformance/exchange/exchange.ts";
import { runExchange, type Opening } from "../src/conformance/play/run.ts";
import { segmentations, type Segmentation } from "../src/conformance/play/segmentation.ts";
import type { Verdict } from "../src/conformance/play/result.ts";
import { galleryProfile } from "../test/galleries/gallery-profile.ts";
import type { Mutant, Oddball, Patch, PeerSettings } from "../test/galleries/mutant.ts";
import { startPeer, type Connection, type Peer } from "./galleries-peer.ts";

export interface Kill {
  readonly case: string;
  /** `warn` where the requirement leaves no more to be seen, and `--strict` is needed to fail it. */
  readonly verdict: "fail" | "warn";
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
  const { name, violates, what, patches, settings = {}, shows = "fail", stepMs = MUTANT_STEP_MS } = mutant;
  const startedAt = performance.now();
  const cases = catalog.exchanges.filter(
    (exchange) =>
      exchange.covers.includes(violates) && exchange.roles.includes(role) && isReachable(exchange),
  );
  let killed: Kill | undefined;
  const problem = await withPeer(role, `${role}/${name}`, patches, settings, async (peer) => {
    for (const segmentation of segmentations) {
      await playAll(peer, cases, async (exchange) => {
        const { verdict, reason } = await playOne(
          catalog,
          role,
          peer,
          exchange,
          segmentation,
          settings,
          stepMs,
        );
        if (verdict === shows) killed ??= { case: exchange.id, verdict, segmentation, reason };
        return killed === undefined;
      });
      if (killed !== undefined) return;
    }
  });
  const ms = Math.round(performance.now() - startedAt);
  return { role, name, violates, what, killed: problem === undefined ? killed : undefined, problem, ms };
}

export async function tryOddball(catalog: Catalog, oddball: Oddball): Promise<OddballOutcome> {
  const { role, name, what, patches, settings = {}, knownGap } = oddball;
  const startedAt = performance.now();
  const verdicts = { pass: 0, warn: 0, fail: 0, inconclusive: 0, unsupported: 0 };
  const failures: string[] = [];
  let playedAgain = 0;
  const problem = await withPeer(role, `oddball/${name}`, patches, settings, async (peer) => {
    const cases = catalog.exchanges.filter(
      (exchange) => exchange.roles.includes(role) && isReachable(exchange),
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

/** Whether the galleries can play it: they connect in plaintext, and stop no server. */
export function isReachable(exchange: Exchange): boolean {
  return exchange.connection === undefined && !exchange.operated;
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
): Promise<{ verdict: Verdict; reason: string; line: number | undefined }> {
  const opened: Connection[] = [];
  const open = async (): Promise<Opening> => {
    const connection = await peer.open();
    opened.push(connection);
    return connection;
  };
  const profile = galleryProfile(role, settings);
  try {
    return await runExchange(catalog, exchange, { role, profile, segmentation, timeoutMs, open });
  } finally {
    for (const connection of opened) await connection.close();
  }
}
