// One error class for this part, with a closed union of codes: callers decide by the code, never by the
// text. A message says what is wrong, where, and what to do about it, and holds no secret: no password, no
// part of one, no hash.

export type CredentialErrorCode =
  | "username-invalid"
  | "password-invalid"
  | "password-too-short"
  | "password-too-long"
  | "password-common"
  | "password-is-username"
  | "hash-invalid"
  | "hash-out-of-bounds"
  | "hash-failed"
  | "json-invalid"
  | "opaque-setup-missing"
  | "opaque-setup-not-readable"
  | "opaque-setup-invalid"
  | "user-exists"
  | "no-such-user"
  | FileErrorCode
  | UsersFileErrorCode;

/** What atomic-file.ts and file-lock.ts can say of any file. */
export type FileErrorCode = "file-locked" | "file-not-replaceable" | "file-not-writable";

export type UsersFileErrorCode =
  | `users-${FileErrorCode}`
  | "users-file-missing"
  | "users-file-not-readable"
  | "users-file-too-large"
  | "users-file-invalid";

export class CredentialError extends Error {
  override readonly name = "CredentialError";
  readonly code: CredentialErrorCode;

  constructor(code: CredentialErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The code of a system error ("ENOENT"), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
