// A process that the runner launches: a server under test, or a client's adapter. Its last words are kept, so that
// a crash can be told with what it said, and it is ended by pid.

import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";

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

export class LaunchedProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #lastWords = "";
  #death: Death | undefined;
  readonly #gone: Promise<void>;

  constructor({ command, folder, environment }: Launch) {
    const [program = "", ...rest] = command;
    this.#child = spawn(program, rest, {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    // A write to a process that has gone fails; that it has gone is told by `death`.
    this.#child.stdin.on("error", () => undefined);
    this.#child.on("error", (error) => {
      this.#hear(error.message);
      this.#death ??= { code: null, signal: null, lastWords: this.#lastWords };
    });
    this.#gone = new Promise((resolve) => {
      this.#child.on("close", (code, signal) => {
        this.#death ??= { code, signal, lastWords: this.#lastWords };
        resolve();
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
    return this.#gone;
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    if (this.#death === undefined) this.#child.kill("SIGTERM");
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), killAfterMs);
    await this.#gone;
    clearTimeout(kill);
  }

  #hear(text: string): void {
    this.#lastWords = (this.#lastWords + text).slice(-lastWordsCharacters);
  }
}

export function deathText({ code, signal, lastWords }: Death): string {
  const how = signal === null ? (code === null ? "could not be started" : `exit code ${code}`) : signal;
  const words = lastWords.trim();
  return words === "" ? how : `${how}; its last words: ${words}`;
}
