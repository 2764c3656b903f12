// The side under test speaks: what it does next is held to the step.

import { toHex, writeInteger } from "../wire/bytes.ts";
import { annotate, annotatedLine, summarize } from "../wire/annotate.ts";
import { numberAt } from "../wire/frames.ts";
import { compare, compareFork, compareFrames } from "./comparison.ts";
import { nothingInTime, StepFailed, type Comparison, type Timing } from "./result.ts";
import { countFrames, errorTemplate, fillingOf, spanMs, quietMs, templateOf, type Scene } from "./scene.ts";
import type { Thing } from "./stage.ts";
import type { Act, ForkStep, FrameAct, WireStep } from "../exchange/steps.ts";
import { nextThing } from "./next-thing.ts";
import { match, type FrameTemplate } from "./template.ts";
import { deadlineVariables, earliestShare } from "../exchange/profile.ts";
import { amountOf, variableOf } from "../exchange/values.ts";
import { limitNamed } from "../wire/wire-table.ts";

export async function expectStep(scene: Scene, step: WireStep): Promise<void> {
  if (step.optional && !(await isNext(scene, step.acts[0]))) return;
  const due = step.at === undefined ? undefined : dueTime(scene, step);
  let first = true;
  for (const act of step.acts) {
    if (act.kind === "quiet") await expectQuiet(scene, step);
    else if (act.kind === "repeat") await expectRepeat(scene, act);
    else {
      const usual = isEnding(act) ? endPatienceMs(scene) : scene.timeoutMs;
      const patience = due === undefined || !first ? usual : due.latest - scene.stage.now();
      const thing = await nextThing(scene, [act], Math.max(0, patience));
      if (due !== undefined && first) judgeTime(scene, act, step.line, thing, due);
      if (act.kind === "closes") await expectCloses(scene, step, act.code, thing);
      else expectAct(scene, act, thing);
      scene.previous = thing.at;
    }
    first = false;
  }
}

function isEnding({ kind }: Act): boolean {
  return kind === "end" || kind === "closed" || kind === "reset";
}

// A peer that waited for the other side to end first would be let off by its own limit on lingering (TB-END-16).
const lingerShare = 0.75;

function endPatienceMs({ stage, underTest, table, timeoutMs, timeScale }: Scene): number {
  if (!stage.watch.isClosing(underTest)) return timeoutMs;
  return Math.min(timeoutMs, limitNamed(table, "linger-ms") * lingerShare * Math.max(1, timeScale));
}

// Decided by what the side under test does next; a branch that begins with quiet is taken when it does
// nothing for that long.
export async function chooseBranch(scene: Scene, fork: ForkStep): Promise<ForkStep["branches"][number]> {
  const silent = fork.branches.find((branch) => firstAct(branch.steps[0])?.kind === "quiet");
  const silence = silent?.steps[0];
  const patience =
    silence?.kind === "wire" && silence.lasts !== undefined
      ? quietMs(scene, silence)
      : Math.max(scene.timeoutMs, ...fork.branches.map((branch) => latest(scene, branch.steps[0])));
  const asked = fork.branches.flatMap((branch) => firstAct(branch.steps[0]) ?? []);
  const thing = await nextThing(scene, asked, patience);
  if (thing.kind === "timeout" && silent !== undefined) {
    scene.previous = thing.at;
    return { ...silent, steps: silent.steps.slice(1) };
  }
  scene.stage.putBack(thing);
  for (const branch of fork.branches) {
    const act = firstAct(branch.steps[0]);
    if (act !== undefined && couldBe(scene, act, thing)) return branch;
  }
  const names = fork.branches.map((branch) => branch.name).join(", ");
  return mismatch(
    scene,
    thing,
    `one of the branches ${names}`,
    compareFork(scene, fork.branches, linesOf(scene, thing)),
  );
}

async function isNext(scene: Scene, act: Act | undefined): Promise<boolean> {
  if (act === undefined) return false;
  const thing = await nextThing(scene, [act], scene.timeoutMs);
  if (thing.kind !== "timeout") scene.stage.putBack(thing);
  return couldBe(scene, act, thing);
}

interface Due {
  readonly since: number;
  readonly deadlineMs: number;
  readonly earliest: number;
  readonly latest: number;
}

function dueTime(scene: Scene, step: WireStep): Due {
  const since = step.since === undefined ? scene.previous : (scene.marks.get(step.since) ?? scene.previous);
  const deadlineMs = step.at === undefined ? 0 : spanMs(scene, step.at);
  const slackMs = Number(variableOf(scene.profile, "slack-ms"));
  return {
    since,
    deadlineMs,
    earliest: since + deadlineMs * earliestShare,
    latest: since + deadlineMs + slackMs,
  };
}

function judgeTime(scene: Scene, act: Act, line: number, thing: Thing, due: Due): void {
  const timing: Timing = {
    line,
    deadlineMs: Math.round(due.deadlineMs),
    earliestMs: Math.round(due.earliest - due.since),
    latestMs: Math.round(due.latest - due.since),
    measuredMs: thing.at - due.since,
    came: thing.kind !== "timeout",
  };
  scene.timings.push(timing);
  refuseIfAwake(scene, act, thing, due);
  scene.limits.push(due.deadlineMs);
  const span = `${timing.earliestMs} to ${timing.latestMs} ms`;
  if (thing.kind === "timeout")
    throw new StepFailed(
      "fail",
      `nothing came by ${timing.latestMs} ms; due within ${span}`,
      compare(scene, act, linesOf(scene, thing)),
    );
  if (thing.at < due.earliest || thing.at > due.latest)
    throw new StepFailed(
      "fail",
      `came ${thing.at < due.earliest ? "too early" : "too late"}, after ${Math.round(timing.measuredMs)} ms; due within ${span}: ${describe(scene, thing)}`,
      compare(scene, act, linesOf(scene, thing)),
    );
}

// The PONG to a server's own PING starts its idle deadline again, as often as it sends one.
function refuseIfAwake(scene: Scene, act: Act, thing: Thing, due: Due): void {
  const { pongSentAt } = scene;
  if (act.kind !== "closes" || act.code !== "timeout" || pongSentAt === undefined || pongSentAt < due.since)
    return;
  if (thing.kind === "timeout" || thing.at > due.latest)
    throw new StepFailed(
      "unsupported",
      "the server keeps its own session awake: it sent PING, and was answered",
    );
}

async function expectQuiet(scene: Scene, step: WireStep): Promise<void> {
  const milliseconds = quietMs(scene, step);
  const thing = await nextThing(scene, [{ kind: "quiet" }], milliseconds);
  scene.limits.push(milliseconds);
  if (thing.kind !== "timeout")
    mismatch(
      scene,
      thing,
      `nothing for ${Math.round(milliseconds)} ms`,
      compare(scene, { kind: "quiet" }, linesOf(scene, thing)),
    );
  scene.previous = thing.at;
}

async function expectRepeat(scene: Scene, act: Extract<Act, { kind: "repeat" }>): Promise<void> {
  const times = amountOf(scene.profile, act.times);
  const template = templateOf(scene, act.of, true);
  for (let repetition = 0; repetition < times; repetition++) {
    const thing = await nextThing(scene, [act.of], scene.timeoutMs);
    expectFrame(scene, act.of, template, thing, repetition);
    scene.previous = thing.at;
  }
  countFrames(scene, act.of, times);
}

function expectAct(scene: Scene, act: Act, thing: Thing): void {
  switch (act.kind) {
    case "frame":
      expectFrame(scene, act, templateOf(scene, act), thing, 0);
      countFrames(scene, act, 1);
      return;
    case "end":
    case "reset":
    case "closed":
      if (!isEnd(act.kind, thing)) mismatchAct(scene, thing, endNames[act.kind], act);
      return;
    case "closes":
    case "quiet":
    case "repeat":
    case "raw":
    case "cut":
    case "altered":
    case "extension":
      throw new TypeError(`a runner can't expect "${act.kind}" here`);
  }
}

const endNames = { end: "end of stream", reset: "a reset", closed: "end of stream or a reset" } as const;

function isEnd(kind: "end" | "reset" | "closed", thing: Thing): boolean {
  // A stream that ends inside a frame has lost something; a reset may lose what it likes.
  if (thing.kind === "end") return kind !== "reset" && thing.partial.length === 0;
  return thing.kind === "reset" && kind !== "end";
}

function expectFrame(
  scene: Scene,
  act: FrameAct,
  template: FrameTemplate,
  thing: Thing,
  repetition: number,
): void {
  if (thing.kind !== "frame" || thing.reading.kind?.name !== act.frame.name)
    return mismatchAct(scene, thing, act.frame.name, act);
  const result = match(template, thing.bytes, fillingOf(scene, repetition));
  if (!result.ok) {
    const { offset, field, expected, received, secret = false } = result.mismatch;
    refuseIfBusy(scene, thing);
    throw new StepFailed(
      "fail",
      secret
        ? `${act.frame.name}: ${field} is not the secret that is due`
        : `${act.frame.name}: ${field}, from offset ${offset} of the frame on, should be ${expected}, but is ${received}`,
      compareFrames(scene, act.frame, template, thing.bytes, { ...result.mismatch, repetition }),
    );
  }
  scene.captures = result.captures;
  scene.frames.push({ speaker: scene.underTest, bytes: thing.bytes });
}

async function expectCloses(scene: Scene, step: WireStep, code: string, thing: Thing): Promise<void> {
  const branch = (name: "error" | "end" | "reset"): void => {
    const advisedAgainst = name !== "error";
    scene.branches.push({ line: step.line, name, advisedAgainst });
    if (advisedAgainst)
      scene.warning ??= `the session ended by ${name === "end" ? "end of stream" : "a reset"}, without ERROR ${code} (line ${step.line})`;
  };
  if (thing.kind === "reset") return branch("reset");
  if (thing.kind === "end" && thing.partial.length === 0) return branch("end");
  if (!isError(scene, code, thing))
    return mismatchAct(scene, thing, `ERROR ${code}, end of stream or a reset`, { kind: "closes", code });
  const after = await nextThing(scene, undefined, endPatienceMs(scene));
  if (after.kind !== "reset" && !isEnd("closed", after))
    mismatchAct(scene, after, `end of stream or a reset after ERROR ${code}`, { kind: "closed" });
  return branch("error");
}

function isError(scene: Scene, code: string, thing: Thing): boolean {
  if (thing.kind !== "frame" || thing.reading.kind?.name !== "ERROR") return false;
  const number = scene.table.errors.find((error) => error.name === code)?.code;
  if (numberAt(thing.reading, "code") !== number || number === undefined) return false;
  return match(errorTemplate(scene, number), thing.bytes, fillingOf(scene)).ok;
}

function couldBe(scene: Scene, act: Act, thing: Thing): boolean {
  switch (act.kind) {
    case "frame":
      return thing.kind === "frame" && match(templateOf(scene, act), thing.bytes, fillingOf(scene)).ok;
    case "closes":
      return thing.kind === "reset" || isEnd("closed", thing) || isError(scene, act.code, thing);
    case "end":
    case "reset":
    case "closed":
      return isEnd(act.kind, thing);
    case "quiet":
    case "repeat":
    case "raw":
    case "cut":
    case "altered":
    case "extension":
      return false;
  }
}

// More than this share of the frame deadline for one step, and it may have passed inside a frame of the runner's own.
const sendingShare = 0.5;

function refuseIfSlow(scene: Scene, thing: Thing, reason: string): void {
  const frameMs = scene.profile.variables["frame-ms"];
  if (typeof frameMs !== "number" || scene.sendingMs <= frameMs * sendingShare) return;
  if (!hasGivenUp(scene, thing)) return;
  const took = `the runner took ${Math.round(scene.sendingMs)} ms to send a step`;
  throw new StepFailed(
    "inconclusive",
    `${took}, too much for the frame deadline of ${frameMs} ms (it was: ${reason})`,
  );
}

// The times that may be behind a mismatch: of the runner's patience, or of a server that waited for the runner.
function limitsBehind(scene: Scene, thing: Thing): number[] {
  if (thing.kind === "timeout") return [scene.patienceMs];
  if (!hasGivenUp(scene, thing)) return [];
  const values = deadlineVariables.map((name) => scene.profile.variables[name]);
  return values.filter((value) => typeof value === "number");
}

// Whether a server went away, and may have waited for the runner.
function hasGivenUp(scene: Scene, thing: Thing): boolean {
  const gone = thing.kind === "end" || thing.kind === "reset" || isError(scene, "timeout", thing);
  return gone && scene.underTest === "S";
}

function firstAct(step: ForkStep["branches"][number]["steps"][number] | undefined): Act | undefined {
  return step?.kind === "wire" ? step.acts[0] : undefined;
}

function latest(scene: Scene, step: ForkStep["branches"][number]["steps"][number] | undefined): number {
  return step?.kind === "wire" && step.at !== undefined ? dueTime(scene, step).latest - scene.stage.now() : 0;
}

function mismatchAct(scene: Scene, thing: Thing, expected: string, act: Act): never {
  return mismatch(scene, thing, expected, compare(scene, act, linesOf(scene, thing)));
}

function mismatch(scene: Scene, thing: Thing, expected: string, comparison: Comparison): never {
  refuseIfBusy(scene, thing);
  const reason = `expected ${expected}, but got ${describe(scene, thing)}`;
  refuseIfSlow(scene, thing, reason);
  scene.limits.push(...limitsBehind(scene, thing));
  throw new StepFailed("fail", reason, comparison);
}

// A server that has no capacity, or holds the runner off, says nothing about the step.
function refuseIfBusy(scene: Scene, thing: Thing): void {
  if (thing.kind !== "frame" || thing.reading.kind?.name !== "REFUSED" || scene.underTest !== "S") return;
  const reason = numberAt(thing.reading, "reason");
  const refusal = scene.table.refusals.find((refusal) => refusal.code === reason)?.name;
  if (refusal === "busy" || refusal === "throttled")
    throw new StepFailed("inconclusive", `the server refused with ${refusal}`);
}

function describe(scene: Scene, thing: Thing): string {
  switch (thing.kind) {
    case "frame":
      return summarize(scene.table, thing.bytes);
    case "oversize":
      return `a frame of length ${thing.length}`;
    case "end":
      return thing.partial.length === 0 ? "end of stream" : "end of stream inside a frame";
    case "reset":
      return "a reset";
    case "timeout":
      return nothingInTime;
  }
}

function linesOf(scene: Scene, thing: Thing): string[] {
  if (thing.kind === "frame") return annotate(scene.table, thing.bytes);
  if (thing.kind === "oversize")
    return [annotatedLine(0, toHex(writeInteger(thing.length, 4)), `length ${thing.length}`)];
  if (thing.kind === "end" && thing.partial.length > 0)
    return [...annotate(scene.table, thing.partial), describe(scene, thing)];
  return [describe(scene, thing)];
}
