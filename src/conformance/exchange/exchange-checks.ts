// What holds for the steps of an exchange as a whole: which roles it can test (spec/exchanges.md,
// section 2.1), that values are captured before they are used, and that no step is idle.

import { isVariableName, type VariableName } from "./profile.ts";
import { plainSteps, type Act, type PlainStep, type Speaker, type Step, type WireStep } from "./steps.ts";
import { fail, type Cursor } from "./strict-yaml.ts";
import type { Value } from "./values.ts";

export type Role = "server" | "client";

export function speakerOf(role: Role): Speaker {
  return role === "server" ? "S" : "C";
}

export interface StepFacts {
  readonly roles: readonly Role[];
  readonly variables: readonly VariableName[];
  // Whether some step is illegal, so that a probe should follow.
  readonly unlawful: boolean;
  // Whether some step is the operator's.
  readonly operated: boolean;
}

export function checkSteps(steps: readonly Step[], cursor: Cursor): StepFacts {
  const flat = plainSteps(steps);
  const wire = flat.filter((step) => step.kind === "wire");
  const illegal = new Set(wire.filter((step) => step.illegal).map((step) => step.speaker));
  if (illegal.size === 2) fail(cursor, "illegal steps on both sides: the file tests neither");
  const barred = new Set(wire.filter(isUnexpectable).map((step) => step.speaker));
  const roles: Role[] = [];
  if (!barred.has("S") && wire.some((step) => step.speaker === "S")) roles.push("server");
  const app = flat.some((step) => step.kind === "app");
  if (!barred.has("C") && app) roles.push("client");
  if (roles.length === 0)
    fail(
      cursor,
      "the file tests nobody: each side has a step that is illegal, free, raw, cut, altered or an extension, or there is no app step",
    );
  if (app && !roles.includes("client"))
    fail(cursor, "app steps in a file that can't test clients are never used");
  const operated = flat.some((step) => step.kind === "operator");
  if (operated && !roles.includes("server"))
    fail(cursor, "operator steps in a file that can't test servers are never used");
  checkForks(steps, cursor);
  checkOptional(steps, cursor);
  checkNames(steps, cursor);
  const variables = new Set<VariableName>();
  collectVariables(steps, variables);
  return { roles, variables: [...variables], unlawful: illegal.size > 0, operated };
}

// What no runner can ask of the side under test.
function isUnexpectable(step: WireStep): boolean {
  const kinds: readonly Act["kind"][] = ["raw", "cut", "altered", "extension"];
  return step.illegal || step.free || step.acts.some((act) => kinds.includes(act.kind));
}

// A step that may be left out is decided by what comes next, so a step of the same side must follow;
// otherwise the runner would wait for nothing.
function checkOptional(steps: readonly Step[], cursor: Cursor): void {
  for (const [index, step] of steps.entries()) {
    if (step.kind === "one-of") for (const branch of step.branches) checkOptional(branch.steps, cursor);
    if (step.kind !== "wire" || !step.optional) continue;
    const next = steps[index + 1];
    const first = next?.kind === "one-of" ? next.branches[0]?.steps[0] : next;
    if (first?.kind !== "wire" || first.speaker !== step.speaker)
      fail(cursor, `the step at line ${step.line} is optional, so a step of the same side must follow it`);
  }
}

function checkForks(steps: readonly Step[], cursor: Cursor): void {
  for (const step of steps) {
    if (step.kind !== "one-of") continue;
    const firsts = step.branches.map((branch) => branch.steps[0]);
    const speakers = new Set(firsts.map((first) => (first?.kind === "wire" ? first.speaker : "none")));
    if (speakers.size !== 1 || speakers.has("none"))
      fail(cursor, "the branches of one-of must all begin with a step of the same side");
    const kinds: readonly Act["kind"][] = ["frame", "closes", "end", "closed", "reset", "quiet"];
    for (const first of firsts)
      if (first?.kind === "wire" && !first.acts.every((act) => kinds.includes(act.kind)))
        fail(cursor, `a branch must begin with one of ${kinds.join(", ")}`);
  }
}

interface Names {
  readonly captures: Set<string>;
  readonly marks: Set<string>;
}

// A branch may use what came before the fork, and what it captured itself; after the fork, only what
// every branch has captured can be used.
function checkNames(steps: readonly Step[], cursor: Cursor): void {
  const names: Names = { captures: new Set(), marks: new Set(["start"]) };
  for (const step of steps) {
    if (step.kind !== "one-of") {
      checkStepNames(step, names, cursor);
      continue;
    }
    const ends = step.branches.map((branch) => {
      const inside: Names = { captures: new Set(names.captures), marks: new Set(names.marks) };
      for (const inner of branch.steps) checkStepNames(inner, inside, cursor);
      return inside;
    });
    for (const kind of ["captures", "marks"] as const)
      for (const name of ends[0]?.[kind] ?? [])
        if (ends.every((end) => end[kind].has(name))) names[kind].add(name);
  }
}

function checkStepNames(step: PlainStep, names: Names, cursor: Cursor): void {
  const line = `the step at line ${step.line}`;
  if (step.kind === "wire") {
    if (step.since !== undefined && !names.marks.has(step.since))
      fail(cursor, `${line} counts since "${step.since}", which no step before it marks`);
    if (step.mark !== undefined && names.marks.has(step.mark))
      fail(cursor, `${line} marks "${step.mark}" again`);
    if (step.mark !== undefined) names.marks.add(step.mark);
  }
  const left = step.kind === "wire" && step.optional;
  const repeated = step.kind === "wire" && step.acts.some((act) => act.kind === "repeat");
  for (const value of valuesOf(step)) {
    if (value.kind === "ref" && !names.captures.has(value.name))
      fail(cursor, `${line} refers to "${value.name}", which no step before it captures`);
    if (value.kind === "count" && !repeated) fail(cursor, `${line} counts outside repeat`);
    if (value.kind !== "capture") continue;
    if (left) fail(cursor, `${line} may be left out, so it can't capture`);
    if (repeated) fail(cursor, `${line} captures beside repeat, where one name would stand for many values`);
    for (const other of value.not)
      if (!names.captures.has(other)) fail(cursor, `${line} names "${other}" before a step captures it`);
    if (names.captures.has(value.name)) fail(cursor, `${line} captures "${value.name}" again`);
    names.captures.add(value.name);
  }
}

export function valuesOf(step: PlainStep): Value[] {
  if (step.kind === "operator") return [];
  if (step.kind === "app") {
    if (step.call.kind === "login") return [step.call.username, step.call.password];
    return step.call.kind === "send" ? [step.call.payload] : [];
  }
  return step.acts.flatMap((act) => {
    const frame = act.kind === "frame" ? act : "of" in act ? act.of : undefined;
    return frame === undefined ? [] : Object.values(frame.values).flatMap(innerValues);
  });
}

function innerValues(value: Value | undefined): Value[] {
  if (value === undefined) return [];
  return value.kind === "list"
    ? value.items.flatMap((item) => Object.values(item).flatMap(innerValues))
    : [value];
}

// Amounts and text variables are the only places that name a variable, wherever they stand in a step.
function collectVariables(node: unknown, found: Set<VariableName>): void {
  if (typeof node !== "object" || node === null) return;
  const { kind, name, at } = node as { kind?: unknown; name?: unknown; at?: unknown };
  if ((kind === "variable" || kind === "text-variable") && typeof name === "string" && isVariableName(name))
    found.add(name);
  // A step with a deadline is judged against the profile's slack.
  if (kind === "wire" && at !== undefined) found.add("slack-ms");
  for (const inner of Object.values(node)) collectVariables(inner, found);
}
