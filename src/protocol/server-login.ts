// The login half of a server's session (spec section 6): what each login frame and each outcome means, which
// frames answer it, and what it costs. The session asks for the next state and goes there.

import type { Decoder } from "./decoder.ts";
import { breach } from "./error.ts";
import {
  encodeAuthenticated,
  encodeChallenge,
  encodeRefused,
  encodeWelcome,
  parseAuth,
  parseHello,
  parseResponse,
} from "./login-frames.ts";
import type { Mechanism } from "./mechanism.ts";
import type { Attempt, Outcome, ServerHost, ServerSettings } from "./server-host.ts";
import { PROTOCOL_VERSION, type RefusalReason } from "./wire.ts";

/** The versions that this implementation speaks. */
export const VERSIONS = { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION };

/** Where a session goes from a step of the login. */
export type LoginStep = "awaiting-auth" | "verifying" | "awaiting-response" | "ready" | "closing";

const EMPTY = new Uint8Array(0);
/** Refusals beyond the tries that one connection gets: those that do not count cost something too (TB-REFUSED-9). */
const MAX_UNCOUNTED_REFUSALS = 16;

export class ServerLogin {
  readonly #settings: ServerSettings;
  readonly #host: ServerHost;
  #triesLeft: number;
  #refusals = 0;
  #hello: Uint8Array = EMPTY;
  #welcome: Uint8Array = EMPTY;
  #attempt: Attempt | undefined;
  #verifying = false;
  /** The usernames of attempts that ended in an empty RESPONSE; no more of them than tries. */
  readonly #abandoned: string[] = [];

  constructor(settings: ServerSettings, host: ServerHost) {
    this.#settings = settings;
    this.#host = host;
    this.#triesLeft = settings.tries;
  }

  /** Takes HELLO; returns the client's agent. @throws TalkByteError `malformed`, `unsupported-version` */
  greet(decoder: Decoder): string {
    const { versions, agent } = parseHello(decoder.body);
    if (versions.min > VERSIONS.max || versions.max < VERSIONS.min) {
      throw breach("unsupported-version", `this server speaks version ${PROTOCOL_VERSION}`);
    }
    this.#hello = decoder.raw();
    return agent;
  }

  welcome(): void {
    const { agent, maxFrameBytes, maxUnderWay, idleMs, mechanisms } = this.#settings;
    this.#welcome = encodeWelcome({
      version: PROTOCOL_VERSION,
      agent,
      maxFrameBytes,
      maxUnderWay,
      idleTimeoutMs: idleMs,
      mechanisms,
    });
    this.#host.out.frame(this.#welcome);
  }

  notAdmitted(reason: "busy" | "throttled", retryAfterMs: number): LoginStep {
    this.welcome();
    this.#triesLeft = 0;
    return this.#refuse(reason, retryAfterMs);
  }

  /** Takes AUTH. @throws TalkByteError `malformed` */
  authenticate(decoder: Decoder): LoginStep {
    const auth = parseAuth(decoder.body);
    const transcript = { hello: this.#hello, welcome: this.#welcome, auth: decoder.raw() };
    this.#attempt = { ...auth, transcript };
    const mechanism = this.#offered(auth.mechanism);
    if (mechanism === undefined) return this.#refuse("mechanism-unavailable", 0);
    mechanism.checkAuthData(auth.mechanismData);
    return "verifying";
  }

  /**
   * Takes RESPONSE; an empty one abandons the attempt, whose CHALLENGE has been counted (TB-AUTH-10).
   * @throws TalkByteError `malformed`
   */
  respond(decoder: Decoder): LoginStep {
    const attempt = this.#attempt!;
    const responseData = parseResponse(decoder.body);
    if (responseData.length === 0) {
      this.#abandoned.push(attempt.username);
      return this.#refuse("abandoned", 0);
    }
    this.#offered(attempt.mechanism)?.checkResponseData?.(responseData);
    this.#attempt = {
      ...attempt,
      responseData,
      transcript: { ...attempt.transcript, response: decoder.raw() },
    };
    return "verifying";
  }

  /** Asks the host to verify what `authenticate` or `respond` took. */
  verify(): void {
    this.#verifying = true;
    this.#host.act({ type: "verify", attempt: this.#attempt! });
  }

  /** The client has left; an attempt that is being verified counts as failed. */
  left(): void {
    if (!this.#verifying) return;
    const { username, responseData } = this.#attempt!;
    if (responseData === undefined) this.#host.act({ type: "penalise", username });
  }

  /** The session ends; the outcome of a verification is no longer wanted. */
  cancel(): void {
    if (this.#verifying) this.#host.act({ type: "cancel-verification" });
    this.#verifying = false;
  }

  verified(outcome: Outcome): LoginStep {
    this.#verifying = false;
    const attempt = this.#attempt!;
    switch (outcome.type) {
      case "accepted":
        return this.#accepted(attempt, outcome.sessionId, outcome.mechanismData);
      case "challenge":
        return this.#challenge(attempt, outcome.mechanismData);
      case "rejected":
        if (attempt.responseData === undefined) this.#countTry(attempt);
        return this.#refuse("bad-credentials", outcome.retryAfterMs);
      case "throttled":
        this.#triesLeft = 0;
        return this.#refuse("throttled", outcome.retryAfterMs);
      case "busy":
        if (attempt.responseData !== undefined) this.#takeBackTry(attempt);
        return this.#refuse("busy", outcome.retryAfterMs);
    }
  }

  #offered(mechanism: string): Mechanism | undefined {
    return this.#settings.mechanisms.find(({ name }) => name === mechanism);
  }

  #accepted(attempt: Attempt, sessionId: Uint8Array, mechanismData: Uint8Array): LoginStep {
    this.#host.out.frame(encodeAuthenticated({ sessionId, mechanismData }));
    if (attempt.responseData !== undefined) this.#takeBackTry(attempt);
    this.#forgiveAbandoned(attempt);
    this.#host.act({ type: "authenticated", attempt, sessionId });
    this.#attempt = undefined;
    this.#hello = this.#welcome = EMPTY;
    return "ready";
  }

  /** A CHALLENGE costs the try at once; only a verified RESPONSE gives it back (TB-AUTH-9). */
  #challenge(attempt: Attempt, mechanismData: Uint8Array): LoginStep {
    const challenge = encodeChallenge(mechanismData);
    this.#host.out.frame(challenge);
    this.#countTry(attempt);
    this.#attempt = { ...attempt, transcript: { ...attempt.transcript, challenge } };
    return "awaiting-response";
  }

  #countTry({ username }: Attempt): void {
    this.#triesLeft--;
    this.#host.act({ type: "penalise", username });
  }

  #takeBackTry({ username }: Attempt): void {
    this.#triesLeft++;
    this.#host.act({ type: "forgive", username });
  }

  /** Who has proved the password guessed at nobody's: a user without a record gives up OPAQUE each time (TB-AUTH-17). */
  #forgiveAbandoned({ username }: Attempt): void {
    for (const name of this.#abandoned.splice(0))
      if (name === username) this.#host.act({ type: "forgive", username });
  }

  #refuse(reason: RefusalReason, retryAfterMs: number): LoginStep {
    if (++this.#refusals >= this.#settings.tries + MAX_UNCOUNTED_REFUSALS) this.#triesLeft = 0;
    const triesLeft = this.#triesLeft;
    this.#host.out.frame(encodeRefused({ reason, retryAfterMs, triesLeft }));
    this.#host.act({ type: "refused", username: this.#attempt?.username, reason, triesLeft });
    this.#attempt = undefined;
    return triesLeft === 0 ? "closing" : "awaiting-auth";
  }
}
