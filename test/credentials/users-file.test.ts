import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import {
  addUser,
  disableUser,
  enableUser,
  readUsers,
  removeUser,
  replaceHash,
  setPassword,
  updateUsers,
} from "../../src/credentials/users-file.ts";
import { runNode, runProgram, startWriter, usersBin } from "./child.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const phc = "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNsdA$k81ovk8fkH1PorA/36zCkEKia28tQyMQYijfaS5RQy4";
const other = phc.replace("k81", "l81");

function makePath(): string {
  return join(makeTemporaryFolder(), "users.json");
}

describe("readUsers", () => {
  it("gives users by name and in the file's order", async () => {
    const path = makePath();
    for (const name of ["zoe", "10", "__proto__", "9"]) await addUser(path, name, phc);
    const users = await readUsers(path);
    expect(users.list().map((user) => user.name)).toEqual(["zoe", "10", "__proto__", "9"]);
    expect(users.get("__proto__")).toMatchObject({ name: "__proto__", password: phc, disabled: false });
    expect(users.get("constructor")).toBeUndefined();
    expect(users.warnings).toEqual([]);
  });

  it("is a snapshot", async () => {
    const path = makePath();
    await addUser(path, "alice", phc);
    const before = await readUsers(path);
    await removeUser(path, "alice");
    expect(before.get("alice")?.password).toBe(phc);
    expect((await readUsers(path)).get("alice")).toBeUndefined();
  });

  it("tells a missing file apart", async () => {
    const path = makePath();
    const failure = readUsers(path);
    await expect(failure).rejects.toMatchObject({ code: "users-file-missing" });
    await expect(failure).rejects.toThrow(`there is no users file at ${path}`);
  });

  it.each([
    ["a syntax error", '{\n"version": 1,\n"users": {,}\n}', ": line 3, column 11: expected a key"],
    [
      "a wrong field",
      '{"version":1,"users":{"al":{"password":"hunter2"}}}',
      ": $.users.al.password: invalid password",
    ],
    ["nothing", "", ": line 1, column 1: expected a value"],
    ["bytes that aren't UTF-8", Buffer.from([0x22, 0xff, 0x22]), " is not valid UTF-8"],
  ])("names file and place of %s", async (_, content, message) => {
    const path = makePath();
    writeFileSync(path, content, { mode: 0o600 });
    await expect(readUsers(path)).rejects.toMatchObject({ code: "users-file-invalid" });
    await expect(readUsers(path)).rejects.toThrow(`${path}${message}`);
    await expect(readUsers(path)).rejects.not.toThrow("hunter2");
    await expect(addUser(path, "bob", phc)).rejects.toMatchObject({ code: "users-file-invalid" });
    expect(readFileSync(path)).toEqual(Buffer.from(content));
  });

  it.each([0o644, 0o640, 0o620, 0o602])("warns of mode %o", async (mode) => {
    const path = makePath();
    await addUser(path, "alice", phc);
    chmodSync(path, mode);
    const { warnings } = await readUsers(path);
    expect(warnings).toMatchObject([{ code: "users-file-open-to-others" }]);
    expect(warnings[0]?.message).toContain(`(mode 0${mode.toString(8)})`);
  });

  it("reads no folder, no endless file, and doesn't wait for a pipe", async () => {
    const folder = makeTemporaryFolder();
    await expect(readUsers(folder)).rejects.toMatchObject({ code: "users-file-not-readable" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(readUsers(join(folder, "pipe"))).rejects.toThrow("not a regular file");
    await expect(readUsers(join(folder, "pipe", "x"))).rejects.toThrow("can't be read (ENOTDIR)");
    writeFileSync(join(folder, "large"), Buffer.alloc(16 * 1_048_576 + 1, " "));
    await expect(readUsers(join(folder, "large"))).rejects.toMatchObject({ code: "users-file-too-large" });
  });
});

describe("changing the users file", () => {
  it("makes it private, for the first user only", async () => {
    const path = makePath();
    await expect(setPassword(path, "alice", phc)).rejects.toMatchObject({ code: "users-file-missing" });
    expect(existsSync(path)).toBe(false);
    await addUser(path, "alice", phc);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("renews the credentialId with add, passwd and enable, and keeps it otherwise", async () => {
    const path = makePath();
    const credentialId = async (): Promise<string | undefined> =>
      (await readUsers(path)).get("alice")?.credentialId;
    await addUser(path, "alice", phc);
    const added = await credentialId();
    expect(added).toMatch(/^[0-9a-f]{32}$/);
    expect(await replaceHash(path, "alice", phc, other)).toBe(true);
    expect(await disableUser(path, "alice")).toBe(true);
    expect(await disableUser(path, "alice")).toBe(false);
    expect(await credentialId()).toBe(added);
    expect(await enableUser(path, "alice")).toBe(true);
    const enabled = await credentialId();
    expect(await enableUser(path, "alice")).toBe(false);
    expect(await credentialId()).toBe(enabled);
    await setPassword(path, "alice", phc);
    const changed = await credentialId();
    await removeUser(path, "alice");
    await addUser(path, "alice", phc);
    expect(new Set([added, enabled, changed, await credentialId()]).size).toBe(4);
  });

  it("doesn't put a rehash over a password that was changed meanwhile", async () => {
    const path = makePath();
    await addUser(path, "alice", phc);
    await setPassword(path, "alice", other);
    expect(await replaceHash(path, "alice", phc, phc.replace("k81", "m81"))).toBe(false);
    expect((await readUsers(path)).get("alice")?.password).toBe(other);
  });

  it("doesn't write when nothing changes or the change throws", async () => {
    const path = makePath();
    await addUser(path, "alice", phc);
    const before = statSync(path, { bigint: true });
    await enableUser(path, "alice");
    await replaceHash(path, "bob", phc, other);
    await expect(addUser(path, "alice", phc)).rejects.toMatchObject({ code: "user-exists" });
    const failure = updateUsers(path, (users) => {
      users.remove("alice");
      throw new RangeError("changed my mind");
    });
    await expect(failure).rejects.toThrow(RangeError);
    expect(statSync(path, { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
  });

  it("doesn't write what it couldn't read again", async () => {
    const path = makePath();
    writeFileSync(path, `{"version":1,"users":{},"note":"${"x".repeat(16 * 1_048_576 - 100)}"}`, {
      mode: 0o600,
    });
    await expect(addUser(path, "alice", phc)).rejects.toMatchObject({ code: "users-file-too-large" });
    expect((await readUsers(path)).list()).toEqual([]);
  });

  it("writes through a symbolic link", async () => {
    const folder = makeTemporaryFolder();
    mkdirSync(join(folder, "etc"));
    symlinkSync(join("etc", "real.json"), join(folder, "users.json"));
    await addUser(join(folder, "users.json"), "alice", phc);
    await addUser(join(folder, "etc", "real.json"), "bob", phc);
    expect((await readUsers(join(folder, "users.json"))).list()).toHaveLength(2);
    expect(readdirSync(folder).toSorted()).toEqual(["etc", "users.json"]);
  });

  it("says what to do when the folder is missing, and who holds the lock", async () => {
    const folder = makeTemporaryFolder();
    const missing = addUser(join(folder, "none", "users.json"), "alice", phc);
    await expect(missing).rejects.toMatchObject({ code: "users-file-not-writable" });
    await expect(missing).rejects.toThrow("folder doesn't exist");
    const path = join(folder, "users.json");
    const holder = startWriter("hold", path);
    await holder.lines(1);
    const locked = updateUsers(path, () => undefined, { create: true, waitMs: 0 });
    await expect(locked).rejects.toMatchObject({ code: "users-file-locked" });
    await expect(locked).rejects.toThrow(`process ${holder.child.pid}`);
    await holder.kill();
  });

  const canMount = process.getuid?.() === 0 && process.platform === "linux";
  it.skipIf(!canMount)("says to mount the folder when the file alone is mounted", async (context) => {
    const path = makePath();
    await addUser(path, "alice", phc);
    const script = 'mount --bind "$1" "$1" || exit 77; exec "$2" "$3" disable alice --users "$1"';
    const args = ["-m", "sh", "-c", script, "sh", path, process.execPath, usersBin];
    const { code, err } = await runProgram("unshare", args);
    context.skip(code === 77 || err.startsWith("unshare:"), "may not mount here");
    expect(err).toMatch(/users\.json can't be replaced.*mount its folder instead/);
    expect(code).toBe(9);
    expect(readdirSync(join(path, "..")).toSorted()).toEqual(["users.json", "users.json.lock"]);
  });
});

describe("many writers at once", () => {
  it("keeps all twenty users that twenty processes add", { timeout: 60_000 }, async () => {
    const path = makePath();
    const names = Array.from({ length: 20 }, (_, index) => `user${index}`);
    const finished = await Promise.all(
      names.map((name) => runNode([usersBin, "add", name, "--users", path, "--hash-stdin"], phc)),
    );
    expect(finished.map(({ code }) => code)).toEqual(names.map(() => 0));
    const users = await readUsers(path);
    expect(
      users
        .list()
        .map((user) => user.name)
        .toSorted(),
    ).toEqual(names.toSorted());
    expect(readdirSync(join(path, "..")).toSorted()).toEqual(["users.json", "users.json.lock"]);
  });

  it("keeps all that one process adds", async () => {
    const path = makePath();
    await Promise.all(Array.from({ length: 30 }, (_, index) => addUser(path, `user${index}`, phc)));
    expect((await readUsers(path)).list()).toHaveLength(30);
  });
});

describe("killed writers", () => {
  it("leave a whole file and a free lock, wherever they die", { timeout: 120_000 }, async () => {
    const path = makePath();
    const names = Array.from({ length: 50 }, (_, index) => `user${index}`);
    for (const name of names) await addUser(path, name, phc);
    const writers = [startWriter("write", path), startWriter("write", path)];
    for (let kill = 0; kill < 24; kill += 1) {
      const victim = writers.shift();
      await victim?.lines(1 + Math.floor(Math.random() * 12));
      // Somewhere else in its round each time.
      for (let turns = Math.random() * 40; turns > 0; turns -= 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await victim?.kill();
      expect((await readUsers(path)).list().map((user) => user.name)).toEqual(names);
      writers.push(startWriter("write", path));
    }
    for (const writer of writers) await writer.kill();
    await disableUser(path, "user0");
    expect(readdirSync(join(path, "..")).toSorted()).toEqual(["users.json", "users.json.lock"]);
  });

  it("have their temporary files removed by the next writer", async () => {
    const path = makePath();
    await addUser(path, "alice", phc);
    writeFileSync(`${path}.0123456789abcdef.tmp`, '{"version":1,"us');
    await addUser(path, "bob", phc);
    expect(existsSync(`${path}.0123456789abcdef.tmp`)).toBe(false);
  });
});
