// What benches share: talkbyte-server in a process of its own, with its defaults but for the options given, and one user; and
// the figures of a list of times.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { preparePassword } from "../src/credentials/password.ts";
import { addUser } from "../src/credentials/users-file.ts";
import { hashPassword } from "../src/credentials/verifier.ts";
import type { Client } from "../src/index.ts";

export const USERNAME = "alice";
export const PASSWORD = "correct horse battery";

export interface BenchServer extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Empty in plaintext. */
  readonly fingerprint: string;
}

export async function startBenchServer(...options: readonly string[]): Promise<BenchServer> {
  return await startBenchServerWith(await hashPassword(preparePassword(PASSWORD)), ...options);
}

/** The same where the one user has this hash. */
export async function startBenchServerWith(phc: string, ...options: readonly string[]): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), "talkbyte-bench-"));
  const users = join(folder, "users.json");
  await addUser(users, USERNAME, phc);
  const bin = fileURLToPath(new URL("../src/bin/talkbyte-server.ts", import.meta.url));
  const identity = options.includes("--plaintext") ? [] : ["--identity", join(folder, "identity.pem")];
  const files = ["--users", users, ...identity];
  const args = [bin, ...files, "--host", "127.0.0.1", "--port", "0", ...options];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(server, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    if (/^(fingerprint|plaintext)\b/.test(line)) break;
  }
  const text = lines.join("\n");
  return {
    pid: server.pid!,
    port: Number(/:(\d+)$/m.exec(text)![1]),
    fingerprint: /fingerprint (\w+)/.exec(text)?.[1] ?? "",
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
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

/** The value below which this share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
