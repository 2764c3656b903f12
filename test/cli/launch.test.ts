// The commands as they are started: from a checkout, from the published package, and by a Node.js that is
// too old.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { runNode, runProgram, usersBin } from "../credentials/child.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** A package as npm would install it: dist, without src. */
function makePackage(): string {
  const folder = makeTemporaryFolder();
  const compiler = join(project, "node_modules/typescript/bin/tsc");
  const options = ["-p", join(project, "src/tsconfig.json"), "--outDir", join(folder, "dist"), "--noCheck"];
  execFileSync(process.execPath, [compiler, ...options], { stdio: "pipe" });
  cpSync(join(project, "package.json"), join(folder, "package.json"));
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  return folder;
}

describe("the launcher", () => {
  it("runs what was built, in the published package, with its state in the user's folder", async () => {
    const folder = makePackage();
    const state = join(folder, "state");
    const env = { ...process.env, XDG_STATE_HOME: state };
    const bin = join(folder, "dist/bin/talkbyte-users.js");
    const { code, out, err } = await runNode([bin, "add", "alice", "--generate"], "", { env });
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringContaining(`added alice to ${state}/talkbyte/users.json`),
    });
    expect(out).toMatch(/^[a-z2-9-]{27}\n$/);
    expect(statSync(join(state, "talkbyte")).mode & 0o777).toBe(0o700);
    expect(readFileSync(bin, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);

    // With the source beside it, dist is only the way to it.
    mkdirSync(join(folder, "src/cli"), { recursive: true });
    const source =
      'export function run(argv: string[]): number { console.log("source", ...argv); return 5 as number; }';
    writeFileSync(join(folder, "src/cli/users.ts"), source);
    const checkout = await runNode([bin, "list"], "", { env });
    expect(checkout).toMatchObject({ code: 5, out: "source list\n" });
    writeFileSync(join(folder, "src/cli/users.ts"), "export const walk = 1;");
    expect((await runNode([bin], "", { env })).err).toContain("exports no run()");

    // A state folder that can't be made.
    const blocked = { ...env, XDG_STATE_HOME: join(folder, "package.json") };
    writeFileSync(join(folder, "src/cli/users.ts"), "");
    execFileSync("rm", ["-r", join(folder, "src")]);
    const failed = await runNode([bin, "add", "alice", "--generate"], "", { env: blocked });
    expect(failed).toMatchObject({ code: 9, out: "" });

    const old = "/usr/bin/node";
    if (
      !existsSync(old) ||
      Number.parseInt(execFileSync(old, ["-p", "process.versions.node"], { encoding: "utf8" }), 10) >= 24
    )
      return;
    const refused = await runProgram(old, [bin, "list"]);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toMatch(
      /^talkbyte-users needs Node\.js 24 or newer; this is v\S+ \(\/usr\/bin\/node\)\n$/,
    );
  });

  it("has each command tell an old Node.js in one line, before it imports anything", async () => {
    const older = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"22.9.0"}})';
    const { code, out, err } = await runNode(["--import", older, usersBin, "list"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^talkbyte-users needs Node\.js 24 or newer; this is v.*\n$/);
    expect(readFileSync(usersBin, "utf8")).not.toMatch(/^import\b/m);
  });

  it("ends quietly when nobody reads the output any more", async () => {
    const folder = makeTemporaryFolder();
    const path = join(folder, "users.json");
    const id = "0".repeat(32);
    const time = "2026-01-02T03:04:05.678Z";
    const users = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [
        `user${index}`,
        { createdAt: time, updatedAt: time, credentialId: id },
      ]),
    );
    writeFileSync(path, JSON.stringify({ version: 1, users }), { mode: 0o600 });
    const command = `${process.execPath} ${usersBin} list --users ${path} | head -n 1`;
    const { out, err } = await runProgram("sh", ["-c", command]);
    expect(out).toMatch(/^user0 .*\n$/);
    expect(err).toBe("");
  });
});
