// How a failed client session is told: one exit code for the script, one line for the person with what to do
// below it, and the fields of an event for --json.

import { CredentialError } from "../credentials/error.ts";
import { escapeText } from "../net/display.ts";
import { KnownServersError } from "../net/known-servers.ts";
import { NotTrustedError } from "../net/trust.ts";
import { TalkByteError, type ErrorCode } from "../protocol/error.ts";
import { ERROR_CODE } from "../protocol/wire.ts";
import type { ClientCommandOptions } from "./client-options.ts";
import { adviseTrust } from "./client-trust.ts";
import { CommandError } from "./command-error.ts";
import { credentialExitCodes, exitCodes, type ExitCode } from "./exit-codes.ts";

export const sessionExitCodes: Readonly<Record<ErrorCode, ExitCode>> = {
  malformed: exitCodes.protocol,
  "frame-too-large": exitCodes.protocol,
  "unknown-type": exitCodes.protocol,
  "unexpected-frame": exitCodes.protocol,
  "reply-mismatch": exitCodes.protocol,
  "unsupported-version": exitCodes.protocol,
  "alpn-required": exitCodes.protocol,
  "tls-failed": exitCodes.protocol,
  timeout: exitCodes.timeout,
  shutdown: exitCodes.network,
  internal: exitCodes.network,
  "connection-failed": exitCodes.network,
  "ended-early": exitCodes.network,
  "not-accepted": exitCodes.network,
  "not-trusted": exitCodes.notTrusted,
  refused: exitCodes.refused,
  revoked: exitCodes.refused,
  "message-too-large": exitCodes.refused,
  busy: exitCodes.busy,
  throttled: exitCodes.busy,
  cancelled: exitCodes.interrupted,
  "wrong-state": exitCodes.unexpected,
};

export interface Failure {
  readonly exitCode: ExitCode;
  readonly message: string;
  /** Lines below the message. */
  readonly details: readonly string[];
  /** For the `error` event. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Undefined for what is a bug. */
export function describeFailure(
  error: unknown,
  options: ClientCommandOptions,
  argv: readonly string[],
): Failure | undefined {
  if (error instanceof NotTrustedError) {
    const { headline, details } = adviseTrust(error, options, argv);
    const { code, side, reason, fingerprint, expected, place, opaque } = error;
    const fields = { code, side, retryable: false, reason, fingerprint, expected, place, opaque };
    return { exitCode: sessionExitCodes[code], message: headline, details, fields };
  }
  if (error instanceof TalkByteError) {
    if (error.code === "wrong-state") return undefined;
    const { code, side, retryable, refusal } = error;
    const fields = {
      code,
      side,
      retryable,
      reason: refusal?.reason,
      retryAfterMs: refusal?.retryAfterMs,
      triesLeft: refusal?.triesLeft,
    };
    return { exitCode: sessionExitCodes[code], message: sentence(error), details: [], fields };
  }
  if (error instanceof CredentialError)
    return plain(error.message, credentialExitCodes[error.code], error.code);
  if (error instanceof KnownServersError)
    return plain(error.message, exitCodes.configuration, "known-servers");
  if (error instanceof CommandError) return plain(error.message, error.exitCode, nameOf(error.exitCode));
  return undefined;
}

function plain(message: string, exitCode: ExitCode, code: string): Failure {
  return { exitCode, message, details: [], fields: { code, retryable: false } };
}

function nameOf(exitCode: ExitCode): string {
  return Object.entries(exitCodes).find(([, code]) => code === exitCode)?.[0] ?? "unexpected";
}

function sentence(error: TalkByteError): string {
  const { refusal } = error;
  if (refusal === undefined) {
    const breach =
      error.side === "peer" &&
      error.code in ERROR_CODE &&
      sessionExitCodes[error.code] === exitCodes.protocol;
    return escapeText(
      breach ? `the server broke the protocol: ${error.message} (${error.code})` : error.message,
    );
  }
  const reason = escapeText(reasons[refusal.reason] ?? refusal.reason);
  const wait = refusal.retryAfterMs === 0 ? "" : `; try again in ${refusal.retryAfterMs / 1000} s`;
  return `the server refused the login: ${reason}${wait}`;
}

const reasons: Readonly<Record<string, string>> = {
  "bad-credentials": "wrong username or password",
  "mechanism-unavailable": "it takes no passwords",
  busy: "it is too busy",
  throttled: "too many failed attempts",
};
