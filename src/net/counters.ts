// What has happened to a server since it began, counted; and what it says of itself when it is asked.

import type { RefusalReason } from "../protocol/wire.ts";

export interface Counters {
  /** Connections that came. */
  opened: number;
  /** Connections that were dropped for want of room. */
  dropped: number;
  /** Handshakes that failed or took too long. */
  tlsFailed: number;
  loggedIn: number;
  /** Refusals by their reason. */
  readonly refused: Record<RefusalReason, number>;
  /** Sessions that ended with ERROR. */
  failed: number;
}

/** The counters, and how things stand now. */
export interface ServerStats extends Readonly<Counters> {
  readonly connections: number;
  readonly beforeLogin: number;
  readonly verifying: number;
  readonly waitingToVerify: number;
  /** Logins by OPAQUE that wait for their CHALLENGE. */
  readonly waitingForChallenge: number;
  /** Sources, and names at a source, that have a penalty; undefined where it is kept elsewhere. */
  readonly penalties: number | undefined;
}

export function makeCounters(): Counters {
  const refused = {
    "bad-credentials": 0,
    "mechanism-unavailable": 0,
    busy: 0,
    throttled: 0,
    abandoned: 0,
  };
  return { opened: 0, dropped: 0, tlsFailed: 0, loggedIn: 0, refused, failed: 0 };
}
