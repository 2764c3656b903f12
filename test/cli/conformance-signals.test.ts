// talkbyte-conformance as a process: what a signal leaves behind, and whether the command that it prints to repeat a case
// does repeat it when it is pasted into a shell.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  adapterPeer,
  conform,
  conformanceBin,
  only,
  profileText,
  serverPeer,
} from "../conformance/peers/command.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { ClientProcess } from "./client-process.ts";

// Processes whose command line names this file; a dead one that nobody has buried has none.
function runningWith(word: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}

// The peers are found again by the name of a folder of their own.
function profileIn(folder: string, role: "server" | "client", fault: string): string {
  const path = join(folder, "profile.json");
  const launch =
    role === "server"
      ? [process.execPath, serverPeer, "{port}", fault, folder]
      : [process.execPath, adapterPeer, fault, folder];
  const variables = { "login-ms": 60_000 };
  writeFileSync(path, profileText({ launch, variables, startMs: 60_000 }));
  return path;
}

describe.skipIf(!existsSync("/proc/self/cmdline"))("a signal", () => {
  it.each<[NodeJS.Signals, "server" | "client", string, number]>([
    ["SIGINT", "server", "none", 2],
    ["SIGTERM", "server", "ignores-sigterm", 2],
    ["SIGHUP", "client", "silent", 1],
  ])("%s during a run against a %s ends all that was launched: %s", async (signal, role, fault, launched) => {
    const folder = makeTemporaryFolder();
    const marker = `${folder}/peers`;
    mkdirSync(marker);
    const json = join(folder, "report.json");
    const chosen = only("deadline-login-silent", "echo-basic", "message-empty");
    const argv = [role, "--profile", profileIn(marker, role, fault), "--jobs=2", "--verbose", "--json", json];
    const runner = new ClientProcess([
      conformanceBin,
      ...argv,
      ...(role === "server" ? chosen : only("echo-basic")),
    ]);
    // The runner's own command line names the profile in the same folder.
    const peers = (): number[] => runningWith(marker).filter((pid) => pid !== runner.child.pid);
    onTestFinished(() => {
      for (const pid of peers()) process.kill(pid, "SIGKILL");
    });
    await expect.poll(() => peers().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(launched);
    if (role === "server") await runner.out.shows("PASS message-empty");
    runner.child.kill(signal);
    const ended = await runner.finished();
    expect(ended).toMatchObject({ code: null, signal });
    expect(ended.err).toBe("\ntalkbyte-conformance: interrupted; nothing is reported\n");
    expect(ended.out).not.toContain("cases in");
    expect(ended.out).not.toContain("FAIL");
    expect(existsSync(json)).toBe(false);
    expect(peers()).toEqual([]);
  });
});

describe.skipIf(!existsSync("/proc/self/cmdline"))("a reader that has seen enough", () => {
  it("ends the run and all that it launched", async () => {
    const folder = makeTemporaryFolder();
    const marker = `${folder}/peers`;
    mkdirSync(marker);
    const argv = [
      "server",
      "--profile",
      profileIn(marker, "server", "ignores-sigterm"),
      "--jobs=2",
      "--verbose",
    ];
    const runner = new ClientProcess([conformanceBin, ...argv]);
    const peers = (): number[] => runningWith(marker).filter((pid) => pid !== runner.child.pid);
    onTestFinished(() => {
      for (const pid of peers()) process.kill(pid, "SIGKILL");
    });
    await runner.out.shows("PASS ");
    expect(peers().length).toBeGreaterThan(0);
    runner.child.stdout?.destroy();
    await runner.finished();
    await expect.poll(peers, { timeout: 10_000 }).toEqual([]);
  });
});

describe("the command that repeats a case", () => {
  it("does so in a shell, whatever the words are", async () => {
    const folder = join(makeTemporaryFolder(), "it's a $HOME; `x` folder");
    mkdirSync(folder);
    const path = join(folder, "profile.json");
    const launch = [process.execPath, serverPeer, "{port}", "crashes-on-oversize"];
    writeFileSync(path, profileText({ launch, variables: { password: undefined } }));
    const id = "frame-length-over-limit-after-login";
    const environment = { TALKBYTE_PASSWORD: "correct horse" };
    const settings = ['--set=unknown-username=no\'body "$USER"', "--time-scale=1.5", "--strict"];
    const cut = ["--segmentation=random-cuts", "--seed=77", "--timeout-ms=4000"];
    const argv = ["server", "--profile", path, ...settings, ...cut, ...only("echo-basic", id)];
    const { out } = await conform(argv, environment);
    const command = /^ {2}again: (.*)$/m.exec(out)?.[1] ?? "";
    expect(command).toContain(` --only ${id} `);
    expect(command).not.toContain("correct horse");
    const shim = join(folder, "talkbyte-conformance");
    writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${conformanceBin}' "$@"\n`);
    chmodSync(shim, 0o700);
    const again = spawnSync("/bin/sh", ["-c", command], {
      encoding: "utf8",
      env: { ...process.env, ...environment, PATH: `${folder}:${process.env["PATH"] ?? ""}` },
    });
    expect(again.stdout).toMatch(new RegExp(`^FAIL ${id}: .*crashed: exit code 9`, "m"));
    expect(again.stdout).toContain(`again: ${command}\n`);
    expect(again.stdout).toContain("1 cases in");
    expect(again.stdout).toContain("seed 77, random-cuts, time scale 1.5, strict\n");
    expect(again.status).toBe(1);
  });
});
