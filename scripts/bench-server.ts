// What benches share: talkbyte-server in a process of its own, with its defaults but for the options given, and the users
// that a bench needs; its CPU; and echoes that are timed.

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { preparePassword } from "../src/credentials/password.ts";
import { defaultHashParameters, type HashParameters } from "../src/credentials/phc.ts";
import type { Enrolment } from "../src/credentials/opaque-record.ts";
import { updateUsers } from "../src/credentials/users-file.ts";
import {
  createOpaqueSetup,
  enrol,
  ensureOpaqueSetup,
  hashPassword,
  type Client,
  type OpaqueSetup,
} from "../src/index.ts";

export const USERNAME = "alice";
export const PASSWORD = "correct horse battery";

/** A user with PASSWORD; what is left out is a hash by the policy, and no record. */
export interface BenchUser {
  readonly name: string;
  readonly hash?: HashParameters | "none";
  readonly record?: "usable" | "damaged";
  readonly disabled?: boolean;
}

export const ALICE: BenchUser = { name: USERNAME };

export interface BenchServer extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Empty in plaintext. */
  readonly fingerprint: string;
  /** What CPU it has used so far, all threads together. */
  cpuMs(): Promise<number>;
}

export async function startBenchServer(
  users: readonly BenchUser[],
  ...options: readonly string[]
): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), "talkbyte-bench-"));
  const usersPath = join(folder, "users.json");
  const setup = await ensureOpaqueSetup(join(folder, "opaque-setup.json"), createOpaqueSetup);
  await writeUsers(usersPath, setup, users);
  const identity = options.includes("--plaintext") ? [] : ["--identity", join(folder, "identity.pem")];
  const files = ["--users", usersPath, ...identity];
  const server = fork(
    pathOf("../src/bin/talkbyte-server.ts"),
    [...files, "--host", "127.0.0.1", "--port", "0", ...options],
    { execArgv: ["--import", pathOf("./bench-cpu.ts")], stdio: ["ignore", "ignore", "pipe", "ipc"] },
  );
  const exited = once(server, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stderr! })) {
    lines.push(line);
    if (/^(fingerprint|plaintext)\b/.test(line)) break;
  }
  const text = lines.join("\n");
  return {
    pid: server.pid!,
    port: Number(/:(\d+)$/m.exec(text)![1]),
    fingerprint: /fingerprint (\w+)/.exec(text)?.[1] ?? "",
    async cpuMs() {
      const answered = once(server, "message") as Promise<[NodeJS.CpuUsage]>;
      server.send("cpu");
      const [{ user, system }] = await answered;
      return (user + system) / 1000;
    },
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

async function writeUsers(path: string, setup: OpaqueSetup, users: readonly BenchUser[]): Promise<void> {
  const made: [BenchUser, string | undefined, Enrolment | undefined][] = [];
  for (const user of users) {
    const { name, hash = defaultHashParameters, record } = user;
    const phc = hash === "none" ? undefined : await hashPassword(preparePassword(PASSWORD), hash);
    made.push([user, phc, record && (await makeRecord(setup, name, record))]);
  }
  await updateUsers(
    path,
    (document, stamp) => {
      for (const [{ name, disabled }, phc, enrolment] of made) {
        document.add(name, phc, stamp, enrolment);
        if (disabled) document.disable(name, stamp);
      }
    },
    { create: true },
  );
}

async function makeRecord(
  setup: OpaqueSetup,
  name: string,
  kind: NonNullable<BenchUser["record"]>,
): Promise<Enrolment> {
  const enrolment = await enrol(setup, name, preparePassword(PASSWORD));
  return kind === "usable" ? enrolment : { ...enrolment, record: enrolment.record.map(() => 0) };
}

/** Echoes one message after the other until `done` says so; returns each one's milliseconds. */
export async function timeEchoes(client: Client, done: (echoes: number) => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!done(times.length)) {
    const startedAt = performance.now();
    await client.send("0123456789abcdef");
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** What the echo's 99th percentile may be beside a flood, when it is this quiet. */
export function echoGoalMs(quietMs: number): number {
  return Math.max(10 * quietMs, 20);
}
