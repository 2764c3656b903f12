// What a session must know of a mechanism to carry it: its name, its announcement, how many steps it takes
// and what shape its first message has. What it does with a password is the business of src/auth.

import { decodeUtf8 } from "./body.ts";
import { breach } from "./error.ts";
import { LIMIT } from "./wire.ts";

export interface Mechanism {
  readonly name: string;
  /** What WELCOME announces beside the name. */
  readonly parameters: Uint8Array;
  /** 1: AUTH is answered at once. 2: CHALLENGE and RESPONSE come between. */
  readonly steps: 1 | 2;
  /** @throws TalkByteError `malformed` when AUTH's mechanism-data can't be this mechanism's. */
  checkAuthData(data: Uint8Array): void;
}

/** Spec section 6.3: the password itself, in one step. */
export const PASSWORD: Mechanism = {
  name: "PASSWORD",
  parameters: new Uint8Array(0),
  steps: 1,
  checkAuthData(data) {
    if (data.length === 0 || data.length > LIMIT.passwordBytes || decodeUtf8(data) === undefined) {
      throw breach("malformed", "AUTH: not a password");
    }
  },
};
