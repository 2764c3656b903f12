// The two computations of OPAQUE that stretch a password, which blocks the thread for as long as argon2id takes. Both
// are the client's part; a server that enrols a user plays it too.

import type { HashParameters } from "../credentials/phc.ts";
import { keyStretching, type OpaqueLibrary } from "./opaque-library.ts";

/** Messages and states in the library's own text form, which crosses threads as it is. */
export type StretchJob =
  | {
      readonly type: "register";
      readonly password: string;
      readonly stretching: HashParameters;
      readonly clientRegistrationState: string;
      readonly registrationResponse: string;
    }
  | {
      readonly type: "log-in";
      readonly password: string;
      readonly stretching: HashParameters;
      readonly clientLoginState: string;
      readonly loginResponse: string;
    };

export type StretchResult =
  | { readonly type: "registered"; readonly record: string }
  | { readonly type: "logged-in"; readonly ke3: string; readonly sessionKey: string }
  /** KE2 does not open with this password: it is wrong, or whoever answered has no record of it. */
  | { readonly type: "not-opened" };

export function stretch(library: OpaqueLibrary, job: StretchJob): StretchResult {
  const { password } = job;
  const options = { password, keyStretching: keyStretching(job.stretching) };
  if (job.type === "register") {
    const { clientRegistrationState, registrationResponse } = job;
    const registration = { ...options, clientRegistrationState, registrationResponse };
    return { type: "registered", record: library.client.finishRegistration(registration).registrationRecord };
  }
  const { clientLoginState, loginResponse } = job;
  const finished = finishLogin(library, { ...options, clientLoginState, loginResponse });
  if (finished === undefined) return { type: "not-opened" };
  return { type: "logged-in", ke3: finished.finishLoginRequest, sessionKey: finished.sessionKey };
}

type FinishLogin = OpaqueLibrary["client"]["finishLogin"];

/** Undefined also where KE2 holds no group elements; a trap of the computation itself is thrown on. */
function finishLogin(
  library: OpaqueLibrary,
  parameters: Parameters<FinishLogin>[0],
): ReturnType<FinishLogin> {
  try {
    return library.client.finishLogin(parameters);
  } catch (error) {
    if (error instanceof Error && error.name === "RuntimeError") throw error;
    return undefined;
  }
}
