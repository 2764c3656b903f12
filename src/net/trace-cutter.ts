// Cuts one direction of a conversation into frames for people to see. Unlike the decoder of a session it shows also
// what a session would refuse, and keeps no more of a frame than is shown of it.

import { join } from "../protocol/payload.ts";
import { LIMIT } from "../protocol/wire.ts";

export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 5;
/** Enough for every frame but a long MESSAGE or REPLY. */
const KEPT_BYTES = LIMIT.loginFrameBytes;

export interface CutFrame {
  /** Five bytes; fewer when the length is 0 or the stream ended. */
  readonly header: Uint8Array;
  /** By the length field. */
  readonly bodyBytes: number;
  /** Its first 4,096 bytes. */
  readonly body: Uint8Array;
  /** Bytes of the frame that never came. */
  readonly missing: number;
}

export class FrameCutter {
  readonly #found: (frame: CutFrame) => void;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #have = 0;
  #parts: Uint8Array[] = [];
  #keptBytes = 0;
  #bodyBytes = 0;
  #missing = 0;
  #dead = false;

  constructor(found: (frame: CutFrame) => void) {
    this.#found = found;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#dead) {
      at +=
        this.#have < HEADER_BYTES ? this.#takeHeader(chunk.subarray(at)) : this.#takeBody(chunk.subarray(at));
      if (this.#have === HEADER_BYTES && this.#missing === 0) this.#emit();
    }
  }

  end(): void {
    if (this.#have > 0 && !this.#dead) this.#emit();
    this.#dead = true;
  }

  #takeHeader(bytes: Uint8Array): number {
    const upTo = this.#have < LENGTH_BYTES ? LENGTH_BYTES : HEADER_BYTES;
    const count = Math.min(upTo - this.#have, bytes.length);
    this.#header.set(bytes.subarray(0, count), this.#have);
    this.#have += count;
    if (this.#have < LENGTH_BYTES) return count;
    const length = new DataView(this.#header.buffer).getUint32(0);
    if (length === 0) {
      this.#emit();
      this.#dead = true;
    } else this.#bodyBytes = this.#missing = length - 1;
    return count;
  }

  #takeBody(bytes: Uint8Array): number {
    const count = Math.min(this.#missing, bytes.length);
    const kept = Math.min(count, KEPT_BYTES - this.#keptBytes);
    if (kept > 0) this.#parts.push(bytes.slice(0, kept));
    this.#keptBytes += kept;
    this.#missing -= count;
    return count;
  }

  #emit(): void {
    const header = this.#header.slice(0, this.#have);
    const body = join(this.#parts, this.#keptBytes);
    const frame = { header, bodyBytes: this.#bodyBytes, body, missing: this.#missing };
    this.#have = this.#keptBytes = this.#bodyBytes = this.#missing = 0;
    this.#parts = [];
    this.#found(frame);
  }
}
