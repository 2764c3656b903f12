// Users with a hash alone get their OPAQUE record behind a login by PASSWORD, and nobody else notices.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { createOpaqueSetup, enrol } from "../../src/auth/opaque-enrolment.ts";
import { findUsableRecord } from "../../src/credentials/opaque-record.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { addUser, readUsers } from "../../src/credentials/users-file.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import {
  auth,
  hello,
  MemoryUsers,
  message,
  PASSWORD,
  phcOfPassword,
  rawConnect,
  rawConnectTls,
  startServer,
  usersFileWith,
  type RawPeer,
  type RunningServer,
} from "../net/harness.ts";
import { OpaquePeer, testSetup } from "../net/opaque-peer.ts";

async function startEnrolling(
  options: Parameters<typeof startServer>[0] & { readonly users: string | MemoryUsers },
): Promise<RunningServer> {
  return await startServer({ tls: true, opaque: await testSetup(), ...options });
}

async function logInByPassword(running: RunningServer): Promise<RawPeer> {
  const peer = await rawConnectTls(running);
  expect(await peer.send(hello(), auth()).lines(2)).toEqual(["WELCOME", "AUTHENTICATED"]);
  return peer;
}

test("after one login by PASSWORD the user logs in by OPAQUE, and the session of before goes on", async () => {
  const path = await usersFileWith("alice");
  const { credentialId, password } = (await readUsers(path)).get("alice")!;
  const running = await startEnrolling({ users: path });
  const session = await logInByPassword(running);
  expect(await running.log.wait("enrolled")).toMatchObject([{ level: "info", user: "alice" }]);
  expect((await readUsers(path)).get("alice")).toMatchObject({ credentialId, password });
  expect(await (await OpaquePeer.connect(running)).logIn("alice")).toBe("confirmed");
  await running.log.wait("users-reloaded");
  expect(await session.send(message(1, "still here")).line()).toBe("REPLY 1 still here");
  const text = readFileSync(path, "utf8");
  await logInByPassword(running);
  expect(readFileSync(path, "utf8")).toBe(text);
});

test("a weak hash and a missing record are renewed together, and the record goes with the new hash", async () => {
  const weak = await hashPassword(preparePassword(PASSWORD), { memoryKib: 1024, passes: 1, lanes: 1 });
  const path = await usersFileWith();
  await addUser(path, "alice", weak);
  const running = await startEnrolling({ users: path });
  await logInByPassword(running);
  await running.log.wait("enrolled");
  const user = (await readUsers(path)).get("alice")!;
  expect(user.password).not.toBe(weak);
  expect(findUsableRecord(user, (await testSetup()).id)).toBeDefined();
});

test("a record of an older setup is replaced", async () => {
  const path = await usersFileWith();
  const older = await enrol(await createOpaqueSetup(), "alice", preparePassword(PASSWORD));
  await addUser(path, "alice", await phcOfPassword(), older);
  const running = await startEnrolling({ users: path });
  await logInByPassword(running);
  await running.log.wait("enrolled");
  expect(await (await OpaquePeer.connect(running)).logIn("alice")).toBe("confirmed");
});

test("a file that can't be written is logged once, and no reason to refuse", async () => {
  let tries = 0;
  const users = Object.assign(new MemoryUsers().add("alice", await phcOfPassword()), {
    enrol: async () => await Promise.reject(new Error(`read-only ${++tries}`)),
  });
  const snapshot = await users.current();
  users.current = async () => await Promise.resolve(snapshot);
  const running = await startEnrolling({ users });
  await logInByPassword(running);
  expect(await running.log.wait("enrol-failed")).toMatchObject([{ level: "warn", user: "alice" }]);
  await logInByPassword(running);
  await logInByPassword(running);
  expect(tries).toBe(1);
});

test.each([
  ["in plaintext", { tls: false }],
  ["with users that are read only", { readOnlyUsers: true }],
])("%s nobody is enrolled", async (_, options) => {
  let tries = 0;
  const users = Object.assign(new MemoryUsers().add("alice", await phcOfPassword()), {
    enrol: async () => await Promise.resolve(++tries > 0),
  });
  const running = await startServer({ tls: true, opaque: await testSetup(), users, ...options });
  const peer = "tls" in options ? await rawConnect(running) : await rawConnectTls(running);
  expect(await peer.send(hello(), auth()).lines(2)).toEqual(["WELCOME", "AUTHENTICATED"]);
  // An enrolment would hold its place for as long as the stretching takes.
  expect([running.server.stats().verifying, tries]).toEqual([0, 0]);
});
