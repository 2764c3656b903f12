// The parts of `npm run bench` that its figures stand on: the arithmetic, the table of cells, and above all that a load
// generator finds a wrong reply. Needs neither Redis nor a compiler; the generator in C is held to the same where one is.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { median, percentile } from "../scripts/bench-figures.ts";
import {
  allCells,
  inFlightBytes,
  isSkipped,
  MAX_IN_FLIGHT_BYTES,
  onlyCells,
  quickCells,
} from "../scripts/bench/cells.ts";
import type { Sample } from "../scripts/bench/generator.ts";
import { Messages, PROTOCOLS, ReplyCheck, WrongReply } from "../scripts/bench/messages.ts";
import { renderPage } from "../scripts/bench/page.ts";
import { cellResult, judgeGoals, peerResult, skippedCell, type CellResult } from "../scripts/bench/result.ts";
import {
  bucketOf,
  latencyAt,
  mergeHistograms,
  ratios,
  spread,
  valueOf,
} from "../scripts/bench/statistics.ts";
import { cellText } from "../scripts/bench/table.ts";
import { compile, findCompiler } from "../scripts/bench/tools.ts";

describe("the bench's statistics", () => {
  it("give the median, the spread and a percentile", () => {
    expect(spread([5, 1, 3])).toEqual({ median: 3, low: 1, high: 5 });
    const hundred = Array.from({ length: 100 }, (_, index) => index);
    expect(median([5, 1, 3])).toBe(3);
    expect([percentile(hundred, 0), percentile(hundred, 0.99), percentile(hundred, 1)]).toEqual([0, 99, 99]);
    expect(() => spread([])).toThrow(RangeError);
  });

  it("compare round with round", () => {
    expect(ratios([10, 30], [5, 10])).toEqual([2, 3]);
    expect(() => ratios([1], [1, 2])).toThrow(RangeError);
  });

  it("keep a latency within three per cent, in buckets that rise", () => {
    let last = -1;
    for (let ns = 1; ns < 1e11; ns = Math.ceil(ns * 1.01)) {
      const bucket = bucketOf(ns);
      expect(bucket).toBeGreaterThanOrEqual(last);
      expect(Math.abs(valueOf(bucket) / ns - 1)).toBeLessThan(0.032);
      last = bucket;
    }
  });

  it("find a latency in histograms put together", () => {
    const merged = mergeHistograms([
      [[10, 90]],
      [
        [5, 1],
        [10, 8],
        [20, 1],
      ],
    ]);
    expect(merged).toEqual([
      [5, 1],
      [10, 98],
      [20, 1],
    ]);
    expect([0.01, 0.5, 0.99, 0.999].map((share) => latencyAt(merged, share))).toEqual([5, 10, 10, 20]);
    expect(latencyAt([], 0.5)).toBeNaN();
  });
});

describe("the bench's cells", () => {
  it("are every payload, depth and number of connections once", () => {
    const cells = allCells();
    expect(cells.length).toBe(4 * 3 * 3);
    expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
  });

  it("are skipped over 256 MiB in flight, and only then", () => {
    expect(MAX_IN_FLIGHT_BYTES).toBe(268_435_456);
    const cell = { name: "edge", payloadBytes: 65_536, depth: 64, connections: 64 };
    expect([inFlightBytes(cell), isSkipped(cell)]).toEqual([MAX_IN_FLIGHT_BYTES, false]);
    expect(isSkipped({ ...cell, connections: 65 })).toBe(true);
    expect(
      allCells()
        .filter(isSkipped)
        .map(({ name }) => name),
    ).toEqual([
      "64kib-depth-16-by-1000",
      "64kib-depth-64-by-1000",
      "1mib-depth-16-by-50",
      "1mib-depth-64-by-50",
      "1mib-depth-1-by-1000",
      "1mib-depth-16-by-1000",
      "1mib-depth-64-by-1000",
    ]);
  });

  it("are eight when it must be quick, each one of the whole table", () => {
    const names = new Set(allCells().map(({ name }) => name));
    expect(quickCells().length).toBe(8);
    expect(quickCells().filter((cell) => isSkipped(cell) || !names.has(cell.name))).toEqual([]);
  });

  it("are picked by name, or by what they are", () => {
    expect(onlyCells(allCells(), "crowd").length).toBe(1);
    expect(new Set(onlyCells(allCells(), "depth 1,").map(({ depth }) => depth))).toEqual(new Set([1]));
    expect(onlyCells(quickCells(), "small-").length).toBe(3);
    expect(onlyCells(allCells(), "no such cell")).toEqual([]);
  });
});

describe.each(PROTOCOLS)("the check of %s replies", (protocol) => {
  const messages = new Messages(protocol, 24);
  const due = Buffer.concat([0, 1, 2].map((number) => messages.reply(7, number)));
  const check = (bytes: Buffer, cut = bytes.length, asked = 3): number => {
    const reader = new ReplyCheck(messages, 7);
    for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut), asked);
    return reader.answered;
  };

  it("takes the replies that are due, however they are cut", () => {
    for (const cut of [due.length, 1, 4, 7]) expect(check(due, cut)).toBe(3);
  });

  it("finds every byte that is changed", () => {
    for (let at = 0; at < due.length; at++) {
      const wrong = Buffer.from(due);
      wrong[at]! ^= 1;
      // A head that says that its frame is longer takes the next replies with it: then some are missing.
      expect(
        attempt(() => check(wrong)),
        `byte ${at}`,
      ).not.toBe(3);
    }
  });

  it("finds replies out of order, of another connection, and unasked for", () => {
    const [first, second] = [messages.reply(7, 0), messages.reply(7, 1)];
    expect(() => check(Buffer.concat([second, first]))).toThrow(WrongReply);
    expect(() => check(messages.reply(8, 0))).toThrow(WrongReply);
    expect(() => check(Buffer.concat([first, first]))).toThrow(WrongReply);
    expect(() => check(due, due.length, 2)).toThrow(WrongReply);
  });
});

describe("the check of TalkByte replies", () => {
  it("passes over extension frames, however they are cut", () => {
    const messages = new Messages("talkbyte", 24);
    const extension = Buffer.from("0000000480aabbcc", "hex");
    const empty = Buffer.from("00000001ff", "hex");
    const bytes = Buffer.concat([extension, messages.reply(1, 0), empty, extension, messages.reply(1, 1)]);
    for (const cut of [bytes.length, 1, 3, 6]) {
      const reader = new ReplyCheck(messages, 1);
      for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut), 2);
      expect(reader.answered).toBe(2);
    }
  });
});

const folder = mkdtempSync(join(tmpdir(), "talkbyte-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const compiler = findCompiler();
const loadInNode = [process.execPath, fileURLToPath(new URL("../scripts/bench/load.ts", import.meta.url))];

describe.each([
  ["in Node", () => loadInNode],
  ["in C", () => [compile(compiler!, "load", folder)!.path]],
] as const)("the load generator %s", (name, command) => {
  it.skipIf(name === "in C" && compiler === undefined)(
    "counts right replies and ends at a wrong one",
    async () => {
      const program = command();
      const right = await load(program, () => false);
      expect(right.stderr).toBe("");
      expect(right.code).toBe(0);
      const sample = JSON.parse(right.stdout.split("\n")[1]!) as Sample;
      expect(sample.replies).toBeGreaterThan(0);
      expect(sample.turnReplies).toBeGreaterThanOrEqual(sample.replies);
      // The "server" is this process, which has waited most of the time.
      expect(sample.serverCpuNs).toBeGreaterThanOrEqual(process.platform === "linux" ? 1 : 0);
      expect(sample.histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(sample.replies);

      const wrong = await load(program, (chunk) => chunk > 5);
      expect(wrong.stderr).toMatch(/^wrong reply: connection [012]/);
      expect(wrong.code).toBe(1);
    },
  );
});

describe("what a bench says", () => {
  const sample = (replies: number, serverCpuNs: number): Sample => ({
    replies,
    ns: 1e9,
    turnReplies: replies,
    turnNs: 1e9,
    cpuNs: 5e8,
    serverCpuNs,
    histogram: [[300, replies]],
  });
  const [cell] = onlyCells(quickCells(), "small-depth-16");
  const ours = [sample(100, 8e8), sample(200, 8e8), sample(300, 8e8)];
  const theirs = [sample(200, 4e8), sample(100, 4e8), sample(100, 4e8)];
  const found = cellResult(
    cell!,
    [
      peerResult({ name: "talkbyte", transport: "plain" }, "c", ours),
      peerResult({ name: "redis", transport: "plain" }, "c", theirs),
    ],
    [],
  );

  it("are ratios of the same rounds, beside those by CPU time", () => {
    expect(found.ratios).toEqual([
      { transport: "plain", against: "redis", median: 2, low: 0.5, high: 3, perCpu: expect.closeTo(0.75) },
    ]);
    expect(found.peers.map(({ generatorBound }) => generatorBound)).toEqual([false, true]);
    expect(judgeGoals([found])).toMatchObject([{ found: 2, met: true }]);
    expect(cellText(found)).toMatch(/Redis ECHO, plain +2\.00 +0\.50–3\.00 +0\.75 /);
  });

  it("shows what was skipped, and makes one page that loads nothing", () => {
    const skipped = allCells().find(isSkipped)!;
    const cells: CellResult[] = [found, skippedCell(skipped, "over 256 MiB in flight")];
    expect(cellText(cells[1]!)).toContain("skipped, over 256 MiB in flight (1000 MiB)");
    const plan = { rounds: 3, warmMs: 0, measureMs: 1000 };
    const page = renderPage({ date: "", machine: {}, command: "", ...plan, absent: ["<Redis>"], cells });
    expect(page).toContain("<svg");
    expect(page).toContain("&#60;Redis&#62;");
    expect(page).not.toMatch(/NaN|undefined|src=|href=|https?:/);
  });
});

function attempt(work: () => number): number | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof WrongReply) return undefined;
    throw error;
  }
}

/** One turn of a generator against an echo that changes a byte of the chunks it is told to. */
async function load(
  [command, ...args]: readonly string[],
  spoils: (chunk: number) => boolean,
): Promise<{ code: number; stdout: string; stderr: string }> {
  let chunks = 0;
  const server = createServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      if (spoils(++chunks)) chunk[chunk.length - 1]! ^= 1;
      socket.write(chunk);
    });
    socket.on("error", () => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const rest = ["raw", String(port), "64", "4", "3", String(process.pid), "-", "nobody"];
  const child = spawn(command!, [...args, ...rest], { stdio: ["pipe", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (text: Buffer) => (output.stdout += text.toString()));
  child.stderr.on("data", (text: Buffer) => (output.stderr += text.toString()));
  child.stdin.end("no password\n0 20\n");
  const [code] = (await once(child, "close")) as [number];
  server.close();
  return { code, ...output };
}
