// A server in a process of its own, for those who want to hurt it and then ask how it is: it listens in plaintext and
// with TLS, tells its parent where, measures its memory when asked, and reports whatever nobody caught.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { preparePassword } from "../src/credentials/password.ts";
import type { User } from "../src/credentials/users-schema.ts";
import { hashPassword } from "../src/credentials/verifier.ts";
import { makeIdentity } from "../src/net/identity.ts";
import { createServer } from "../src/net/server.ts";
import type { ServerLimits } from "../src/net/limits.ts";

export const USERNAME = "alice";
export const PASSWORD = "correct horse battery";

export interface Ready {
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly fingerprint: string;
}

export interface Health {
  readonly rssBytes: number;
  readonly connections: number;
  /** What was thrown and caught by nobody, or where the session failed inside. */
  readonly faults: readonly string[];
}

/** The parent's hold of such a process. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly ready: Ready;

  private constructor(child: ChildProcess, ready: Ready) {
    this.#child = child;
    this.ready = ready;
  }

  static async start(limits: Partial<ServerLimits> = {}): Promise<ServerProcess> {
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(limits)], {
      // A young generation of fixed size: it grows under load, and that is no leak.
      execArgv: ["--expose-gc", "--no-warnings", "--min-semi-space-size=4", "--max-semi-space-size=4"],
      // Left to itself glibc keeps what it was given back, above all 20 MiB of argon2's for each thread. Like this
      // it returns it, and what remains is what is held.
      env: { ...process.env, MALLOC_MMAP_THRESHOLD_: "8192", MALLOC_ARENA_MAX: "1" },
    });
    const [ready] = (await once(child, "message")) as [Ready];
    return new ServerProcess(child, ready);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** After a collection of garbage. */
  async health(): Promise<Health> {
    if (!this.alive)
      throw new Error(`the server has died (${this.#child.exitCode ?? this.#child.signalCode})`);
    this.#child.send("health");
    const [health] = (await once(this.#child, "message")) as [Health];
    return health;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (!this.alive) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }
}

/** Users in memory: a fuzzed login is not to write files. */
async function makeUsers(): Promise<ConstructorParameters<typeof Map<string, User>>[0]> {
  const at = "2026-01-01T00:00:00.000Z";
  const password = await hashPassword(preparePassword(PASSWORD));
  const user = { name: USERNAME, password, createdAt: at, updatedAt: at, credentialId: "00".repeat(16) };
  return [
    [USERNAME, { ...user, disabled: false }],
    ["disabled", { ...user, name: "disabled", disabled: true }],
  ];
}

/** With what --expose-gc gives, down to what is held. */
async function collectGarbage(): Promise<void> {
  const { gc } = globalThis as unknown as { gc: (options: object) => void };
  for (let round = 0; round < 4; round++) {
    gc({ type: "major", execution: "sync", flavor: "last-resort" });
    await nextTurn(); // for what finalizers let go
  }
}

async function serve(limits: Partial<ServerLimits>): Promise<void> {
  const faults: string[] = [];
  process.on("uncaughtException", (error) => faults.push(`uncaught: ${error.stack}`));
  process.on("unhandledRejection", (error) => faults.push(`unhandled rejection: ${String(error)}`));
  const byName = new Map<string, User>(await makeUsers());
  const users = {
    current: async () => ({
      get: (name: string) => byName.get(name),
      list: () => [...byName.values()],
      warnings: [],
    }),
    replaceHash: async () => false,
  };
  const ignore = (): void => undefined;
  const log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields: object, text: string) => void faults.push(`${text}: ${JSON.stringify(fields)}`),
  };
  const identity = await makeIdentity();
  const host = "127.0.0.1";
  const options = { users, penaltyExempt: [host], limits, log };
  const plain = createServer({ ...options, identity: "plaintext" });
  const secure = createServer({ ...options, identity });
  const { port: plainPort } = await plain.listen({ host, port: 0 });
  const { port: tlsPort } = await secure.listen({ host, port: 0 });
  const answer = async (): Promise<void> => {
    await collectGarbage();
    const connections = plain.connections + secure.connections;
    const health: Health = { rssBytes: process.memoryUsage.rss(), connections, faults };
    process.send!(health);
  };
  process.on("message", () => void answer());
  process.on("disconnect", () => process.exit());
  const ready: Ready = { plainPort, tlsPort, fingerprint: identity.fingerprint };
  process.send!(ready);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(JSON.parse(process.argv[2] ?? "{}") as Partial<ServerLimits>);
}
