// Cuts a byte stream into frames (spec section 3) without copying what need not be copied:
//
// - a frame that lies whole in one chunk is a view on that chunk;
// - a frame of up to 8 KiB that is split is gathered in a scratch array that grows with what arrives;
// - a larger split frame stays a list of views, small pieces of it gathered so that the list stays short;
// - an extension frame is reported at its header, then skipped.
//
// The length is judged from its four bytes alone, before anything is kept, so a declared length costs nothing.

import { breach } from "./error.ts";
import { join, type PayloadView } from "./payload.ts";
import { EXTENSION_FIRST_TYPE } from "./wire.ts";

const LENGTH_BYTES = 4;
const HEADER_BYTES = 5;
/** Split frames up to this size, length field included, are gathered into one array. */
const GATHER_BYTES = 8192;
/** Pieces of a larger frame below this size are gathered too; larger ones stay views. */
const PIECE_BYTES = 4096;
const SCRATCH_START_BYTES = 64;
const EMPTY = new Uint8Array(0);

export class Decoder {
  /** Limit on the length field in force, in bytes (spec section 8.1). */
  limit: number;
  /** Type of the frame that `next` found. */
  type = 0;
  /** Frames whose last byte has been decoded, extension frames among them. */
  framesEnded = 0;

  // The current frame: `#buffer` from `#start` (the body) to `#end`, or `#parts`.
  #buffer: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #parts: Uint8Array[] | undefined;
  #partsBytes = 0;

  // Input that has not been decoded: `#chunk` from `#offset`, then `#queue`.
  #chunk: Uint8Array = EMPTY;
  #offset = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;

  // A frame that has begun but not ended.
  #scratch: Uint8Array = EMPTY;
  #have = 0;
  #pieces: Uint8Array[] | undefined;
  #missing = 0;
  #skip = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes a chunk of the stream. The chunk is kept, not copied: its owner must not write to it again. */
  push(bytes: Uint8Array): void {
    // A plain view, for a Buffer's slice() copies nothing.
    const chunk = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#offset === this.#chunk.length && this.#queue.length === 0) {
      this.#chunk = chunk;
      this.#offset = 0;
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
  }

  /** Bytes that have been taken and not yet decoded. */
  get heldBytes(): number {
    return this.#chunk.length - this.#offset + this.#queuedBytes;
  }

  /** Whether a frame has begun whose last byte has not been decoded. */
  get insideFrame(): boolean {
    return this.#have > 0 || this.#pieces !== undefined || this.#skip > 0;
  }

  /** Drops all input and any frame that has begun. */
  discard(): void {
    this.#chunk = EMPTY;
    this.#offset = 0;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#have = 0;
    this.#pieces = undefined;
    this.#skip = 0;
  }

  /**
   * Moves to the next frame; false when the input does not hold one. An extension frame is reported as soon as
   * its header is there, without a body. What it found before is let go.
   * @throws TalkByteError `malformed` or `frame-too-large` (TB-FRAME-1, TB-FRAME-2)
   */
  next(): boolean {
    for (;;) {
      const available = this.#chunk.length - this.#offset;
      if (available === 0) {
        if (!this.#advance()) return false;
      } else if (this.#skip > 0) {
        const skipped = Math.min(available, this.#skip);
        this.#skip -= skipped;
        this.#offset += skipped;
        if (this.#skip === 0) this.framesEnded++;
      } else if (this.#pieces !== undefined) {
        if (this.#takePiece(this.#pieces)) return true;
      } else if (this.#have > 0 || available < HEADER_BYTES) {
        if (this.#gather()) return true;
      } else if (this.#take(available)) return true;
    }
  }

  /** The current frame's body as one array; a view unless it came in pieces. */
  get body(): Uint8Array {
    return this.#parts === undefined
      ? this.#buffer.subarray(this.#start, this.#end)
      : join(this.#parts, this.#partsBytes);
  }

  /** The current frame whole, header included, as a copy. Meant for login frames, which authentication hashes. */
  raw(): Uint8Array {
    if (this.#parts === undefined) return this.#buffer.slice(this.#start - HEADER_BYTES, this.#end);
    throw new TypeError("raw() serves frames of up to 8 KiB");
  }

  get bodyLength(): number {
    return this.#parts === undefined ? this.#end - this.#start : this.#partsBytes;
  }

  /** The u32 at the head of the current body, which must be at least four bytes long. */
  bodyId(): number {
    return this.#parts === undefined ? readU32(this.#buffer, this.#start) : readU32(this.#parts[0]!, 0);
  }

  /** Points `view` at the current body behind its id. */
  payloadInto(view: PayloadView): PayloadView {
    if (this.#parts === undefined) return view.pointAt(this.#buffer, this.#start + 4, this.#end);
    const first = this.#parts[0]!;
    const parts = first.length === 4 ? this.#parts.slice(1) : [first.subarray(4), ...this.#parts.slice(1)];
    return view.pointAtParts(parts, this.#partsBytes - 4);
  }

  #advance(): boolean {
    const chunk = this.#queue.shift();
    if (chunk === undefined) {
      this.#chunk = this.#buffer = EMPTY;
      this.#offset = this.#start = this.#end = 0;
      this.#parts = undefined;
      return false;
    }
    this.#queuedBytes -= chunk.length;
    this.#chunk = chunk;
    this.#offset = 0;
    return true;
  }

  /** The current chunk holds a header: takes the whole frame when it is there, else begins to gather it. */
  #take(available: number): boolean {
    const chunk = this.#chunk;
    const at = this.#offset;
    const length = this.#judge(readU32(chunk, at));
    const type = chunk[at + LENGTH_BYTES]!;
    if (type >= EXTENSION_FIRST_TYPE) {
      this.#offset = at + HEADER_BYTES;
      return this.#beginSkip(type, length);
    }
    if (available < LENGTH_BYTES + length) return this.#gather();
    this.framesEnded++;
    this.type = type;
    this.#buffer = chunk;
    this.#parts = undefined;
    this.#start = at + HEADER_BYTES;
    this.#end = this.#offset = at + LENGTH_BYTES + length;
    return true;
  }

  /** Copies bytes of a split frame into the scratch array: first its header, then as much as its size allows. */
  #gather(): boolean {
    if (this.#have < LENGTH_BYTES && !this.#fill(LENGTH_BYTES)) return false;
    const length = this.#judge(readU32(this.#scratch, 0));
    if (this.#have < HEADER_BYTES && !this.#fill(HEADER_BYTES)) return false;
    const type = this.#scratch[LENGTH_BYTES]!;
    if (type >= EXTENSION_FIRST_TYPE) {
      this.#have = 0;
      return this.#beginSkip(type, length);
    }
    this.type = type;
    const size = LENGTH_BYTES + length;
    if (size > GATHER_BYTES) {
      this.#pieces = [];
      this.#missing = length - 1;
      this.#partsBytes = length - 1;
      this.#have = 0;
      this.#scratch = EMPTY;
      return false;
    }
    if (!this.#fill(size)) return false;
    this.framesEnded++;
    this.#buffer = this.#scratch;
    this.#parts = undefined;
    this.#start = HEADER_BYTES;
    this.#end = size;
    this.#scratch = EMPTY;
    this.#have = 0;
    return true;
  }

  /** Moves bytes from the chunk until the scratch array holds `size`; false when the chunk runs out first. */
  #fill(size: number): boolean {
    const count = Math.min(size - this.#have, this.#chunk.length - this.#offset);
    this.#reserve(this.#have + count, size);
    this.#scratch.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#have);
    this.#have += count;
    this.#offset += count;
    return this.#have === size;
  }

  #reserve(needed: number, wanted: number): void {
    if (needed <= this.#scratch.length) return;
    const doubled = Math.max(SCRATCH_START_BYTES, this.#scratch.length * 2, needed);
    const grown = new Uint8Array(Math.max(needed, Math.min(doubled, Math.max(wanted, SCRATCH_START_BYTES))));
    grown.set(this.#scratch.subarray(0, this.#have));
    this.#scratch = grown;
  }

  /** Adds what the chunk holds to a large frame: as a view, or gathered when it is small. */
  #takePiece(pieces: Uint8Array[]): boolean {
    const count = Math.min(this.#missing, this.#chunk.length - this.#offset);
    const piece = this.#chunk.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    this.#missing -= count;
    if (count >= PIECE_BYTES || (this.#missing === 0 && this.#have === 0)) {
      this.#closePiece(pieces);
      pieces.push(piece);
    } else {
      this.#reserve(this.#have + count, PIECE_BYTES);
      this.#scratch.set(piece, this.#have);
      this.#have += count;
      if (this.#have >= PIECE_BYTES || this.#missing === 0) this.#closePiece(pieces);
    }
    if (this.#missing > 0) return false;
    this.framesEnded++;
    this.#parts = alignId(pieces);
    this.#pieces = undefined;
    return true;
  }

  #closePiece(pieces: Uint8Array[]): void {
    if (this.#have === 0) return;
    pieces.push(this.#scratch.subarray(0, this.#have));
    this.#scratch = EMPTY;
    this.#have = 0;
  }

  #beginSkip(type: number, length: number): true {
    this.type = type;
    this.#skip = length - 1;
    if (this.#skip === 0) this.framesEnded++;
    this.#buffer = EMPTY;
    this.#parts = undefined;
    this.#start = this.#end = 0;
    return true;
  }

  #judge(length: number): number {
    if (length === 0) throw breach("malformed", "frame of length 0");
    if (length > this.limit) {
      throw breach("frame-too-large", `frame over the limit of ${this.limit}`);
    }
    return length;
  }
}

/** Makes sure that the id of a message does not straddle two parts. */
function alignId(parts: Uint8Array[]): Uint8Array[] {
  const first = parts[0];
  const second = parts[1];
  if (first === undefined || second === undefined || first.length >= 4) return parts;
  return [join([first, second], first.length + second.length), ...parts.slice(2)];
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
