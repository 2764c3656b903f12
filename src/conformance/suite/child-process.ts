// A process that the runner launches: a server under test, or a client's adapter. Its last words are kept, so that
// a crash can be told with what it said. It leads a process group of its own, for what a profile launches is often a
// shell or a package manager: what that has started must end with it, and must not keep the runner waiting.

import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { NotReady } from "./target.ts";

export interface Launch {
  readonly command: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

// How a process ended; "could not be started" has neither code nor signal.
export interface Death {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastWords: string;
}

const lastWordsCharacters = 2000;
const killAfterMs = 5000;
// Once it has gone, its output may still be on its way, or be held open by what it has started.
const drainMs = 500;

const living = new Set<LaunchedProcess>();
let over = false;

export class LaunchedProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #lastWords = "";
  #death: Death | undefined;
  readonly #gone = Promise.withResolvers<void>();

  // Throws a NotReady where a command can't even be tried.
  constructor(launch: Launch) {
    if (over) throw new NotReady("interrupted");
    this.#child = spawned(launch);
    if (living.size === 0) process.on("exit", killLaunched);
    living.add(this);
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    // A write to a process that has gone fails; that it has gone is told by `death`.
    this.#child.stdin.on("error", () => undefined);
    this.#child.on("error", (error) => {
      if (this.#child.pid !== undefined) return;
      this.#hear(error.message);
      this.#end(null, null);
    });
    this.#child.on("exit", (code, signal) => {
      const drained = setTimeout(() => this.#end(code, signal), drainMs);
      this.#child.on("close", () => {
        clearTimeout(drained);
        this.#end(code, signal);
      });
    });
  }

  get stdin(): Writable {
    return this.#child.stdin;
  }

  get stdout(): Readable {
    return this.#child.stdout;
  }

  // Undefined while it lives.
  get death(): Death | undefined {
    return this.#death;
  }

  // Settles once it has gone, however that came about.
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  async goneWithin(milliseconds: number): Promise<void> {
    const patience = new AbortController();
    const late = delay(milliseconds, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([this.gone, late]);
    patience.abort();
  }

  async stop(graceMs = killAfterMs): Promise<void> {
    this.#child.stdin.end();
    this.kill("SIGTERM");
    const kill = setTimeout(() => this.kill("SIGKILL"), graceMs);
    await this.gone;
    clearTimeout(kill);
  }

  // It, and all that it has started.
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#death !== undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // There's nobody left.
    }
  }

  #hear(text: string): void {
    this.#lastWords = (this.#lastWords + text).slice(-lastWordsCharacters);
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#death !== undefined) return;
    this.kill("SIGKILL");
    this.#death = { code, signal, lastWords: this.#lastWords };
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
    living.delete(this);
    if (living.size === 0) process.off("exit", killLaunched);
    this.#gone.resolve();
  }
}

// For a runner that is told to end: no process stays behind, and none is launched any more.
export async function endLaunched(graceMs: number): Promise<void> {
  over = true;
  const ending = Array.from(living, (launched) => launched.stop(graceMs));
  await Promise.race([Promise.all(ending), delay(graceMs + drainMs)]);
}

export function deathText({ code, signal, lastWords }: Death): string {
  const how = signal === null ? (code === null ? "could not be started" : `exit code ${code}`) : signal;
  const words = lastWords.trim();
  return words === "" ? how : `${how}; its last words: ${words}`;
}

// What is under test has credentials of its own.
function withoutPasswords(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^TALKBYTE_(\w+_)?PASSWORD$/.test(name)),
  );
}

function spawned({
  command,
  folder,
  environment,
}: Launch): ChildProcessByStdio<Writable, Readable, Readable> {
  const [program = "", ...rest] = command;
  try {
    return spawn(program, rest, {
      cwd: folder,
      env: { ...withoutPasswords(process.env), ...environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
  } catch (error) {
    throw new NotReady(`could not be started: ${error instanceof Error ? error.message : String(error)}`);
  }
}

// A runner that ends in any other way than by a signal that it can't catch takes all with it.
function killLaunched(): void {
  for (const launched of living) launched.kill("SIGKILL");
}
