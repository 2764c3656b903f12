// What a server's session and its owner say to each other: settings, actions that the session asks for, and the
// shape of a login attempt (spec section 6).

import type { TalkByteError } from "./error.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { Auth, Transcript } from "./login-frames.ts";
import type { Mechanism } from "./mechanism.ts";
import type { PayloadView } from "./payload.ts";
import type { ServerDeadlineSettings } from "./server-deadlines.ts";
import type { RefusalReason } from "./wire.ts";

export interface ServerSettings extends ServerDeadlineSettings {
  readonly agent: string;
  /** Limit on the length field after AUTHENTICATED, in bytes. */
  readonly maxFrameBytes: number;
  readonly maxUnderWay: number;
  /** Bytes of messages under way from which the session stops processing input. */
  readonly maxUnderWayBytes: number;
  /** Bytes of replies that may wait before the session stops processing input. */
  readonly maxPendingBytes: number;
  /** Failed attempts that a connection takes. */
  readonly tries: number;
  /** What WELCOME offers, most wanted first. */
  readonly mechanisms: readonly Mechanism[];
}

/** An attempt to log in, as the host verifies it. */
export interface Attempt extends Auth {
  readonly transcript: Transcript;
  /** The mechanism-data of RESPONSE, in the second step of a mechanism that has one. */
  readonly responseData?: Uint8Array;
}

/** How a verification ended. */
export type Outcome =
  | {
      readonly type: "accepted";
      readonly sessionId: Uint8Array;
      readonly mechanismData: Uint8Array;
      /** For the host itself: what can be revoked while the session lives (spec section 9.5). */
      readonly credentialId?: string;
    }
  | { readonly type: "challenge"; readonly mechanismData: Uint8Array }
  /** `why` is for the host's own log; the client is not told. */
  | { readonly type: "rejected"; readonly retryAfterMs: number; readonly why?: string }
  | { readonly type: "busy" | "throttled"; readonly retryAfterMs: number };

export type ServerAction =
  /** May this source try to log in? Answer with `admitted` or `notAdmitted`. */
  | { readonly type: "admit"; readonly agent: string }
  /** Answer with `verified`. */
  | { readonly type: "verify"; readonly attempt: Attempt }
  /** The verification's outcome is no longer wanted. */
  | { readonly type: "cancel-verification" }
  /** An attempt counts as failed; `forgive` takes that back. */
  | { readonly type: "penalise" | "forgive"; readonly username: string }
  | { readonly type: "authenticated"; readonly attempt: Attempt; readonly sessionId: Uint8Array }
  | {
      readonly type: "refused";
      readonly username: string | undefined;
      readonly reason: RefusalReason;
      readonly triesLeft: number;
    }
  /** The session failed; ERROR is in the writer unless the peer sent one. */
  | { readonly type: "failed"; readonly error: TalkByteError }
  /** Send what the writer holds, end the stream, linger, drop (spec section 9.4). */
  | { readonly type: "close" };

/** What a session asks of its owner. */
export interface ServerHost {
  /** Where frames go; its owner sends them, once a turn. */
  readonly out: FrameWriter;
  act(action: ServerAction): void;
  /**
   * The application's reply to one message; the payload is valid until this returns. Returns undefined after
   * `session.defer()`, when the reply comes later, or after `session.failMessage()`.
   */
  message(payload: PayloadView): Uint8Array | PayloadView | undefined;
}
