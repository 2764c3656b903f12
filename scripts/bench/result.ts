// What a bench found, as it is written to its JSON file and shown by the table and the page.

import { inFlightBytes, type Cell } from "./cells.ts";
import type { GeneratorKind, Sample } from "./generator.ts";
import type { PeerName, Transport } from "./peers.ts";
import { latencyAt, mergeHistograms, ratios, spread, type Histogram, type Spread } from "./statistics.ts";

const NS_PER_S = 1e9;
const NS_PER_US = 1000;
export const LATENCY_SHARES = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999 } as const;

export interface PeerResult {
  readonly peer: PeerName;
  readonly transport: Transport;
  readonly generator: GeneratorKind;
  readonly repliesPerSecond: Spread;
  readonly rounds: readonly number[];
  /** Replies for each second of the server's CPU time, which depends less on the neighbours; undefined: not known. */
  readonly repliesPerCpuSecond: number | undefined;
  /** Shares of a core. */
  readonly serverBusy: number;
  readonly generatorBusy: number;
  /** The generator worked harder than the server: the server could have done more than this. */
  readonly generatorBound: boolean;
  readonly latencyUs: Readonly<Record<keyof typeof LATENCY_SHARES, number>>;
  readonly histogram: Histogram;
}

/** Ours in relation to another, of the same rounds. */
export interface Ratio extends Spread {
  readonly transport: Transport;
  readonly against: PeerName;
  /** The same of the replies for each second of CPU time. */
  readonly perCpu: number | undefined;
}

export interface CellResult {
  readonly cell: Cell;
  readonly inFlightBytes: number;
  /** Why nothing was measured. */
  readonly skipped: string | undefined;
  readonly peers: readonly PeerResult[];
  readonly ratios: readonly Ratio[];
  /** Peers that failed here, and how: a wrong reply among them. */
  readonly failures: readonly string[];
}

export interface Goal {
  readonly cell: string;
  readonly transport: Transport;
  readonly against: PeerName;
  readonly atLeast: number;
}

/** What we mean to reach, in ratios of one run. */
const GOALS: readonly Goal[] = [
  { cell: "small-depth-1", transport: "plain", against: "node", atLeast: 0.95 },
  { cell: "small-depth-16", transport: "plain", against: "redis", atLeast: 1 },
  { cell: "small-depth-64", transport: "plain", against: "redis", atLeast: 1.7 },
  { cell: "small-depth-16", transport: "tls", against: "redis", atLeast: 1 },
  { cell: "small-depth-64", transport: "tls", against: "redis", atLeast: 1.5 },
  { cell: "bulk-1-mib", transport: "plain", against: "redis", atLeast: 1.2 },
];

/** The goals that these cells can judge, with what was found. */
export function judgeGoals(cells: readonly CellResult[]): { goal: Goal; found: number; met: boolean }[] {
  return GOALS.flatMap((goal) => {
    const ratio = cells
      .find(({ cell }) => cell.name === goal.cell)
      ?.ratios.find(({ transport, against }) => transport === goal.transport && against === goal.against);
    if (ratio === undefined) return [];
    return [{ goal, found: ratio.median, met: ratio.median >= goal.atLeast }];
  });
}

export interface BenchResult {
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number | boolean>>;
  readonly command: string;
  readonly rounds: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** Peers that could not be had, and why. */
  readonly absent: readonly string[];
  readonly cells: readonly CellResult[];
}

export function peerResult(
  peer: { readonly name: PeerName; readonly transport: Transport },
  generator: GeneratorKind,
  samples: readonly Sample[],
): PeerResult {
  const sum = (key: "turnReplies" | "turnNs" | "cpuNs" | "serverCpuNs"): number =>
    samples.reduce((total, sample) => total + sample[key], 0);
  const rounds = samples.map(({ replies, ns }) => (replies / ns) * NS_PER_S);
  const histogram = mergeHistograms(samples.map((sample) => sample.histogram));
  const [cpuNs, serverCpuNs] = [sum("cpuNs"), sum("serverCpuNs")];
  const latencies = Object.entries(LATENCY_SHARES).map(([name, share]) => [
    name,
    latencyAt(histogram, share) / NS_PER_US,
  ]);
  return {
    peer: peer.name,
    transport: peer.transport,
    generator,
    repliesPerSecond: spread(rounds),
    rounds,
    repliesPerCpuSecond: serverCpuNs > 0 ? (sum("turnReplies") / serverCpuNs) * NS_PER_S : undefined,
    serverBusy: serverCpuNs / sum("turnNs"),
    generatorBusy: cpuNs / sum("turnNs"),
    generatorBound: serverCpuNs > 0 && cpuNs > serverCpuNs,
    latencyUs: Object.fromEntries(latencies) as PeerResult["latencyUs"],
    histogram,
  };
}

export function cellResult(
  cell: Cell,
  peers: readonly PeerResult[],
  failures: readonly string[],
): CellResult {
  const found = peers
    .filter(({ peer }) => peer !== "talkbyte")
    .flatMap((theirs) => {
      const ours = peers.find(({ peer, transport }) => peer === "talkbyte" && transport === theirs.transport);
      return ours === undefined ? [] : [ratio(ours, theirs)];
    });
  return { cell, inFlightBytes: inFlightBytes(cell), skipped: undefined, peers, ratios: found, failures };
}

export function skippedCell(cell: Cell, skipped: string): CellResult {
  return { cell, inFlightBytes: inFlightBytes(cell), skipped, peers: [], ratios: [], failures: [] };
}

function ratio(ours: PeerResult, theirs: PeerResult): Ratio {
  const [a, b] = [ours.repliesPerCpuSecond, theirs.repliesPerCpuSecond];
  return {
    transport: ours.transport,
    against: theirs.peer,
    ...spread(ratios(ours.rounds, theirs.rounds)),
    perCpu: a === undefined || b === undefined ? undefined : a / b,
  };
}
