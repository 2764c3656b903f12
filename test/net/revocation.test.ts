// Sessions of users who are removed, disabled, or given another password (spec section 9.5), and what else a change of
// the users file does to a running server.

import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { preparePassword } from "../../src/credentials/password.ts";
import {
  addUser,
  disableUser,
  enableUser,
  readUsers,
  removeUser,
  replaceHash,
  setPassword,
} from "../../src/credentials/users-file.ts";
import type { UsersSnapshot } from "../../src/credentials/users-file.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import {
  auth,
  hello,
  MemoryUsers,
  message,
  PASSWORD,
  phcOfPassword,
  rawConnect,
  startServer,
  STOP,
  usersFileWith,
  type RawPeer,
  type RunningServer,
} from "./harness.ts";

async function logInAs(running: RunningServer, name: string): Promise<RawPeer> {
  const peer = await rawConnect(running);
  expect(await peer.send(hello(), auth(name)).lines(2)).toEqual(["WELCOME", "AUTHENTICATED"]);
  return peer;
}

async function echoes(peer: RawPeer): Promise<void> {
  expect(await peer.send(message(7, "still here")).line()).toBe("REPLY 7 still here");
}

const another = async (): Promise<string> => await hashPassword(preparePassword("another battery"));

test.each([
  ["removed", async (path: string) => await removeUser(path, "alice"), ["removed"]],
  ["disabled", async (path: string) => void (await disableUser(path, "alice")), ["disabled"]],
  [
    "given another password",
    async (path: string) => await setPassword(path, "alice", await another()),
    ["renewed"],
  ],
  [
    "removed and added again with the same password",
    async (path: string) => {
      await removeUser(path, "alice");
      await addUser(path, "alice", await phcOfPassword());
    },
    [],
  ],
])("TB-END-25: a user who is %s loses all sessions, and nobody else does", async (_, change, changes) => {
  const path = await usersFileWith("alice", "bob");
  const running = await startServer({ users: path });
  const sessions = [await logInAs(running, "alice"), await logInAs(running, "alice")];
  const bob = await logInAs(running, "bob");
  await change(path);
  for (const session of sessions) expect(await session.rest()).toEqual(["ERROR revoked", "end"]);
  await echoes(bob);
  const logged = running.log.of("users-reloaded").flatMap((line) => Object.keys(line));
  expect(logged).toEqual(expect.arrayContaining(changes));
});

test("TB-END-25: a second is enough for it", async () => {
  const path = await usersFileWith("alice");
  const running = await startServer({ users: path });
  const session = await logInAs(running, "alice");
  await disableUser(path, "alice");
  const since = performance.now();
  await session.rest();
  // The file is looked at every 500 ms even where no watch tells of it.
  expect(performance.now() - since).toBeLessThan(1000);
});

test("a new hash of the same password, and a user who is added, end no session", async () => {
  const path = await usersFileWith("alice");
  const running = await startServer({ users: path });
  const session = await logInAs(running, "alice");
  const { password } = (await readUsers(path)).get("alice")!;
  await replaceHash(path, "alice", password!, await hashPassword(preparePassword(PASSWORD)));
  await running.log.wait("users-reloaded");
  await addUser(path, "bob", await phcOfPassword());
  await logInAs(running, "bob");
  expect(running.log.of("users-reloaded").at(-1)).toMatchObject({ users: 2, added: "bob" });
  await echoes(session);
});

test("a file that can't be used ends no session, and one that is mended counts again", async () => {
  const path = await usersFileWith("alice");
  const running = await startServer({ users: path });
  const session = await logInAs(running, "alice");
  writeFileSync(path, "{");
  await running.log.wait("users-kept");
  await echoes(session);
  writeFileSync(path, '{"version":1,"users":{}}');
  expect(await session.rest()).toEqual(["ERROR revoked", "end"]);
});

test("a users file behind links that are swapped, as Kubernetes does it", async () => {
  const folder = makeTemporaryFolder();
  for (const version of ["v1", "v2"]) mkdirSync(join(folder, version));
  await addUser(join(folder, "v1", "users.json"), "alice", await phcOfPassword());
  await addUser(join(folder, "v2", "users.json"), "bob", await phcOfPassword());
  symlinkSync("v1", join(folder, "..data"));
  symlinkSync(join("..data", "users.json"), join(folder, "users.json"));
  const running = await startServer({ users: join(folder, "users.json") });
  const session = await logInAs(running, "alice");
  symlinkSync("v2", join(folder, "..new"));
  renameSync(join(folder, "..new"), join(folder, "..data"));
  expect(await session.rest()).toEqual(["ERROR revoked", "end"]);
  await logInAs(running, "bob");
});

/** Users in memory, changed while a verification that has begun with them is under way. */
class ChangingUsers extends MemoryUsers {
  changed: ((users: UsersSnapshot) => void) | undefined;
  change: (() => void) | undefined;

  override async current(): Promise<UsersSnapshot> {
    const { users } = this;
    const before = new Map(users);
    const change = this.change;
    this.change = undefined;
    if (change !== undefined)
      queueMicrotask(() => {
        change();
        this.changed?.({ get: (name) => users.get(name), list: () => [...users.values()], warnings: [] });
      });
    return { get: (name) => before.get(name), list: () => [...before.values()], warnings: [] };
  }

  watch(changed: (users: UsersSnapshot) => void): { close(): Promise<void> } {
    this.changed = changed;
    return { close: async () => void (this.changed = undefined) };
  }
}

// The message rode behind AUTH, and may be answered before the session ends.
test("a user who is revoked while the password is verified is logged in and out again", async () => {
  const users = new ChangingUsers().add("alice", await phcOfPassword());
  const running = await startServer({ users });
  users.change = () => users.users.delete("alice");
  const peer = await rawConnect(running);
  peer.send(hello(), auth(), message(1, "a"));
  expect((await peer.rest()).filter((line) => !line.startsWith("REPLY"))).toEqual([
    "WELCOME",
    "AUTHENTICATED",
    "ERROR revoked",
    "end",
  ]);
});

test("a session that has been stopped gets its STOPPED though its user is gone by then", async () => {
  const path = await usersFileWith("alice");
  const running = await startServer({ users: path });
  const session = await logInAs(running, "alice");
  expect(await session.send(STOP).line()).toBe("STOPPED 0");
  await removeUser(path, "alice");
  await running.log.wait("users-reloaded");
  expect(await session.rest()).toEqual(["end"]);
});

test("a user who was disabled and enabled again has lost the sessions of before", async () => {
  const path = await usersFileWith("alice");
  const running = await startServer({ users: path });
  const session = await logInAs(running, "alice");
  await disableUser(path, "alice");
  await enableUser(path, "alice");
  expect(await session.rest()).toEqual(["ERROR revoked", "end"]);
  await logInAs(running, "alice");
});

test("reload() reads the users though nothing seems to have changed", async () => {
  const running = await startServer({ users: await usersFileWith("alice") });
  const before = running.log.of("users-reloaded").length;
  await running.server.reload();
  expect(running.log.of("users-reloaded")).toHaveLength(before + 1);
});
