// Text from a peer, made safe for a terminal or a log (TB-FRAME-8): control characters, C1 controls and the
// characters that reorder or break lines are shown as escapes.

import { isIP } from "node:net";
import { TalkByteError } from "../protocol/error.ts";

const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- control characters are the point
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** The text with every unsafe character as `\xNN` or `\u{N}`. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

const decoder = new TextDecoder();

/** The bytes as safe text; what is not UTF-8 becomes U+FFFD. */
export function escapeBytes(bytes: Uint8Array): string {
  return escapeText(decoder.decode(bytes));
}

/** The error with its text escaped. */
export function escapeError({ code, side, message, refusal }: TalkByteError): TalkByteError {
  return new TalkByteError(code, side, escapeText(message), refusal === undefined ? {} : { refusal });
}

/** A host as it stands in an address: IPv6 in brackets, anything unsafe escaped. */
export function displayHost(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : escapeText(host);
}
