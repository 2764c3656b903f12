// Questions to the person at the terminal, on /dev/tty: standard input and output may be pipes. A hidden
// answer is read in raw mode, and whatever ends the question (an answer, Ctrl-C, a signal, an exit) gives the
// terminal back as it was. One Terminal asks any number of questions; what was typed ahead is kept for the
// next one.

import { closeSync, constants, openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";

import { CommandError, usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { HiddenLine, type LineProgress } from "./hidden-line.ts";

interface Line {
  feed(byte: number): LineProgress;
  bytes(): Uint8Array;
}

export async function promptLine(question: string): Promise<string> {
  return await once((terminal) => terminal.askLine(question));
}

/** Without echo. */
export async function promptHidden(question: string): Promise<string> {
  return await once((terminal) => terminal.askHidden(question));
}

export class Terminal {
  readonly #input: ReadStream;
  /** Of its own, since the stream makes the input's descriptor non-blocking. */
  readonly #output: number;
  #typedAhead: Uint8Array = new Uint8Array();

  constructor() {
    try {
      this.#output = openSync("/dev/tty", constants.O_WRONLY | constants.O_NOCTTY);
      this.#input = new ReadStream(openSync("/dev/tty", constants.O_RDONLY | constants.O_NOCTTY));
    } catch (cause) {
      const message = "there is no terminal to ask on (/dev/tty): give the answer by an option, see --help";
      throw new CommandError(exitCodes.usage, message, { cause });
    }
    this.#input.pause();
  }

  async askLine(question: string): Promise<string> {
    this.#write(question);
    // The terminal edits and echoes; here the line just ends, or what cooked mode doesn't let through stays.
    return await this.#answer(new HiddenLine());
  }

  async askHidden(question: string): Promise<string> {
    const restore = this.#hide();
    try {
      // Raw first: nothing typed in answer to the question may be echoed.
      this.#write(question);
      return await this.#answer(new HiddenLine());
    } finally {
      restore();
      this.#write("\n");
    }
  }

  close(): void {
    this.#input.destroy();
    closeSync(this.#output);
  }

  #write(text: string): void {
    writeSync(this.#output, text);
  }

  /** Raw mode, and the way back from it (which process.exit() finds by itself). */
  #hide(): () => void {
    const restore = (): void => {
      this.#input.setRawMode(false);
      process.off("SIGCONT", hideAgain);
      for (const signal of fatalSignals) process.off(signal, die);
    };
    const die = (signal: NodeJS.Signals): void => {
      restore();
      this.#write("\n");
      // As if it had never been caught.
      process.kill(process.pid, signal);
    };
    const hideAgain = (): void => {
      // The shell has set its own mode meanwhile, of which the stream knows nothing.
      this.#input.setRawMode(false);
      this.#input.setRawMode(true);
    };
    for (const signal of fatalSignals) process.on(signal, die);
    process.on("SIGCONT", hideAgain);
    this.#input.setRawMode(true);
    return restore;
  }

  async #answer(line: Line): Promise<string> {
    const progress = this.#take(line, this.#typedAhead) ?? (await this.#read(line));
    switch (progress) {
      case "entered":
        return decodeAnswer(line.bytes());
      case "interrupted":
        throw new CommandError(exitCodes.interrupted, "interrupted");
      case "too-long":
        throw usageError("the answer is too long");
      default:
        throw new CommandError(exitCodes.interrupted, "no answer: the input ended");
    }
  }

  #read(line: Line): Promise<LineProgress> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#input.pause();
        this.#input.off("data", onData).off("end", onEnd).off("error", onError);
      };
      const onData = (chunk: Uint8Array): void => {
        const progress = this.#take(line, chunk);
        if (progress === undefined) return;
        stop();
        resolve(progress);
      };
      const onEnd = (): void => {
        stop();
        resolve("ended");
      };
      const onError = (error: Error): void => {
        stop();
        reject(error);
      };
      this.#input.on("data", onData).on("end", onEnd).on("error", onError);
      this.#input.resume();
    });
  }

  /** Feeds the line until it ends, and keeps the rest; undefined if it goes on. */
  #take(line: Line, chunk: Uint8Array): LineProgress | undefined {
    for (const [index, byte] of chunk.entries()) {
      const progress = line.feed(byte);
      if (progress === "more") continue;
      this.#typedAhead = chunk.slice(index + 1);
      return progress;
    }
    this.#typedAhead = new Uint8Array();
    return undefined;
  }
}

const fatalSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

function decodeAnswer(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usageError("the terminal sent bytes that are not UTF-8: check the locale");
  }
}

async function once<Result>(ask: (terminal: Terminal) => Promise<Result>): Promise<Result> {
  const terminal = new Terminal();
  try {
    return await ask(terminal);
  } finally {
    terminal.close();
  }
}
