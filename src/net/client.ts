// A TalkByte client: one connection, one session. Messages are pipelined: `send` may be called any number of times, a
// bounded number is under way, the rest waits in line, and each turn's frames leave in one write.

import { randomBytes } from "node:crypto";
import { checkUsername } from "../credentials/username.ts";
import { encodeUtf8 } from "../protocol/body.ts";
import { ClientSession, type ClientAction, type ClientHost } from "../protocol/client-session.ts";
import { TalkByteError } from "../protocol/error.ts";
import { FrameWriter } from "../protocol/frame-writer.ts";
import type { Authenticated, Welcome } from "../protocol/login-frames.ts";
import type { PayloadView } from "../protocol/payload.ts";
import { PING_BYTES } from "../protocol/wire.ts";
import { AGENT } from "./agent.ts";
import { ClientLogin, type LoggedIn } from "./client-login.ts";
import { CLIENT_DEFAULTS, type Credentials, type OpenOptions } from "./client-options.ts";
import type { SendOptions, Timings } from "./client-options.ts";
import { connectSocket, type ConnectedSocket } from "./connect-socket.ts";
import { DeadlineQueue, type DeadlineOwner } from "./deadline-queue.ts";
import { Deferred } from "./deferred.ts";
import { escapeError } from "./display.ts";
import { grease } from "./grease.ts";
import { RequestLine } from "./requests.ts";
import { Transport, type TransportOwner } from "./transport.ts";
import { NotTrustedError, type Voucher } from "./trust.ts";

export type { Credentials, OpenOptions, SendOptions, Timings } from "./client-options.ts";

const LINGER = { writeStallMs: 30_000, lingerMs: 1000 };
/** More under way than this gains nothing. */
const MAX_UNDER_WAY = 1024;
/** What may wait to be written before further messages stay in line. */
const MAX_PENDING_BYTES = 262_144;

const deadlines = new DeadlineQueue();

/**
 * Connects and logs in.
 * @throws TalkByteError: `connection-failed`, `tls-failed`, `not-trusted`, `refused`, `busy`, `throttled`, `timeout`,
 * `cancelled`, or a breach of the protocol
 * @throws KnownServersError when the file of known servers can't be used
 * @throws CredentialError when the password can't be one (spec section 6.3)
 */
export async function connect(options: OpenOptions & Credentials): Promise<Client> {
  const client = await openClient(options);
  try {
    await client.login(options);
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Connects, and judges the server's key, but sends nothing yet: `login` may be called more than once. */
export async function openClient(options: OpenOptions = {}): Promise<Client> {
  const {
    host = CLIENT_DEFAULTS.host,
    port = CLIENT_DEFAULTS.port,
    plaintext = false,
    trust = {},
    connectMs = CLIENT_DEFAULTS.connectMs,
  } = options;
  const connected = await connectSocket({ host, port, plaintext, trust, connectMs, signal: options.signal });
  return new Client(connected, options);
}

export class Client implements ClientHost, TransportOwner, DeadlineOwner {
  readonly out = new FrameWriter();
  /** Settles when the session is over: resolves after STOPPED, rejects with what ended it otherwise. */
  readonly finished: Promise<void>;
  readonly #options: OpenOptions;
  readonly #transport: Transport;
  readonly #connected: ConnectedSocket;
  readonly #finished = new Deferred<void>();
  readonly #line: RequestLine;
  readonly #login: ClientLogin;
  readonly #over = new AbortController();
  #session: ClientSession | undefined;
  #loggingIn = false;
  #loggedIn: LoggedIn | undefined;
  #pong: Deferred<void> | undefined;
  #failure: TalkByteError | undefined;
  #sessionId: string | undefined;
  #stopCalled = false;
  #stopWanted = false;
  #goneAway = false;
  #flushing = false;

  constructor(connected: ConnectedSocket, options: OpenOptions) {
    this.#options = options;
    this.#connected = connected;
    const { answerMs = CLIENT_DEFAULTS.answerMs, maxRetryWaitMs = CLIENT_DEFAULTS.maxRetryWaitMs } = options;
    const host = {
      session: () => (this.#session ??= new ClientSession({ agent: AGENT, answerMs }, this, deadlines.now())),
      over: this.#over.signal,
      now: () => deadlines.now(),
      flush: () => {
        this.#grease();
        this.#flush();
      },
      leave: (error: TalkByteError) => this.#leave(error),
    };
    this.#login = new ClientLogin(host, connected.channel, maxRetryWaitMs);
    this.finished = this.#finished.promise;
    this.#line = new RequestLine(options.maxWaiting ?? CLIENT_DEFAULTS.maxWaiting);
    this.#transport = new Transport(connected.socket, this.out, this, LINGER, options.tap);
    options.signal?.addEventListener("abort", this.#aborted, { once: true });
  }

  readonly #aborted = (): void => this.close();

  get timings(): Timings {
    const { connectMs, tlsMs } = this.#connected;
    return { connectMs, tlsMs, loginMs: this.#loggedIn?.loginMs ?? 0 };
  }

  /** 32 hexadecimal digits after login, as in the server's log. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** What WELCOME announced. */
  get welcome(): Welcome | undefined {
    return this.#login.welcome;
  }

  /** The one by which the user has logged in. */
  get mechanism(): string | undefined {
    return this.#loggedIn?.mechanism;
  }

  /** What vouches for the server: to anyone, and after login to this user; undefined in plaintext, or when nothing does. */
  get voucher(): Voucher | undefined {
    return (this.#loggedIn ?? { voucher: this.#connected.channel?.standing.voucherFor() }).voucher;
  }

  /** The largest message that the server takes, in bytes. */
  get maxPayloadBytes(): number {
    return this.#session?.maxPayloadBytes ?? 0;
  }

  /**
   * Logs in: over TLS by OPAQUE where the server offers it, else by PASSWORD, which goes to a server that somebody vouches
   * for alone. After a refusal it first waits as long as the server asked for, up to `maxRetryWaitMs`.
   * @throws TalkByteError `refused`, `busy`, `throttled` (with `refusal`, unless the server is a stranger); another
   * `login` may follow while the session is not over
   * @throws NotTrustedError when nobody vouches for the server and it does not offer OPAQUE
   */
  async login(credentials: Credentials): Promise<void> {
    checkUsername(credentials.username);
    if (this.#loggingIn) throw new TalkByteError("wrong-state", "local", "a login is under way");
    this.#loggingIn = true;
    try {
      const loggedIn = await this.#login.run(credentials);
      this.#loggedIn = loggedIn;
      if (loggedIn.remembered !== undefined) this.#options.onRemembered?.(loggedIn.remembered);
    } finally {
      this.#loggingIn = false;
    }
  }

  /**
   * Sends one message and returns the reply; text stands for its UTF-8 bytes. The array must not be written to until
   * the reply is there.
   * @throws TalkByteError `message-too-large`, `not-accepted`, `cancelled`, `wrong-state`, or what ended the session
   */
  async send(message: string | Uint8Array, { signal }: SendOptions = {}): Promise<Uint8Array> {
    if (signal?.aborted) throw cancelled("the message");
    if (this.#stopCalled || this.#session === undefined || this.#sessionId === undefined) {
      const misuse = "messages can be sent between login and stop alone";
      const earlier = this.#stopCalled ? undefined : this.#failure;
      throw earlier ?? new TalkByteError("wrong-state", "local", misuse);
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#goneAway) throw new TalkByteError("not-accepted", "peer", "the server is being stopped");
    const payload = typeof message === "string" ? encodeUtf8(message) : message;
    if (payload.length > this.#session.maxPayloadBytes) {
      throw new TalkByteError(
        "message-too-large",
        "local",
        `a message of ${payload.length} bytes is over the server's limit of ${this.#session.maxPayloadBytes}`,
      );
    }
    const request = this.#line.add(payload, signal);
    this.#pump();
    return await request.reply;
  }

  /** Sends PING and waits for PONG; calls while one is unanswered share its answer. */
  async ping(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pong === undefined) {
      const sent = this.#session?.ping(randomBytes(PING_BYTES), deadlines.now()) ?? false;
      if (!sent)
        throw new TalkByteError("wrong-state", "local", "PING can be sent between login and stop alone");
      this.#pong = new Deferred();
      this.#flush();
    }
    await this.#pong.promise;
  }

  /** Waits for every reply, then ends the session with STOP; resolves when STOPPED has come and counts right. */
  async stop(): Promise<void> {
    if (this.#sessionId === undefined)
      throw this.#failure ?? new TalkByteError("wrong-state", "local", "not logged in");
    this.#stopCalled = this.#stopWanted = true;
    this.#pump();
    await this.finished;
  }

  /** Ends the stream without STOP; what is under way is lost. */
  close(): void {
    this.#leave(new TalkByteError("cancelled", "local", "the client was closed"));
  }

  /** Ends the stream on a frame boundary and waits for the replies that are under way (spec section 9.2). */
  endStream(): void {
    this.#session?.end(deadlines.now());
    this.#stopCalled = this.#stopWanted = true;
    this.#transport.endStream(deadlines.now());
  }

  /** Stops in good order unless the session is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure === undefined && this.#sessionId !== undefined) await this.stop();
    else this.close();
  }

  get dueAt(): number {
    return Math.min(this.#session?.dueAt ?? Infinity, this.#transport.dueAt);
  }

  /** The client reads while it writes (TB-MSG-10), unless the server makes it answer more than it takes. */
  get wantsInput(): boolean {
    return this.out.pendingBytes < MAX_PENDING_BYTES;
  }

  deadlineMoved(): void {
    deadlines.watch(this);
  }

  expire(now: number): void {
    if (now >= this.#transport.dueAt) this.#transport.expire(now);
    else this.#session?.tick(now);
    this.#flush();
  }

  received(chunk: Uint8Array): void {
    this.#session?.receive(chunk, deadlines.now());
    this.#pump();
  }

  ended(): void {
    if (this.#session === undefined)
      this.#fail(new TalkByteError("ended-early", "peer", "the server ended the stream"));
    else this.#session.receiveEnd(deadlines.now());
    this.#transport.close(deadlines.now());
  }

  drained(): void {
    this.#pump();
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    this.#fail(
      new TalkByteError(
        "connection-failed",
        "network",
        `the connection was lost${error?.code === undefined ? "" : ` (${error.code})`}`,
      ),
    );
    this.#session?.abandon();
    deadlines.forget(this);
  }

  reply(payload: PayloadView): void {
    this.#line.answered(payload);
  }

  act(action: ClientAction): void {
    switch (action.type) {
      case "welcome":
        this.#login.welcomed(action.welcome);
        break;
      case "authenticated":
        this.#authenticated(action.authenticated);
        break;
      case "refused": {
        const error = this.#login.refused(action.refused);
        if (action.refused.triesLeft === 0) this.#fail(error);
        break;
      }
      case "challenge":
        this.#login.challenged(action.mechanismData);
        break;
      case "pong":
        this.#pong?.resolve();
        this.#pong = undefined;
        break;
      case "goaway":
        this.#goneAway = true;
        this.#stopWanted = true;
        this.#options.onGoaway?.(action.goaway);
        break;
      case "stopped":
        this.#stopped();
        break;
      case "failed":
        this.#fail(action.error);
        break;
      case "close":
        this.#transport.close(deadlines.now());
        break;
    }
  }

  #authenticated(authenticated: Authenticated): void {
    const impostor = this.#login.authenticated(authenticated);
    if (impostor !== undefined) return this.#leave(impostor);
    this.#sessionId = Buffer.from(authenticated.sessionId).toString("hex");
    this.#grease();
  }

  #stopped(): void {
    const failure = new TalkByteError(
      "not-accepted",
      "peer",
      "the session ended before the message was accepted",
    );
    this.#failure = failure;
    this.#line.failAll(failure);
    this.#pong?.reject(failure);
    this.#finished.resolve();
  }

  #fail(error: TalkByteError): void {
    if (this.#failure !== undefined) return;
    const safe = error instanceof NotTrustedError ? error : escapeError(error);
    this.#failure = safe;
    this.#over.abort(safe);
    this.#login.failed(safe);
    this.#pong?.reject(safe);
    this.#line.failAll(safe);
    this.#finished.reject(safe);
  }

  #leave(error: TalkByteError): void {
    this.#fail(error);
    this.#session?.abandon();
    this.#transport.close(deadlines.now());
  }

  /** Sends what is waiting, as far as the number under way allows, then STOP if it is wanted. */
  #pump(): void {
    const session = this.#session;
    if (session !== undefined && (session.state === "ready" || session.state === "draining")) {
      const room = Math.min(this.welcome?.maxUnderWay ?? 1, MAX_UNDER_WAY);
      while (this.#line.underWay < room && this.#writes) {
        const request = this.#line.next();
        if (request === undefined) break;
        session.send(request.payload, deadlines.now());
      }
      if (this.#stopWanted && this.#line.waiting === 0) session.stop(deadlines.now());
    }
    this.#flush();
  }

  get #writes(): boolean {
    return !this.#transport.stalled && this.out.pendingBytes < MAX_PENDING_BYTES;
  }

  /** One write a turn, or several when more is waiting than one should hold. */
  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      const held = !this.#writes;
      this.#transport.flush(deadlines.now());
      deadlines.watch(this);
      if (held && this.#writes) this.#pump();
    });
  }

  #grease(): void {
    grease(this.out, this.#options.greaseRate ?? CLIENT_DEFAULTS.greaseRate);
  }
}

function cancelled(what: string): TalkByteError {
  return new TalkByteError("cancelled", "local", `${what} was cancelled`);
}
