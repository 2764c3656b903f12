// SIGINT, SIGTERM and SIGHUP: the first asks the session to end in good order, a second ends the program at once.
// Either way the program dies of the signal in the end, as the shell that waits for it expects: a loop in a
// script stops at Ctrl-C only if the command did.

import { constants } from "node:os";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** As when nobody reads the output, which has yet to be flushed. */
const giveUpMs = 4_000;
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

  /** Sees to it that the program dies of the signal when it would end; nothing may then be left to do but that. */
  #dieAtExit(signal: FatalSignal): void {
    process.once("exit", () => {
      for (const other of signals) process.off(other, this.#onSignal);
      process.kill(process.pid, signal); // process 1 survives it, and ends with the exit code
    });
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.received) process.exit(this.exitCode);
    this.#received = signal as FatalSignal;
    this.#dieAtExit(this.#received);
    setTimeout(() => process.exit(this.exitCode), giveUpMs).unref();
    this.#leave();
  };
}
