// Passwords as RFC 8265 OpaqueString (section 4.2): the same password typed on two systems gives the same
// bytes. What leaves this file is a PreparedPassword, a type of its own, so that an unprepared string can't
// be hashed or compared by mistake.
//
// We test for membership of the class after mapping and normalising, as RFC 8264 section 7 orders the rules
// (and Go's and Python's PRECIS libraries do): section 4.2.1 of RFC 8265 read alone would refuse the
// decomposed Hangul that macOS types. Nothing here is trimmed, folded or cut: a password is either used
// whole or refused.

import { randomInt } from "node:crypto";

import { isCommonPassword } from "./common-passwords.ts";
import { CredentialError } from "./error.ts";
import {
  maxPasswordBytes,
  maxRawPasswordBytes,
  minPasswordCodePoints,
  recommendedPasswordCodePoints,
} from "./limits.ts";
import { findFreeformFault } from "./precis.ts";

declare const prepared: unique symbol;
export type PreparedPassword = string & { readonly [prepared]: true };

export interface PasswordWarning {
  readonly code: "password-short";
  readonly message: string;
}

export interface NewPassword {
  readonly password: PreparedPassword;
  readonly warnings: readonly PasswordWarning[];
}

/** Prepares and enforces: throws `password-invalid` or `password-too-long`. Bytes are read as UTF-8. */
export function preparePassword(input: string | Uint8Array): PreparedPassword {
  if (input.length > maxRawPasswordBytes) throw tooLong();
  const text = typeof input === "string" ? input : decodeUtf8(input);
  if (!text.isWellFormed()) throw invalid("it is not well-formed Unicode (a lone surrogate)");
  const password = text.replaceAll(/\p{Zs}/gu, " ").normalize("NFC");
  enforce(password);
  return password;
}

/** Prepares a password that someone chooses now, and holds it to the policy for new ones. */
export function checkNewPassword(input: string | Uint8Array, username?: string): NewPassword {
  const password = preparePassword(input);
  const length = Array.from(password).length;
  if (length < minPasswordCodePoints) {
    throw new CredentialError(
      "password-too-short",
      `the password is too short: choose at least ${minPasswordCodePoints} characters, ` +
        `better ${recommendedPasswordCodePoints}`,
    );
  }
  if (isCommonPassword(password)) {
    throw new CredentialError(
      "password-common",
      "the password is one of the commonest, which are guessed first: choose another",
    );
  }
  if (username !== undefined && password.toLowerCase() === username.toLowerCase()) {
    throw new CredentialError("password-is-username", "the password is the username: choose another");
  }
  if (length >= recommendedPasswordCodePoints) return { password, warnings: [] };
  const message = `the password is short: ${recommendedPasswordCodePoints} characters or more are recommended`;
  return { password, warnings: [{ code: "password-short", message }] };
}

/** Without i, l, o, 0 and 1, which people confuse. */
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789";
const groups = 4;
const groupChars = 6;

/** Four groups of six out of 31 characters, `k7wq3m-…`: 118 bits. */
export function generatePassword(): string {
  return Array.from({ length: groups }, randomGroup).join("-");
}

function randomGroup(): string {
  return Array.from({ length: groupChars }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
}

function enforce(password: string): asserts password is PreparedPassword {
  if (password === "") throw invalid("it is empty");
  if (Buffer.byteLength(password) > maxPasswordBytes) throw tooLong();
  const fault = findFreeformFault(password);
  if (fault !== undefined) throw invalid(`it contains ${fault}`);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // A byte order mark is content here, and refused as such.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The cause is left out: it could quote the input one day.
    throw invalid("it is not valid UTF-8");
  }
}

function invalid(reason: string): CredentialError {
  return new CredentialError("password-invalid", `the password can't be used: ${reason}`);
}

function tooLong(): CredentialError {
  const message = `the password is too long: at most ${maxPasswordBytes} bytes as UTF-8 are allowed`;
  return new CredentialError("password-too-long", message);
}
