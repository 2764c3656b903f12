// Every failure of a session is one class with a closed set of codes, so that callers branch on `code`
// and never on a text. The first group of codes is the wire's own (spec section 10.1); the second is what
// only one side can see: the network, trust, a refusal, its own misuse.

import type { WireErrorCode } from "./wire.ts";

/** What a session can fail of beyond the codes that ERROR carries. */
export type SessionErrorCode =
  /** The connection could not be opened, or was reset. */
  | "connection-failed"
  /** End of stream without STOPPED (spec section 9.2). */
  | "ended-early"
  /** The TLS handshake failed, or one side does not speak TLS. */
  | "tls-failed"
  /** Nobody vouches for the server's key (spec section 11.2). */
  | "not-trusted"
  /** REFUSED: the credentials, the mechanism, or an abandoned attempt (spec section 6.2). */
  | "refused"
  /** REFUSED `busy`. */
  | "busy"
  /** REFUSED `throttled`. */
  | "throttled"
  /** The message was not accepted before the session ended; it may be sent again in another one. */
  | "not-accepted"
  /** The caller cancelled, through its AbortSignal or by closing. */
  | "cancelled"
  /** The message is over the limit that WELCOME announced. */
  | "message-too-large"
  /** The caller asked for what this state does not allow. */
  | "wrong-state";

export type ErrorCode = WireErrorCode | SessionErrorCode;

/** Who erred: this program, the peer, or what lies between them. */
export type ErrorSide = "local" | "peer" | "network";

const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "timeout",
  "shutdown",
  "internal",
  "connection-failed",
  "ended-early",
  "busy",
  "throttled",
  "not-accepted",
]);

/** What a REFUSED said, for errors with the codes `refused`, `busy` and `throttled`. */
export interface Refusal {
  /** The reason's name in spec section 6.2, or `unknown-N`. */
  readonly reason: string;
  /** Milliseconds to wait before another attempt; 0: none. */
  readonly retryAfterMs: number;
  /** Attempts that the connection still takes; 0: the server closes it. */
  readonly triesLeft: number;
}

/** A failed session or request. `message` is for people; programs read `code`, `side` and `retryable`. */
export class TalkByteError extends Error {
  override readonly name = "TalkByteError";
  readonly code: ErrorCode;
  readonly side: ErrorSide;
  /** Whether the same request can succeed later, unchanged. */
  readonly retryable: boolean;
  readonly refusal: Refusal | undefined;

  constructor(
    code: ErrorCode,
    side: ErrorSide,
    message: string,
    options: { cause?: unknown; refusal?: Refusal } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.side = side;
    this.retryable = RETRYABLE.has(code);
    this.refusal = options.refusal;
  }
}

/** A breach of the protocol by the peer: thrown deep in the core, caught once where the session fails. */
export class Breach extends TalkByteError {
  constructor(code: WireErrorCode, detail: string) {
    super(code, "peer", detail);
  }
}

export function breach(code: WireErrorCode, detail: string): Breach {
  return new Breach(code, detail);
}
