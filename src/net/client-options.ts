// What one can ask of a client, and what it does unless asked otherwise.

import type { Goaway } from "../protocol/session-frames.ts";
import { DEFAULT_PORT } from "../protocol/wire.ts";
import { DEFAULT_GREASE_RATE, type GreaseRate } from "./grease.ts";
import type { KnownServersError, LearntServer } from "./known-servers.ts";
import type { Tap } from "./transport.ts";
import type { TrustOptions } from "./trust.ts";

export interface OpenOptions {
  /** Default `localhost`. */
  readonly host?: string;
  /** Default 8080. */
  readonly port?: number;
  /** What vouches for the server; by default the system's authorities. A pin, or authorities given, judge alone. */
  readonly trust?: TrustOptions;
  /** No TLS; only to a loopback address. */
  readonly plaintext?: boolean;
  /** For TCP and TLS together, in milliseconds; default 10,000. */
  readonly connectMs?: number;
  /** The longest wait for any answer that is due, in milliseconds; default 30,000. */
  readonly answerMs?: number;
  /** The longest that a further login waits because the server said so, in milliseconds; default 10,000. */
  readonly maxRetryWaitMs?: number;
  /** Messages that may wait in line behind those under way; default 65,536. */
  readonly maxWaiting?: number;
  /** Cancels connecting, and afterwards closes the client. */
  readonly signal?: AbortSignal;
  /** The server has said that it is being stopped: messages that wait in line still go, no others are taken. */
  readonly onGoaway?: (goaway: Goaway) => void;
  /** A login by OPAQUE has verified a server that nobody vouched for: what became of remembering it for this user. */
  readonly onRemembered?: (remembered: LearntServer | KnownServersError) => void;
  /** Sees all bytes of both directions. */
  readonly tap?: Tap;
  /** How often extension frames are sent; 0: never. */
  readonly greaseRate?: GreaseRate;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface SendOptions {
  /** Withdraws a message that has not been sent, or gives up on its reply. */
  readonly signal?: AbortSignal;
}

/** How long each part of the opening took, in milliseconds. */
export interface Timings {
  readonly connectMs: number;
  readonly tlsMs: number;
  readonly loginMs: number;
}

export const CLIENT_DEFAULTS = {
  host: "localhost",
  port: DEFAULT_PORT,
  connectMs: 10_000,
  answerMs: 30_000,
  maxRetryWaitMs: 10_000,
  maxWaiting: 65_536,
  greaseRate: DEFAULT_GREASE_RATE,
} as const satisfies OpenOptions;
