// What a session must know of a mechanism to carry it: its name, its announcement, how many steps it takes
// and what shape its messages have. What it does with a password is the business of src/auth.

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
  /** The same for the data of RESPONSE, unless it is empty; a mechanism of one step has none. */
  checkResponseData?(data: Uint8Array): void;
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

export const OPAQUE_NAME = "OPAQUE";

/** What OPAQUE's mechanism-data holds in each frame, in bytes (spec section 6.4). */
export const OPAQUE_BYTES = { AUTH: 96, CHALLENGE: 320, RESPONSE: 96, AUTHENTICATED: 32 } as const;

/** Spec section 6.4: a proof of the password, in two steps; the parameters are those of its key stretching. */
export function opaqueMechanism(parameters: Uint8Array): Mechanism {
  return {
    name: OPAQUE_NAME,
    parameters,
    steps: 2,
    checkAuthData: (data) => checkOpaqueData("AUTH", data),
    checkResponseData: (data) => checkOpaqueData("RESPONSE", data),
  };
}

/** @throws TalkByteError `malformed` when the frame's mechanism-data can't be OPAQUE's. */
export function checkOpaqueData(frame: keyof typeof OPAQUE_BYTES, data: Uint8Array): void {
  const wanted = OPAQUE_BYTES[frame];
  if (data.length !== wanted) throw breach("malformed", `${frame}: OPAQUE has ${wanted} bytes here`);
}
