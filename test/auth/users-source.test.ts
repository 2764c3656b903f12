// The users file under a running server: missing at first, changed, spoilt, and rewritten by the server itself.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { UsersFile } from "../../src/auth/users-source.ts";
import { findUsableRecord } from "../../src/credentials/opaque-record.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { parsePhc } from "../../src/credentials/phc.ts";
import {
  addUser,
  disableUser,
  readUsers,
  removeUser,
  setPassword,
} from "../../src/credentials/users-file.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import {
  auth,
  hello,
  MemoryUsers,
  PASSWORD,
  phcOfPassword,
  rawConnect,
  startServer,
  type RunningServer,
} from "../net/harness.ts";

async function tryLogin(running: RunningServer, username = "alice", password = PASSWORD): Promise<string> {
  const client = await rawConnect(running);
  const [, answer] = await client.send(hello(), auth(username, password)).lines(2);
  client.socket.destroy();
  return answer!.split(" ")[0]!;
}

test("a file that is missing at the start is a server without users, and is found when it comes", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  const running = await startServer({ users: path });
  expect(await tryLogin(running)).toBe("REFUSED");
  await addUser(path, "alice", await phcOfPassword());
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(running.log.of("users-reloaded")).toMatchObject([{ users: 1 }]);
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(running.log.of("users-reloaded")).toHaveLength(1);
});

test("every change counts from the next login on, without a restart", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  await addUser(path, "alice", await phcOfPassword());
  const running = await startServer({ users: path });
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  await disableUser(path, "alice");
  expect(await tryLogin(running)).toBe("REFUSED");
  await addUser(path, "bob", await phcOfPassword());
  expect(await tryLogin(running, "bob")).toBe("AUTHENTICATED");
  await setPassword(path, "bob", await hashPassword(preparePassword("another battery")));
  expect(await tryLogin(running, "bob")).toBe("REFUSED");
  expect(await tryLogin(running, "bob", "another battery")).toBe("AUTHENTICATED");
  await removeUser(path, "bob");
  expect(await tryLogin(running, "bob", "another battery")).toBe("REFUSED");
});

test.each([
  ["not JSON", (path: string) => writeFileSync(path, "{")],
  ["not a users file", (path: string) => writeFileSync(path, '{"version":1,"users":{"a b":{}}}')],
  ["empty", (path: string) => writeFileSync(path, "")],
  ["gone", (path: string) => rmSync(path)],
])("a file that has become %s keeps the users of before, and one line says so", async (_, spoil) => {
  const path = join(makeTemporaryFolder(), "users.json");
  await addUser(path, "alice", await phcOfPassword());
  const running = await startServer({ users: path });
  spoil(path);
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(running.log.of("users-kept")).toMatchObject([
    { level: "error", code: expect.stringMatching(/^users-file-/) },
  ]);
  rmSync(path, { force: true });
  await addUser(path, "bob", await phcOfPassword());
  expect(await tryLogin(running, "bob")).toBe("AUTHENTICATED");
  expect(await tryLogin(running, "alice")).toBe("REFUSED");
});

test("a server does not start on a file that it can't use", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  writeFileSync(path, "{");
  await expect(startServer({ users: path })).rejects.toMatchObject({ name: "CredentialError" });
});

test("many who ask at once share one look at the file", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  const reloads: number[] = [];
  const source = new UsersFile(path, {
    reloaded: (users) => reloads.push(users.list().length),
    kept: () => undefined,
  });
  await source.open();
  await addUser(path, "alice", await phcOfPassword());
  const snapshots = await Promise.all(Array.from({ length: 50 }, async () => await source.current()));
  expect(new Set(snapshots).size).toBe(1);
  expect(reloads).toEqual([1]);
});

const WEAK = { memoryKib: 1024, passes: 1, lanes: 1 };
const STRONG = { memoryKib: 19_456, passes: 3, lanes: 1 };

test("a weak hash is replaced after a login by one under today's policy, and only after a right password", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  const weak = await hashPassword(preparePassword(PASSWORD), WEAK);
  await addUser(path, "alice", weak);
  const { credentialId } = (await readUsers(path)).get("alice")!;
  const running = await startServer({ users: path });
  expect(await tryLogin(running, "alice", "wrong")).toBe("REFUSED");
  expect((await readUsers(path)).get("alice")!.password).toBe(weak);

  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(await running.log.wait("rehashed")).toMatchObject([{ level: "info", user: "alice" }]);
  const after = (await readUsers(path)).get("alice")!;
  expect(parsePhc(after.password!)).toMatchObject({ memoryKib: 19_456, passes: 2, lanes: 1 });
  expect(after.credentialId).toBe(credentialId);

  const text = readFileSync(path, "utf8");
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(readFileSync(path, "utf8")).toBe(text);
});

test("an OPAQUE record is stored beside the hash that it goes with, once", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  const phc = await phcOfPassword();
  await addUser(path, "alice", phc);
  const source = new UsersFile(path, { reloaded: () => undefined, kept: () => undefined });
  const enrolment = { setupId: "0".repeat(32), record: new Uint8Array(192).fill(7) };
  expect(await source.enrol("alice", `${phc}x`, enrolment)).toBe(false);
  expect(await source.enrol("alice", phc, enrolment)).toBe(true);
  expect(await source.enrol("alice", phc, { ...enrolment, record: new Uint8Array(192) })).toBe(false);
  expect(findUsableRecord((await source.current()).get("alice")!, enrolment.setupId)).toEqual(
    enrolment.record,
  );
});

test("a stronger hash is left alone", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  await addUser(path, "alice", await hashPassword(preparePassword(PASSWORD), STRONG));
  const text = readFileSync(path, "utf8");
  const running = await startServer({ users: path });
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(readFileSync(path, "utf8")).toBe(text);
});

test("a password that was changed during the login is not overwritten by the rehash", async () => {
  const path = join(makeTemporaryFolder(), "users.json");
  await addUser(path, "alice", await hashPassword(preparePassword(PASSWORD), WEAK));
  const changed = await hashPassword(preparePassword("another battery"));
  const tried = Promise.withResolvers<boolean>();
  class Overtaken extends UsersFile {
    override async replaceHash(name: string, oldPhc: string, newPhc: string): Promise<boolean> {
      await setPassword(path, name, changed);
      const replaced = await super.replaceHash(name, oldPhc, newPhc);
      tried.resolve(replaced);
      return replaced;
    }
  }
  const events = { reloaded: () => undefined, kept: () => undefined };
  const running = await startServer({ users: new Overtaken(path, events) });
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(await tried.promise).toBe(false);
  expect((await readUsers(path)).get("alice")!.password).toBe(changed);
  expect(running.log.of("rehashed")).toEqual([]);
});

test("a weak hash that can't be replaced is no reason to refuse", async () => {
  const users = new MemoryUsers().add("alice", await hashPassword(preparePassword(PASSWORD), WEAK));
  users.replaceHash = async () => await Promise.reject(new Error("read-only"));
  const running = await startServer({ users });
  expect(await tryLogin(running)).toBe("AUTHENTICATED");
  expect(await running.log.wait("rehash-failed")).toMatchObject([{ level: "warn", user: "alice" }]);
});
