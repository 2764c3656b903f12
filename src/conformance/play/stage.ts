// The connection as the player sees it: bytes go out in the chosen segmentation, frames and ends of the
// side under test come in one at a time, and everything is written to the transcript.

import { concat } from "../wire/bytes.ts";
import { createSplitter, readFrame, type FrameReading } from "../wire/frames.ts";
import type { Link, LinkEvent } from "./link.ts";
import type { TranscriptEntry } from "./result.ts";
import { createRandom, cutWrites, type Segmentation } from "./segmentation.ts";
import type { Speaker } from "../exchange/steps.ts";
import { createWatch, type Watch } from "./watch.ts";
import type { WireTable } from "../wire/wire-table.ts";

// One thing that the side under test did.
export type Thing =
  | {
      readonly kind: "frame";
      readonly bytes: Uint8Array;
      readonly reading: FrameReading;
      readonly at: number;
    }
  | { readonly kind: "oversize"; readonly length: number; readonly at: number }
  | { readonly kind: "end" | "reset"; readonly partial: Uint8Array; readonly at: number }
  | { readonly kind: "timeout"; readonly at: number };

export interface Stage {
  readonly watch: Watch;
  readonly transcript: readonly TranscriptEntry[];
  now(): number;
  // Gives false if the peer has not taken all of it in this time.
  send(bytes: Uint8Array, timeoutMs: number): Promise<boolean>;
  end(): Promise<void>;
  reset(): Promise<void>;
  next(timeoutMs: number): Promise<Thing>;
  // Puts back a thing that `next` gave; what is put back last comes first.
  putBack(thing: Thing): void;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly table: WireTable;
  readonly link: Link;
  readonly underTest: Speaker;
  // The link has no TLS, as far as the runner knows.
  readonly plaintext?: boolean;
  readonly segmentation: Segmentation;
  readonly seed: number;
  readonly transcript: TranscriptEntry[];
  // Rejects when there's nothing more to wait for.
  readonly givenUp?: Promise<never>;
}

export function createStage(options: StageOptions): Stage {
  const { table, link, underTest, transcript } = options;
  const played: Speaker = underTest === "C" ? "S" : "C";
  const watch = createWatch(table, options.plaintext);
  const splitter = createSplitter(watch.limitBytes());
  const random = createRandom(options.seed);
  const ends: { kind: "end" | "reset"; at: number }[] = [];
  const held: Thing[] = [];
  let oversize = false;
  const nextEvent = (timeoutMs: number): Promise<LinkEvent> =>
    options.givenUp === undefined
      ? link.next(timeoutMs)
      : Promise.race([link.next(timeoutMs), options.givenUp]);

  function keep(event: LinkEvent): void {
    if (event.kind === "bytes") {
      transcript.push({ at: event.at, from: underTest, kind: "bytes", bytes: event.bytes });
      splitter.push(event.bytes, event.at);
    } else if (event.kind !== "timeout") {
      transcript.push({ at: event.at, from: underTest, kind: event.kind });
      ends.push(event);
    }
  }

  function takeNext(): Thing | undefined {
    const again = held.shift();
    if (again !== undefined) return again;
    splitter.limitBytes = watch.limitBytes();
    const split = oversize ? undefined : splitter.next();
    if (split?.kind === "oversize") {
      oversize = true;
      return { kind: "oversize", length: split.length, at: split.at };
    }
    if (split !== undefined)
      return { kind: "frame", bytes: split.bytes, reading: readFrame(table, split.bytes), at: split.at };
    const end = ends.shift();
    return end === undefined ? undefined : { ...end, partial: splitter.partial() };
  }

  return {
    watch,
    transcript,
    now: () => link.now(),
    async send(bytes, timeoutMs) {
      if (bytes.length === 0) return true;
      watch.seeBytes(played, bytes);
      transcript.push({ at: link.now(), from: played, kind: "bytes", bytes });
      let taken = true;
      for (const piece of cutWrites(bytes, options.segmentation, random)) {
        const outcome = await link.send(piece, taken ? timeoutMs : 0);
        if (outcome === "stalled") taken = false;
      }
      return taken;
    },
    async end() {
      transcript.push({ at: link.now(), from: played, kind: "end" });
      await link.end();
    },
    async reset() {
      transcript.push({ at: link.now(), from: played, kind: "reset" });
      await link.reset();
    },
    async next(timeoutMs) {
      const until = link.now() + timeoutMs;
      for (;;) {
        const thing = takeNext();
        if (thing !== undefined) return thing;
        const event = await nextEvent(Math.max(0, until - link.now()));
        if (event.kind === "timeout") return event;
        keep(event);
      }
    },
    putBack(thing) {
      held.unshift(thing);
    },
    async close() {
      await link.close();
    },
  };
}

// Everything that one side sent, in order: what a fake peer or a report may want whole.
export function bytesFrom(transcript: readonly TranscriptEntry[], speaker: Speaker): Uint8Array {
  return concat(
    transcript.flatMap((entry) => (entry.kind === "bytes" && entry.from === speaker ? [entry.bytes] : [])),
  );
}
