// Our server beside its peers, in one run, in turns: what an echo behind a login costs.
//
// npm run bench [-- --quick] [--only TEXT] [--rounds N] [--json FILE] [--html FILE] [--generator c|node]

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allCells, onlyCells, quickCells, type Cell } from "./cells.ts";
import { canPin } from "./child.ts";
import { Generator, type Window } from "./generator.ts";
import { measureCell, type Plan } from "./measure.ts";
import { renderPage } from "./page.ts";
import { PEER_NAMES, prepareGround, startPeer, TRANSPORTS, type Ground, type Peer } from "./peers.ts";
import type { BenchResult, CellResult } from "./result.ts";
import { cellText, goalsText, PEER_TITLE } from "./table.ts";
import { compile, findCompiler, versionOf, type Compiled } from "./tools.ts";

const QUICK: Plan = { rounds: 3, warmMs: 25, measureMs: 100 };
const FULL: Plan = { rounds: 5, warmMs: 100, measureMs: 400 };
/** Before the first cell, for the compilers within the peers. */
const WARM_UP: Window = { warmMs: 0, measureMs: 400 };
const WARM_UP_CELL: Cell = { name: "warm-up", payloadBytes: 16, depth: 16, connections: 10 };
const MAX_ROUNDS = 1000;

const NOTES = `Ratios are of the same rounds, medians first; "by CPU" is the ratio of replies for each second of the server's CPU time.
"server" and "generator" are shares of a core. The generator is not the bottleneck where it takes less than the server
does; "!" marks a row where it took more, so that the server could have done better. What the same generator draws out of
the C epoll echo in the same cell is the ceiling. Every byte of every reply was compared with what was due.
`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    json: { type: "string" },
    html: { type: "string" },
    generator: { type: "string", default: "c" },
  },
});
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= MAX_ROUNDS))
  misused(`--rounds takes a number from 1 to ${MAX_ROUNDS}`);
if (values.generator !== "c" && values.generator !== "node") misused("--generator takes c or node");
const plan: Plan = { ...(values.quick ? QUICK : FULL), ...(rounds === undefined ? {} : { rounds }) };
const every = values.quick ? quickCells() : allCells();
const cells = values.only === undefined ? every : onlyCells(every, values.only);
if (cells.length === 0)
  misused(`no such cell: ${values.only}; there are ${every.map(({ name }) => name).join(", ")}`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.stdout.on("error", () => process.exit(1)); // a reader that has seen enough
const result = await bench();
process.stdout.write(`\n${goalsText(result.cells)}\n${NOTES}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result)}\n`);
if (values.html !== undefined) writeFileSync(values.html, renderPage(result));
if (result.cells.some(({ failures }) => failures.length > 0)) process.exitCode = 1;

function misused(message: string): never {
  process.stderr.write(`bench: ${message}\n`);
  process.exit(2);
}

async function bench(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "talkbyte-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  await using peers = new AsyncDisposableStack();
  const compiler = findCompiler();
  const load =
    compiler === undefined || values.generator === "node" ? undefined : compile(compiler, "load", folder);
  const echo = compiler === undefined ? undefined : compile(compiler, "echo", folder);
  const ground = await prepareGround(folder, echo);
  const { running, absent } = await startPeers(ground, peers);
  const machine = describeMachine(compiler, load);
  process.stdout.write(
    `${Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join("; ")}\n`,
  );
  for (const line of absent) process.stdout.write(`left out: ${line}\n`);
  for (const peer of running) await warmUp(peer, ground, load);
  const found: CellResult[] = [];
  for (const cell of cells) {
    const result = await measureCell(cell, running, ground, load, plan);
    process.stdout.write(`\n${cellText(result)}`);
    found.push(result);
  }
  const command = ["npm run bench --", ...process.argv.slice(2)].join(" ");
  return { date: new Date().toISOString(), machine, command, ...plan, absent, cells: found };
}

async function startPeers(
  ground: Ground,
  stack: AsyncDisposableStack,
): Promise<{ running: Peer[]; absent: string[] }> {
  const running: Peer[] = [];
  const absent: string[] = [];
  for (const transport of TRANSPORTS) {
    for (const name of PEER_NAMES) {
      try {
        running.push(stack.use(await startPeer(name, transport, ground)));
      } catch (error) {
        if (name === "talkbyte") throw error;
        absent.push(`${PEER_TITLE[name]}, ${transport}: ${(error as Error).message}`);
      }
    }
  }
  return { running, absent };
}

async function warmUp(peer: Peer, ground: Ground, load: Compiled | undefined): Promise<void> {
  await using generator = await Generator.open(WARM_UP_CELL, peer, ground, load);
  await generator.play(WARM_UP);
}

function describeMachine(compiler: string | undefined, load: Compiled | undefined): BenchResult["machine"] {
  const generator = load === undefined ? "in Node" : load.tls ? "in C" : "in C, over TLS in Node";
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    system: `${process.platform} ${release()}`,
    node: process.version,
    redis: versionOf("redis-server") ?? "none",
    ws: packageVersion("ws"),
    compiler: compiler === undefined ? "none" : (versionOf(compiler) ?? compiler),
    commit: commit(),
    generator,
    pinned: canPin() ? "server on one core, generator on another" : "no",
  };
}

function packageVersion(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function commit(): string {
  try {
    const cwd = new URL(".", import.meta.url);
    return execFileSync("git", ["describe", "--always", "--dirty"], { cwd, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
