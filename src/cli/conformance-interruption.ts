// SIGINT, SIGTERM and SIGHUP during a run: what was launched is ended, nothing is reported, and the command dies of the
// signal as the shell that waits for it expects. A second signal ends it at once.

import { constants } from "node:os";
import { endLaunched } from "../conformance/suite/child-process.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const graceMs = 1000;

export interface Interruption {
  readonly received: boolean;
  // Settles at once if no signal has come, and else never: the command is about to die of it.
  passed(): Promise<void>;
  disarm(): void;
}

export function armInterruption(announce: () => void): Interruption {
  let received = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (received) process.exit(128 + constants.signals[signal]);
    received = true;
    announce();
    void endLaunched(graceMs).then(() => {
      disarm();
      process.kill(process.pid, signal);
    });
  };
  const disarm = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    get received() {
      return received;
    },
    passed: () => (received ? new Promise(() => undefined) : Promise.resolve()),
    disarm,
  };
}
