// The processes of a bench: each on the core that is meant for it where taskset is there, known by its pid, its
// output read line by line, and gone when the bench is.

import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** Where a process runs; the two compete for nothing when there are two cores. */
export const CORE = { server: 0, generator: 1 } as const;

const START_MS = 120_000;
const END_MS = 5000;
const KEPT_LINES = 20;

/** None outlives the bench, however it ends. */
const running = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Child implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;
  readonly #said: string[] = [];

  constructor(
    core: keyof typeof CORE,
    command: string,
    args: readonly string[],
    lineSource: "stdout" | "stderr" = "stdout",
  ) {
    const [file, all] = canPin()
      ? ["taskset", ["-c", String(CORE[core]), command, ...args]]
      : [command, Array.from(args)];
    this.#process = spawn(file, all, { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stdin.on("error", () => undefined); // its exit says more
    running.add(this.#process);
    this.#process.on("exit", () => running.delete(this.#process));
    this.#exited = once(this.#process, "exit");
    this.#exited.catch(() => undefined);
    const other = lineSource === "stdout" ? this.#process.stderr : this.#process.stdout;
    other.on("data", (text: Buffer) => this.#heard(text.toString()));
    this.#lines = createInterface({ input: this.#process[lineSource] })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  write(text: string): void {
    this.#process.stdin.write(text);
  }

  endInput(text: string): void {
    this.#process.stdin.end(text);
  }

  /** The first line from here on that holds this. @throws Error when the process ends or is silent before */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), START_MS);
    try {
      for (;;) {
        const next = await this.#lines.next();
        if (next.done === true) break;
        const found = pattern.exec(next.value);
        if (found !== null) return found;
        this.#heard(next.value);
      }
    } finally {
      clearTimeout(timer);
    }
    await this.#exited;
    throw new Error(this.#said.join("\n").trim() || "it ended without a word");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.pid === 0) return;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), END_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #heard(text: string): void {
    this.#said.push(text);
    if (this.#said.length > KEPT_LINES) this.#said.shift();
  }
}

/** Whether this command is there. */
export function has(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

let pins: boolean | undefined;

export function canPin(): boolean {
  return (pins ??= availableParallelism() > 1 && has("taskset", "--version"));
}
