// Registration without frames: whoever sets a password, or has just verified one, holds the password and the setup, and
// plays both halves of RFC 9807's registration. What is stored is no more than after a registration over the wire.

import type { Enrolment } from "../credentials/opaque-record.ts";
import { makeOpaqueSetup, type OpaqueSetup } from "../credentials/opaque-setup.ts";
import { defaultStretching } from "../credentials/opaque-stretching.ts";
import type { PreparedPassword } from "../credentials/password.ts";
import type { HashParameters } from "../credentials/phc.ts";
import { loadOpaque, toBytes, toText, type OpaqueLibrary } from "./opaque-library.ts";
import type { StretchJob, StretchResult } from "./opaque-stretch-job.ts";
import { stretchInThread } from "./opaque-thread.ts";

/** A setup of its own, for a server that has none yet or rotates. */
export async function createOpaqueSetup(
  stretching: HashParameters = defaultStretching,
): Promise<OpaqueSetup> {
  const library = await loadOpaque();
  return makeOpaqueSetup(toBytes(library.server.createSetup()), stretching, new Date().toISOString());
}

/**
 * Stretches in a thread: takes as long as a client's login, and its memory.
 * @throws StretchingError
 * @throws the signal's reason when it aborts
 */
export async function enrol(
  setup: OpaqueSetup,
  username: string,
  password: PreparedPassword,
  signal?: AbortSignal,
): Promise<Enrolment> {
  const job = prepareEnrolment(await loadOpaque(), setup, username, password, setup.stretching);
  return { setupId: setup.id, record: recordOf(await stretchInThread(job, signal)) };
}

/** Both halves up to the stretching. */
export function prepareEnrolment(
  library: OpaqueLibrary,
  setup: OpaqueSetup,
  username: string,
  password: string,
  stretching: HashParameters,
): StretchJob {
  const { registrationRequest, clientRegistrationState } = library.client.startRegistration({ password });
  const { registrationResponse } = library.server.createRegistrationResponse({
    serverSetup: toText(setup.secret),
    userIdentifier: username,
    registrationRequest,
  });
  return { type: "register", password, stretching, clientRegistrationState, registrationResponse };
}

export function recordOf(result: StretchResult): Uint8Array {
  if (result.type !== "registered") throw new TypeError("not a registration");
  return toBytes(result.record);
}
