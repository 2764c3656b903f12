// Standard output under load: what is written in one turn leaves in one write, `full` tells when the reader is
// behind, and a reader that has gone (`| head -1`) is told apart from a disk that is full.

import type { Writable } from "node:stream";

import { systemErrorCode } from "../credentials/error.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

const maxGatheredBytes = 65_536;

export class ClientOutput {
  readonly #stream: Writable;
  readonly #watched: readonly Writable[];
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #scheduled = false;
  #error: Error | undefined;
  #changed: () => void = () => undefined;

  /** Takes the stream over, with its errors. What waits in `others` counts for `full` too. */
  constructor(stream: Writable, others: readonly Writable[] = []) {
    this.#stream = stream;
    this.#watched = [stream, ...others];
    // The launcher's listener would end the program on the spot, without STOP.
    stream.removeAllListeners("error");
    stream.on("error", (error: Error) => {
      this.#error = error;
      this.#changed();
    });
    for (const watched of this.#watched) watched.on("drain", () => this.#changed());
  }

  /** Called when `full` or `failed` may have changed. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /** The reader is behind: nothing more should be asked of the server for now. */
  get full(): boolean {
    return this.#watched.some((stream) => stream.writableNeedDrain);
  }

  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Whether the reader has closed its end, which is its right. */
  get readerGone(): boolean {
    return systemErrorCode(this.#error) === "EPIPE";
  }

  write(...pieces: readonly Uint8Array[]): void {
    if (this.failed) return;
    for (const piece of pieces) {
      this.#gathered.push(piece);
      this.#gatheredBytes += piece.length;
    }
    if (this.#gatheredBytes >= maxGatheredBytes) this.push();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.push());
    }
  }

  /** Hands over what was gathered. */
  push(): void {
    this.#scheduled = false;
    if (this.#gatheredBytes === 0 || this.failed) return;
    const bytes = Buffer.concat(this.#gathered, this.#gatheredBytes);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#stream.write(bytes);
  }

  /** Resolves when all has been taken, or nothing ever will. Throws a CommandError for a failure but `readerGone`. */
  async flush(): Promise<void> {
    this.push();
    await new Promise<void>((resolve) => {
      if (this.failed) return resolve();
      this.#stream.write("", (error) => {
        this.#error ??= error ?? undefined; // before it is emitted
        resolve();
      });
    });
    if (this.#error === undefined || this.readerGone) return;
    const reason = systemErrorCode(this.#error) ?? this.#error.message;
    throw new CommandError(exitCodes.configuration, `standard output can't be written (${reason})`);
  }
}
