// A run: the sanity case first, then each chosen case, shared out among the jobs, and the sanity case last.

import type { Exchange } from "../exchange/exchange.ts";
import { insanity, playCase, restart, type Insanity, type PlayedCase, type PlayRules } from "./case-run.ts";
import { deathText } from "./child-process.ts";
import { LagMeter } from "./lag.ts";
import { NotReady, type Target } from "./target.ts";

export interface SuiteOptions {
  readonly exchanges: readonly Exchange[];
  readonly rules: PlayRules;
  // How many cases are played at once, each job against a target of its own.
  readonly jobs: number;
  readonly makeTarget: () => Target;
  // Called with each case as it's done, in whatever order.
  readonly onCase: (played: PlayedCase) => void;
}

export interface SuiteOutcome {
  // The implementation could not be tested at all: why.
  readonly notReady: string | undefined;
  // What went wrong beside the cases.
  readonly remarks: readonly string[];
}

export async function runSuite(options: SuiteOptions): Promise<SuiteOutcome> {
  const { exchanges, rules, makeTarget, onCase } = options;
  const meter = new LagMeter();
  // What moves megabytes holds the runner up, and is played when nothing else is.
  const isLarge = ({ tags }: Exchange): boolean => tags.includes("large");
  const waiting = exchanges.filter((exchange) => !isLarge(exchange)).toReversed();
  const large = exchanges.filter(isLarge).toReversed();
  const remarks: string[] = [];

  async function playAll(target: Target, queue: Exchange[]): Promise<void> {
    let before = "the sanity case";
    for (let exchange = queue.pop(); exchange !== undefined; exchange = queue.pop()) {
      const { death } = target;
      let gone: string | undefined;
      if (death !== undefined) {
        remarks.push(`after ${before}: crashed: ${deathText(death)}`);
        gone = await restart(target);
      }
      if (gone === undefined) {
        const played = await playCase(exchange, target, rules, meter);
        onCase(played);
        gone = played.gone;
      } else queue.push(exchange);
      before = exchange.id;
      if (gone !== undefined) {
        remarks.push(`the implementation could not be started again: ${gone}`);
        return;
      }
    }
    const last = await insanity(target, rules, meter);
    if (last !== undefined) remarks.push(`at the end: ${last.reason}`);
  }

  const first = makeTarget();
  const targets = [first];
  try {
    // The others are launched once it's known that there is something to test, and before anything is timed.
    const complaint = await whyNotReady(first, rules, meter);
    if (complaint?.verdict === "inconclusive" || complaint?.answered === false || first.death !== undefined)
      return { notReady: `nothing can be tested: ${complaint?.reason ?? "it crashed"}`, remarks };
    // It answers, but wrongly: the cases will tell what is wrong, only a crash is harder to see.
    first.sane = complaint === undefined;
    if (complaint !== undefined) remarks.push(`before any other case: ${complaint.reason}`);
    const more = Array.from({ length: Math.min(options.jobs, exchanges.length) - 1 }, makeTarget);
    targets.push(...more);
    for (const target of more) target.sane = first.sane;
    const complaints = await Promise.all(more.map((target) => whyNotReady(target, rules, meter)));
    for (const complaint of complaints)
      if (complaint !== undefined) remarks.push(`a further job could not start: ${complaint.reason}`);
    const ready = [first, ...more.filter((_target, index) => complaints[index] === undefined)];
    await allOrNone(
      ready.map((target) => playAll(target, waiting)),
      () => (waiting.length = large.length = 0),
    );
    if (large.length > 0) await playAll(first, large);
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
  const left = waiting.length + large.length;
  if (left > 0) remarks.push(`${left} cases were not played, for the implementation was gone`);
  return { notReady: undefined, remarks };
}

// A bug in one job ends the others behind the case that they play, before what was launched is ended: none may launch more.
async function allOrNone(jobs: readonly Promise<void>[], giveUp: () => void): Promise<void> {
  for (const job of jobs) job.catch(giveUp);
  const outcomes = await Promise.allSettled(jobs);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function whyNotReady(target: Target, rules: PlayRules, meter: LagMeter): Promise<Insanity | undefined> {
  try {
    await target.start();
    return await insanity(target, rules, meter);
  } catch (error) {
    if (error instanceof NotReady) return { verdict: "inconclusive", reason: error.message, answered: false };
    throw error;
  }
}
