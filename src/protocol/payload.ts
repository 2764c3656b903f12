// The payload of a MESSAGE or REPLY, as it lies in what the transport delivered: one view on a chunk, or
// for a frame over 8 KiB that came in pieces, a list of views. Nothing is joined until somebody asks.

/** A payload that is valid until the callback which received it returns; `copy()` outlives it. */
export interface Payload {
  readonly byteLength: number;
  /** The bytes as one view, joined on first use when they came in pieces. */
  readonly bytes: Uint8Array;
  /** The bytes as they came, in order. */
  readonly parts: readonly Uint8Array[];
  /** The bytes as a copy of one's own. */
  copy(): Uint8Array;
}

/** The one reusable view of a session: the decoder points it at each payload in turn. */
export class PayloadView implements Payload {
  #buffer: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #parts: readonly Uint8Array[] | undefined;
  #joined: Uint8Array | undefined;

  pointAt(buffer: Uint8Array, start: number, end: number): this {
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
    this.#parts = undefined;
    this.#joined = undefined;
    return this;
  }

  pointAtParts(parts: readonly Uint8Array[], byteLength: number): this {
    this.#parts = parts;
    this.#joined = undefined;
    this.#start = 0;
    this.#end = byteLength;
    return this;
  }

  /** Lets go of the bytes: from now on, until it is pointed anew, reading the view is an error. */
  release(): void {
    this.pointAt(RELEASED, 0, 0);
  }

  get byteLength(): number {
    return this.#end - this.#start;
  }

  get bytes(): Uint8Array {
    if (this.#buffer === RELEASED && this.#parts === undefined) throw new TypeError(STALE);
    if (this.#joined !== undefined) return this.#joined;
    this.#joined =
      this.#parts === undefined
        ? this.#buffer.subarray(this.#start, this.#end)
        : join(this.#parts, this.byteLength);
    return this.#joined;
  }

  get parts(): readonly Uint8Array[] {
    return this.#parts ?? [this.bytes];
  }

  copy(): Uint8Array {
    return this.#parts === undefined ? this.bytes.slice() : join(this.#parts, this.byteLength);
  }

  /** Copies the bytes into `target` at `offset`. */
  copyInto(target: Uint8Array, offset: number): void {
    if (this.#parts !== undefined || this.byteLength > COPY_BY_HAND_BYTES) {
      let at = offset;
      for (const part of this.parts) {
        target.set(part, at);
        at += part.length;
      }
      return;
    }
    const buffer = this.#buffer;
    for (let from = this.#start, to = offset; from < this.#end; from++, to++) target[to] = buffer[from]!;
  }
}

/** Below this a loop beats the fixed cost of a view and `set`. */
const COPY_BY_HAND_BYTES = 64;

const EMPTY = new Uint8Array(0);
const RELEASED = new Uint8Array(0);
const STALE =
  "the message is valid until the handler returns: copy() it before, or make the handler an async function";

/** One array of `byteLength` bytes from the parts in order. */
export function join(parts: readonly Uint8Array[], byteLength: number): Uint8Array {
  const joined = new Uint8Array(byteLength);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
