// Usernames are 1 to 64 bytes in 0x21–0x7E, compared byte for byte: no spaces, no case folding, no Unicode.
// So one name has one spelling, on the wire, in the file and in a log, and none can carry terminal escapes.

import { CredentialError } from "./error.ts";
import { maxUsernameBytes } from "./limits.ts";

const allowed = /^[\x21-\x7e]+$/;

export function isUsername(text: string): boolean {
  return text.length <= maxUsernameBytes && allowed.test(text);
}

export function checkUsername(text: string): void {
  if (isUsername(text)) return;
  throw new CredentialError("username-invalid", `invalid username: ${fault(text)}`);
}

/** What is wrong with a name that `isUsername` refused. The name itself isn't repeated: it may hold escapes. */
export function fault(text: string): string {
  if (text === "") return "it is empty";
  if (!allowed.test(text)) return "only the printable ASCII characters from ! to ~ are allowed, and no space";
  return `it has ${text.length} characters, and at most ${maxUsernameBytes} are allowed`;
}
