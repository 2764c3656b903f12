// Every limit and deadline of a server in one table: what it is called, what it may be, and what it is unless
// one says otherwise. The command line's flags are made from this table, so nothing here is out of its reach.

import { availableParallelism } from "node:os";
import { DEADLINE_MS, LIMIT } from "../protocol/wire.ts";

export interface LimitRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}

const DAY_MS = 86_400_000;

function deadline(defaultMs: number, meaning: string): LimitRule {
  return { default: defaultMs, min: 1, max: DAY_MS, meaning };
}

export const SERVER_LIMITS = {
  maxFrameBytes: {
    default: 1_048_581,
    min: LIMIT.maxFrameBytesLowest,
    max: LIMIT.maxFrameBytesHighest,
    meaning: "largest frame after login; a message may have 5 bytes less",
  },
  maxUnderWay: {
    default: 256,
    min: 1,
    max: 65_535,
    meaning: "messages of one session that may wait for their reply",
  },
  maxUnderWayBytes: {
    default: 4_194_304,
    min: 1024,
    max: 1_073_741_824,
    meaning: "bytes of such messages before its input is left alone",
  },
  maxPendingBytes: {
    default: 262_144,
    min: 1024,
    max: 1_073_741_824,
    meaning: "replies of one session that may wait to be sent before its input is left alone",
  },
  tries: { default: 3, min: 1, max: 255, meaning: "failed attempts to log in that a connection takes" },
  maxConnections: { default: 10_000, min: 1, max: 1_000_000, meaning: "connections at once" },
  maxConnectionsBeforeLogin: {
    default: 1000,
    min: 1,
    max: 1_000_000,
    meaning: "connections at once that have not logged in",
  },
  maxConnectionsBeforeLoginPerSource: {
    default: 250,
    min: 1,
    max: 1_000_000,
    meaning: "of these, from one source: an IPv4 address or an IPv6 /64",
  },
  earlyDropFrom: {
    default: 500,
    min: 0,
    max: 1_000_000,
    meaning: "connections before login from which some are dropped, of the source that has most",
  },
  earlyDropPercent: {
    default: 30,
    min: 0,
    max: 100,
    meaning: "how many are dropped there; it grows to all at max-connections-before-login",
  },
  failurePenaltyMs: {
    default: 10_000,
    min: 0,
    max: DAY_MS,
    meaning: "penalty of a source for a failed attempt; it runs off with the clock",
  },
  nameFailurePenaltyMs: {
    default: 30_000,
    min: 0,
    max: DAY_MS,
    meaning: "penalty of the submitted name at that source",
  },
  throttleAboveMs: {
    default: 100_000,
    min: 0,
    max: DAY_MS,
    meaning: "penalty above which attempts are throttled, until it has come down to this",
  },
  maxThrottleMs: deadline(600_000, "longest time that a source is throttled; its penalty goes no higher"),
  maxPenaltyEntries: {
    default: 65_536,
    min: 1024,
    max: 10_000_000,
    meaning: "sources, and names at a source, whose penalties are kept",
  },
  maxPenaltyNamesPerSource: {
    default: 32,
    min: 0,
    max: 1_000_000,
    meaning: "names of one source that are counted apart; further ones are counted together",
  },
  verifyConcurrency: {
    default: Math.max(1, availableParallelism() - 1),
    min: 1,
    max: 64,
    meaning: "passwords that are verified at once",
  },
  verifyQueueLength: {
    default: 64,
    min: 0,
    max: 100_000,
    meaning: "logins that may wait for their verification",
  },
  verifyQueuePerSource: {
    default: 32,
    min: 0,
    max: 100_000,
    meaning: "of these, from one source",
  },
  verifyQueueMs: deadline(10_000, "longest wait for a verification; then the login is refused as busy"),
  challengeQueueLength: {
    default: 256,
    min: 0,
    max: 100_000,
    meaning: "logins by OPAQUE that may wait for their challenge",
  },
  challengeQueuePerSource: {
    default: 64,
    min: 0,
    max: 100_000,
    meaning: "of these, from one source",
  },
  busyRetryAfterMs: {
    default: 1000,
    min: 0,
    max: DAY_MS,
    meaning: "retry-after of a login that is refused as busy",
  },
  logLinesPerSecond: {
    default: 20,
    min: 1,
    max: 1_000_000,
    meaning:
      "log lines of one event that clients can cause in a second without logging in; the rest are counted",
  },
  tlsMs: deadline(DEADLINE_MS.tls, "from accept to the end of the TLS handshake"),
  loginMs: deadline(DEADLINE_MS.login, "from the handshake to the login"),
  frameMs: deadline(DEADLINE_MS.frame, "from a frame's first byte to its last"),
  idleMs: deadline(DEADLINE_MS.idle, "without a frame from the client"),
  writeStallMs: deadline(DEADLINE_MS.writeStall, "without the client taking a byte of what waits for it"),
  drainMs: deadline(DEADLINE_MS.drain, "from GOAWAY to the end of accepting messages, when the server stops"),
  lingerMs: deadline(LIMIT.lingerMs, "reading and discarding after the last frame"),
} as const satisfies Record<string, LimitRule>;

export type ServerLimits = { readonly [Name in keyof typeof SERVER_LIMITS]: number };

/** The limits with their defaults filled in. @throws RangeError naming the limit that is out of its bounds */
export function serverLimits(chosen: Partial<ServerLimits> = {}): ServerLimits {
  const entries = Object.entries(SERVER_LIMITS).map(([name, rule]) => {
    const value = chosen[name as keyof ServerLimits] ?? rule.default;
    if (!Number.isSafeInteger(value) || value < rule.min || value > rule.max) {
      throw new RangeError(`${name} must be a whole number from ${rule.min} to ${rule.max}`);
    }
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as unknown as ServerLimits;
}
