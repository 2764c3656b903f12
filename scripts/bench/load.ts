// The load generator for machines without a C compiler; its arguments, input and output are those of load.c. It is itself
// the bottleneck at most of what it measures, which the share of a core that it takes shows.

import type { Socket } from "node:net";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Sample } from "./generator.ts";
import { Messages, PROTOCOLS, ReplyCheck, WrongReply } from "./messages.ts";
import { openConnection, type Opening } from "./opening.ts";
import { bucketOf } from "./statistics.ts";

const [protocolName, port, payload, depthText, count, serverPid, certificateFile, username] =
  process.argv.slice(2);
const protocol = PROTOCOLS.find((name) => name === protocolName);
if (protocol === undefined) throw new RangeError(`no such protocol: ${protocolName}`);
const messages = new Messages(protocol, Number(payload));
const depth = Number(depthText);
const NS_PER_MS = 1e6;
const SILENCE_MS = 20_000;

/** What is counted within a window. */
let counts = new Map<number, number>();
let replies = 0;
let turnReplies = 0;
let asking = false;
let measuring = false;
let underWay = 0;
let allAnswered = (): void => undefined;

class Connection {
  readonly #socket: Socket;
  readonly #index: number;
  readonly #check: ReplyCheck;
  readonly #askedAt: number[] = [];
  #asked = 0;

  constructor(socket: Socket, index: number) {
    this.#socket = socket;
    this.#index = index;
    this.#check = new ReplyCheck(messages, index);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the server closed a connection")));
  }

  ask(howMany: number): void {
    const requests: Buffer[] = [];
    const now = performance.now();
    for (let left = howMany; left > 0; left--) {
      this.#askedAt[this.#asked % depth] = now;
      requests.push(messages.request(this.#index, this.#asked++));
    }
    underWay += howMany;
    this.#socket.write(requests.length === 1 ? requests[0]! : Buffer.concat(requests));
  }

  #received(chunk: Buffer): void {
    const before = this.#check.answered;
    try {
      this.#check.push(chunk, this.#asked);
    } catch (error) {
      fail(error as WrongReply);
    }
    const answered = this.#check.answered - before;
    if (answered === 0) return;
    underWay -= answered;
    turnReplies += answered;
    if (measuring) this.#count(before, answered);
    if (asking) this.ask(answered);
    else if (underWay === 0) allAnswered();
  }

  #count(first: number, answered: number): void {
    const now = performance.now();
    replies += answered;
    for (let number = first; number < first + answered; number++) {
      const bucket = bucketOf((now - this.#askedAt[number % depth]!) * NS_PER_MS);
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    }
  }
}

function fail(error: Error): never {
  process.stderr.write(`${error instanceof WrongReply ? "wrong reply: " : ""}${error.message}\n`);
  process.exit(1);
}

/** CPU time of the server, all its threads; 0 where the system does not tell. */
function serverCpuNs(): number {
  const folder = `/proc/${serverPid}/task`;
  try {
    return readdirSync(folder)
      .map((thread) => Number(readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ")[0]))
      .reduce((sum, ns) => sum + ns, 0);
  } catch {
    return 0;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** Replies and latencies are those of the window; CPU time is that of the whole turn. */
async function playTurn(
  connections: readonly Connection[],
  warmMs: number,
  measureMs: number,
): Promise<string> {
  const turnStartedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const serverBefore = serverCpuNs();
  counts = new Map();
  replies = turnReplies = 0;
  asking = true;
  for (const connection of connections) connection.ask(depth);
  await wait(warmMs);
  const startedAt = performance.now();
  measuring = true;
  await wait(measureMs);
  measuring = asking = false;
  const ns = (performance.now() - startedAt) * NS_PER_MS;
  await drain();
  const cpu = process.cpuUsage(cpuBefore);
  return JSON.stringify({
    replies,
    ns,
    turnReplies,
    turnNs: (performance.now() - turnStartedAt) * NS_PER_MS,
    cpuNs: (cpu.user + cpu.system) * 1000,
    serverCpuNs: serverCpuNs() - serverBefore,
    histogram: Array.from(counts).toSorted(([a], [b]) => a - b),
  } satisfies Sample);
}

/** The turn is over when nothing is under way any more. */
async function drain(): Promise<void> {
  if (underWay === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  allAnswered = resolve;
  const timer = setTimeout(() => fail(new Error("the server fell silent")), SILENCE_MS);
  await promise;
  clearTimeout(timer);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const certificate = certificateFile === "-" ? undefined : readFileSync(certificateFile!, "utf8");
const password = (await lines.next()).value ?? "";
const opening: Opening = { protocol, port: Number(port), certificate, username: username!, password };
const connections: Connection[] = [];
for (let index = 0; index < Number(count); index++)
  connections.push(new Connection(await openConnection(opening), index));
process.stdout.write("ready\n");
for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  const [warmMs, measureMs] = line.value.split(" ").map(Number);
  process.stdout.write(`${await playTurn(connections, warmMs!, measureMs!)}\n`);
}
process.exit(0);
