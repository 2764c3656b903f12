// Another OPAQUE setup in a running server: each connection has one setup, that of its WELCOME, and users come by their
// next record behind a PASSWORD login.

import { beforeAll, expect, test } from "vitest";

import { createOpaqueSetup, enrol } from "../../src/auth/opaque-enrolment.ts";
import type { OpaqueSetup } from "../../src/credentials/opaque-setup.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { readUsers, setPassword } from "../../src/credentials/users-file.ts";
import { encodeResponse } from "../../src/protocol/login-frames.ts";
import {
  auth,
  message,
  MemoryUsers,
  PASSWORD,
  phcOfPassword,
  startServer,
  usersFileWith,
  type RunningServer,
} from "./harness.ts";
import { giveRecord, OpaquePeer, opaqueUsers, testSetup } from "./opaque-peer.ts";

/** With other parameters, so that nothing opens that is stretched with those of the other WELCOME. */
let next: OpaqueSetup;
beforeAll(async () => {
  next = await createOpaqueSetup({ memoryKib: 20_480, passes: 3, lanes: 1 });
});

async function startOpaqueServer(users: MemoryUsers | string): Promise<RunningServer> {
  return await startServer({ tls: true, users, opaque: await testSetup() });
}

async function greeted(running: RunningServer): Promise<OpaquePeer> {
  const peer = await OpaquePeer.connect(running);
  expect(await peer.greet()).toEqual(["OPAQUE", "PASSWORD"]);
  return peer;
}

async function logIn(running: RunningServer, username: string): Promise<string> {
  return await (await OpaquePeer.connect(running)).logIn(username);
}

test("a connection finishes with the setup of its WELCOME, and the next one has the new (TB-OPAQUE-19)", async () => {
  const running = await startOpaqueServer(await opaqueUsers());
  const session = await greeted(running);
  expect(await session.logIn("alice")).toBe("confirmed");
  const atWelcome = await greeted(running);
  const atChallenge = await greeted(running);
  const challenged = await atChallenge.challenge("alice");

  await running.server.setOpaqueSetup(next);
  expect(await atWelcome.logIn("alice")).toBe("confirmed");
  const response = encodeResponse(await atChallenge.respond(challenged));
  expect(await atChallenge.raw.send(response).line()).toBe("AUTHENTICATED");
  expect(await session.raw.send(message(1, "still here")).line()).toBe("REPLY 1 still here");
  expect(await logIn(running, "alice")).toBe("REFUSED");
});

test("a record of the new setup is none on a connection of before (TB-OPAQUE-19, TB-OPAQUE-6)", async () => {
  const users = await opaqueUsers();
  const running = await startOpaqueServer(users);
  const before = await greeted(running);
  await running.server.setOpaqueSetup(next);
  await giveRecord(users, "only", next);
  await before.challenge("only");
  const refusal = await before.raw.send(encodeResponse(new Uint8Array(96))).line();
  expect(refusal).toBe("REFUSED bad-credentials after 0 left 2");
  expect(running.log.of("login")).toMatchObject([{ why: "user without an OPAQUE record" }]);
  expect(await logIn(running, "only")).toBe("confirmed");
});

test("a login by PASSWORD, also on a connection of before, brings the record for the new setup", async () => {
  const path = await usersFileWith("alice");
  await setPassword(
    path,
    "alice",
    await phcOfPassword(),
    await enrol(await testSetup(), "alice", preparePassword(PASSWORD)),
  );
  const running = await startOpaqueServer(path);
  const before = await greeted(running);
  await running.server.setOpaqueSetup(next);
  expect(await logIn(running, "alice")).toBe("REFUSED");

  expect(await before.raw.send(auth()).line()).toBe("AUTHENTICATED");
  await running.log.wait("enrolled");
  expect((await readUsers(path)).get("alice")!.opaque).toMatchObject({ setupId: next.id });
  expect(await logIn(running, "alice")).toBe("confirmed");
});

test("a server without a setup offers OPAQUE once it has one; a server in plaintext takes none", async () => {
  const running = await startServer({ tls: true, users: await opaqueUsers(next) });
  expect(await (await OpaquePeer.connect(running)).greet()).toEqual(["PASSWORD"]);
  await running.server.setOpaqueSetup(next);
  expect(await logIn(running, "alice")).toBe("confirmed");

  const { server } = await startServer();
  await expect(server.setOpaqueSetup(next)).rejects.toMatchObject({ code: "wrong-state" });
});
