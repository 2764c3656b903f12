// What the client shows, and where: replies or JSON events on standard output, everything else on standard error,
// and the question to a person on whichever of the two is a terminal.

import { escapeText } from "../net/display.ts";
import { Trace } from "../net/trace.ts";
import type { Prompt } from "./client-conversation.ts";
import { JsonEvents, PlainEvents, type ClientEvents } from "./client-events.ts";
import type { ClientCommandOptions } from "./client-options.ts";
import { ClientOutput } from "./client-output.ts";

export class ClientConsole {
  readonly output: ClientOutput;
  readonly events: ClientEvents;
  readonly trace: Trace | undefined;
  readonly #prompts: boolean;
  #atPrompt = false;

  constructor({ json, trace }: ClientCommandOptions) {
    this.#prompts = !json;
    const { stdout, stderr } = process;
    stderr.on("error", () => undefined); // nobody is left to be told
    this.output = new ClientOutput(stdout, trace ? [stderr] : []);
    this.events = json ? new JsonEvents(this.output) : new PlainEvents(this.output, stdout.isTTY);
    const colors = stderr.isTTY && (process.env["NO_COLOR"] ?? "") === "";
    this.trace = trace ? new Trace({ colors, write: (text) => this.#writeError(text) }) : undefined;
  }

  /** Undefined unless a person types the lines and can see the question. */
  get prompt(): Prompt | undefined {
    if (!this.#prompts || !process.stdin.isTTY) return undefined;
    const { stdout, stderr } = process;
    const terminal = [stderr, stdout].find((stream) => stream.isTTY);
    if (terminal === undefined) return undefined;
    return {
      show: () => {
        this.output.push();
        terminal.write("Enter your message: ");
        this.#atPrompt = true;
      },
      answered: () => (this.#atPrompt = false),
    };
  }

  /** Ends the line of a question that stays unanswered. */
  endPrompt(): void {
    if (!this.#atPrompt) return;
    this.#atPrompt = false;
    process.stderr.write("\n");
  }

  /** Lines for standard output. */
  print(lines: readonly string[]): void {
    this.output.write(Buffer.from(lines.map((line) => `${escapeText(line)}\n`).join("")));
  }

  say(message: string): void {
    this.#writeError(`talkbyte-client: ${escapeText(message)}\n`);
  }

  warn(message: string): void {
    this.#writeError(`warning: ${escapeText(message)}\n`);
  }

  /** Lines that belong to what was said. */
  add(lines: readonly string[]): void {
    for (const line of lines) this.#writeError(`${escapeText(line)}\n`);
  }

  #writeError(text: string): void {
    this.endPrompt();
    this.output.push();
    process.stderr.write(text);
  }
}
