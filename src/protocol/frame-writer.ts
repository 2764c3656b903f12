// Collects the frames that a session sends in one turn, so that its edge writes once. Small frames share a
// slab of 64 KiB, from which each run of neighbouring frames leaves as one view; payloads over 8 KiB leave by
// reference. Memory that was handed out is never written again: a full slab is replaced, not reused.

import type { PayloadView } from "./payload.ts";

const SLAB_BYTES = 65_536;
const BY_REFERENCE_BYTES = 8192;
const MESSAGE_HEADER_BYTES = 9;

/** Memory that the sessions of one program share for their small frames. */
export class Slab {
  buffer = new Uint8Array(SLAB_BYTES);
  used = 0;
}

export class FrameWriter {
  readonly #slab: Slab;
  #chunks: Uint8Array[] = [];
  // The run of neighbouring bytes, in the slab's buffer of its time, that is not yet a chunk.
  #run: Uint8Array | undefined;
  #runStart = 0;
  #runEnd = 0;
  #pendingBytes = 0;

  constructor(slab: Slab = new Slab()) {
    this.#slab = slab;
  }

  /** Bytes that wait to be taken. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Appends a whole frame. */
  frame(bytes: Uint8Array): void {
    if (bytes.length > BY_REFERENCE_BYTES) {
      this.#reference(bytes);
      return;
    }
    const at = this.#reserve(bytes.length); // may replace the slab's buffer
    this.#slab.buffer.set(bytes, at);
  }

  /** Appends a MESSAGE or REPLY. A payload over 8 KiB is referred to: its owner must not write to it again. */
  message(type: number, id: number, payload: Uint8Array | PayloadView): void {
    const byteLength = payload.byteLength;
    const whole = byteLength <= BY_REFERENCE_BYTES;
    const at = this.#reserve(whole ? MESSAGE_HEADER_BYTES + byteLength : MESSAGE_HEADER_BYTES);
    const buffer = this.#slab.buffer;
    writeU32(buffer, at, byteLength + 5);
    buffer[at + 4] = type;
    writeU32(buffer, at + 5, id);
    if (payload instanceof Uint8Array) {
      if (whole) buffer.set(payload, at + MESSAGE_HEADER_BYTES);
      else this.#reference(payload);
    } else if (whole) payload.copyInto(buffer, at + MESSAGE_HEADER_BYTES);
    else for (const part of payload.parts) this.#reference(part);
  }

  /** Takes what has been collected, in order. */
  take(): Uint8Array[] {
    this.#closeRun();
    this.#run = undefined; // an idle session does not hold a slab of the past
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#pendingBytes = 0;
    return chunks;
  }

  /** Makes room for `size` bytes, at most 8 KiB and a header, next to the run when that is possible. */
  #reserve(size: number): number {
    const slab = this.#slab;
    if (slab.used + size > SLAB_BYTES) {
      slab.buffer = new Uint8Array(SLAB_BYTES);
      slab.used = 0;
    }
    if (this.#run !== slab.buffer || this.#runEnd !== slab.used) {
      this.#closeRun();
      this.#run = slab.buffer;
      this.#runStart = slab.used;
    }
    const at = slab.used;
    slab.used = this.#runEnd = at + size;
    this.#pendingBytes += size;
    return at;
  }

  #closeRun(): void {
    if (this.#run === undefined || this.#runEnd === this.#runStart) return;
    this.#chunks.push(this.#run.subarray(this.#runStart, this.#runEnd));
    this.#runStart = this.#runEnd;
  }

  #reference(bytes: Uint8Array): void {
    this.#closeRun();
    this.#chunks.push(bytes);
    this.#pendingBytes += bytes.length;
  }
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
