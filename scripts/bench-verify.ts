// Do logins disturb sessions? 200 AUTHs at once on connections past TLS, while other sessions echo. The server runs in a
// process of its own with its defaults, but without OPAQUE, which would spare it the hashing; the crowd runs in a thread
// apart from the clock that times the echoes.
// Prints the 99th percentile of the echo, quiet and in the crowd, as the median of five rounds, and what became of
// each AUTH. Exit code 1: the goal was missed, or an AUTH got no answer.

import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { connect, openClient, TalkByteError, type Client, type OpenOptions } from "../src/index.ts";
import { median, percentile } from "./bench-figures.ts";
import { ALICE, echoGoalMs, PASSWORD, startBenchServer, timeEchoes, USERNAME } from "./bench-server.ts";

const ROUNDS = 5;
const CROWD = 200;
const ECHOERS = 4;
const QUIET_ECHOES = 2000;

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
      const answer = await client.login({ username: USERNAME, password: PASSWORD }).then(
        () => "accepted",
        (error: unknown) => (error instanceof TalkByteError ? error.code : "unanswered"),
      );
      answers[answer] = (answers[answer] ?? 0) + 1;
    }),
  );
  port.postMessage(answers);
  for (const client of clients) client.close();
}

async function round(
  open: OpenOptions,
  clients: readonly Client[],
): Promise<{ quiet: number; flood: number; answers: Answers }> {
  const quiet = (
    await Promise.all(clients.map((client) => timeEchoes(client, (echoes) => echoes >= QUIET_ECHOES)))
  ).flat();
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: open });
  await once(worker, "message");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage("go");
  let answers: Answers | undefined;
  worker.once("message", (message: Answers) => (answers = message));
  const flood = (
    await Promise.all(clients.map((client) => timeEchoes(client, () => answers !== undefined)))
  ).flat();
  await once(worker, "exit");
  return { quiet: percentile(quiet, 0.99), flood: percentile(flood, 0.99), answers: answers! };
}

async function main(): Promise<void> {
  await using server = await startBenchServer([ALICE], "--no-opaque");
  const { port, fingerprint } = server;
  const open: OpenOptions = { host: "127.0.0.1", port, trust: { fingerprint } };
  const clients: Client[] = [];
  for (let count = 0; count < ECHOERS; count++)
    clients.push(await connect({ ...open, username: USERNAME, password: PASSWORD }));
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
}

function report(rounds: readonly { quiet: number; flood: number; answers: Answers }[]): void {
  const quiet = median(rounds.map((each) => each.quiet));
  const flood = median(rounds.map((each) => each.flood));
  const goal = echoGoalMs(quiet);
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
