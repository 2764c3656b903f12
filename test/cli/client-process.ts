// talkbyte-client as a process: what is typed or piped in, what comes out, and how it ends. And on a pseudo-terminal:
// `script` of util-linux, which every Debian has, gives it a controlling terminal and shows what would stand on the
// screen.

import { spawn, type ChildProcessWithoutNullStreams, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { fileURLToPath } from "node:url";

import { onTestFinished } from "vitest";

import type { Finished } from "../credentials/child.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD, startServer, type RunningServer } from "../net/harness.ts";

export const clientBin: string = fileURLToPath(new URL("../../src/bin/talkbyte-client.ts", import.meta.url));

/** Text as it arrives, for those who wait for some of it. */
class Watched {
  text = "";
  readonly chunks: Buffer[] = [];
  readonly #decoder = new StringDecoder("utf8");
  #position = 0;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  constructor(stream: Readable) {
    stream.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.text += this.#decoder.write(chunk);
      this.#wake();
    });
    stream.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Waits until this stands there, after what was waited for before. */
  async shows(wanted: string): Promise<void> {
    while (!this.text.includes(wanted, this.#position)) {
      if (this.#ended) throw new Error(`it ended before it showed ${wanted}: ${this.text}`);
      await this.#changed.promise;
    }
    this.#position = this.text.indexOf(wanted, this.#position) + wanted.length;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

export class ClientProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly out: Watched;
  readonly err: Watched;
  readonly #closed: Promise<unknown>;

  constructor(args: readonly string[], options: SpawnOptions = {}) {
    const child = spawn(process.execPath, [...args], { ...options, stdio: "pipe" });
    this.child = child;
    this.out = new Watched(this.child.stdout);
    this.err = new Watched(this.child.stderr);
    this.child.stdin.on("error", () => undefined);
    this.#closed = once(this.child, "close");
    onTestFinished(() => void child.kill("SIGKILL"));
  }

  async finished(): Promise<Finished> {
    await this.#closed;
    const { exitCode, signalCode } = this.child;
    return { code: exitCode, signal: signalCode, out: this.out.text, err: this.err.text };
  }
}

export function startClient(args: readonly string[], options: SpawnOptions = {}): ClientProcess {
  return new ClientProcess([clientBin, ...args], options);
}

export async function runClient(args: readonly string[], input: string | Uint8Array = ""): Promise<Finished> {
  const client = startClient(args);
  client.child.stdin.end(input);
  return await client.finished();
}

/** Alice's, on this port. */
export function login(port: number, password = PASSWORD): string[] {
  const path = join(makeTemporaryFolder(), "password");
  writeFileSync(path, `${password}\n`, { mode: 0o600 });
  return ["--host", LOOPBACK, "--port", String(port), "--username", "alice", "--password-file", path];
}

/** A server over TLS, and the arguments that log in to it by its pin. */
export async function serve(
  options: Parameters<typeof startServer>[0] = {},
): Promise<{ running: RunningServer; args: string[]; fingerprint: string }> {
  const running = await startServer({ tls: true, ...options });
  const { fingerprint } = running.identity!;
  return { running, fingerprint, args: [...login(running.port), "--fingerprint", fingerprint] };
}

export interface Screen {
  text(): string;
  shows(text: string): Promise<void>;
  type(keys: string): void;
  ended(): Promise<number | null>;
  /** Closes the terminal under the command. */
  close(): void;
}

/** A shell command with a terminal. */
export function openScreen(command: string): Screen {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, SHELL: "/bin/sh", NO_COLOR: "" },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const closed = once(child, "close");
  const watched = new Watched(child.stdout);
  return {
    text: () => watched.text,
    shows: async (text) => await watched.shows(text),
    type: (keys) => void child.stdin.write(keys),
    async ended() {
      await closed;
      return child.exitCode;
    },
    close: () => void child.kill("SIGKILL"),
  };
}

/** The client as a shell command. */
export function clientCommand(args: readonly string[]): string {
  return [process.execPath, clientBin, ...args].map((word) => `'${word}'`).join(" ");
}
