// One case against one target: a play in each segmentation, each judged against the runner's own lag, and the sanity
// case behind every play that could have hurt.

import { speakerOf } from "../exchange/exchange-checks.ts";
import { setTimeout as delay } from "node:timers/promises";
import type { Exchange } from "../exchange/exchange.ts";
import { earliestShare, type Profile } from "../exchange/profile.ts";
import { play } from "../play/player.ts";
import type { Result, Verdict } from "../play/result.ts";
import type { Segmentation } from "../play/segmentation.ts";
import { deathText } from "./child-process.ts";
import type { LagMeter } from "./lag.ts";
import { NotReady, type Target } from "./target.ts";

export interface PlayRules {
  readonly profile: Profile;
  readonly segmentations: readonly Segmentation[];
  readonly seed: number;
  readonly timeoutMs: number;
  readonly timeScale: number;
  // A SHOULD that is not kept is a failure.
  readonly strict: boolean;
  readonly sanity: Exchange;
}

export interface PlayedCase {
  readonly exchange: Exchange;
  readonly plays: readonly Played[];
  // The implementation is gone and can't be started again: why.
  readonly gone: string | undefined;
}

export interface Played {
  readonly result: Result;
  readonly lagMs: number;
  readonly durationMs: number;
}

// More lag than this share of a limit, and nothing can be said about who kept it.
const lagShare = 0.25;
const lateTries = 5;
const lateMs = 50;

type PlayParameters = Parameters<typeof playOnce>;

export async function playCase(
  exchange: Exchange,
  target: Target,
  rules: PlayRules,
  meter: LagMeter,
): Promise<PlayedCase> {
  const plays: Played[] = [];
  for (const segmentation of rules.segmentations) {
    const played = await playInTime(exchange, segmentation, target, rules, meter);
    const { judged, gone } = await withSanity(exchange, played, target, rules, meter);
    plays.push(judged);
    if (gone !== undefined) return { exchange, plays, gone };
    if (judged.result.verdict === "unsupported") break;
  }
  return { exchange, plays, gone: undefined };
}

// A runner that was itself late tries again, a little later, before it gives up.
async function playInTime(...rest: PlayParameters): Promise<Played> {
  const [exchange, , target] = rest;
  for (let left = lateTries; ; left--) {
    const played = await playIfReady(...rest);
    if (!isLate(played, rest[3].profile) || left === 1) return played;
    await delay(lateMs);
    if (exchange.operated && (await restart(target)) !== undefined) return played;
  }
}

async function playIfReady(...rest: PlayParameters): Promise<Played> {
  try {
    return await playOnce(...rest);
  } catch (error) {
    if (error instanceof NotReady) return unplayed(error.message, ...rest);
    throw error;
  }
}

function unplayed(reason: string, ...[{ id }, segmentation, { role }, { seed }]: PlayParameters): Played {
  const nothing = { branches: [], notReached: undefined, timings: [], transcript: [], driverErrors: [] };
  const undecided = { line: undefined, comparison: undefined, shortestLimitMs: undefined };
  const result = { id, role, verdict: "inconclusive", reason, segmentation, seed } as const;
  return { result: { ...result, ...undecided, ...nothing }, lagMs: 0, durationMs: 0 };
}

export async function playOnce(
  exchange: Exchange,
  segmentation: Segmentation,
  target: Target,
  rules: PlayRules,
  meter: LagMeter,
): Promise<Played> {
  const { profile, seed, timeScale } = rules;
  const opening = await target.open(exchange.connection);
  const lag = meter.watch();
  const startedAt = performance.now();
  const result = await play(exchange, {
    role: target.role,
    profile,
    segmentation,
    seed,
    timeScale,
    timeoutMs: rules.timeoutMs * timeScale,
    ...opening,
  });
  const played = { result, lagMs: lag.end(), durationMs: performance.now() - startedAt };
  return judge(played, rules);
}

// A failure is believed only of a runner that was not late by what would explain it: less than nine tenths of a deadline
// is too early, and the slack past it too late.
function isLate({ result, lagMs }: Played, { variables }: Profile): boolean {
  const { verdict, shortestLimitMs: limit = Infinity } = result;
  if (verdict === "unsupported" || limit === Infinity) return false;
  const slack = variables["slack-ms"];
  const failed = Math.min(limit * (1 - earliestShare), typeof slack === "number" ? slack : Infinity);
  return lagMs > (verdict === "fail" ? failed : limit * lagShare);
}

function judge(played: Played, { strict, profile }: PlayRules): Played {
  const { result, lagMs } = played;
  if (isLate(played, profile))
    return revised(
      played,
      "inconclusive",
      `the runner itself was late by ${Math.round(lagMs)} ms, too much for the ${Math.round(result.shortestLimitMs ?? 0)} ms that count here (it was: ${verdictText(result)})`,
    );
  return strict ? { ...played, result: strictly(result) } : played;
}

// A SHOULD that is not kept is a failure.
export function strictly(result: Result): Result {
  if (result.verdict !== "warn") return result;
  return { ...result, verdict: "fail", reason: `with --strict: ${result.reason}` };
}

// A peer that a case has crashed or wedged must not pass the next "the connection is closed".
async function withSanity(
  exchange: Exchange,
  played: Played,
  target: Target,
  rules: PlayRules,
  meter: LagMeter,
): Promise<{ readonly judged: Played; readonly gone: string | undefined }> {
  const { verdict, reason } = played.result;
  // A server that was stopped is wanted again.
  if (exchange.operated && verdict !== "unsupported" && target.role === "server")
    return { judged: await stoppedWell(played, target), gone: await restart(target) };
  const harmless = exchange.probe === undefined && verdict !== "fail" && verdict !== "inconclusive";
  if (verdict === "unsupported" || (harmless && target.death === undefined))
    return { judged: played, gone: undefined };
  const complaint = await insanity(target, rules, meter);
  if (complaint === undefined) return { judged: played, gone: undefined };
  const both = reason === "" ? complaint.reason : `${reason}; ${complaint.reason}`;
  const worse = verdict === "fail" ? "fail" : complaint.verdict;
  return { judged: revised(played, worse, both), gone: await restart(target) };
}

// How long a server that was told to stop may take to go; what becomes of one that stays is no matter of the protocol.
const goingMs = 5000;

// It goes as it was asked to: by itself, or by SIGTERM's default action, which a shell or a runtime tells as 143.
async function stoppedWell(played: Played, target: Target): Promise<Played> {
  const { transcript, verdict, reason } = played.result;
  const asked = transcript.some(({ from }) => from === "operator");
  if (asked) await target.died(goingMs);
  const { death } = target;
  if (death === undefined) return played;
  const { code, signal } = death;
  if (asked && (code === 0 || code === 143 || signal === "SIGTERM")) return played;
  const crash = `crashed${asked ? " when it was told to stop" : ""}: ${deathText(death)}`;
  return revised(played, "fail", verdict === "pass" || reason === "" ? crash : `${reason}; ${crash}`);
}

export async function restart(target: Target): Promise<string | undefined> {
  try {
    await target.start();
    return undefined;
  } catch (error) {
    if (error instanceof NotReady) return error.message;
    throw error;
  }
}

export interface Insanity {
  readonly verdict: "fail" | "inconclusive";
  readonly reason: string;
  // Whether anything came from the other side at all.
  readonly answered: boolean;
}

// A server that is busy, or a runner that is late, gets another chance.
const sanityTries = 3;
// How long after its last connection a process may be found dead.
const dyingMs = 500;

// Why the target is not fit to be tested; undefined if it is. One that never passed the sanity case need only be alive
// and reachable.
export async function insanity(
  target: Target,
  rules: PlayRules,
  meter: LagMeter,
): Promise<Insanity | undefined> {
  const crashed = (): Insanity | undefined =>
    target.death && { verdict: "fail", reason: `crashed: ${deathText(target.death)}`, answered };
  const { id } = rules.sanity;
  let answered = false;
  try {
    for (let left = sanityTries; ; left--) {
      if (target.death !== undefined) return crashed();
      const { result } = await playOnce(rules.sanity, "whole", target, rules, meter);
      const { verdict, reason } = result;
      answered = result.transcript.some(({ from }) => from === speakerOf(target.role));
      if (verdict === "pass" || verdict === "warn" || (!target.sane && answered)) return crashed();
      if (verdict === "inconclusive" && left > 1) continue;
      await target.died(dyingMs);
      const worse = verdict === "inconclusive" ? "inconclusive" : "fail";
      return (
        crashed() ?? { verdict: worse, reason: `the sanity case ${id} does not pass: ${reason}`, answered }
      );
    }
  } catch (error) {
    if (!(error instanceof NotReady)) throw error;
    return (
      crashed() ?? {
        verdict: "inconclusive",
        reason: `the sanity case ${id} can't be played: ${error.message}`,
        answered,
      }
    );
  }
}

export function revised(played: Played, verdict: Verdict, reason: string): Played {
  return { ...played, result: { ...played.result, verdict, reason } };
}

function verdictText({ verdict, reason }: Result): string {
  return reason === "" ? verdict : `${verdict}, ${reason}`;
}
