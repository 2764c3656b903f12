// The implementation under test as a run sees it: it's started if the profile says how, asked for fresh connections,
// and found dead or alive. Each job of a run has one of its own, so that a crash is laid at the right case.

import type { Connection } from "../exchange/exchange.ts";
import type { Role } from "../exchange/exchange-checks.ts";
import type { Opening } from "../play/run.ts";
import type { Death } from "./child-process.ts";

export interface Target {
  readonly role: Role;
  // How the process that was launched ended; undefined while it lives, or where none was launched.
  readonly death: Death | undefined;
  // Waits that long for the process to be found dead: its last connection often ends before it does.
  died(withinMs: number): Promise<void>;
  // Whether it passed the sanity case when it was first asked; until then it's taken to.
  sane: boolean;
  // Makes it ready, launching it if need be. Rejects with a NotReady.
  start(): Promise<void>;
  // A fresh connection, and for a client a fresh client.
  open(connection?: Connection): Promise<Opening>;
  stop(): Promise<void>;
}

// The implementation could not be brought to the point where a case can be played.
export class NotReady extends Error {
  constructor(message: string) {
    super(message);
    this.name = "NotReady";
  }
}
