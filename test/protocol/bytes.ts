// Bytes for the tests of the core, made and read without any of its code: hex, frames by hand, frames as a line
// of text, a seeded random source, and ways to cut a stream.

import wire from "../../spec/wire.json" with { type: "json" };

export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf8"));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function unsigned(value: number, size: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return new Uint8Array(bytes.subarray(8 - size));
}

/** A frame with this type and body, whatever they are. */
export function frame(type: number, ...body: readonly Uint8Array[]): Uint8Array {
  const joined = concat(...body);
  return concat(unsigned(joined.length + 1, 4), Uint8Array.of(type), joined);
}

export function message(id: number, payload: string | Uint8Array): Uint8Array {
  return frame(0x10, unsigned(id, 4), typeof payload === "string" ? utf8(payload) : payload);
}

export function reply(id: number, payload: string | Uint8Array): Uint8Array {
  return frame(0x11, unsigned(id, 4), typeof payload === "string" ? utf8(payload) : payload);
}

export interface Split {
  readonly name: string;
  readonly type: number;
  readonly body: Uint8Array;
}

/** The frames of a stream that ends on a frame boundary. */
export function split(stream: Uint8Array): Split[] {
  const view = Buffer.from(stream);
  const frames: Split[] = [];
  let at = 0;
  while (at < view.length) {
    const length = view.readUInt32BE(at);
    const type = view[at + 4]!;
    if (length === 0 || at + 4 + length > view.length) throw new Error(`the stream breaks off at ${at}`);
    const name = wire.frames.find((known) => known.type === type)?.name ?? `type ${type}`;
    frames.push({ name, type, body: new Uint8Array(view.subarray(at + 5, at + 4 + length)) });
    at += 4 + length;
  }
  return frames;
}

/** One line for a frame: its name and what a test wants to see of it. */
export function describeFrame({ name, body }: Split): string {
  const view = Buffer.from(body);
  const code = (codes: readonly { name: string; code: number }[]): string =>
    codes.find((known) => known.code === view[0])?.name ?? `code ${view[0]}`;
  switch (name) {
    case "ERROR":
      return `ERROR ${code(wire.errors)}`;
    case "REFUSED":
      return `REFUSED ${code(wire.refusals)} after ${view.readUInt32BE(1)} left ${view[5]}`;
    case "MESSAGE":
    case "REPLY":
      return `${name} ${view.readUInt32BE(0)} ${view.subarray(4).toString()}`.trim();
    case "STOPPED":
      return `STOPPED ${view.readBigUInt64BE(0)}`;
    case "GOAWAY":
      return `GOAWAY ${code(wire.goaways)} ${view.readUInt32BE(1)}`;
    case "PING":
    case "PONG":
      return `${name} ${toHex(body)}`;
    default:
      return name;
  }
}

/** Mulberry32: random numbers that a seed repeats. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at++) bytes[at] = this.below(256);
    return bytes;
  }
}

export function everyByte(stream: Uint8Array): Uint8Array[] {
  return Array.from(stream, (_, at) => stream.subarray(at, at + 1));
}

export function randomCuts(stream: Uint8Array, random: Random, largest = 64): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < stream.length;) {
    const end = at + random.between(1, largest);
    chunks.push(stream.subarray(at, end));
    at = end;
  }
  return chunks;
}
