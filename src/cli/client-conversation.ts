// One conversation: each line of the input becomes a message, each reply a line of the output. Input is read only
// as fast as replies are taken from the output, so neither a large file nor a slow reader costs memory.

import type { Client } from "../net/client.ts";
import { Deferred } from "../net/deferred.ts";
import type { ClientEvents } from "./client-events.ts";
import type { ClientInput } from "./client-input.ts";
import { LineCounter, LineSplitter } from "./client-lines.ts";
import type { ClientOutput } from "./client-output.ts";

/** Messages, and bytes of them, that may lack their reply. */
const maxPendingMessages = 1_024;
const maxPendingBytes = 1_048_576;
/** When somebody is waiting for us to be gone. */
export const leaveMs = 2_000;
const stopLine = Buffer.from("stop");

export interface ConversationOptions {
  /** Send `stop` as data. */
  readonly raw: boolean;
  /** Asks a person for each line; messages then go one at a time. */
  readonly prompt?: Prompt | undefined;
}

export interface Prompt {
  show(): void;
  answered(): void;
}

/** What stood behind `stop`. */
export interface NotSent {
  /** The line that was `stop`. */
  readonly line: number;
  readonly behind: LineCounter;
  /** Whether all of the input was counted. */
  exact: boolean;
}

export class Conversation {
  /** Messages handed over, and replies to them. */
  sent = 0;
  replies = 0;
  /** Whether all of the input was read, or `stop` was. */
  complete = false;
  notSent: NotSent | undefined;
  readonly #client: Client;
  readonly #input: ClientInput;
  readonly #output: ClientOutput;
  readonly #events: ClientEvents;
  readonly #options: ConversationOptions;
  readonly #maxPending: number;
  #pending = 0;
  #pendingBytes = 0;
  #leaving = false;
  #timer: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #room: Deferred<void> | undefined;

  constructor(
    client: Client,
    { input, output, events }: { input: ClientInput; output: ClientOutput; events: ClientEvents },
    options: ConversationOptions,
  ) {
    this.#client = client;
    this.#input = input;
    this.#output = output;
    this.#events = events;
    this.#options = options;
    this.#maxPending = options.prompt === undefined ? maxPendingMessages : 1;
    output.onChange(() => {
      if (output.failed) this.leave(leaveMs);
      this.#makeRoom();
    });
  }

  /** Resolves after STOPPED; throws what ended the session, or what was wrong with the input. */
  async run(): Promise<void> {
    const over = (): void => this.leave();
    this.#client.finished.then(over, over);
    let failure: unknown;
    try {
      await this.#read();
    } catch (error) {
      failure = error;
    }
    try {
      await this.#stop();
    } finally {
      clearTimeout(this.#timer);
      while (this.#pending > 0) await this.#wait();
    }
    if (failure !== undefined) throw failure;
  }

  /** Reads no further; what has been sent is still answered, if that takes no longer than this. */
  leave(withinMs?: number): void {
    this.#leaving = true;
    this.#input.close();
    if (withinMs !== undefined) this.#timer ??= setTimeout(() => this.#client.close(), withinMs);
    this.#makeRoom();
  }

  async #read(): Promise<void> {
    const splitter = new LineSplitter(this.#client.maxPayloadBytes);
    this.#options.prompt?.show();
    for await (const chunk of this.#input.chunks()) {
      this.#options.prompt?.answered();
      if (this.notSent !== undefined) this.notSent.behind.add(chunk);
      else await this.#sendLines(splitter, splitter.push(chunk));
      if (this.#leaving) break;
    }
    if (this.#input.closed) return;
    if (this.notSent === undefined) await this.#sendLines(splitter, splitter.end());
    if (this.notSent !== undefined) this.notSent.exact = true;
    this.complete ||= !this.#leaving;
  }

  /** Sends lines as far as `stop`. */
  async #sendLines(splitter: LineSplitter, lines: Iterable<Uint8Array>): Promise<void> {
    for (const line of lines) {
      if (this.#leaving) return;
      if (!this.#options.raw && stopLine.equals(line)) {
        this.complete = true;
        this.notSent = { line: this.sent + 1, behind: new LineCounter(), exact: false };
        this.notSent.behind.add(splitter.rest);
        this.#stop().catch(() => undefined); // run() waits for it too
        return;
      }
      this.#send(line);
      if (this.#full) await this.#wait();
      if (!this.#leaving) this.#options.prompt?.show();
    }
  }

  #send(line: Uint8Array): void {
    const number = ++this.sent;
    this.#pending += 1;
    this.#pendingBytes += line.length;
    // Replies come, and so these run, in the order of the messages.
    this.#client.send(line).then(
      (reply) => {
        this.replies += 1;
        this.#events.reply(number, reply);
        this.#settle(line);
      },
      () => this.#settle(line), // `finished` says why
    );
  }

  #settle(line: Uint8Array): void {
    this.#pending -= 1;
    this.#pendingBytes -= line.length;
    this.#makeRoom();
  }

  get #full(): boolean {
    return this.#pending >= this.#maxPending || this.#pendingBytes >= maxPendingBytes || this.#output.full;
  }

  /** Until half of what is allowed is under way, so that work is done in batches; or until nothing is. */
  async #wait(): Promise<void> {
    this.#room ??= new Deferred();
    await this.#room.promise;
  }

  #makeRoom(): void {
    if (this.#room === undefined) return;
    const few = this.#pending <= this.#maxPending >> 1 && this.#pendingBytes <= maxPendingBytes >> 1;
    if (!this.#leaving && (!few || this.#output.full)) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  async #stop(): Promise<void> {
    this.#stopping ??= this.#client.stop();
    await this.#stopping;
  }
}
