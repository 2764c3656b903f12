// Programs of ours in processes of their own.

import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { onTestFinished } from "vitest";

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export const usersBin: string = fileURLToPath(new URL("../../src/bin/talkbyte-users.ts", import.meta.url));
export const writerPath: string = fileURLToPath(new URL("./writer.ts", import.meta.url));

export async function runNode(
  args: readonly string[],
  input: string | Uint8Array = "",
  options: SpawnOptions = {},
): Promise<Finished> {
  return await runProgram(process.execPath, args, input, options);
}

export async function runProgram(
  program: string,
  args: readonly string[],
  input: string | Uint8Array = "",
  options: SpawnOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, { ...options, stdio: "pipe" });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => undefined).end(input);
  await once(child, "close");
  return { code: child.exitCode, signal: child.signalCode, out, err };
}

export interface Writer {
  readonly child: ChildProcess;
  /** Resolves when the writer has said `count` more lines, and rejects if it ends before. */
  lines(count: number): Promise<void>;
  kill(): Promise<void>;
}

export function startWriter(task: "hold" | "write", path: string): Writer {
  const child = spawn(process.execPath, [writerPath, task, path], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  onTestFinished(() => void child.kill("SIGKILL"));
  let seen = 0;
  child.stdout.on("data", (bytes: Uint8Array) => (seen += bytes.filter((byte) => byte === 0x0a).length));
  return {
    child,
    async lines(count) {
      const wanted = seen + count;
      for (;;) {
        if (seen >= wanted) return;
        await Promise.race([once(child.stdout, "data"), closed]);
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error("the writer ended by itself");
      }
    },
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
