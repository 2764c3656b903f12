// Plays a file against itself, without a peer: what each step says is sent, and held to the same step as if
// it had been received. So a file that no honest pair could play is found before it accuses anyone.

import { createSplitter, readFrame } from "../wire/frames.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { unsupportedReason } from "./player.ts";
import type { Profile } from "../exchange/profile.ts";
import { bytesOfAct, createScript, fillingOf, templateOf, type Computations, type Script } from "./scene.ts";
import type { Act, PlainStep, Speaker, WireStep } from "../exchange/steps.ts";
import { match, materialize } from "./template.ts";
import { amountOf } from "../exchange/values.ts";
import { createWatch } from "./watch.ts";
import { wireTable } from "../wire/wire-table.ts";

export interface SelfPlayResult {
  // Why the profile can't play it; undefined if it can.
  readonly unsupported: string | undefined;
  // Empty if the file agrees with itself.
  readonly problems: readonly string[];
}

export function selfPlay(
  exchange: Exchange,
  profile: Profile,
  computations: Computations = {},
): SelfPlayResult {
  const unsupported = unsupportedReason(exchange, profile, computations);
  if (unsupported !== undefined) return { unsupported, problems: [] };
  const problems = pathsOf(exchange).flatMap((path) => checkPath(path, profile, computations));
  return { unsupported, problems: [...new Set(problems)] };
}

// Enough ways through the file that each branch is taken once.
export function pathsOf(exchange: Exchange): PlainStep[][] {
  const most = Math.max(
    1,
    ...exchange.steps.map((step) => (step.kind === "one-of" ? step.branches.length : 1)),
  );
  return Array.from({ length: most }, (_path, index) =>
    exchange.steps.flatMap((step) =>
      step.kind === "one-of"
        ? (step.branches[Math.min(index, step.branches.length - 1)]?.steps ?? [])
        : [step],
    ),
  );
}

function checkPath(path: readonly PlainStep[], profile: Profile, computations: Computations): string[] {
  const script = createScript(wireTable(), profile, computations);
  const watch = createWatch(script.table);
  const streams = { C: createSplitter(0xffffffff), S: createSplitter(0xffffffff) };
  const ended = new Set<Speaker>();
  const problems: string[] = [];
  for (const step of path) {
    if (step.kind !== "wire") continue;
    const { speaker } = step;
    const note = (problem: string): void => {
      problems.push(`line ${step.line}: ${problem}`);
    };
    if (ended.has(speaker) && step.acts.some((act) => act.kind !== "quiet" && act.kind !== "closed"))
      note(`${speaker} speaks after its own end`);
    for (const act of step.acts) {
      checkFrameAct(script, step, act, note);
      let bytes: Uint8Array | undefined;
      try {
        bytes = bytesOfAct(script, speaker, act);
      } catch (error) {
        note(error instanceof Error ? error.message : String(error));
        return problems;
      }
      if (bytes !== undefined && !step.illegal) streams[speaker].push(bytes, 0);
      if (act.kind === "end" || act.kind === "reset" || act.kind === "closed" || act.kind === "closes")
        ended.add(speaker);
      if (act.kind === "reset") ended.add(speaker === "C" ? "S" : "C");
    }
    for (;;) {
      const split = streams[speaker].next();
      if (split?.kind !== "frame") break;
      const reading = readFrame(script.table, split.bytes);
      const limit = watch.limitBytes();
      if (split.bytes.length - 4 > limit)
        note(`a frame of length ${split.bytes.length - 4}, over the limit of ${limit}`);
      const complaint = watch.complaint(speaker, reading);
      // A code that version 1 doesn't define is what a later version may send.
      const { faults } = reading;
      const foreign = step.free && faults.length > 0 && faults.every((fault) => fault.undefined === "code");
      if (complaint !== undefined && !foreign) note(complaint);
      watch.see(speaker, reading);
    }
  }
  return problems;
}

function checkFrameAct(script: Script, step: WireStep, act: Act, note: (problem: string) => void): void {
  const frame = act.kind === "frame" ? act : act.kind === "repeat" ? act.of : undefined;
  if (frame === undefined) return;
  const sender = step.speaker === "C" ? "client" : "server";
  if (!step.illegal && frame.frame.sender !== "both" && frame.frame.sender !== sender)
    note(`a ${sender} never sends ${frame.frame.name}; mark the step illegal`);
  const times = act.kind === "repeat" ? amountOf(script.profile, act.times) : 1;
  try {
    const template = templateOf(script, frame, act.kind === "repeat");
    for (let repetition = 0; repetition < times; repetition++) {
      const bytes = materialize(template, fillingOf(script, repetition));
      const result = match(template, bytes, fillingOf(script, repetition));
      if (result.ok) continue;
      const { field, expected, received } = result.mismatch;
      note(`${frame.frame.name}.${field}: what is sent (${received}) is not what is expected (${expected})`);
      return;
    }
  } catch (error) {
    note(error instanceof Error ? error.message : String(error));
  }
}
