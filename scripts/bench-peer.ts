// A client that a bench plays frame by frame over TLS: each question is answered by the one frame that it expects, or
// the bench breaks off; and each answer comes with the time that it took, from the write to the arrival of its bytes.

import { once } from "node:events";
import type { Socket } from "node:net";
import { OpaqueClientAttempt } from "../src/auth/opaque-client.ts";
import { parseStretching } from "../src/credentials/opaque-stretching.ts";
import { preparePassword } from "../src/credentials/password.ts";
import { connectSocket } from "../src/net/connect-socket.ts";
import { Decoder } from "../src/protocol/decoder.ts";
import {
  encodeAuth,
  encodeHello,
  encodeResponse,
  parseAuthenticated,
  parseChallenge,
  parseRefused,
  parseWelcome,
  type Transcript,
} from "../src/protocol/login-frames.ts";
import { OPAQUE_NAME, PASSWORD as PASSWORD_MECHANISM } from "../src/protocol/mechanism.ts";
import {
  EXTENSION_FIRST_TYPE,
  FRAME_TYPE,
  LIMIT,
  PROTOCOL_VERSION,
  type FrameName,
} from "../src/protocol/wire.ts";
import type { BenchServer } from "./bench-server.ts";

export interface Answer {
  readonly body: Uint8Array;
  /** The whole frame. */
  readonly frame: Uint8Array;
  readonly ms: number;
}

const CONNECT_MS = 10_000;
/** Longer than any of the server's own deadlines that can pass. */
const ANSWER_MS = 30_000;

export class BenchPeer {
  /** The exporter value of its TLS channel. */
  readonly channel: Uint8Array;
  readonly #socket: Socket;
  readonly #decoder = new Decoder(LIMIT.loginFrameBytes);
  readonly #closed: Promise<unknown>;
  #arrived: (at: number) => void = () => undefined;
  #lost: (error: Error) => void = () => undefined;

  private constructor(socket: Socket, channel: Uint8Array) {
    this.channel = channel;
    this.#socket = socket;
    this.#closed = once(socket, "close");
    socket.on("data", (chunk: Buffer) => {
      const at = performance.now();
      this.#decoder.push(chunk);
      if (this.#nextFrame()) this.#arrived(at);
    });
    for (const over of ["end", "close"])
      socket.on(over, () => this.#lost(new Error("the server ended the connection")));
  }

  /** Connected, and past the TLS handshake. */
  static async connect({ port, fingerprint }: BenchServer): Promise<BenchPeer> {
    const { socket, channel } = await connectSocket({
      host: "127.0.0.1",
      port,
      plaintext: false,
      trust: { fingerprint },
      connectMs: CONNECT_MS,
      signal: undefined,
    });
    return new BenchPeer(socket, channel!.binding);
  }

  async ask(frame: Uint8Array, expected: FrameName): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#arrived = resolve;
    this.#lost = reject;
    const timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    const startedAt = performance.now();
    this.#socket.write(frame);
    const arrivedAt = await promise.finally(() => clearTimeout(timer));
    const { type, body } = this.#decoder;
    if (type !== FRAME_TYPE[expected]) throw new Error(`type ${type} came, not ${expected}`);
    return { body, frame: this.#decoder.raw(), ms: arrivedAt - startedAt };
  }

  /** As `ask`, where the answer has to be that the credentials are bad. */
  async askRefused(frame: Uint8Array): Promise<number> {
    const { body, ms } = await this.ask(frame, "REFUSED");
    const { reason } = parseRefused(body);
    if (reason !== "bad-credentials") throw new Error(`refused as ${reason}`);
    return ms;
  }

  /** Returns HELLO and WELCOME. */
  async greet(): Promise<Pick<Transcript, "hello" | "welcome">> {
    const versions = { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION };
    const hello = encodeHello({ versions, agent: "bench" });
    return { hello, welcome: (await this.ask(hello, "WELCOME")).frame };
  }

  async logInByPassword(username: string, password: string): Promise<void> {
    await this.greet();
    await this.ask(passwordAuth(username, password), "AUTHENTICATED");
  }

  /** From the greeting up to CHALLENGE. */
  async challenge(username: string, password: string): Promise<Challenged> {
    const greeting = await this.greet();
    const attempt = await OpaqueClientAttempt.start(preparePassword(password), this.channel);
    const auth = opaqueAuth(username, attempt.ke1);
    const { body, frame: challenge } = await this.ask(auth, "CHALLENGE");
    return { attempt, ke2: parseChallenge(body), transcript: { ...greeting, auth, challenge } };
  }

  /** Returns the milliseconds that the client needed for its RESPONSE, which are those of the stretching. */
  async logInByOpaque(username: string, password: string): Promise<number> {
    const { attempt, ke2, transcript } = await this.challenge(username, password);
    const { mechanisms } = parseWelcome(transcript.welcome.subarray(HEADER_BYTES));
    const offer = mechanisms.find(({ name }) => name === OPAQUE_NAME)!;
    const startedAt = performance.now();
    const data = await attempt.respond({ ke2, stretching: parseStretching(offer.parameters)!, transcript });
    const stretchMs = performance.now() - startedAt;
    const response = encodeResponse(data);
    const { body } = await this.ask(response, "AUTHENTICATED");
    const { sessionId, mechanismData } = parseAuthenticated(body);
    if (!attempt.confirm({ ...transcript, response }, sessionId, mechanismData))
      throw new Error("the server did not prove itself");
    return stretchMs;
  }

  /** Ends the stream, and waits until the server has done so too. */
  async close(): Promise<void> {
    this.#lost = () => undefined;
    this.#socket.resume().end();
    await this.#closed;
  }

  /** Extension frames come now and then, and are skipped. */
  #nextFrame(): boolean {
    while (this.#decoder.next()) if (this.#decoder.type < EXTENSION_FIRST_TYPE) return true;
    return false;
  }
}

export interface Challenged {
  readonly attempt: OpaqueClientAttempt;
  readonly ke2: Uint8Array;
  readonly transcript: Transcript;
}

const HEADER_BYTES = 5;

export function passwordAuth(username: string, password: string): Uint8Array {
  const mechanismData = Buffer.from(preparePassword(password));
  return encodeAuth({ mechanism: PASSWORD_MECHANISM.name, username, mechanismData });
}

export function opaqueAuth(username: string, ke1: Uint8Array): Uint8Array {
  return encodeAuth({ mechanism: OPAQUE_NAME, username, mechanismData: ke1 });
}
