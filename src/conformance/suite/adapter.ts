// The driver of a client under test: calls become lines of JSON for its adapter, answers come back by id
// (spec/conformance.md, section 3). What they say is noted, and `stop` alone is judged.

import { createInterface } from "node:readline";
import { toHex } from "../wire/bytes.ts";
import { UnsupportedCall, type Driver } from "../play/link.ts";
import { deathText, LaunchedProcess, type Death, type Launch } from "./child-process.ts";

// Of a line that is no answer.
const shownCharacters = 200;

interface Answer {
  readonly id: number;
  readonly error?: string;
  readonly unsupported?: boolean;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

export interface AdapterAddress {
  readonly host: string;
  readonly port: number;
  // null asks for plaintext, "none" for TLS to a server that nothing vouches for.
  readonly fingerprint: string | null;
}

export class AdapterError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AdapterError";
  }
}

export class Adapter implements Driver {
  readonly #process: LaunchedProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(launch: Launch) {
    this.#process = new LaunchedProcess(launch);
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#answered(line));
    void this.#process.gone.then(() => this.#fail("the adapter has gone"));
  }

  get death(): Death | undefined {
    return this.#process.death;
  }

  async died(withinMs: number): Promise<void> {
    await this.#process.goneWithin(withinMs);
  }

  // A fresh client for a listener; rejects if the adapter has not answered by then.
  async open(address: AdapterAddress, timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const silence = new Promise<never>((_resolve, reject) => {
      late.signal.addEventListener("abort", () =>
        reject(new AdapterError(`the adapter did not answer "open" within ${timeoutMs} ms`)),
      );
    });
    try {
      await Promise.race([this.#call("open", { ...address }), silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  login({ username, password }: { readonly username: string; readonly password: string }): Promise<void> {
    return this.#call("login", { username, password });
  }

  send(payload: Uint8Array): Promise<void> {
    return this.#call("send", { payload: toHex(payload) });
  }

  ping(): Promise<void> {
    return this.#call("ping");
  }

  stop(): Promise<void> {
    return this.#call("stop");
  }

  end(): Promise<void> {
    return this.#call("end");
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }

  async #call(call: string, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { death } = this.#process;
    if (death !== undefined) throw new AdapterError(`the adapter has gone: ${deathText(death)}`);
    const id = this.#nextId++;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdin.write(`${JSON.stringify({ id, call, ...fields })}\n`);
    });
  }

  #answered(line: string): void {
    const answer = parseAnswer(line);
    const waiting = answer === undefined ? undefined : this.#waiting.get(answer.id);
    if (answer === undefined || waiting === undefined) {
      this.#fail(`the adapter wrote a line that answers no request: ${line.slice(0, shownCharacters)}`);
      return;
    }
    this.#waiting.delete(answer.id);
    if (answer.unsupported === true) waiting.reject(new UnsupportedCall());
    else if (answer.error === undefined) waiting.resolve();
    else waiting.reject(new AdapterError(answer.error));
  }

  #fail(reason: string): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new AdapterError(reason));
    this.#waiting.clear();
  }
}

function parseAnswer(line: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("id" in value) || typeof value.id !== "number")
      return undefined;
    const { id } = value;
    const error = "error" in value && typeof value.error === "string" ? value.error : undefined;
    const unsupported = "unsupported" in value && value.unsupported === true;
    return { id, unsupported, ...(error === undefined ? {} : { error }) };
  } catch {
    return undefined;
  }
}
