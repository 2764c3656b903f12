// Can an attacker tell by time whether a user exists? Two names of different kinds are tried one right after the other,
// in random order, on one open connection, again and again; what counts is the difference of the two answers' times. The
// server runs in a process of its own with its defaults, but for the penalties, from which the attacker is exempt,
// and the tries of a connection, so that it needs few of them.
//
// Prints for each pair of kinds the median of the differences, where it lies at 95 % (by the binomial distribution of
// ranks), and in what share of the pairs the first took longer, which is half where there is nothing to tell. Exit
// code 1: an interval goes beyond 1 ms; or a leak that was planted does not show.
//
// npm run bench-enumeration [-- --pairs N]

import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { OpaqueClientAttempt } from "../src/auth/opaque-client.ts";
import { preparePassword } from "../src/credentials/password.ts";
import { encodeResponse } from "../src/protocol/login-frames.ts";
import { OPAQUE_BYTES } from "../src/protocol/mechanism.ts";
import { median, medianInterval, shuffled, wholeNumber } from "./bench-figures.ts";
import { BenchPeer, opaqueAuth, passwordAuth } from "./bench-peer.ts";
import { startBenchServer, type BenchServer, type BenchUser } from "./bench-server.ts";

const GOAL_MS = 1;
const WARM_UP_PAIRS = 50;
/** Hashes that are planted are slow ones. */
const PLANTED_SHARE = 0.1;
const ATTEMPTS_PER_CONNECTION = 200;
const OPTIONS = ["--penalty-exempt", "127.0.0.0/8", "--tries", "255"];
const WRONG_PASSWORD = "wrong battery staple";

/** All names have as many letters. */
const USERS = {
  "with both": { name: "alice", record: "usable" },
  "with a hash alone": { name: "bobby" },
  "with a record alone": { name: "clara", hash: "none", record: "usable" },
  disabled: { name: "david", record: "usable", disabled: true },
  "with a damaged record": { name: "emily", record: "damaged" },
} as const satisfies Record<string, BenchUser>;
type Kind = keyof typeof USERS | "unknown";

/** Unknown names are given the parameters of a user's hash: those of the planted users are to be rare among them. */
const BY_POLICY: readonly BenchUser[] = Array.from({ length: 30 }, (_, at) => ({ name: `user${at}` }));
const PLANTED = {
  "hash of 24 MiB, 2 passes": { name: "frank", hash: { memoryKib: 24_576, passes: 2, lanes: 1 } },
  "hash of 64 MiB, 3 passes, 4 lanes": { name: "grace", hash: { memoryKib: 65_536, passes: 3, lanes: 4 } },
} as const satisfies Record<string, BenchUser>;

/** One attempt to log in; returns how long each of its answers took, in milliseconds. */
type Try = (attacker: Attacker, username: string) => Promise<readonly number[]>;

/** Who tries names, and takes a new connection where the tries of one run out. */
class Attacker {
  readonly #server: BenchServer;
  #peer: BenchPeer | undefined;
  #left = 0;

  constructor(server: BenchServer) {
    this.#server = server;
  }

  async peer(): Promise<BenchPeer> {
    if (this.#peer !== undefined && this.#left-- > 0) return this.#peer;
    await this.close();
    this.#peer = await BenchPeer.connect(this.#server);
    await this.#peer.greet();
    this.#left = ATTEMPTS_PER_CONNECTION;
    return this.#peer;
  }

  async close(): Promise<void> {
    await this.#peer?.close();
  }
}

const byPassword: Try = async (attacker, username) => {
  const peer = await attacker.peer();
  return [await peer.askRefused(passwordAuth(username, WRONG_PASSWORD))];
};

const byOpaque: Try = async (attacker, username) => {
  const peer = await attacker.peer();
  const { ke1 } = await OpaqueClientAttempt.start(preparePassword(WRONG_PASSWORD), peer.channel);
  const response = encodeResponse(randomBytes(OPAQUE_BYTES.RESPONSE));
  const { ms } = await peer.ask(opaqueAuth(username, ke1), "CHALLENGE");
  return [ms, await peer.askRefused(response)];
};

/** Five letters, as those of the users; each time another. */
let unknownNames = 0;
function unknownName(): string {
  return `x${(unknownNames++).toString(36).padStart(4, "0")}`;
}

/** The times of each answer: those of the one name, and those of the other. */
type Times = readonly (readonly [one: number, other: number])[];

interface Trial {
  readonly attempt: Try;
  readonly pairs: number;
  readonly one: string;
  /** Undefined: an unknown name, each time another. */
  readonly other: string | undefined;
}

/** Returns the pairs of times for each answer of the attempt. */
async function play(server: BenchServer, { attempt, pairs, one, other }: Trial): Promise<Times[]> {
  const attacker = new Attacker(server);
  const answers: [number, number][][] = [];
  for (let pair = -WARM_UP_PAIRS; pair < pairs; pair++) {
    const names = [one, other ?? unknownName()] as const;
    const times: [readonly number[], readonly number[]] = [[], []];
    for (const side of shuffled([0, 1] as const)) times[side] = await attempt(attacker, names[side]);
    if (pair < 0) continue;
    for (const [answer, ms] of times[0].entries()) (answers[answer] ??= []).push([ms, times[1][answer]!]);
  }
  await attacker.close();
  return answers;
}

interface Difference {
  readonly low: number;
  readonly high: number;
  readonly text: string;
}

function differenceOf(times: Times): Difference {
  const differences = times.map(([one, other]) => one - other);
  const [low, high] = medianInterval(differences);
  const longer = differences.filter((difference) => difference > 0).length / differences.length;
  const [first, second] = [0, 1].map((side) => median(times.map((pair) => pair[side]!)).toFixed(2));
  const text =
    `${first} and ${second} ms, difference ${signed(median(differences))} (${signed(low)} to ${signed(high)}) ms, ` +
    `longer in ${(100 * longer).toFixed(0)} % of ${times.length}`;
  return { low, high, text };
}

const signed = (ms: number): string => `${ms < 0 ? "−" : "+"}${Math.abs(ms).toFixed(3)}`;

interface Mechanism {
  readonly attempt: Try;
  readonly answers: readonly string[];
  readonly compared: readonly (readonly [Kind, Kind])[];
}

const MECHANISMS: readonly Mechanism[] = [
  {
    attempt: byOpaque,
    answers: ["OPAQUE, CHALLENGE", "OPAQUE, REFUSED"],
    compared: [
      ["with both", "unknown"],
      ["with both", "disabled"],
      ["with both", "with a hash alone"],
      ["with a hash alone", "unknown"],
      ["with a record alone", "unknown"],
      ["with a damaged record", "unknown"],
    ],
  },
  {
    attempt: byPassword,
    answers: ["PASSWORD, REFUSED"],
    compared: [
      ["with both", "unknown"],
      ["with both", "disabled"],
      ["with a record alone", "unknown"],
    ],
  },
];

const nameOf = (kind: Kind): string | undefined => (kind === "unknown" ? undefined : USERS[kind].name);

/** Whether no kind of user can be told from another. */
async function compareKinds(pairs: number): Promise<boolean> {
  await using server = await startBenchServer(Object.values(USERS), ...OPTIONS);
  let met = true;
  for (const { attempt, answers, compared } of MECHANISMS) {
    for (const [one, other] of compared) {
      const trial = { attempt, pairs, one: nameOf(one)!, other: nameOf(other) };
      const played = await play(server, trial);
      if (played.length !== answers.length) throw new Error(`${played.length} answers were timed`);
      for (const [at, times] of played.entries()) {
        const { low, high, text } = differenceOf(times);
        const within = low > -GOAL_MS && high < GOAL_MS;
        met &&= within;
        const verdict = within ? "met" : "MISSED";
        process.stdout.write(`${answers[at]}, ${one} – ${other}: ${text}: ${verdict}\n`);
      }
    }
  }
  return met;
}

/** Users whose hashes were made elsewhere do stand out: what is left, and whether such a leak would be seen here. */
async function comparePlanted(pairs: number): Promise<boolean> {
  await using server = await startBenchServer([...BY_POLICY, ...Object.values(PLANTED)], ...OPTIONS);
  let seen = true;
  for (const [kind, { name }] of Object.entries(PLANTED)) {
    const [times] = await play(server, { attempt: byPassword, pairs, one: name, other: undefined });
    const { low, text } = differenceOf(times!);
    seen &&= low > GOAL_MS;
    process.stdout.write(
      `what is left: PASSWORD, REFUSED, ${kind} – unknown: ${text}: ${low > GOAL_MS ? "seen" : "NOT SEEN"}\n`,
    );
  }
  return seen;
}

const { values } = parseArgs({ options: { pairs: { type: "string", default: "2000" } } });
const pairs = wholeNumber("pairs", values.pairs, 100, 1_000_000);
const met = await compareKinds(pairs);
const seen = await comparePlanted(Math.max(100, Math.round(pairs * PLANTED_SHARE)));
process.stdout.write(
  `medians of the differences within ${GOAL_MS} ms: ${met ? "met" : "MISSED"}; leaks that were planted: ${seen ? "seen" : "NOT SEEN"}\n`,
);
process.exitCode = met && seen ? 0 : 1;
