// SIGINT, SIGTERM and SIGHUP: the first asks the session to end in good order, a second ends the program at once.
// Either way the program dies of the signal in the end, as the shell that waits for it expects: a loop in a
// script stops at Ctrl-C only if the command did.

import { constants } from "node:os";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type FatalSignal = (typeof signals)[number];

export class Interruption {
  #received: FatalSignal | undefined;
  #leave: () => void = () => undefined;

  /** Not before the questions on the terminal, which have their own ways to end. */
  arm(): void {
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  get received(): boolean {
    return this.#received !== undefined;
  }

  /** As shells count; undefined when no signal has come. */
  get exitCode(): number | undefined {
    return this.#received === undefined ? undefined : 128 + constants.signals[this.#received];
  }

  /** What to do at the first signal; at once if it has come. */
  onFirst(leave: () => void): void {
    this.#leave = leave;
    if (this.received) leave();
  }

  /** Dies of the signal, if one has come; else, and where nothing dies of a signal (process 1), returns the exit code. */
  finish(exitCode: number): number {
    for (const signal of signals) process.off(signal, this.#onSignal);
    if (this.#received === undefined) return exitCode;
    process.kill(process.pid, this.#received);
    return this.exitCode ?? exitCode;
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.received) process.exit(this.finish(0));
    this.#received = signal as FatalSignal;
    this.#leave();
  };
}
