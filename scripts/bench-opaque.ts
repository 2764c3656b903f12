// What a login by OPAQUE costs each side, without sockets and TLS: the server's CPU for both of its steps, the same for
// a name that isn't there, and the client's time for the stretching with the default parameters, thread included.
// The server does not see the stretching, so that its logins are stretched as little as possible here.

import { randomBytes } from "node:crypto";
import { OpaqueClientAttempt } from "../src/auth/opaque-client.ts";
import { createOpaqueSetup, enrol, prepareEnrolment, recordOf } from "../src/auth/opaque-enrolment.ts";
import { OpaqueBinding } from "../src/auth/opaque-binding.ts";
import { keyStretching, loadOpaque, toBytes, toText } from "../src/auth/opaque-library.ts";
import { OpaqueLogin } from "../src/auth/opaque-login.ts";
import { stretch } from "../src/auth/opaque-stretch-job.ts";
import { preparePassword } from "../src/credentials/password.ts";
import { UsersDocument } from "../src/credentials/users-document.ts";
import type { Transcript } from "../src/protocol/login-frames.ts";
import type { Attempt } from "../src/protocol/server-host.ts";

const LOGINS = 300;
const STRETCHINGS = 9;
const password = preparePassword("correct horse battery");
const cheapest = { memoryKib: 8, passes: 1, lanes: 1 };
const channel = randomBytes(32);

const library = await loadOpaque();
const setup = await createOpaqueSetup();
const users = UsersDocument.empty();
const record = recordOf(stretch(library, prepareEnrolment(library, setup, "alice", password, cheapest)));
const stamp = { now: new Date().toISOString(), credentialId: "0".repeat(32) };
users.add("alice", undefined, stamp, { setupId: setup.id, record });
const byName = new Map(users.list().map((user) => [user.name, user]));
const snapshot = { get: (name: string) => byName.get(name), list: () => users.list(), warnings: [] };
const login = await OpaqueLogin.open(
  setup,
  {
    current: async () => await Promise.resolve(snapshot),
    replaceHash: async () => await Promise.resolve(false),
  },
  { unusable: () => undefined },
);

/** Milliseconds of CPU that this process spends on it. */
async function cpuMs<Result>(run: () => Promise<Result>): Promise<readonly [number, Result]> {
  const before = process.cpuUsage();
  const result = await run();
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / 1000, result];
}

/** One login; returns the server's CPU for AUTH and for RESPONSE. */
async function measure(username: string): Promise<readonly [number, number]> {
  const { startLoginRequest, clientLoginState } = library.client.startLogin({ password });
  const mechanismData = toBytes(startLoginRequest);
  const frame = new Uint8Array(120);
  const transcript: Transcript = {
    hello: frame,
    welcome: frame,
    auth: frame,
    challenge: frame,
    response: frame,
  };
  const attempt: Attempt = { mechanism: "OPAQUE", username, mechanismData, transcript };
  const connection = login.connect(channel);
  const [startMs, challenge] = await cpuMs(async () => await connection.verify(attempt));
  if (challenge.type !== "challenge") throw new Error(challenge.type);
  const loginResponse = toText(challenge.mechanismData);
  const options = { password, clientLoginState, loginResponse, keyStretching: keyStretching(cheapest) };
  const finished = library.client.finishLogin(options);
  const ke3 = finished === undefined ? randomBytes(64) : toBytes(finished.finishLoginRequest);
  const sessionKey = finished === undefined ? randomBytes(64) : toBytes(finished.sessionKey);
  const responseData = Uint8Array.of(
    ...ke3,
    ...new OpaqueBinding(sessionKey, channel).clientTag(transcript, ke3),
  );
  const [finishMs, outcome] = await cpuMs(async () => await connection.verify({ ...attempt, responseData }));
  if (outcome.type !== (username === "alice" ? "accepted" : "rejected")) throw new Error(outcome.type);
  return [startMs, finishMs];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const show = (what: string, values: readonly number[]): void => {
  process.stdout.write(`${what.padEnd(44)} ${median(values).toFixed(2)} ms\n`);
};

for (let warmUp = 0; warmUp < 50; warmUp++) await measure(warmUp % 2 === 0 ? "alice" : "nobody");
const pairs = [];
for (let at = 0; at < LOGINS; at++) {
  // In turns one or the other comes first, for whoever does pays for what lies between.
  const first = await measure(at % 2 === 0 ? "alice" : "nobody");
  const second = await measure(at % 2 === 0 ? "nobody" : "alice");
  pairs.push(at % 2 === 0 ? ([first, second] as const) : ([second, first] as const));
}
show(
  "server CPU, AUTH to CHALLENGE, real user",
  pairs.map(([real]) => real[0]),
);
show(
  "server CPU, AUTH to CHALLENGE, absent user",
  pairs.map(([, absent]) => absent[0]),
);
show(
  "difference of pairs",
  pairs.map(([real, absent]) => real[0] - absent[0]),
);
show(
  "server CPU, RESPONSE to AUTHENTICATED",
  pairs.map(([real]) => real[1]),
);

const [enrolments, stretchings]: [number[], number[]] = [[], []];
for (let at = 0; at < STRETCHINGS; at++) {
  const enrolledAt = performance.now();
  await enrol(setup, "bob", password);
  enrolments.push(performance.now() - enrolledAt);
  const attempt = await OpaqueClientAttempt.start(password, channel);
  const frame = new Uint8Array(0);
  const transcript: Transcript = { hello: frame, welcome: frame, auth: frame, challenge: frame };
  const { ke2 } = (await login.start("alice", attempt.ke1))!;
  const startedAt = performance.now();
  await attempt.respond({ ke2, stretching: setup.stretching, transcript });
  stretchings.push(performance.now() - startedAt);
}
show("client, CHALLENGE to RESPONSE, wall clock", stretchings);
show("enrolment, wall clock", enrolments);
