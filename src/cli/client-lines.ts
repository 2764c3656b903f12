// Cuts standard input into messages: a line ends with LF, which is not part of it; whatever else it holds is, a CR
// at its end included. The last line needs no LF. A line is copied only where it was split between chunks.

import { join } from "../protocol/payload.ts";
import { TalkByteError } from "../protocol/error.ts";

const lineFeed = 0x0a;

export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #lines = 0;
  #rest: Uint8Array = new Uint8Array();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What stands in the chunk behind the line that came last. */
  get rest(): Uint8Array {
    return this.#rest;
  }

  /** The lines that end in this chunk. Throws `message-too-large` as soon as a line is too long. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void> {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      this.#add(chunk.subarray(start, end));
      start = end + 1;
      this.#rest = chunk.subarray(start);
      yield this.#take();
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
  }

  /** The last line, where no LF followed it. */
  *end(): Generator<Uint8Array, void> {
    this.#rest = new Uint8Array();
    if (this.#parts.length > 0) yield this.#take();
  }

  #add(part: Uint8Array): void {
    this.#partBytes += part.length;
    if (this.#partBytes > this.#maxBytes) {
      throw new TalkByteError(
        "message-too-large",
        "local",
        `line ${this.#lines + 1} is longer than the ${this.#maxBytes} bytes that the server takes: ` +
          "neither it nor what follows was sent",
      );
    }
    this.#parts.push(part);
  }

  #take(): Uint8Array {
    const [only] = this.#parts;
    const line = this.#parts.length === 1 && only !== undefined ? only : join(this.#parts, this.#partBytes);
    this.#parts = [];
    this.#partBytes = 0;
    this.#lines += 1;
    return line;
  }
}

/** Counts what is not going to be sent. */
export class LineCounter {
  bytes = 0;
  #lineFeeds = 0;
  #insideLine = false;

  get lines(): number {
    return this.#lineFeeds + (this.#insideLine ? 1 : 0);
  }

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.bytes += chunk.length;
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1))
      this.#lineFeeds += 1;
    this.#insideLine = chunk.at(-1) !== lineFeed;
  }
}
