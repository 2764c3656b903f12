// A server with users and OPAQUE, and the frames of a login in the hands of a test, without a socket: both ends are
// the real ones, and whatever lies between can be changed.

import { randomBytes } from "node:crypto";
import { createOpaqueSetup, enrol } from "../../src/auth/opaque-enrolment.ts";
import { OpaqueClientAttempt } from "../../src/auth/opaque-client.ts";
import { OpaqueLogin, type OpaqueConnection } from "../../src/auth/opaque-login.ts";
import type { UsersSource } from "../../src/auth/users-source.ts";
import type { OpaqueSetup } from "../../src/credentials/opaque-setup.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { UsersDocument } from "../../src/credentials/users-document.ts";
import {
  encodeAuth,
  encodeChallenge,
  encodeHello,
  encodeResponse,
  encodeWelcome,
  type Transcript,
} from "../../src/protocol/login-frames.ts";
import type { Attempt, Outcome } from "../../src/protocol/server-host.ts";

export const PASSWORD_OF_ALICE = "correct horse battery";
const PHC = "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNsdA$k81ovk8fkH1PorA/36zCkEKia28tQyMQYijfaS5RQy4";

export interface OpaqueServer {
  readonly setup: OpaqueSetup;
  readonly login: OpaqueLogin;
  readonly users: UsersDocument;
  readonly unusable: string[];
}

export const stamp = () => ({
  now: "2026-01-02T03:04:05.678Z",
  credentialId: randomBytes(16).toString("hex"),
});

/** alice has a hash and a record, only has a record alone, bob a hash alone, carol is disabled. */
export async function openServer(): Promise<OpaqueServer> {
  const setup = await createOpaqueSetup();
  const users = UsersDocument.empty();
  const password = preparePassword(PASSWORD_OF_ALICE);
  users.add("alice", PHC, stamp(), await enrol(setup, "alice", password));
  users.add("only", undefined, stamp(), await enrol(setup, "only", password));
  users.add("bob", PHC, stamp());
  users.add("carol", PHC, stamp(), await enrol(setup, "carol", password));
  users.disable("carol", stamp());
  const source: UsersSource = {
    current: async () =>
      await Promise.resolve({ get: (name) => users.get(name), list: () => users.list(), warnings: [] }),
    replaceHash: async () => await Promise.resolve(false),
  };
  const unusable: string[] = [];
  const login = await OpaqueLogin.open(setup, source, { unusable: (name) => unusable.push(name) });
  return { setup, login, users, unusable };
}

const VERSIONS = { min: 1, max: 1 };

/** The frames up to AUTH, as both sides of an honest connection see them. */
export function openingOf(server: OpaqueServer, username: string, ke1: Uint8Array): Transcript {
  return {
    hello: encodeHello({ versions: VERSIONS, agent: "a" }),
    welcome: encodeWelcome({
      version: 1,
      agent: "b",
      maxFrameBytes: 4096,
      maxUnderWay: 1,
      idleTimeoutMs: 1,
      mechanisms: [server.login.mechanism],
    }),
    auth: encodeAuth({ mechanism: "OPAQUE", username, mechanismData: ke1 }),
  };
}

export interface Challenged {
  readonly attempt: OpaqueClientAttempt;
  readonly connection: OpaqueConnection;
  readonly ke2: Uint8Array;
  readonly transcript: Transcript;
  readonly request: Attempt;
}

export const CHANNEL: Uint8Array = new Uint8Array(randomBytes(32));

/** Up to CHALLENGE. The client's channel may be another than the server's: a man in the middle. */
export async function challenge(
  server: OpaqueServer,
  username: string,
  password = PASSWORD_OF_ALICE,
  { connection = server.login.connect(CHANNEL), clientChannel = CHANNEL } = {},
): Promise<Challenged> {
  const attempt = await OpaqueClientAttempt.start(preparePassword(password), clientChannel);
  const opening = openingOf(server, username, attempt.ke1);
  const request = { mechanism: "OPAQUE", username, mechanismData: attempt.ke1, transcript: opening };
  const outcome = await connection.verify(request);
  if (outcome.type !== "challenge") throw new Error(`not challenged but ${outcome.type}`);
  const ke2 = outcome.mechanismData;
  return {
    attempt,
    connection,
    ke2,
    transcript: { ...opening, challenge: encodeChallenge(ke2) },
    request,
  };
}

export async function respond(
  server: OpaqueServer,
  { attempt, ke2, transcript }: Challenged,
): Promise<Uint8Array> {
  return await attempt.respond({ ke2, stretching: server.setup.stretching, transcript });
}

/** The server's judgement on this RESPONSE, with the transcript as the server saw it. */
export async function judge(
  { connection, request, transcript }: Challenged,
  responseData: Uint8Array,
  seen: Transcript = transcript,
): Promise<{ readonly outcome: Outcome; readonly transcript: Transcript }> {
  const complete = { ...seen, response: encodeResponse(responseData) };
  return {
    outcome: await connection.verify({ ...request, responseData, transcript: complete }),
    transcript: complete,
  };
}
