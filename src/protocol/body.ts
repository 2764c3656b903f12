// Reads and writes the fields of a frame's body (spec section 3.2). Every fault is `malformed` and names
// the field; `end()` refuses trailing bytes, so each frame has one encoding.

import { breach } from "./error.ts";
import { LIMIT } from "./wire.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of valid UTF-8 bytes, byte order marks kept; undefined when they are not valid. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

export class BodyReader {
  readonly #body: Uint8Array;
  readonly #frame: string;
  #at = 0;

  constructor(frame: string, body: Uint8Array) {
    this.#frame = frame;
    this.#body = body;
  }

  u8(field: string, bounds: Bounds = {}): number {
    return this.#bounded(field, this.#take(field, 1)[0]!, bounds);
  }

  u16(field: string, bounds: Bounds = {}): number {
    const bytes = this.#take(field, 2);
    return this.#bounded(field, bytes[0]! * 0x100 + bytes[1]!, bounds);
  }

  u32(field: string, bounds: Bounds = {}): number {
    return this.#bounded(field, readUnsigned(this.#take(field, 4)), bounds);
  }

  /** A u64 as a number; exact up to 2^53, beyond what a session can count. */
  u64(field: string): number {
    return readUnsigned(this.#take(field, 8));
  }

  /** A view on `count` bytes. */
  bytes(field: string, count: number): Uint8Array {
    return this.#take(field, count);
  }

  bytes16(field: string): Uint8Array {
    return this.#take(field, this.u16(field));
  }

  string8(field: string, bounds: Bounds = {}): string {
    const length = this.u8(field, bounds);
    const text = decodeUtf8(this.#take(field, length));
    if (text === undefined) throw breach("malformed", `${this.#frame}: ${field} is not valid UTF-8`);
    return text;
  }

  /** The body must end here. */
  end(): void {
    const left = this.#body.length - this.#at;
    if (left > 0) throw breach("malformed", `${this.#frame}: ${left} bytes after the last field`);
  }

  #take(field: string, count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#body.length) throw breach("malformed", `${this.#frame}: cut short in ${field}`);
    const bytes = this.#body.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #bounded(field: string, value: number, { min = 0, max = Infinity }: Bounds): number {
    if (value >= min && value <= max) return value;
    throw breach("malformed", `${this.#frame}: ${field} is out of bounds`);
  }
}

function readUnsigned(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value = value * 0x100 + byte;
  return value;
}

/** Builds one frame. Values that the field table does not allow are the caller's mistake: RangeError. */
export class BodyWriter {
  readonly #type: number;
  readonly #bytes: number[] = [];

  constructor(type: number) {
    this.#type = type;
  }

  u8(value: number, bounds: Bounds = {}): this {
    return this.#unsigned(value, 1, bounds);
  }

  u16(value: number, bounds: Bounds = {}): this {
    return this.#unsigned(value, 2, bounds);
  }

  u32(value: number, bounds: Bounds = {}): this {
    return this.#unsigned(value, 4, bounds);
  }

  u64(value: number): this {
    return this.#unsigned(value, 8, {});
  }

  bytes(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  bytes16(bytes: Uint8Array): this {
    return this.u16(bytes.length).bytes(bytes);
  }

  string8(text: string, bounds: Bounds = {}): this {
    const bytes = encodeUtf8(text);
    return this.u8(bytes.length, bounds).bytes(bytes);
  }

  /** The whole frame, header included. Every frame but MESSAGE and REPLY keeps to the login limit. */
  frame(): Uint8Array {
    const length = this.#bytes.length + 1;
    if (length > LIMIT.loginFrameBytes) throw new RangeError(`a frame of ${length} bytes is too large`);
    return Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length, this.#type, ...this.#bytes);
  }

  #unsigned(value: number, size: number, { min = 0, max = 2 ** (8 * size) - 1 }: Bounds): this {
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new RangeError(`${value} is not a whole number from ${min} to ${max}`);
    }
    for (let shift = size - 1; shift >= 0; shift--)
      this.#bytes.push(Math.floor(value / 2 ** (8 * shift)) % 256);
    return this;
  }
}
