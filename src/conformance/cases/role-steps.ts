// Walks an exchange as a runner does that plays one side of it (spec/exchanges.md, section 2.1), and writes down
// each step. Where the runner would choose, the walk has chosen; where the side under test may choose, each branch
// is walked to the end of the file, because what a step resolves to can depend on the way that led there.

import { fromHex, toHex } from "../wire/bytes.ts";
import { speakerOf, type Role } from "../exchange/exchange-checks.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { Profile } from "../exchange/profile.ts";
import type { Act, AppStep, FrameAct, PlainStep, Speaker, Step, WireStep } from "../exchange/steps.ts";
import { amountOf, variableOf, type Value } from "../exchange/values.ts";
import { literalBytes } from "../play/resolve.ts";
import {
  bytesOfAct,
  createScript,
  errorTemplate,
  spanMs,
  templateOf,
  type Computations,
  type Script,
} from "../play/scene.ts";
import { createWatch, type Watch } from "../play/watch.ts";
import { createSplitter, readFrame } from "../wire/frames.ts";
import { wireTable } from "../wire/wire-table.ts";
import { joinParts, lengthPart, repeatPart, slicePart, type CasePart } from "./case-part.ts";
import type { AppCall, CaseDeadline, CasePermission, CaseStep, StepOptions } from "./case-step.ts";
import { frameParts, refPart } from "./frame-parts.ts";

interface Walk {
  readonly underTest: Speaker;
  readonly script: Script;
  readonly watch: Watch;
  readonly known: Map<string, string>;
  readonly widths: Map<string, number>;
  permission: Required<CasePermission>;
  loginUnderWay: boolean;
}

export function roleSteps(
  exchange: Exchange,
  role: Role,
  profile: Profile,
  computations: Computations,
): CaseStep[] {
  const underTest = speakerOf(role);
  return follow([], exchange.steps);

  // Walks what is behind without writing it down, then what lies ahead.
  function follow(behind: readonly PlainStep[], ahead: readonly Step[]): CaseStep[] {
    const walk = createWalk(underTest, profile, computations);
    for (const step of behind) stepsOf(walk, step);
    const written: CaseStep[] = [];
    const passed = [...behind];
    for (const [index, step] of ahead.entries()) {
      if (step.kind !== "one-of") {
        written.push(...stepsOf(walk, step));
        passed.push(step);
        continue;
      }
      const rest = ahead.slice(index + 1);
      const [first] = step.branches;
      const opening = first?.steps[0];
      if (opening?.kind === "wire" && opening.speaker !== underTest)
        return [...written, ...follow(passed, [...(first?.steps ?? []), ...rest])];
      const branches = step.branches.map(
        (branch) => [branch.name, follow(passed, [...branch.steps, ...rest])] as const,
      );
      const against = step.branches.filter((branch) => branch.advisedAgainst).map((branch) => branch.name);
      const advice = against.length === 0 ? {} : { "advised-against": against };
      return [...written, { "one-of": Object.fromEntries(branches), ...advice }];
    }
    return written;
  }
}

export function openingPermission(): Required<CasePermission> {
  return { between: [], limit: createWatch(wireTable()).limitBytes() };
}

function createWalk(underTest: Speaker, profile: Profile, computations: Computations): Walk {
  const table = wireTable();
  return {
    underTest,
    script: createScript(table, profile, computations),
    watch: createWatch(table),
    known: new Map(),
    widths: new Map(),
    permission: openingPermission(),
    loginUnderWay: false,
  };
}

function stepsOf(walk: Walk, step: PlainStep): CaseStep[] {
  if (step.kind === "operator") return walk.underTest === "S" ? [{ operator: step.call }] : [];
  if (step.kind === "app") return walk.underTest === "C" ? [appStep(walk, step)] : [];
  return step.speaker === walk.underTest ? expectedSteps(walk, step) : playedSteps(walk, step);
}

// What the runner says in one step goes out in one write.
function playedSteps(walk: Walk, step: WireStep): CaseStep[] {
  if (step.optional) return [];
  const parts: CasePart[] = [];
  let finish: "end" | "reset" | undefined;
  let wait: number | undefined;
  for (const act of step.acts) {
    parts.push(...spokenParts(walk, act));
    const bytes = bytesOfAct(walk.script, step.speaker, act);
    if (act.kind === "frame") learn(walk, act);
    if (bytes !== undefined) walk.watch.seeBytes(step.speaker, bytes);
    if (act.kind === "quiet") wait = lasting(walk, step);
    if (act.kind === "reset") finish = "reset";
    if (act.kind === "end" || act.kind === "closed" || act.kind === "closes") finish = "end";
  }
  const options = optionsOf(walk, step, step.at !== undefined, true, false);
  if (wait !== undefined) return [{ wait, ...options }];
  const note = step.acts.map(noteOf).join(", ");
  const legality = {
    ...(step.illegal ? { illegal: true as const } : {}),
    ...(step.free ? { free: true as const } : {}),
  };
  return [
    { note, send: joinParts(parts), ...(finish === undefined ? {} : { finish }), ...legality, ...options },
  ];
}

// What the runner has said under a name is known from here on.
function learn(walk: Walk, act: FrameAct): void {
  for (const value of Object.values(act.values)) {
    if (value?.kind !== "capture") continue;
    const bytes = walk.script.captures.get(value.name);
    if (bytes !== undefined) walk.known.set(value.name, toHex(bytes));
  }
}

function spokenParts(walk: Walk, act: Act): CasePart[] {
  const whole = (of: FrameAct, repeated = false): CasePart[] => partsOfFrame(walk, of, "send", repeated);
  switch (act.kind) {
    case "frame":
      return whole(act);
    case "raw":
      return [act.hex];
    case "cut":
      return slicePart(whole(act.of), act.from, act.to);
    case "altered": {
      const body = slicePart(whole(act.of), 4, act.drop === 0 ? undefined : -act.drop);
      return lengthPart(4, [...body, act.add], walk.widths);
    }
    case "repeat":
      return repeatPart(whole(act.of, true), amountOf(walk.script.profile, act.times));
    case "extension":
      return extensionParts(walk, act);
    case "closes":
      return frameParts(context(walk, "send", false), errorTemplate(walk.script, codeOf(walk, act.code)));
    case "end":
    case "reset":
    case "closed":
    case "quiet":
      return [];
  }
}

// The same bytes as the runner's: the body counts up from 5.
function extensionParts(walk: Walk, act: Extract<Act, { kind: "extension" }>): CasePart[] {
  const length = amountOf(walk.script.profile, act.length);
  const unit = toHex(Uint8Array.from({ length: 256 }, (_byte, index) => (index + 5) & 0xff));
  const body = length - 1;
  return joinParts([
    length.toString(16).padStart(8, "0"),
    act.type.toString(16).padStart(2, "0"),
    ...repeatPart([unit], Math.floor(body / 256)),
    unit.slice(0, 2 * (body % 256)),
  ]);
}

// What the side under test does is expected one thing after another.
function expectedSteps(walk: Walk, step: WireStep): CaseStep[] {
  return step.acts.map((act, index) => {
    const made = expectedStep(walk, step, act);
    for (const frame of framesOf(walk, step.speaker, act))
      walk.watch.see(step.speaker, readFrame(walk.script.table, frame));
    const [first, last] = [index === 0, index === step.acts.length - 1];
    return { ...made, ...optionsOf(walk, step, first && step.at !== undefined, last, true) };
  });
}

function expectedStep(walk: Walk, step: WireStep, act: Act): CaseStep {
  const optional = step.optional ? { optional: true as const } : {};
  switch (act.kind) {
    case "frame":
      return { note: noteOf(act), expect: partsOfFrame(walk, act, "expect", false), ...optional };
    case "repeat": {
      const times = amountOf(walk.script.profile, act.times);
      return { note: noteOf(act), expect: partsOfFrame(walk, act.of, "expect", true), times };
    }
    case "closes": {
      const template = errorTemplate(walk.script, codeOf(walk, act.code));
      const closes = frameParts(context(walk, "expect", false), template);
      return { note: noteOf(act), closes, ends: ["end", "reset"] };
    }
    case "end":
    case "reset":
      return { ends: [act.kind] };
    case "closed":
      return { ends: ["end", "reset"] };
    case "quiet":
      return { quiet: lasting(walk, step) };
    case "raw":
    case "cut":
    case "altered":
    case "extension":
      throw new TypeError(`nobody can expect "${act.kind}"`);
  }
}

function framesOf(walk: Walk, speaker: Speaker, act: Act): Uint8Array[] {
  const bytes = bytesOfAct(walk.script, speaker, act);
  if (bytes === undefined) return [];
  const splitter = createSplitter(0xffffffff);
  splitter.push(bytes, 0);
  const frames: Uint8Array[] = [];
  for (let split = splitter.next(); split !== undefined; split = splitter.next()) frames.push(split.bytes);
  return frames;
}

function partsOfFrame(walk: Walk, act: FrameAct, mode: "send" | "expect", repeated: boolean): CasePart[] {
  return frameParts(context(walk, mode, repeated), templateOf(walk.script, act, repeated));
}

function context(walk: Walk, mode: "send" | "expect", repeated: boolean): Parameters<typeof frameParts>[0] {
  const { known, widths, script, watch } = walk;
  return { table: script.table, mode, repeated, known, widths, limitBytes: watch.limitBytes() };
}

function codeOf(walk: Walk, name: string): number {
  return walk.script.table.errors.find((error) => error.name === name)?.code ?? 0;
}

function lasting(walk: Walk, step: WireStep): number {
  return step.lasts === undefined ? 0 : spanMs(walk.script, step.lasts);
}

function optionsOf(walk: Walk, step: WireStep, first: boolean, last: boolean, judged: boolean): StepOptions {
  // Behind ERROR nothing may come but an end.
  const now = step.acts.some((act) => act.kind === "closes") ? {} : changedPermission(walk);
  return {
    ...(first ? { at: deadlineOf(walk, step, judged) } : {}),
    ...(last && step.mark !== undefined ? { mark: step.mark } : {}),
    ...(Object.keys(now).length === 0 ? {} : { now }),
  };
}

function deadlineOf(walk: Walk, step: WireStep, judged: boolean): CaseDeadline {
  const ms = step.at === undefined ? 0 : spanMs(walk.script, step.at);
  const since = step.since === undefined ? {} : { since: step.since };
  if (!judged) return { ms, ...since };
  const slackMs = Number(variableOf(walk.script.profile, "slack-ms"));
  return { ms, earliest: Math.round(ms * 0.9), latest: ms + slackMs, ...since };
}

const extension = fromHex("0000000180");

function changedPermission(walk: Walk): CasePermission {
  const { watch, underTest, script } = walk;
  const complaint = watch.complaint(underTest, readFrame(script.table, extension));
  const between: ("extension" | "ping")[] = complaint === undefined ? ["extension"] : [];
  if (watch.mayPing(underTest)) between.push("ping");
  const before = walk.permission;
  walk.permission = { between, limit: watch.limitBytes() };
  return {
    ...(between.join() === before.between.join() ? {} : { between }),
    ...(walk.permission.limit === before.limit ? {} : { limit: walk.permission.limit }),
  };
}

// Once the server has answered AUTH, the next call waits until the login has returned to the application.
function appStep(walk: Walk, step: AppStep): CaseStep {
  const { call } = step;
  const waits = walk.loginUnderWay && walk.watch.loginAnswered();
  if (waits) walk.loginUnderWay = false;
  if (call.kind === "login") {
    walk.loginUnderWay = true;
    walk.watch.loginAsked();
  }
  return { app: appCall(walk, call), ...(waits ? { "after-login": true as const } : {}) };
}

function appCall(walk: Walk, call: AppStep["call"]): AppCall {
  const text = (value: Value): string => new TextDecoder().decode(literalBytes(walk.script.profile, value));
  switch (call.kind) {
    case "login":
      return { login: { username: text(call.username), password: text(call.password) } };
    case "send":
      return { send: payloadParts(walk, call.payload) };
    case "ping":
    case "stop":
    case "end":
      return call.kind;
  }
}

function payloadParts(walk: Walk, value: Value): CasePart[] {
  if (value.kind === "ref") return [refPart(walk, value)];
  if (value.kind === "repeat") return repeatPart([value.hex], amountOf(walk.script.profile, value.times));
  return joinParts([toHex(literalBytes(walk.script.profile, value))]);
}

function noteOf(act: Act): string {
  switch (act.kind) {
    case "frame":
      return act.frame.name;
    case "cut":
    case "altered":
      return `${act.kind} ${act.of.frame.name}`;
    case "repeat":
      return `repeated ${act.of.frame.name}`;
    case "closes":
      return `closes ${act.code}`;
    case "raw":
    case "extension":
    case "end":
    case "reset":
    case "closed":
    case "quiet":
      return act.kind;
  }
}
