// Every way through an exchange for one role, as the engine resolves it, beside the same way through its published
// case: what is sent as bytes, what is expected as a template with bytes that fit it.

import type { Case } from "../../src/conformance/cases/cases.ts";
import type { CaseStep } from "../../src/conformance/cases/case-step.ts";
import { speakerOf, type Role } from "../../src/conformance/exchange/exchange-checks.ts";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import type { Profile } from "../../src/conformance/exchange/profile.ts";
import type { Act, PlainStep, Step, WireStep } from "../../src/conformance/exchange/steps.ts";
import { amountOf } from "../../src/conformance/exchange/values.ts";
import {
  bytesOfAct,
  createScript,
  errorTemplate,
  fillingOf,
  templateOf,
  type Script,
} from "../../src/conformance/play/scene.ts";
import { match, materialize, type FrameTemplate } from "../../src/conformance/play/template.ts";
import { createWatch } from "../../src/conformance/play/watch.ts";
import { concat, toHex } from "../../src/conformance/wire/bytes.ts";
import { readFrame } from "../../src/conformance/wire/frames.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";

export type Event =
  | { readonly kind: "sent"; readonly hex: string; readonly finish: "end" | "reset" | undefined }
  | { readonly kind: "came"; readonly frames: readonly string[]; accepts(frame: Uint8Array): boolean }
  | { readonly kind: "other"; readonly act: Act["kind"] };

export type Linear = Exclude<CaseStep, { "one-of": unknown } | { app: unknown } | { operator: unknown }>;

/** The published steps without app calls, one list for each way through the branches. */
export function casePaths(steps: readonly CaseStep[]): Linear[][] {
  const [last] = steps.slice(-1);
  const linear = steps.filter(
    (step): step is Linear => !("one-of" in step) && !("app" in step) && !("operator" in step),
  );
  if (last === undefined || !("one-of" in last)) return [linear];
  return Object.values(last["one-of"]).flatMap((branch) =>
    casePaths(branch).map((rest) => [...linear, ...rest]),
  );
}

export function stepsFor(one: Case, role: Role): readonly CaseStep[] {
  return one[role] ?? [];
}

/** The same ways as the engine goes them. */
export function enginePaths(exchange: Exchange, role: Role, profile: Profile): Event[][] {
  return waysThrough(exchange.steps, role).map((path) => eventsOf(path, role, profile));
}

function waysThrough(steps: readonly Step[], role: Role): PlainStep[][] {
  const at = steps.findIndex((step) => step.kind === "one-of");
  const fork = steps[at];
  if (fork?.kind !== "one-of") return [steps.filter((step) => step.kind !== "one-of")];
  const first = fork.branches[0]?.steps[0];
  const chosen = first?.kind === "wire" && first.speaker !== speakerOf(role) ? 1 : fork.branches.length;
  const before = steps.slice(0, at).filter((step) => step.kind !== "one-of");
  return fork.branches
    .slice(0, chosen)
    .flatMap((branch) => waysThrough([...branch.steps, ...steps.slice(at + 1)], role))
    .map((rest) => [...before, ...rest]);
}

function eventsOf(path: readonly PlainStep[], role: Role, profile: Profile): Event[] {
  const script = createScript(wireTable(), profile, {});
  const underTest = speakerOf(role);
  return path.flatMap((step): Event[] => {
    if (step.kind !== "wire") return [];
    if (step.speaker === underTest) return step.acts.map((act) => came(script, step, act));
    if (step.optional) return [];
    if (step.acts.some((act) => act.kind === "quiet")) return [{ kind: "other", act: "quiet" }];
    const bytes = step.acts.map((act) => bytesOfAct(script, step.speaker, act) ?? new Uint8Array());
    const reset = step.acts.some((act) => act.kind === "reset");
    const ends = step.acts.some(({ kind }) => kind === "end" || kind === "closed" || kind === "closes");
    return [{ kind: "sent", hex: toHex(concat(bytes)), finish: reset ? "reset" : ends ? "end" : undefined }];
  });
}

function came(script: Script, step: WireStep, act: Act): Event {
  if (act.kind !== "frame" && act.kind !== "repeat" && act.kind !== "closes")
    return { kind: "other", act: act.kind };
  const template = templateFor(script, act);
  const filling = fillingOf(script);
  const times = act.kind === "repeat" ? amountOf(script.profile, act.times) : 1;
  const frames = Array.from({ length: times }, (_, index) =>
    toHex(materialize(template, fillingOf(script, index))),
  );
  const watch = createWatch(script.table);
  const accepts = (frame: Uint8Array): boolean =>
    watch.complaint(step.speaker, readFrame(script.table, frame)) === undefined &&
    match(template, frame, filling).ok;
  bytesOfAct(script, step.speaker, act);
  return { kind: "came", frames, accepts };
}

function templateFor(
  script: Script,
  act: Extract<Act, { kind: "frame" | "repeat" | "closes" }>,
): FrameTemplate {
  if (act.kind === "frame") return templateOf(script, act);
  if (act.kind === "repeat") return templateOf(script, act.of, true);
  return errorTemplate(script, script.table.errors.find((error) => error.name === act.code)?.code ?? 0);
}
