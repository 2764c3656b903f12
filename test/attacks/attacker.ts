// An attacker in a process of its own: it does one thing, over and over, as fast as it is let, and tells its parent now and
// then how often each answer came. `Attack` runs it, and ends it with its test. Each kind stands in one of the files
// imported here; none of them uses a client of ours.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { ENUMERATIONS } from "./enumeration.ts";
import { FLOODS } from "./floods.ts";
import type { Account, Lane, Tally } from "./lane.ts";
import { LINGERINGS } from "./lingerings.ts";

const KINDS = { ...FLOODS, ...LINGERINGS, ...ENUMERATIONS } as const satisfies Record<
  string,
  (lane: Lane) => Promise<void>
>;

export interface Orders {
  readonly kind: keyof typeof KINDS;
  readonly port: number;
  /** The attacker's own addresses, which take turns; on Linux any of 127/8 is at hand. */
  readonly from: readonly string[];
  /** Connections at once, or as many as are being begun at once where the kind leaves them open. */
  readonly lanes: number;
  /** Connections in all; unless given there is no end to them. */
  readonly connections?: number;
  /** The attacker's own, for what takes a login. */
  readonly account?: Account;
}

const REPORT_MS = 100;

/** What the attacker's process does. */
async function attack({ kind, from, lanes, connections = Infinity, ...rest }: Orders): Promise<void> {
  const tally: Tally = {};
  setInterval(() => process.send!(tally), REPORT_MS);
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < connections) {
      const number = begun++;
      await KINDS[kind]({ ...rest, from: from[number % from.length]!, number, tally });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

export class Attack implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #changed = Promise.withResolvers<void>();
  tally: Tally = {};

  constructor(orders: Orders) {
    this.#child = fork(fileURLToPath(import.meta.url), ["attack"]);
    this.#exited = once(this.#child, "exit");
    this.#child.on("exit", () => this.#wake());
    this.#child.on("message", (tally: Tally) => {
      this.tally = tally;
      this.#wake();
    });
    this.#child.send(orders); // not as an argument: an account has a password
  }

  /** Waits until this answer has come so often. */
  async seen(answer: string, count: number): Promise<void> {
    while ((this.tally[answer] ?? 0) < count) await this.reported();
  }

  /** Waits for its next report. */
  async reported(): Promise<void> {
    this.#assertAlive();
    await this.#changed.promise;
  }

  /** An attack that broke down attacks nothing: that is an error too. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#assertAlive();
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #assertAlive(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`the attacker has gone: ${exitCode ?? signalCode}`);
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

if (process.argv[2] === "attack") {
  process.on("disconnect", () => process.exit());
  const [orders] = (await once(process, "message")) as [Orders];
  await attack(orders);
}
