// The client's side of one session (spec section 5.2), without I/O: bytes and the application's wishes go in;
// frames go to the host's writer and what happened is told to the host. States.ts says what is legal when. Time is
// the `now` of each call, in milliseconds of any clock that never goes back.

import { Decoder } from "./decoder.ts";
import { Breach, breach, TalkByteError } from "./error.ts";
import type { FrameWriter } from "./frame-writer.ts";
import {
  encodeAuth,
  encodeHello,
  encodeResponse,
  parseAuthenticated,
  parseChallenge,
  parseRefused,
  parseWelcome,
  type Auth,
  type Authenticated,
  type Refused,
  type Transcript,
  type Welcome,
} from "./login-frames.ts";
import { checkOpaqueData, OPAQUE_NAME, PASSWORD } from "./mechanism.ts";
import { MessageIds } from "./message-ids.ts";
import { PayloadView } from "./payload.ts";
import { PingWatch } from "./ping-watch.ts";
import { reportedError } from "./reported-error.ts";
import {
  encodeError,
  encodePong,
  encodeStop,
  parseGoaway,
  parsePing,
  parseStopped,
  type Goaway,
} from "./session-frames.ts";
import {
  assertFollows,
  CLIENT_STATES,
  frameName,
  type ClientFrameAction,
  type ClientStateName,
} from "./states.ts";
import { FRAME_TYPE, LIMIT, PROTOCOL_VERSION, type WireErrorCode } from "./wire.ts";

export interface ClientSettings {
  readonly agent: string;
  /** The longest wait for any answer that is due, in milliseconds (TB-TIME-6). */
  readonly answerMs: number;
}

export type ClientAction =
  | { readonly type: "welcome"; readonly welcome: Welcome }
  | { readonly type: "authenticated"; readonly authenticated: Authenticated }
  | { readonly type: "refused"; readonly refused: Refused }
  /** Answer with `respond`. */
  | { readonly type: "challenge"; readonly mechanismData: Uint8Array }
  | { readonly type: "pong" }
  | { readonly type: "goaway"; readonly goaway: Goaway }
  /** The session ended as it should; `accepted` messages have all been answered. */
  | { readonly type: "stopped"; readonly accepted: number }
  /** The session failed; ERROR is in the writer where the peer broke the protocol. */
  | { readonly type: "failed"; readonly error: TalkByteError }
  /** Send what the writer holds, end the stream, linger, drop (spec section 9.4). */
  | { readonly type: "close" };

/** What a session asks of its owner. */
export interface ClientHost {
  /** Where frames go; its owner sends them, once a turn. */
  readonly out: FrameWriter;
  act(action: ClientAction): void;
  /** The reply to the oldest unanswered message; the payload is valid until this returns. */
  reply(payload: PayloadView): void;
}

const VERSIONS = { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION };
const NEVER = Infinity;
const EMPTY = new Uint8Array(0);

export class ClientSession {
  readonly #settings: ClientSettings;
  readonly #host: ClientHost;
  readonly #decoder = new Decoder(LIMIT.loginFrameBytes);
  readonly #view = new PayloadView();
  readonly #ping = new PingWatch();
  readonly #ids = new MessageIds();
  #state: ClientStateName = "awaiting-welcome";
  #holds = false;
  #running = false;
  #welcome: Welcome | undefined;
  #mechanism: string | undefined;
  #transcript: Transcript;
  #goneAway = false;
  #now: number;
  #answerDueAt: number;
  #pongDueAt = NEVER;

  /** Sends HELLO. */
  constructor(settings: ClientSettings, host: ClientHost, now: number) {
    this.#settings = settings;
    this.#host = host;
    this.#now = now;
    this.#answerDueAt = now + settings.answerMs;
    const hello = encodeHello({ versions: VERSIONS, agent: settings.agent });
    host.out.frame(hello);
    this.#transcript = { hello, welcome: EMPTY, auth: EMPTY };
  }

  get state(): ClientStateName {
    return this.#state;
  }

  /** The raw frames of the login so far; AUTH is left out where it holds a password. */
  get transcript(): Transcript {
    return this.#transcript;
  }

  /** Messages that wait for their reply. */
  get unanswered(): number {
    return this.#ids.unanswered;
  }

  /** When `tick` is wanted next; Infinity: never. */
  get dueAt(): number {
    return Math.min(this.#answerDueAt, this.#pongDueAt);
  }

  /** The largest payload that the session can send, in bytes; 0 before WELCOME. */
  get maxPayloadBytes(): number {
    return this.#welcome === undefined ? 0 : this.#welcome.maxFrameBytes - 5;
  }

  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#state === "closing") return;
    this.#decoder.push(chunk);
    this.#run();
  }

  /** End of stream from the server: a failure in every state that still expects something (TB-END-9). */
  receiveEnd(now: number): void {
    this.#now = now;
    if (this.#state === "closing") return;
    this.#finish(new TalkByteError("ended-early", "peer", "the server ended the stream without STOPPED"));
  }

  /** Sends AUTH: directly behind HELLO, or later. @throws TalkByteError `wrong-state` */
  login(auth: Auth, now: number): void {
    this.#now = now;
    const early = this.#state === "awaiting-welcome" && this.#mechanism === undefined;
    if (!early && this.#state !== "unauthenticated") throw this.#wrongState("log in");
    this.#mechanism = auth.mechanism;
    const frame = encodeAuth(auth);
    const { hello, welcome } = this.#transcript;
    this.#transcript = { hello, welcome, auth: auth.mechanism === PASSWORD.name ? EMPTY : frame };
    this.#host.out.frame(frame);
    this.#expectAnswer();
    if (!early) this.#enter("authenticating");
  }

  /** Sends RESPONSE; empty data abandons the attempt. @throws TalkByteError `wrong-state` */
  respond(mechanismData: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#state !== "responding") throw this.#wrongState("respond");
    const response = encodeResponse(mechanismData);
    this.#transcript = { ...this.#transcript, response };
    this.#host.out.frame(response);
    this.#expectAnswer();
    this.#enter("confirming");
    this.#run();
  }

  /** Sends MESSAGE. A payload over 8 KiB is referred to until it is sent. @throws TalkByteError `wrong-state`, `message-too-large` */
  send(payload: Uint8Array, now: number): void {
    if (this.#state !== "ready" && this.#state !== "draining") throw this.#wrongState("send");
    if (payload.length > this.maxPayloadBytes) {
      throw new TalkByteError(
        "message-too-large",
        "local",
        `a message of ${payload.length} bytes is over the server's limit of ${this.maxPayloadBytes}`,
      );
    }
    this.#now = now;
    if (this.#ids.unanswered === 0) this.#expectAnswer();
    this.#host.out.message(FRAME_TYPE.MESSAGE, this.#ids.take(), payload);
  }

  /** Sends PING with these eight bytes; false when one is unanswered or the state has no place for it. */
  ping(data: Uint8Array, now: number): boolean {
    this.#now = now;
    if (this.#state !== "ready" && this.#state !== "draining") return false;
    if (!this.#ping.send(this.#host.out, data)) return false;
    this.#pongDueAt = now + this.#settings.answerMs;
    return true;
  }

  /** Sends STOP: the last frame but for PONG. @throws TalkByteError `wrong-state` */
  stop(now: number): void {
    this.#now = now;
    if (this.#state !== "ready" && this.#state !== "draining") throw this.#wrongState("stop");
    this.#host.out.frame(encodeStop());
    this.#expectAnswer();
    this.#enter("stopping");
  }

  /** The owner ends the stream without STOP: replies are still taken, nothing more is sent (spec section 9.2). */
  end(now: number): void {
    this.#now = now;
    if (this.#state !== "ready" && this.#state !== "draining") throw this.#wrongState("end the stream");
    this.#expectAnswer();
    this.#enter("ending");
  }

  /** Time has reached `dueAt`. */
  tick(now: number): void {
    this.#now = now;
    if (now < this.dueAt) return;
    this.#fail(
      new TalkByteError(
        "timeout",
        "peer",
        `no answer for ${this.#settings.answerMs / 1000} s in state ${this.#state}`,
      ),
    );
  }

  /** Ends the session from outside: nothing more is sent. */
  abandon(): void {
    this.#close();
  }

  /** Processes input as far as the state allows. Calls from within a callback leave it to the loop that called. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#holds && this.#decoder.next()) this.#process();
    } catch (error) {
      if (!(error instanceof Breach)) throw error;
      this.#fail(error);
    } finally {
      this.#running = false;
      this.#view.release();
    }
  }

  #process(): void {
    const { type } = this.#decoder;
    const name = frameName(type);
    if (name === undefined) throw breach("unknown-type", `type ${type} is not defined`);
    const action = CLIENT_STATES[this.#state].frames[name as never] as { do: ClientFrameAction } | undefined;
    if (action === undefined) {
      const what = name === "EXTENSION" ? "an extension frame" : name;
      throw breach("unexpected-frame", `${what} in state ${this.#state}`);
    }
    this.#do[action.do]();
  }

  readonly #do: Readonly<Record<ClientFrameAction, () => void>> = {
    "take-welcome": () => this.#takeWelcome(),
    "take-authenticated": () => this.#takeAuthenticated(),
    "take-refused": () => this.#takeRefused(parseRefused(this.#decoder.body)),
    "take-early-refused": () => this.#takeEarlyRefused(parseRefused(this.#decoder.body)),
    "take-challenge": () => this.#takeChallenge(),
    "take-reply": () => this.#takeReply(),
    "answer-ping": () => this.#host.out.frame(encodePong(parsePing(this.#decoder.body))),
    "take-pong": () => {
      this.#ping.take(this.#decoder.body);
      this.#pongDueAt = NEVER;
      this.#host.act({ type: "pong" });
    },
    "take-goaway": () => this.#takeGoaway(),
    "take-stopped": () => this.#takeStopped(),
    skip: () => undefined,
    "peer-failed": () => this.#peerFailed(),
  };

  #takeWelcome(): void {
    const welcome = parseWelcome(this.#decoder.body);
    if (welcome.version < VERSIONS.min || welcome.version > VERSIONS.max) {
      throw breach("malformed", "WELCOME: a version that HELLO did not offer");
    }
    this.#welcome = welcome;
    this.#transcript = { ...this.#transcript, welcome: this.#decoder.raw() };
    if (this.#mechanism === undefined) {
      this.#answerDueAt = NEVER;
      this.#enter("unauthenticated");
    } else {
      this.#expectAnswer();
      this.#enter("authenticating");
    }
    this.#host.act({ type: "welcome", welcome });
  }

  #takeAuthenticated(): void {
    const authenticated = parseAuthenticated(this.#decoder.body);
    if (this.#mechanism === PASSWORD.name && authenticated.mechanismData.length > 0) {
      throw breach("malformed", "AUTHENTICATED: mechanism-data for PASSWORD");
    }
    if (this.#mechanism === OPAQUE_NAME) checkOpaqueData("AUTHENTICATED", authenticated.mechanismData);
    this.#decoder.limit = this.#welcome!.maxFrameBytes;
    this.#answerDueAt = NEVER;
    this.#enter("ready");
    this.#host.act({ type: "authenticated", authenticated });
  }

  #takeRefused(refused: Refused): void {
    this.#answerDueAt = NEVER;
    this.#mechanism = undefined;
    if (refused.triesLeft > 0) this.#enter("unauthenticated");
    this.#host.act({ type: "refused", refused });
    if (refused.triesLeft === 0) this.#close();
  }

  /** With no AUTH under way only the last word fits (TB-REFUSED-8). */
  #takeEarlyRefused(refused: Refused): void {
    if (refused.triesLeft > 0) throw breach("unexpected-frame", "REFUSED without AUTH");
    this.#takeRefused(refused);
  }

  #takeChallenge(): void {
    const mechanismData = parseChallenge(this.#decoder.body);
    if (this.#mechanism === PASSWORD.name) throw breach("unexpected-frame", "CHALLENGE for PASSWORD");
    if (this.#mechanism === OPAQUE_NAME) checkOpaqueData("CHALLENGE", mechanismData);
    this.#transcript = { ...this.#transcript, challenge: this.#decoder.raw() };
    this.#answerDueAt = NEVER;
    this.#enter("responding");
    this.#host.act({ type: "challenge", mechanismData });
  }

  #takeReply(): void {
    const decoder = this.#decoder;
    if (decoder.bodyLength < 4) throw breach("malformed", "REPLY: cut short in id");
    if (!this.#ids.answer(decoder.bodyId())) throw breach("reply-mismatch", "REPLY without its MESSAGE");
    if (this.#ids.unanswered > 0 || this.#state === "stopping" || this.#state === "ending")
      this.#expectAnswer();
    else this.#answerDueAt = NEVER;
    this.#host.reply(decoder.payloadInto(this.#view));
  }

  #takeGoaway(): void {
    const goaway = parseGoaway(this.#decoder.body);
    if (this.#goneAway) throw breach("unexpected-frame", "GOAWAY a second time");
    this.#goneAway = true;
    if (this.#state === "ready") this.#enter("draining");
    this.#host.act({ type: "goaway", goaway });
  }

  #takeStopped(): void {
    const accepted = parseStopped(this.#decoder.body);
    if (this.#state === "ending" && !this.#goneAway) throw breach("unexpected-frame", "STOPPED without STOP");
    if (accepted !== this.#ids.answered || (this.#ids.unanswered > 0 && !this.#goneAway)) {
      throw breach("reply-mismatch", "STOPPED counts other messages than were answered");
    }
    this.#host.act({ type: "stopped", accepted });
    this.#close();
  }

  #peerFailed(): void {
    this.#finish(reportedError(this.#decoder.body, "server"));
  }

  #expectAnswer(): void {
    this.#answerDueAt = this.#now + this.#settings.answerMs;
  }

  #wrongState(wish: string): TalkByteError {
    return new TalkByteError("wrong-state", "local", `can't ${wish} in state ${this.#state}`);
  }

  #fail(error: TalkByteError): void {
    if (this.#state !== "ending") {
      this.#host.out.frame(
        encodeError({ code: error.code as WireErrorCode, versions: VERSIONS, detail: error.message }),
      );
    }
    this.#finish(error);
  }

  #finish(error: TalkByteError): void {
    this.#host.act({ type: "failed", error });
    this.#close();
  }

  #close(): void {
    if (this.#state === "closing") return;
    this.#answerDueAt = this.#pongDueAt = NEVER;
    this.#decoder.discard();
    this.#enter("closing");
    this.#host.act({ type: "close" });
  }

  #enter(state: ClientStateName): void {
    assertFollows(CLIENT_STATES, this.#state, state);
    this.#state = state;
    this.#holds = "input" in CLIENT_STATES[state];
  }
}
