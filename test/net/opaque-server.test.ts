// OPAQUE at a running server, over TLS sockets: who gets in, who doesn't and how alike, what a challenge
// costs, and what is bound to what. Floods and replays are in test/attacks.

import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";

import { createOpaqueSetup, enrol } from "../../src/auth/opaque-enrolment.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { addUser, disableUser } from "../../src/credentials/users-file.ts";
import { encodeResponse } from "../../src/protocol/login-frames.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { auth, hello, message, PASSWORD, rawConnect, startServer, type RunningServer } from "./harness.ts";
import { OpaquePeer, opaqueUsers, testSetup } from "./opaque-peer.ts";

async function startOpaqueServer(options: Parameters<typeof startServer>[0] = {}): Promise<RunningServer> {
  return await startServer({ tls: true, users: await opaqueUsers(), opaque: await testSetup(), ...options });
}

test("over TLS OPAQUE is offered first; in plaintext it is not (TB-OPAQUE-1)", async () => {
  const secure = await OpaquePeer.connect(await startOpaqueServer());
  expect(await secure.greet()).toEqual(["OPAQUE", "PASSWORD"]);
  const plain = await startServer({ users: await opaqueUsers(), opaque: await testSetup() });
  const peer = await rawConnect(plain);
  peer.send(hello(), auth("alice", new Uint8Array(96), "OPAQUE"));
  expect(await peer.lines(2)).toEqual(["WELCOME", "REFUSED mechanism-unavailable after 0 left 3"]);
});

test("the right password logs in, proves the server, and is logged by its mechanism", async () => {
  const running = await startOpaqueServer();
  for (const username of ["alice", "only"]) {
    const peer = await OpaquePeer.connect(running);
    expect(await peer.logIn(username)).toBe("confirmed");
    expect(await peer.raw.send(message(1, "hi")).line()).toBe("REPLY 1 hi");
  }
  expect(running.log.of("login")).toMatchObject([
    { outcome: "accepted", user: "alice", mechanism: "OPAQUE" },
    { outcome: "accepted", user: "only", mechanism: "OPAQUE" },
  ]);
});

test("a verified RESPONSE gives the try back, on the third as on the first (TB-AUTH-9)", async () => {
  const running = await startOpaqueServer();
  const peer = await OpaquePeer.connect(running);
  for (const left of [2, 1]) {
    await peer.challenge("alice", "wrong battery staple");
    const refusal = await peer.raw.send(encodeResponse(new Uint8Array(96))).line();
    expect(refusal).toBe(`REFUSED bad-credentials after 0 left ${left}`);
  }
  expect(await peer.logIn("alice")).toBe("confirmed");
});

test("an empty RESPONSE abandons, and its CHALLENGE stays counted (TB-AUTH-10)", async () => {
  const running = await startOpaqueServer();
  const peer = await OpaquePeer.connect(running);
  const challenged = await peer.challenge("alice", "wrong battery staple");
  expect(await peer.respond(challenged)).toHaveLength(0);
  expect(await peer.raw.send(encodeResponse(new Uint8Array(0))).line()).toBe(
    "REFUSED abandoned after 0 left 2",
  );
  expect(running.log.of("login")).toMatchObject([{ outcome: "abandoned", mechanism: "OPAQUE" }]);
});

test("wrong password, unknown, disabled, not enrolled: the same frames of the same sizes in the same order (TB-OPAQUE-6)", async () => {
  const running = await startOpaqueServer();
  const answers: unknown[] = [];
  const names = ["alice", "nobody", "carol", "bob", "__proto__"];
  for (const username of names) {
    const peer = await OpaquePeer.connect(running);
    const { ke2 } = await peer.challenge(username, "wrong battery staple");
    const refusals = [];
    for (const data of [new Uint8Array(randomBytes(96)), new Uint8Array(0)]) {
      if (refusals.length > 0) await peer.challenge(username);
      const { name, body } = (await peer.raw.send(encodeResponse(data)).next())!;
      refusals.push(`${name} ${Buffer.from(body).toString("hex")}`);
    }
    answers.push({ challenge: ke2.length, refusals });
  }
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toEqual({ challenge: 320, refusals: ["REFUSED 010000000002", "REFUSED 050000000001"] });
  const why = running.log.of("login").flatMap((line) => (line["why"] === undefined ? [] : [line["why"]]));
  expect(why).toEqual([
    "wrong password",
    "unknown user",
    "disabled user",
    "user without an OPAQUE record",
    "unknown user",
  ]);
});

test("nobody but the enrolled gets a KE2 that opens, with the right password neither", async () => {
  const running = await startOpaqueServer();
  for (const username of ["nobody", "carol", "bob"]) {
    expect(await (await OpaquePeer.connect(running)).logIn(username), username).toBe("REFUSED");
  }
});

test("a record of another setup is none", async () => {
  const running = await startOpaqueServer({ users: await opaqueUsers(await createOpaqueSetup()) });
  expect(await (await OpaquePeer.connect(running)).logIn("alice")).toBe("REFUSED");
});

test("a login that is bound to another channel is refused like a wrong password (TB-OPAQUE-12)", async () => {
  const running = await startOpaqueServer();
  const peer = await OpaquePeer.connect(running, { channel: new Uint8Array(randomBytes(32)) });
  const challenged = await peer.challenge("alice");
  const response = encodeResponse(await peer.respond(challenged));
  expect(response).toHaveLength(103);
  expect(await peer.raw.send(response).line()).toBe("REFUSED bad-credentials after 0 left 2");
  expect(running.log.of("login")[0]).toMatchObject({ why: expect.stringContaining("in the middle") });
});

test("TB-END-25: a user who logged in by OPAQUE and is disabled loses the session", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  await addUser(path, "alice", undefined, await enrol(await testSetup(), "alice", preparePassword(PASSWORD)));
  const running = await startOpaqueServer({ users: path });
  const peer = await OpaquePeer.connect(running);
  expect(await peer.logIn("alice")).toBe("confirmed");
  await disableUser(path, "alice");
  expect(await peer.raw.rest()).toEqual(["ERROR revoked", "end"]);
});

test("challenges cost a source its penalty at once, until it is throttled", async () => {
  const limits = { nameFailurePenaltyMs: 60_000, throttleAboveMs: 100_000 };
  const running = await startOpaqueServer({ penaltyExempt: [], limits });
  for (let challenges = 0; challenges < 2; challenges++) {
    const peer = await OpaquePeer.connect(running);
    await peer.challenge("alice", "wrong battery staple");
    peer.raw.socket.destroy(); // it has learnt from KE2 what it wanted
  }
  const peer = await OpaquePeer.connect(running);
  await peer.greet();
  const answer = await peer.raw.send(auth("alice", new Uint8Array(96), "OPAQUE")).line();
  expect(answer).toMatch(/^REFUSED throttled after \d+ left 0$/);
});
