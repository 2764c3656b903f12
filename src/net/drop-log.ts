// Connections that were dropped, a line a second at most: a flood must not become a flood of lines.
// Each line counts those since the line before, and names the source of the last of them.

import type { Log } from "./server-context.ts";

const EVERY_MS = 1000;

export class DropLog {
  readonly #log: Log;
  #count = 0;
  #last = {};
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The first is told at once, those of the second that follows together. */
  add(source: string, connections: number): void {
    this.#count++;
    this.#last = { source, connections };
    if (this.#timer === undefined) this.#tell();
  }

  /** Tells what has not been told yet. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#count > 0) this.#write();
  }

  #tell(): void {
    this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#tell();
    }, EVERY_MS);
    this.#timer.unref();
  }

  #write(): void {
    const fields = { event: "dropped", count: this.#count, ...this.#last };
    this.#count = 0;
    this.#log.warn(fields, "connections dropped: too many");
  }
}
