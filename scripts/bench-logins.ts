// What a login costs the server: the CPU of its whole process, all threads, for a login by OPAQUE and for one by PASSWORD,
// each with its TLS handshake, side by side in rounds in random order; and for the handshake alone, and for a login by
// OPAQUE that is given up at CHALLENGE, which show where it goes. The client is this process, the server one of its
// own, with its defaults. Exit code 1: OPAQUE costs more than a fifth of PASSWORD.
//
// npm run bench-logins [-- --rounds N]

import { parseArgs } from "node:util";
import { median, medianInterval, shuffled, wholeNumber } from "./bench-figures.ts";
import { BenchPeer } from "./bench-peer.ts";
import { PASSWORD, startBenchServer, USERNAME, type BenchServer } from "./bench-server.ts";

const GOAL = 1 / 5;
/** Connections of each way in a round. */
const CONNECTIONS = 25;
const stretchingsMs: number[] = [];

/** What is done on a connection once its handshake is complete. */
const WAYS = {
  "TLS handshake": async () => undefined,
  "with OPAQUE up to CHALLENGE": async (peer) => void (await peer.challenge(USERNAME, PASSWORD)),
  "with a login by OPAQUE": async (peer) =>
    void stretchingsMs.push(await peer.logInByOpaque(USERNAME, PASSWORD)),
  "with a login by PASSWORD": async (peer) => await peer.logInByPassword(USERNAME, PASSWORD),
} as const satisfies Record<string, (peer: BenchPeer) => Promise<void>>;
type Way = keyof typeof WAYS;
const ways = Object.keys(WAYS) as Way[];

type Round = Readonly<Record<Way, number>>;

/** The server's milliseconds of CPU for each connection. */
async function measure(server: BenchServer, way: Way): Promise<number> {
  const before = await server.cpuMs();
  for (let count = 0; count < CONNECTIONS; count++) {
    const peer = await BenchPeer.connect(server);
    await WAYS[way](peer);
    await peer.close();
  }
  return ((await server.cpuMs()) - before) / CONNECTIONS;
}

async function playRound(server: BenchServer): Promise<Round> {
  const round: Partial<Record<Way, number>> = {};
  for (const way of shuffled(ways)) round[way] = await measure(server, way);
  return round as Round;
}

function spread(values: readonly number[], digits: number): string {
  const [low, high] = medianInterval(values);
  const show = (value: number): string => value.toFixed(digits);
  return `${show(median(values))} (${show(low)} to ${show(high)}; ${show(Math.min(...values))} to ${show(Math.max(...values))} in all)`;
}

const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" } } });
const count = wholeNumber("rounds", values.rounds, 10, 10_000);
await using server = await startBenchServer(
  [{ name: USERNAME, record: "usable" }],
  "--penalty-exempt",
  "127.0.0.0/8",
);
await playRound(server); // before the code is warm
stretchingsMs.length = 0;
const rounds: Round[] = [];
for (let number = 0; number < count; number++) rounds.push(await playRound(server));
process.stdout.write(
  `server CPU for each connection, ${count} rounds of ${CONNECTIONS}: median (its 95 % interval; least to most)\n`,
);
for (const way of ways) {
  const costs = rounds.map((round) => round[way]);
  process.stdout.write(`${way.padEnd(28)} ${spread(costs, 2)} ms\n`);
}
process.stdout.write(
  `${"client's stretching".padEnd(28)} ${median(stretchingsMs).toFixed(2)} ms, wall clock\n`,
);
const ratios = rounds.map((round) => round["with a login by OPAQUE"] / round["with a login by PASSWORD"]);
const met = median(ratios) <= GOAL;
process.stdout.write(`OPAQUE to PASSWORD: ${spread(ratios, 3)}; goal ${GOAL}: ${met ? "met" : "MISSED"}\n`);
process.exitCode = met ? 0 : 1;
