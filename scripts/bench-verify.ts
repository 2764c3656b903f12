// Do logins disturb sessions? 200 AUTHs at once on connections past TLS, while other sessions echo. The server runs in a
// process of its own with its defaults; the crowd runs in a thread apart from the clock that times the echoes.
// Prints the 99th percentile of the echo, quiet and in the crowd, as the median of five rounds, and what became of
// each AUTH. Exit code 1: the goal was missed, or an AUTH got no answer.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { preparePassword } from "../src/credentials/password.ts";
import { addUser } from "../src/credentials/users-file.ts";
import { hashPassword } from "../src/credentials/verifier.ts";
import { connect, openClient, TalkByteError, type Client, type OpenOptions } from "../src/index.ts";

const ROUNDS = 5;
const CROWD = 200;
const ECHOERS = 4;
const QUIET_ECHOES = 2000;
const GOAL_TIMES_QUIET = 10;
const GOAL_MS = 20;
const PASSWORD = "correct horse battery";

type Answers = Record<string, number>;

/** The crowd: connects, says so, waits for the word, and logs in all at once. */
async function crowd(open: OpenOptions): Promise<void> {
  const port = parentPort!;
  const clients = await Promise.all(Array.from({ length: CROWD }, async () => await openClient(open)));
  port.postMessage("ready");
  await once(port, "message");
  const answers: Answers = {};
  await Promise.all(
    clients.map(async (client) => {
      const answer = await client.login({ username: "alice", password: PASSWORD }).then(
        () => "accepted",
        (error: unknown) => (error instanceof TalkByteError ? error.code : "unanswered"),
      );
      answers[answer] = (answers[answer] ?? 0) + 1;
    }),
  );
  port.postMessage(answers);
  for (const client of clients) client.close();
}

/** Echoes one message after the other until `done` says so; returns each one's milliseconds. */
async function echo(client: Client, done: (echoes: number) => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!done(times.length)) {
    const startedAt = performance.now();
    await client.send("0123456789abcdef");
    times.push(performance.now() - startedAt);
  }
  return times;
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

async function round(
  open: OpenOptions,
  clients: readonly Client[],
): Promise<{ quiet: number; flood: number; answers: Answers }> {
  const quiet = (
    await Promise.all(clients.map((client) => echo(client, (echoes) => echoes >= QUIET_ECHOES)))
  ).flat();
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: open });
  await once(worker, "message");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage("go");
  let answers: Answers | undefined;
  worker.once("message", (message: Answers) => (answers = message));
  const flood = (
    await Promise.all(clients.map((client) => echo(client, () => answers !== undefined)))
  ).flat();
  await once(worker, "exit");
  return { quiet: percentile(quiet, 0.99), flood: percentile(flood, 0.99), answers: answers! };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "talkbyte-bench-"));
  const users = join(folder, "users.json");
  await addUser(users, "alice", await hashPassword(preparePassword(PASSWORD)));
  const bin = fileURLToPath(new URL("../src/bin/talkbyte-server.ts", import.meta.url));
  const args = [
    bin,
    "--users",
    users,
    "--identity",
    join(folder, "identity.pem"),
    "--host",
    "127.0.0.1",
    "--port",
    "0",
  ];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  try {
    const lines: string[] = [];
    for await (const line of createInterface({ input: server.stderr })) {
      lines.push(line);
      if (line.startsWith("fingerprint ")) break;
    }
    const text = lines.join("\n");
    const open: OpenOptions = {
      host: "127.0.0.1",
      port: Number(/:(\d+)$/m.exec(text)![1]),
      trust: { fingerprint: /fingerprint (\w+)/.exec(text)![1]! },
    };
    const clients: Client[] = [];
    for (let count = 0; count < ECHOERS; count++)
      clients.push(await connect({ ...open, username: "alice", password: PASSWORD }));
    const rounds = [];
    for (let count = 1; count <= ROUNDS; count++) {
      const result = await round(open, clients);
      rounds.push(result);
      const { quiet, flood, answers } = result;
      process.stdout.write(
        `round ${count}: echo p99 quiet ${quiet.toFixed(2)} ms, in the crowd ${flood.toFixed(2)} ms; ${JSON.stringify(answers)}\n`,
      );
    }
    report(rounds);
    await Promise.all(clients.map((client) => client.stop()));
  } finally {
    const exited = once(server, "exit");
    server.kill("SIGTERM");
    await exited;
    rmSync(folder, { recursive: true });
  }
}

function report(rounds: readonly { quiet: number; flood: number; answers: Answers }[]): void {
  const quiet = percentile(
    rounds.map((each) => each.quiet),
    0.5,
  );
  const flood = percentile(
    rounds.map((each) => each.flood),
    0.5,
  );
  const goal = Math.max(GOAL_TIMES_QUIET * quiet, GOAL_MS);
  const answered = rounds.every(
    ({ answers }) => (answers["accepted"] ?? 0) + (answers["busy"] ?? 0) === CROWD,
  );
  const met = flood <= goal && answered;
  process.stdout.write(
    `median of ${ROUNDS}: quiet ${quiet.toFixed(2)} ms, in the crowd ${flood.toFixed(2)} ms (${(flood / quiet).toFixed(1)} times); goal ${goal.toFixed(2)} ms; ` +
      `${answered ? "every AUTH was accepted or refused as busy" : "NOT every AUTH was answered"}: ${met ? "met" : "MISSED"}\n`,
  );
  if (!met) process.exitCode = 1;
}

if (isMainThread) await main();
else await crowd(workerData as OpenOptions);
