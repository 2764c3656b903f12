// What the commands do with the OPAQUE setup: made once, found by both, and lost.

import { chmodSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

import { exitCodes } from "../../src/cli/exit-codes.ts";
import { run } from "../../src/cli/users.ts";
import { findUsableRecord } from "../../src/credentials/opaque-record.ts";
import { readOpaqueSetup } from "../../src/credentials/opaque-setup-file.ts";
import { readUsers } from "../../src/credentials/users-file.ts";
import { runNode, runProgram, type Finished } from "../credentials/child.ts";
import { foreignHashes } from "../credentials/foreign-hashes.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { ClientProcess } from "./client-process.ts";
import { makeFakeIo } from "./fake-io.ts";

const secret = "zebra-quartz-77-lamp";
const serverBin = new URL("../../src/bin/talkbyte-server.ts", import.meta.url).pathname;

async function users(folder: string, line: string, input = `${secret}\n`) {
  const io = makeFakeIo(input);
  const code = await run([...line.split(" "), "--users", join(folder, "users.json")], io);
  return { code, out: io.out, err: io.err };
}

/** alice has both, only a record alone, hash a hash alone. */
async function folderOfThree(): Promise<string> {
  const folder = makeTemporaryFolder();
  for (const line of ["add alice --password-stdin", "add only --password-stdin --opaque-only"])
    expect((await users(folder, line)).code).toBe(0);
  expect((await users(folder, "add hash --hash-stdin", `${foreignHashes[0]!.phc}\n`)).code).toBe(0);
  return folder;
}

async function mechanisms(folder: string): Promise<unknown> {
  const { out } = await users(folder, "list --json");
  expect(out).not.toContain("record");
  const rows = JSON.parse(out) as { name: string; mechanisms: string[] }[];
  return Object.fromEntries(rows.map((row) => [row.name, row.mechanisms.join("+")]));
}

function serverArgs(folder: string): string[] {
  return [serverBin, "--users", join(folder, "users.json"), "--check"];
}

async function startServer(folder: string, ...more: string[]) {
  const identity = ["--identity", join(folder, "identity.pem")];
  return await new ClientProcess([...serverArgs(folder), ...identity, ...more]).finished();
}

/** As somebody whom the modes of files bind: root, too, once it has given up its capabilities. */
async function runBound(args: readonly string[]): Promise<Finished> {
  if (process.getuid?.() !== 0) return await runNode(args);
  const without = ["--inh-caps=-all", "--bounding-set=-all", process.execPath];
  return await runProgram("setpriv", [...without, ...args]);
}

test("add stores what the options ask for, and the setup is made for its owner alone", async () => {
  const folder = await folderOfThree();
  const path = join(folder, "opaque-setup.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { id } = await readOpaqueSetup(path);
  const stored = await readUsers(join(folder, "users.json"));
  const has = (name: string) => {
    const user = stored.get(name)!;
    return [user.password !== undefined, findUsableRecord(user, id) !== undefined];
  };
  expect([has("alice"), has("only"), has("hash")]).toEqual([
    [true, true],
    [false, true],
    [true, false],
  ]);
  expect(await mechanisms(folder)).toEqual({ alice: "OPAQUE+PASSWORD", only: "OPAQUE", hash: "PASSWORD" });
});

test("--no-opaque makes no setup", async () => {
  const folder = makeTemporaryFolder();
  expect((await users(folder, "add alice --password-stdin --no-opaque")).code).toBe(0);
  expect(existsSync(join(folder, "opaque-setup.json"))).toBe(false);
});

test("the server's --check says which setup it would use", async () => {
  const folder = await folderOfThree();
  const { code, err } = await startServer(folder);
  expect(code).toBe(0);
  expect(err).toMatch(/\nOPAQUE with the setup [0-9a-f]{8} in .*opaque-setup\.json\nall is well/);
  expect((await startServer(folder, "--no-opaque")).err).toContain("OPAQUE is not offered: by --no-opaque\n");
});

test.each([
  ["--read-only-users", "none is made with --read-only-users"],
  [
    "--log-level=info",
    "its folder may not be written: put one there, or name another place with --opaque-setup",
  ],
])(
  "with %s in a folder that may not be written no setup is made, and PASSWORD is served",
  async (flag, why) => {
    const folder = makeTemporaryFolder();
    expect((await users(folder, "add alice --password-stdin --no-opaque")).code).toBe(0);
    const args = [...serverArgs(folder), flag, "--identity", join(makeTemporaryFolder(), "identity.pem")];
    chmodSync(folder, 0o555);
    onTestFinished(() => chmodSync(folder, 0o755));
    const { code, err } = await runBound(args);
    expect(err).toContain(
      `OPAQUE is not offered: there is no setup ${join(folder, "opaque-setup.json")}, and ${why}\n`,
    );
    expect(code).toBe(0);
    const asked = await runBound([...args, "--opaque-setup", join(folder, "named.json")]);
    expect(asked.err).toContain("named.json would be made on the first start");
  },
);

test("a setup that is gone is not replaced unasked, and who needs what is said", async () => {
  const folder = await folderOfThree();
  rmSync(join(folder, "opaque-setup.json"));
  for (const { code, err } of [
    await startServer(folder),
    await users(folder, "add bob --password-stdin"),
    await users(folder, "passwd alice --password-stdin"),
  ]) {
    expect(code).toBe(exitCodes.configuration);
    expect(err).toContain("2 users in");
    expect(err).toMatch(/make another: .*talkbyte-users rotate-opaque --users /);
    expect(err).toMatch(/1 user can log in by PASSWORD and gets a new OPAQUE record by it: alice/);
    expect(err).toMatch(
      /1 user without a hash can't log in until given a new password with ".*passwd NAME --users .*": only/,
    );
  }
  expect(existsSync(join(folder, "opaque-setup.json"))).toBe(false);
});

test("rotate-opaque says what it means, and does it with --yes", async () => {
  const folder = await folderOfThree();
  const path = join(folder, "opaque-setup.json");
  const before = readFileSync(path, "utf8");
  const asked = await users(folder, "rotate-opaque");
  expect(asked).toMatchObject({ code: exitCodes.usage, err: expect.stringContaining("nothing was changed") });
  expect(asked.err).toContain(": only\n");
  expect(readFileSync(path, "utf8")).toBe(before);
  expect((await users(folder, "rotate-opaque --yes")).code).toBe(0);
  expect(readFileSync(path, "utf8")).not.toBe(before);
  expect(await mechanisms(folder)).toEqual({ alice: "PASSWORD", only: "", hash: "PASSWORD" });
  const { code, err } = await startServer(folder);
  expect(code).toBe(0);
  expect(err).toMatch(/warning: OPAQUE records that don't fit .*: only\n/);
  expect((await users(folder, "passwd only --password-stdin --opaque-only")).code).toBe(0);
  expect(await mechanisms(folder)).toMatchObject({ only: "OPAQUE" });
});
