// The exit codes of all TalkByte commands, one table. A script can tell a wrong password from a dead network
// without reading texts.

import type { CredentialErrorCode } from "../credentials/error.ts";

export const exitCodes = {
  ok: 0,
  /** A bug, or a machine in trouble (no memory for a hash). */
  unexpected: 1,
  /** The command line is wrong, or asks for a terminal that isn't there. */
  usage: 2,
  network: 3,
  /** By the server or by a rule: wrong password, unknown user, password against the policy. */
  refused: 4,
  /** The server's identity isn't the one expected. */
  notTrusted: 5,
  /** The peer broke the protocol. */
  protocol: 6,
  timeout: 7,
  busy: 8,
  /** The users file, or another file or setting, can't be used as it is. */
  configuration: 9,
  /** Ctrl-C: 128 + SIGINT, as shells count. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const credentialExitCodes: Readonly<Record<CredentialErrorCode, ExitCode>> = {
  "username-invalid": exitCodes.usage,
  "password-invalid": exitCodes.refused,
  "password-too-short": exitCodes.refused,
  "password-too-long": exitCodes.refused,
  "password-common": exitCodes.refused,
  "password-is-username": exitCodes.refused,
  "hash-invalid": exitCodes.refused,
  "hash-out-of-bounds": exitCodes.refused,
  "hash-failed": exitCodes.unexpected,
  "opaque-setup-missing": exitCodes.configuration,
  "opaque-setup-not-readable": exitCodes.configuration,
  "opaque-setup-invalid": exitCodes.configuration,
  "user-exists": exitCodes.refused,
  "no-such-user": exitCodes.refused,
  "json-invalid": exitCodes.configuration,
  "file-locked": exitCodes.busy,
  "file-not-replaceable": exitCodes.configuration,
  "file-not-writable": exitCodes.configuration,
  "users-file-locked": exitCodes.busy,
  "users-file-not-replaceable": exitCodes.configuration,
  "users-file-not-writable": exitCodes.configuration,
  "users-file-missing": exitCodes.configuration,
  "users-file-not-readable": exitCodes.configuration,
  "users-file-too-large": exitCodes.configuration,
  "users-file-invalid": exitCodes.configuration,
};
