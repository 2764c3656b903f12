// What all connections of a server share.

import type { Admission } from "../auth/admission.ts";
import type { Verification } from "../auth/verification.ts";
import type { ServerSettings } from "../protocol/server-host.ts";
import type { Slab } from "../protocol/frame-writer.ts";
import type { BoundedLog } from "./bounded-log.ts";
import type { Counters } from "./counters.ts";
import type { DeadlineQueue } from "./deadline-queue.ts";
import type { GreaseRate } from "./grease.ts";
import type { Handler } from "./handler.ts";
import type { ServerLimits } from "./limits.ts";

/** The part of pino that a server uses; any logger with these methods will do. */
export interface Log {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

export interface ServerContext {
  readonly settings: ServerSettings;
  readonly limits: ServerLimits;
  readonly slab: Slab;
  readonly deadlines: DeadlineQueue;
  readonly log: Log;
  /** For lines that can be caused without logging in. */
  readonly boundedLog: BoundedLog;
  /** Undefined: the echo application, without a detour through a function. */
  readonly handler: Handler | undefined;
  readonly greaseRate: GreaseRate;
  readonly admission: Admission;
  readonly verification: Verification;
  readonly counters: Counters;
}
