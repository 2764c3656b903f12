// What the steps of one play share: the connection, the captures, the moments, and what came of it.

import { concat, fromHex, writeInteger } from "../wire/bytes.ts";
import type { Profile } from "../exchange/profile.ts";
import { resolveFrame } from "./resolve.ts";
import type { BranchTaken, Timing } from "./result.ts";
import type { Stage, Thing } from "./stage.ts";
import type { Act, FrameAct, Span, Speaker, WireStep } from "../exchange/steps.ts";
import { match, materialize, type Captures, type Filling, type FrameTemplate } from "./template.ts";
import { amountOf, type Amount } from "../exchange/values.ts";
import type { WireTable } from "../wire/wire-table.ts";

export interface ComputeContext {
  // Whole frames that passed so far, in order.
  readonly frames: readonly { readonly speaker: Speaker; readonly bytes: Uint8Array }[];
  readonly captures: Captures;
  readonly profile: Profile;
}

// Computes a value that a mechanism defines, by its name in the exchange.
export type Computations = Readonly<Record<string, (context: ComputeContext) => Uint8Array>>;

// What frames are resolved against; a static check has one, and no connection.
export interface Script {
  readonly table: WireTable;
  readonly profile: Profile;
  readonly computations: Computations;
  readonly frames: { speaker: Speaker; bytes: Uint8Array }[];
  // MESSAGE and REPLY frames so far, by name.
  readonly counts: Map<string, number>;
  captures: Captures;
}

export interface Scene extends Script {
  readonly stage: Stage;
  readonly underTest: Speaker;
  readonly timeoutMs: number;
  readonly marks: Map<string, number>;
  readonly branches: BranchTaken[];
  readonly timings: Timing[];
  // What the runner's own fixed waits are multiplied by.
  readonly timeScale: number;
  // Every time that was measured, or waited in vain, in milliseconds.
  readonly limits: number[];
  // The longest that the runner took to send the bytes of one step, in milliseconds.
  sendingMs: number;
  // When the step before was done.
  previous: number;
  warning: string | undefined;
  // When the runner last answered a PING that no step asked for.
  pongSentAt: number | undefined;
  // How long the runner waited last for what came, or didn't.
  patienceMs: number;
  // Frames of the side under test that were looked at already.
  readonly judged: WeakSet<Thing>;
  // PONGs that wait until the runner is between frames of its own.
  readonly pongsDue: FrameAct[];
  // Frames of the side under test that some step of the exchange asks for, by name.
  readonly asksFor: ReadonlySet<string>;
}

export function createScript(table: WireTable, profile: Profile, computations: Computations): Script {
  return { table, profile, computations, frames: [], counts: new Map(), captures: new Map() };
}

export function templateOf(script: Script, act: FrameAct, repeated = false): FrameTemplate {
  const { table, profile, counts } = script;
  const messagesBefore = counts.get(act.frame.name) ?? 0;
  return resolveFrame({ table, profile, messagesBefore, repeated }, act);
}

export function countFrames(script: Script, act: FrameAct, times: number): void {
  script.counts.set(act.frame.name, (script.counts.get(act.frame.name) ?? 0) + times);
}

export function fillingOf(script: Script, repetition = 0): Filling {
  return {
    captures: script.captures,
    repetition,
    compute(name) {
      const computation = script.computations[name];
      if (computation === undefined) throw new TypeError(`nothing computes "${name}"`);
      return computation({ frames: script.frames, captures: script.captures, profile: script.profile });
    },
  };
}

// How long a `quiet` step lasts.
export function quietMs(scene: Scene, { lasts }: WireStep): number {
  if (lasts === undefined) return 0;
  return spanMs(scene, lasts) * (lasts.amount.kind === "literal" ? scene.timeScale : 1);
}

export function spanMs(script: Script, { amount, share }: Span): number {
  return millisecondsOf(script, amount) * share;
}

export function millisecondsOf(script: Script, amount: Amount): number {
  return amountOf(script.profile, amount);
}

// The bytes of an act that is made of bytes, and undefined for the others; what the speaker says is
// captured on the way.
export function bytesOfAct(script: Script, speaker: Speaker, act: Act): Uint8Array | undefined {
  switch (act.kind) {
    case "frame": {
      const template = templateOf(script, act);
      const bytes = materialize(template, fillingOf(script));
      const matched = match(template, bytes, fillingOf(script));
      if (matched.ok) script.captures = matched.captures;
      script.frames.push({ speaker, bytes });
      countFrames(script, act, 1);
      return bytes;
    }
    case "repeat": {
      const times = amountOf(script.profile, act.times);
      const template = templateOf(script, act.of, true);
      const frames = Array.from({ length: times }, (_frame, index) =>
        materialize(template, fillingOf(script, index)),
      );
      countFrames(script, act.of, times);
      return concat(frames);
    }
    case "raw":
      return fromHex(act.hex);
    case "cut": {
      const bytes = materialize(templateOf(script, act.of), fillingOf(script));
      if (act.from > 0) countFrames(script, act.of, 1);
      return bytes.subarray(act.from, act.to);
    }
    case "altered": {
      const body = materialize(templateOf(script, act.of), fillingOf(script)).subarray(4);
      const altered = concat([body.subarray(0, body.length - act.drop), fromHex(act.add)]);
      return concat([writeInteger(altered.length, 4), altered]);
    }
    case "extension": {
      const length = amountOf(script.profile, act.length);
      const bytes = new Uint8Array(4 + length);
      bytes.set(writeInteger(length, 4));
      // Content that a receiver might take for frames, if it looked at it.
      for (let index = 5; index < bytes.length; index++) bytes[index] = index & 0xff;
      bytes[4] = act.type;
      return bytes;
    }
    case "closes": {
      const code = script.table.errors.find((error) => error.name === act.code)?.code ?? 0;
      return materialize(errorTemplate(script, code), fillingOf(script));
    }
    case "end":
    case "reset":
    case "closed":
    case "quiet":
      return undefined;
  }
}

// ERROR with this code and whatever else its table allows.
export function errorTemplate(script: Script, code: number): FrameTemplate {
  const frame = script.table.frames.find((frame) => frame.name === "ERROR");
  if (frame === undefined) throw new TypeError("wire.json has no ERROR");
  const value = { kind: "amount", amount: { kind: "literal", value: code } } as const;
  return templateOf(script, { kind: "frame", frame, values: { code: value } });
}
