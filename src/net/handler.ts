// What an embedder gives a server: a function from message to reply.

import { types } from "node:util";
import { encodeUtf8 } from "../protocol/body.ts";
import { PayloadView, type Payload } from "../protocol/payload.ts";

/** Who sent a message. */
export interface SessionInfo {
  readonly username: string;
  /** 32 hexadecimal digits, random; the client knows it too. */
  readonly sessionId: string;
  /** The client's address. */
  readonly source: string;
}

/** Text stands for its UTF-8 bytes; returning the message itself echoes it. */
export type Reply = Uint8Array | string | Payload;

/**
 * Answers one message. A synchronous handler gets a view that is valid until it returns; an `async` function gets a
 * copy of its own. A function that is not `async` but returns a promise must copy what it keeps. Throwing, or a
 * rejected promise, ends the session with ERROR `internal` (TB-MSG-7).
 */
export type OnMessage = (message: Payload, session: SessionInfo) => Reply | Promise<Reply>;

export class Handler {
  readonly #onMessage: OnMessage;
  readonly #copies: boolean;

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
    this.#copies = types.isAsyncFunction(onMessage);
  }

  call(payload: PayloadView, session: SessionInfo): Reply | Promise<Reply> {
    if (!this.#copies) return this.#onMessage(payload, session);
    const copy = payload.copy();
    return this.#onMessage(new PayloadView().pointAt(copy, 0, copy.length), session);
  }
}

/** @throws TypeError when the handler returned something else */
export function toBytes(reply: Reply): Uint8Array | PayloadView {
  if (typeof reply === "string") return encodeUtf8(reply);
  if (reply instanceof Uint8Array || reply instanceof PayloadView) return reply;
  throw new TypeError("a message handler returns a Uint8Array, a string, the message, or a promise of one");
}
