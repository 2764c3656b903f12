// The messages of a client on their way: first waiting in line, then under way in the order in which they
// were sent, which is the order of their replies.

import { TalkByteError } from "../protocol/error.ts";
import type { PayloadView } from "../protocol/payload.ts";
import { Deferred } from "./deferred.ts";
import { Fifo } from "./fifo.ts";

export class Request {
  readonly payload: Uint8Array;
  readonly #reply = new Deferred<Uint8Array>();
  readonly #signal: AbortSignal | undefined;
  readonly #withdrawn: () => void;
  cancelled = false;

  constructor(payload: Uint8Array, signal: AbortSignal | undefined, withdrawn: () => void) {
    this.payload = payload;
    this.#signal = signal;
    this.#withdrawn = withdrawn;
    signal?.addEventListener("abort", this.#aborted, { once: true });
  }

  get reply(): Promise<Uint8Array> {
    return this.#reply.promise;
  }

  readonly #aborted = (): void => {
    this.cancelled = true;
    this.#withdrawn();
    this.#reply.reject(new TalkByteError("cancelled", "local", "the message was cancelled"));
  };

  answer(payload: PayloadView): void {
    this.#settle();
    if (!this.cancelled) this.#reply.resolve(payload.copy());
  }

  fail(error: TalkByteError): void {
    this.#settle();
    this.#reply.reject(error);
  }

  #settle(): void {
    this.#signal?.removeEventListener("abort", this.#aborted);
  }
}

export class RequestLine {
  readonly #maxWaiting: number;
  readonly #waiting = new Fifo<Request>();
  readonly #sent = new Fifo<Request>();
  /** Requests that were cancelled since those in line were last looked through. */
  #withdrawn = 0;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get underWay(): number {
    return this.#sent.length;
  }

  /** @throws TalkByteError `busy` when the line is full */
  add(payload: Uint8Array, signal: AbortSignal | undefined): Request {
    if (this.#waiting.length >= this.#maxWaiting && this.#withdrawn > 0) {
      this.#waiting.retain((request) => !request.cancelled);
      this.#withdrawn = 0;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new TalkByteError(
        "busy",
        "local",
        `${this.#maxWaiting} messages are waiting already; wait for replies`,
      );
    }
    const request = new Request(payload, signal, () => void this.#withdrawn++);
    this.#waiting.push(request);
    return request;
  }

  /** Moves the first in line that is still wanted under way. */
  next(): Request | undefined {
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      if (request.cancelled) continue;
      this.#sent.push(request);
      return request;
    }
    return undefined;
  }

  /** The reply to the oldest under way. */
  answered(payload: PayloadView): void {
    this.#sent.shift()?.answer(payload);
  }

  failAll(error: TalkByteError): void {
    for (const line of [this.#sent, this.#waiting]) {
      for (let request = line.shift(); request !== undefined; request = line.shift()) request.fail(error);
    }
  }
}
