// Standard input as chunks that one can stop waiting for: when the session is over, nobody is going to read what a
// person or a pipe still has to say.

import type { Readable } from "node:stream";

import { systemErrorCode } from "../credentials/error.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

export class ClientInput {
  readonly #stream: Readable;
  #closed = false;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  /** Whether it was closed before its end. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends with the input, or when it is closed. */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of this.#stream) yield chunk as Uint8Array;
    } catch (cause) {
      if (this.#closed) return;
      const reason = systemErrorCode(cause) ?? "unknown error";
      throw new CommandError(exitCodes.configuration, `standard input can't be read (${reason})`, { cause });
    }
  }

  close(): void {
    if (this.#stream.readableEnded) return;
    this.#closed = true;
    this.#stream.destroy();
  }
}
