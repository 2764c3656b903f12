// How a client logs in (spec section 6.5). In plaintext PASSWORD leaves behind HELLO in one flight. Over TLS the client
// waits for WELCOME and prefers OPAQUE, which a stranger gets alone: whatever he says before he has proved that he
// holds a record of the password ends the attempt, and none follows that nobody asked for.

import { setTimeout as delay } from "node:timers/promises";
import { OpaqueClientAttempt } from "../auth/opaque-client.ts";
import { parseStretching } from "../credentials/opaque-stretching.ts";
import { preparePassword, type PreparedPassword } from "../credentials/password.ts";
import type { HashParameters } from "../credentials/phc.ts";
import { encodeUtf8 } from "../protocol/body.ts";
import type { ClientSession } from "../protocol/client-session.ts";
import { TalkByteError } from "../protocol/error.ts";
import type { Authenticated, Refused, Welcome } from "../protocol/login-frames.ts";
import { OPAQUE_NAME, PASSWORD } from "../protocol/mechanism.ts";
import type { Credentials } from "./client-options.ts";
import type { TlsChannel } from "./connect-socket.ts";
import { Deferred } from "./deferred.ts";
import { KnownServersError, type LearntServer } from "./known-servers.ts";
import { NotTrustedError, type MissingOffer, type Standing, type Voucher } from "./trust.ts";

export interface LoginHost {
  /** Made, with HELLO, at the first call. */
  session(): ClientSession;
  /** Aborts when the session is over; the reason is what ended it. */
  readonly over: AbortSignal;
  now(): number;
  /** Sends what the session has written. */
  flush(): void;
  /** Ends the session, and the stream, because of this. */
  leave(error: TalkByteError): void;
}

interface Way {
  readonly mechanism: string;
  /** Undefined in plaintext. */
  readonly voucher: Voucher | undefined;
}

export interface LoggedIn extends Way {
  readonly loginMs: number;
  /** What became of remembering a stranger's key, now that OPAQUE has verified it; undefined where there is no file. */
  readonly remembered: LearntServer | KnownServersError | undefined;
}

type Answer =
  | { readonly type: "welcome" }
  | { readonly type: "challenge"; readonly ke2: Uint8Array }
  | { readonly type: "authenticated" }
  | { readonly type: "refused"; readonly error: TalkByteError };

export class ClientLogin {
  readonly #host: LoginHost;
  readonly #channel: TlsChannel | undefined;
  readonly #maxRetryWaitMs: number;
  #answer: Deferred<Answer> | undefined;
  #welcome: Welcome | undefined;
  /** The attempt by OPAQUE that is under way. */
  #attempt: OpaqueClientAttempt | undefined;
  #retryAt = 0;

  constructor(host: LoginHost, channel: TlsChannel | undefined, maxRetryWaitMs: number) {
    this.#host = host;
    this.#channel = channel;
    this.#maxRetryWaitMs = maxRetryWaitMs;
  }

  /** What WELCOME announced. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /** @throws TalkByteError, of which NotTrustedError says that the server is a stranger without OPAQUE */
  async run({ username, password }: Credentials): Promise<LoggedIn> {
    const prepared = preparePassword(password);
    await this.#waitToRetry();
    const startedAt = this.#host.now();
    const way = await this.#logIn(username, prepared);
    const loginMs = this.#host.now() - startedAt;
    const learns = way.voucher === "opaque" ? this.#channel?.standing : undefined;
    return { ...way, loginMs, remembered: learns && (await tryToLearn(learns, username)) };
  }

  /** Returns an error when the server's proof is wrong: the session is then to end without a word (TB-OPAQUE-15). */
  authenticated({ sessionId, mechanismData }: Authenticated): NotTrustedError | undefined {
    const { transcript } = this.#host.session();
    if (this.#attempt?.confirm(transcript, sessionId, mechanismData) === false) {
      const message = "the server let you in, but did not prove that it holds a record of your password";
      return new NotTrustedError("wrong-proof", this.#channel?.standing.fingerprint ?? "", message);
    }
    this.#answer?.resolve({ type: "authenticated" });
    return undefined;
  }

  welcomed(welcome: Welcome): void {
    this.#welcome = welcome;
    if (this.#channel !== undefined) this.#answer?.resolve({ type: "welcome" }); // else AUTH is under way
  }

  challenged(ke2: Uint8Array): void {
    this.#answer?.resolve({ type: "challenge", ke2: ke2.slice() });
  }

  /** Returns the error; the session is over when tries-left is 0. */
  refused({ reason, retryAfterMs, triesLeft }: Refused): TalkByteError {
    const code = reason === "busy" || reason === "throttled" ? reason : "refused";
    const side = reason === "bad-credentials" ? "local" : "peer";
    const refusal = { reason, retryAfterMs, triesLeft };
    const error = new TalkByteError(code, side, `the server refused the login: ${reason}`, { refusal });
    this.#retryAt = this.#host.now() + Math.min(retryAfterMs, this.#maxRetryWaitMs);
    this.#answer?.resolve({ type: "refused", error });
    return error;
  }

  /** The session is over. */
  failed(error: TalkByteError): void {
    this.#answer?.reject(error);
  }

  async #waitToRetry(): Promise<void> {
    const waitMs = this.#retryAt - this.#host.now();
    if (waitMs <= 0) return;
    const { over } = this.#host;
    await delay(waitMs, undefined, { signal: over }).catch(() => over.throwIfAborted());
  }

  /** HELLO, unless it has gone, and WELCOME. */
  async #open(): Promise<void> {
    if (this.#welcome === undefined) await this.#ask(() => undefined);
  }

  async #logIn(username: string, password: PreparedPassword): Promise<Way> {
    if (this.#channel === undefined) return await this.#byPassword(username, password, undefined);
    await this.#open();
    const { standing, binding } = this.#channel;
    const voucher = standing.voucherFor(username);
    const stretching = this.#findStretching();
    if (typeof stretching === "string") {
      if (voucher === undefined) return this.#leave(strangerError(standing, username, stretching));
      return await this.#byPasswordIfOffered(username, password, voucher);
    }
    const refusal = await this.#byOpaque(binding, { username, password, stretching }, voucher);
    if (refusal === undefined) return { mechanism: OPAQUE_NAME, voucher: voucher ?? "opaque" };
    const usedUp = refusal.refusal?.triesLeft === 0;
    const final = voucher === undefined || refusal.code !== "refused" || usedUp;
    if (final || !this.#offers(PASSWORD.name)) throw refusal;
    await this.#waitToRetry();
    return await this.#byPasswordIfOffered(username, password, voucher);
  }

  #offers(name: string): boolean {
    return this.#welcome?.mechanisms.some((offer) => offer.name === name) ?? false;
  }

  /** The parameters of OPAQUE's offer, where they can be run. */
  #findStretching(): HashParameters | MissingOffer {
    const offer = this.#welcome?.mechanisms.find(({ name }) => name === OPAQUE_NAME);
    if (offer === undefined) return "not-offered";
    return parseStretching(offer.parameters) ?? "out-of-bounds";
  }

  async #byPasswordIfOffered(username: string, password: PreparedPassword, voucher: Voucher): Promise<Way> {
    if (this.#offers(PASSWORD.name)) return await this.#byPassword(username, password, voucher);
    const names = this.#welcome?.mechanisms.map(({ name }) => name).join(", ");
    const message = `the server takes no passwords; it offers ${names}`;
    return this.#leave(new TalkByteError("refused", "peer", message));
  }

  /** A client that can choose none of the mechanisms ends its stream (spec section 4.2). */
  #leave(error: TalkByteError): never {
    this.#host.leave(error);
    throw error;
  }

  async #byPassword(
    username: string,
    password: PreparedPassword,
    voucher: Voucher | undefined,
  ): Promise<Way> {
    const mechanismData = encodeUtf8(password);
    const auth = { mechanism: PASSWORD.name, username, mechanismData };
    try {
      const answer = await this.#ask((session) => session.login(auth, this.#host.now()));
      if (answer.type === "refused") throw answer.error;
      return { mechanism: PASSWORD.name, voucher };
    } finally {
      mechanismData.fill(0);
    }
  }

  /** Undefined when both sides have proved themselves, else the refusal. */
  async #byOpaque(
    binding: Uint8Array,
    login: OpaqueCredentials,
    voucher: Voucher | undefined,
  ): Promise<TalkByteError | undefined> {
    const attempt = await OpaqueClientAttempt.start(login.password, binding);
    this.#attempt = attempt;
    try {
      const { username, stretching } = login;
      const auth = { mechanism: OPAQUE_NAME, username, mechanismData: attempt.ke1 };
      const first = await this.#ask((session) => session.login(auth, this.#host.now()));
      if (first.type === "refused") {
        return voucher === undefined && first.error.code === "refused" ? unproved() : first.error;
      }
      if (first.type !== "challenge") throw new TypeError(`${first.type} in answer to AUTH`);
      const challenge = { ke2: first.ke2, stretching, transcript: this.#host.session().transcript };
      const response = await attempt.respond(challenge, this.#host.over);
      const second = await this.#respond(response, voucher);
      if (second?.type === "authenticated") return undefined;
      return voucher === undefined || second?.type !== "refused" ? unproved() : second.error;
    } finally {
      this.#attempt = undefined;
    }
  }

  /** Undefined when a stranger who was told that his KE2 does not open has no answer. */
  async #respond(response: Uint8Array, voucher: Voucher | undefined): Promise<Answer | undefined> {
    try {
      return await this.#ask((session) => session.respond(response, this.#host.now()));
    } catch (error) {
      // He has had his guess: an error that may pass would invite another.
      if (voucher !== undefined || response.length > 0 || error instanceof NotTrustedError) throw error;
      if (error instanceof TalkByteError && error.code === "cancelled") throw error;
      return undefined;
    }
  }

  async #ask(send: (session: ClientSession) => void): Promise<Answer> {
    const { over } = this.#host;
    over.throwIfAborted();
    const answer = new Deferred<Answer>();
    this.#answer = answer;
    try {
      send(this.#host.session());
      this.#host.flush();
      return await answer.promise;
    } finally {
      this.#answer = undefined;
    }
  }
}

interface OpaqueCredentials {
  readonly username: string;
  readonly password: PreparedPassword;
  readonly stretching: HashParameters;
}

/** A login is as good where its server can't be remembered. */
async function tryToLearn(
  standing: Standing,
  username: string,
): Promise<LearntServer | KnownServersError | undefined> {
  try {
    return await standing.learn(username);
  } catch (error) {
    if (error instanceof KnownServersError) return error;
    throw error;
  }
}

/** All that can be said when an attempt with a stranger has failed; what he said of it is his word alone. */
function unproved(): TalkByteError {
  const message = "the password is wrong, or not enrolled for OPAQUE there, or the server is an impostor";
  return new TalkByteError("refused", "peer", message);
}

function strangerError(standing: Standing, username: string, opaque: MissingOffer): NotTrustedError {
  const { reason, message, known } = standing.strangerTo(username);
  const why =
    opaque === "not-offered" ? "does not offer OPAQUE" : "offers OPAQUE with parameters out of bounds";
  return new NotTrustedError(reason, standing.fingerprint, `${message}; and it ${why}`, {
    opaque,
    ...(known === undefined ? {} : { place: known.place, expected: known.fingerprint }),
  });
}
