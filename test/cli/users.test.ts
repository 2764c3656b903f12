import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { exitCodes } from "../../src/cli/exit-codes.ts";
import { reportError } from "../../src/cli/report.ts";
import { makePrivateFolder, stateFolder, userStateFolder, usersPath } from "../../src/cli/state-folder.ts";
import { run } from "../../src/cli/users.ts";
import { readUsers } from "../../src/credentials/users-file.ts";
import { runNode, usersBin } from "../credentials/child.ts";
import { foreignHashes } from "../credentials/foreign-hashes.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { makeFakeIo, type FakeIo } from "./fake-io.ts";

const secret = "zebra-quartz-77-lamp";
const [foreign] = foreignHashes;
const phc = foreign?.phc ?? "";

/** Runs the command in this process, on the users file of this folder. */
async function users(folder: string, argv: readonly string[], io: FakeIo = makeFakeIo()) {
  const code = await run([...argv, "--users", join(folder, "users.json")], io);
  return { code, out: io.out, err: io.err, asked: io.asked };
}

async function withAlice(): Promise<string> {
  const folder = makeTemporaryFolder();
  expect(await users(folder, ["add", "alice", "--password-stdin"], makeFakeIo(`${secret}\n`))).toMatchObject({
    code: 0,
    out: "",
    err: expect.stringMatching(/^made an OPAQUE setup in .*\nadded alice to .*users\.json\n$/),
  });
  return folder;
}

async function verifies(folder: string, password: string): Promise<boolean> {
  const { code } = await users(folder, ["verify", "alice", "--password-stdin"], makeFakeIo(password));
  return code === exitCodes.ok;
}

describe("talkbyte-users add", () => {
  it("asks twice on the terminal", async () => {
    const folder = makeTemporaryFolder();
    const { code, asked, out } = await users(folder, ["add", "alice"], makeFakeIo("", [secret, secret]));
    expect({ code, asked, out }).toEqual({
      code: 0,
      asked: ["New password for alice: ", "Again: "],
      out: "",
    });
    expect(await verifies(folder, secret)).toBe(true);
    expect(await verifies(folder, `${secret}x`)).toBe(false);
  });

  it("changes nothing when the two differ, and doesn't ask twice for what won't do", async () => {
    const folder = makeTemporaryFolder();
    const differing = await users(folder, ["add", "alice"], makeFakeIo("", [secret, `${secret} `]));
    expect(differing).toMatchObject({ code: exitCodes.refused, err: expect.stringContaining("differ") });
    const short = await users(folder, ["add", "alice"], makeFakeIo("", ["short", "short"]));
    expect(short).toMatchObject({ code: exitCodes.refused, asked: ["New password for alice: "] });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ["a line feed", `${secret}\nmore\n`],
    ["CR LF", `${secret}\r\nmore`],
    ["the end of the input", secret],
  ])("reads the first line of standard input up to %s", async (_, input) => {
    const folder = makeTemporaryFolder();
    expect((await users(folder, ["add", "alice", "--password-stdin"], makeFakeIo(input))).code).toBe(0);
    expect(await verifies(folder, secret)).toBe(true);
  });

  it("reads a file, and warns if others can too", async () => {
    const folder = makeTemporaryFolder();
    const path = join(folder, "secret");
    writeFileSync(path, `${secret}\n`, { mode: 0o600 });
    expect(await users(folder, ["add", "alice", "--password-file", path])).toMatchObject({
      code: 0,
      err: expect.not.stringContaining("warning"),
    });
    chmodSync(path, 0o640);
    expect(await users(folder, ["verify", "alice", "--password-file", path])).toMatchObject({
      code: 0,
      err: expect.stringContaining(`warning: ${path} is open to other users`),
    });
    for (const wrong of [folder, join(folder, "none")]) {
      const { code } = await users(folder, ["add", "bob", "--password-file", wrong]);
      expect(code).toBe(exitCodes.configuration);
    }
  });

  it("generates a password, alone on standard output", async () => {
    const folder = makeTemporaryFolder();
    const { code, out, err } = await users(folder, ["add", "alice", "--generate"]);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^[a-z2-9]{6}(?:-[a-z2-9]{6}){3}\n$/),
    });
    expect(err).not.toContain(out.trim());
    expect(await verifies(folder, out)).toBe(true);
  });

  it("imports a hash of another tool", async () => {
    const folder = makeTemporaryFolder();
    const tagged = `{ARGON2ID}${phc.replace("m=4096,t=3,p=1", "p=1,m=4096,t=3")}\n`;
    expect((await users(folder, ["add", "alice", "--hash-stdin"], makeFakeIo(tagged))).code).toBe(0);
    expect((await readUsers(join(folder, "users.json"))).get("alice")?.password).toBe(phc);
    expect(await verifies(folder, foreign?.password ?? "")).toBe(true);
    for (const bad of ["", "hunter2", phc.replace("m=4096", "m=1048576,").replace("t=3", "t=60")]) {
      const { code, err } = await users(folder, ["add", "bob", "--hash-stdin"], makeFakeIo(bad));
      expect(code).toBe(exitCodes.refused);
      expect(err).not.toContain("hunter2");
    }
  });

  it("warns of a short password", async () => {
    const { code, err } = await users(
      makeTemporaryFolder(),
      ["add", "alice", "--password-stdin"],
      makeFakeIo("mzq4-tw9"),
    );
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringContaining("warning: the password is short"),
    });
  });

  it("finds out before it asks that the user exists or can't", async () => {
    const folder = await withAlice();
    expect(await users(folder, ["add", "alice"])).toMatchObject({ code: exitCodes.refused, asked: [] });
    expect(await users(folder, ["add", "al ice"])).toMatchObject({ code: exitCodes.usage, asked: [] });
    writeFileSync(join(folder, "users.json"), "{");
    expect(await users(folder, ["add", "bob"])).toMatchObject({ code: exitCodes.configuration, asked: [] });
  });
});

describe("the other commands", () => {
  it("changes a password and with it the credentialId", async () => {
    const folder = await withAlice();
    const path = join(folder, "users.json");
    const before = (await readUsers(path)).get("alice");
    const changed = await users(folder, ["passwd", "alice", "--password-stdin"], makeFakeIo(`${secret}2`));
    expect(changed).toMatchObject({ code: 0, err: "changed the password of alice\n" });
    expect(await verifies(folder, `${secret}2`)).toBe(true);
    expect((await readUsers(path)).get("alice")?.credentialId).not.toBe(before?.credentialId);
    await users(folder, ["disable", "alice"]);
    const still = await users(folder, ["passwd", "alice", "--generate"]);
    expect(still.err).toContain('still disabled: "enable alice"');
  });

  it("refuses to verify with exit code 4, and says why", async () => {
    const folder = await withAlice();
    const verify = async (password: string): Promise<string> => {
      const { code, err } = await users(folder, ["verify", "alice"], makeFakeIo("", [password]));
      expect(code).toBe(err.startsWith("the password of alice is right") ? exitCodes.ok : exitCodes.refused);
      return err;
    };
    expect(await verify(secret)).toBe("the password of alice is right\n");
    expect(await verify("wrong")).toContain("wrong password for alice");
    expect(await verify("a\tb")).toContain("a control character");
    await users(folder, ["disable", "alice"]);
    expect(await verify(secret)).toContain("alice is disabled");
    const path = join(folder, "users.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"password"', '"was"'));
    expect(await verify(secret)).toContain("alice has no password hash");
  });

  it("disables, enables and removes", async () => {
    const folder = await withAlice();
    const steps = [
      ["disable", "disabled alice\n"],
      ["disable", "alice is disabled already\n"],
      ["enable", "enabled alice\n"],
      ["enable", "alice is enabled already\n"],
      ["remove", "removed alice\n"],
    ] as const;
    for (const [command, err] of steps) {
      expect(await users(folder, [command, "alice"])).toEqual({ code: 0, out: "", err, asked: [] });
    }
    for (const command of ["disable", "enable", "remove", "passwd", "verify"]) {
      const { code, err } = await users(folder, [command, "alice"]);
      expect({ code, err }).toEqual({
        code: exitCodes.refused,
        err: expect.stringContaining("there is no user alice"),
      });
    }
  });

  it("lists names, states and costs, and no hash", async () => {
    const folder = await withAlice();
    await users(folder, ["add", "__proto__", "--hash-stdin"], makeFakeIo(phc));
    await users(folder, ["disable", "__proto__"]);
    const { out } = await users(folder, ["list"]);
    expect(out).toMatch(
      /^__proto__ {2}disabled {2}\S+Z {2}PASSWORD {9}m=4096,t=3,p=1\nalice {6}enabled {3}\S+Z {2}OPAQUE\+PASSWORD {2}m=19456,t=2,p=1\n$/,
    );
    const json = await users(folder, ["list", "--json"]);
    expect(JSON.parse(json.out)).toMatchObject([
      { name: "__proto__", disabled: true, hash: { m: 4096, t: 3, p: 1 } },
      { name: "alice", disabled: false, hash: { m: 19_456, t: 2, p: 1 } },
    ]);
    for (const text of [out, json.out]) expect(text).not.toMatch(/\$|password/);
  });

  it("lists nobody, and a user without a hash", async () => {
    const folder = await withAlice();
    const path = join(folder, "users.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"password"', '"was"'));
    expect((await users(folder, ["list"])).out).toContain("no password");
    expect(JSON.parse((await users(folder, ["list", "--json"])).out)).toMatchObject([{ hash: null }]);
    await users(folder, ["remove", "alice"]);
    expect(await users(folder, ["list"])).toMatchObject({ code: 0, out: "", err: "no users\n" });
  });

  it("passes on the warning of a file that others can read", async () => {
    const folder = await withAlice();
    chmodSync(join(folder, "users.json"), 0o644);
    expect((await users(folder, ["list"])).err).toContain("warning: ");
  });

  it("tells a missing file from a damaged one by the text, both with exit code 9", async () => {
    const folder = makeTemporaryFolder();
    expect(await users(folder, ["list"])).toMatchObject({
      code: 9,
      err: expect.stringContaining("there is no users file"),
    });
    writeFileSync(join(folder, "users.json"), '{"version": 1}');
    expect(await users(folder, ["list"])).toMatchObject({
      code: 9,
      err: expect.stringContaining("$.users: must be"),
    });
  });
});

describe("the command line", () => {
  it.each([
    [[], "Usage: talkbyte-users"],
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["add"], "missing required argument 'name'"],
    [["add", "alice", "--colour"], "unknown option '--colour'"],
    [["add", "alice", "--generate", "--hash-stdin"], "cannot be used with"],
    [["add", "alice", "--generate", "--password-stdin"], "cannot be used with"],
    [["add", "alice", secret], "too many arguments. A password is never taken"],
    [["add", "alice", `--password=${secret}`], "never taken as an argument"],
    [["add", "alice", "--password", secret], "never taken as an argument"],
    [["add", "alice", `-p${secret}`], "unknown option '-p'"],
    [["add", "alice", `--pasword=${secret}`], "unknown option '--pasword'"],
    [["passwd", "alice", "--generate", secret], "too many arguments"],
    [["list", "--json=x"], "--json"],
  ])("refuses %j with exit code 2 and repeats no value", async (argv, message) => {
    const io = makeFakeIo();
    expect(await run(argv, io)).toBe(exitCodes.usage);
    expect(io.err).toContain(message);
    expect(io.err).not.toContain(secret);
    expect(io.out).toBe("");
  });

  it.each([[["--help"]], [["help"]], [["add", "--help"]]])("helps with %j", async (argv) => {
    const io = makeFakeIo();
    expect(await run(argv, io)).toBe(0);
    expect(io.out).toContain("Usage: talkbyte-users");
    expect(io.err).toBe("");
  });

  it("shows the stack of a bug and nothing else's", () => {
    const io = makeFakeIo();
    expect(reportError(new TypeError("oops"), "talkbyte-users", [], io)).toBe(exitCodes.unexpected);
    expect(reportError("thrown", "talkbyte-users", [], io)).toBe(exitCodes.unexpected);
    expect(io.err).toMatch(/unexpected error, please report it: TypeError: oops\n +at [^]*: thrown\n$/);
  });
});

describe("where the users file is", () => {
  it("is told by the option, the environment, or the state folder", () => {
    expect(usersPath("a.json", { TALKBYTE_USERS: "b.json" })).toBe("a.json");
    expect(usersPath(undefined, { TALKBYTE_USERS: "b.json" })).toBe("b.json");
    expect(usersPath(undefined, { TALKBYTE_USERS: "" })).toBe(join(stateFolder({}), "users.json"));
    expect(stateFolder({})).toBe(join(import.meta.dirname, "../../.talkbyte"));
  });

  it("follows the XDG specification when installed", () => {
    expect(userStateFolder({ XDG_STATE_HOME: "/state", HOME: "/home/a" })).toBe("/state/talkbyte");
    expect(userStateFolder({ XDG_STATE_HOME: "relative", HOME: "/home/a" })).toBe(
      "/home/a/.local/state/talkbyte",
    );
    expect(userStateFolder({})).toMatch(/\/\.local\/state\/talkbyte$/);
  });
});

describe("makePrivateFolder", () => {
  it("makes a folder for its owner alone, and leaves one that is there as it is", async () => {
    const folder = makeTemporaryFolder();
    expect(await makePrivateFolder(join(folder, "a", "b"))).toBe(join(folder, "a", "b"));
    for (const path of ["a", "a/b"]) expect(statSync(join(folder, path)).mode & 0o777).toBe(0o700);
    chmodSync(join(folder, "a"), 0o750);
    await makePrivateFolder(join(folder, "a"));
    expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o750);
    writeFileSync(join(folder, "file"), "");
    await expect(makePrivateFolder(join(folder, "file", "x"))).rejects.toMatchObject({ exitCode: 9 });
  });
});

describe("the processes", () => {
  it("keep the password out of what others see", async () => {
    const folder = makeTemporaryFolder();
    const path = join(folder, "users.json");
    const { code, out, err } = await runNode([usersBin, "add", "alice", "--password-stdin"], `${secret}\n`, {
      env: { ...process.env, TALKBYTE_USERS: path },
    });
    expect({ code, out, err }).toMatchObject({ code: 0, out: "" });
    expect(err).toContain(`added alice to ${path}\n`);
    for (const name of readdirSync(folder))
      expect(readFileSync(join(folder, name), "utf8")).not.toContain(secret);
    const verified = await runNode(
      [usersBin, "verify", "alice", "--password-stdin", "--users", path],
      "wrong",
    );
    expect(verified).toMatchObject({ code: 4, out: "", err: "talkbyte-users: wrong password for alice\n" });
  });

  it("need no terminal for help, and say so when they need one", async () => {
    const folder = makeTemporaryFolder();
    const { code, err } = await runNode([usersBin, "add", "alice", "--users", join(folder, "u.json")], "", {
      detached: true,
    });
    expect({ code, err }).toEqual({
      code: exitCodes.usage,
      err: expect.stringContaining("there is no terminal"),
    });
  });
});
