// The server's side of one session (spec section 5.1), without I/O: bytes and events go in; frames go to
// the host's writer and what needs the world is asked of the host as an action, to be answered by an event.
// States.ts says what is legal when; this file says what is then done. Time is the `now` of each call, in
// milliseconds of any clock that never goes back.
//
// A MESSAGE takes a straight line: decoder, the host's `message`, writer. No action object is made for it.

import { Decoder } from "./decoder.ts";
import { Breach, breach, TalkByteError, type ErrorSide } from "./error.ts";
import { PayloadView } from "./payload.ts";
import { PingWatch } from "./ping-watch.ts";
import { reportedError } from "./reported-error.ts";
import { ServerDeadlines, type ServerDeadline } from "./server-deadlines.ts";
import type { Outcome, ServerHost, ServerSettings } from "./server-host.ts";
import { ServerLogin, VERSIONS, type LoginStep } from "./server-login.ts";
import {
  encodeError,
  encodeGoaway,
  encodePong,
  encodeStopped,
  parsePing,
  parseStop,
} from "./session-frames.ts";
import {
  assertFollows,
  frameName,
  isBeforeLogin,
  SERVER_STATES,
  type ServerFrameAction,
  type ServerStateName,
} from "./states.ts";
import { UnderWay, type Ticket } from "./under-way.ts";
import { FRAME_TYPE, LIMIT, type WireErrorCode } from "./wire.ts";

export class ServerSession {
  readonly #settings: ServerSettings;
  readonly #host: ServerHost;
  readonly #decoder = new Decoder(LIMIT.loginFrameBytes);
  readonly #view = new PayloadView();
  readonly #underWay = new UnderWay();
  readonly #ping = new PingWatch();
  #state: ServerStateName = "awaiting-hello";
  #holds = false;
  #accepting = false;
  #running = false;
  /** No frames are processed, for the replies of earlier ones still wait: here, or at the host (`#hostStalled`). */
  #stalled = false;
  #hostStalled = false;
  #inputEnded = false;
  #accepted = 0;
  readonly #login: ServerLogin;

  #now: number;
  readonly #deadlines: ServerDeadlines;

  constructor(settings: ServerSettings, host: ServerHost, now: number) {
    this.#settings = settings;
    this.#host = host;
    this.#now = now;
    this.#login = new ServerLogin(settings, host);
    this.#deadlines = new ServerDeadlines(settings, now);
  }

  get state(): ServerStateName {
    return this.#state;
  }

  /** Messages accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** When `tick` is wanted next; Infinity: never. */
  get dueAt(): number {
    return this.#deadlines.dueAt(this.#underWay.count === 0 && this.#reads);
  }

  /** Whether more input should be read from the transport (TB-MSG-8, TB-MSG-9, TB-LIMIT-3). */
  get wantsInput(): boolean {
    if (this.#discards) return true;
    if (this.#holds) return this.#decoder.heldBytes < LIMIT.loginFrameBytes + 4;
    return this.#reads;
  }

  /** Takes a chunk from the transport; the chunk must not be written to again. */
  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#discards) return;
    this.#decoder.push(chunk);
    this.#run();
  }

  /** The peer is behind in taking what was sent: nothing is processed until `resume` (TB-MSG-9). */
  stall(now: number): void {
    this.#now = now;
    this.#hostStalled = true;
    this.#watchDeadlines();
  }

  /** Goes on with input that was held; to be called when the writer has been emptied. */
  resume(now: number): void {
    this.#now = now;
    this.#hostStalled = false;
    if (this.#accepting && this.#stalled) this.#deadlines.restartIdle(now);
    this.#run();
  }

  /** End of stream from the client (spec section 9.2). */
  receiveEnd(now: number): void {
    this.#now = now;
    this.#inputEnded = true;
    this.#login.left();
    if (isBeforeLogin(this.#state)) this.#close();
    else this.#run();
  }

  /** The connection is gone; nothing can be sent. */
  receiveReset(): void {
    this.#login.left();
    this.#underWay.clear();
    this.#enterClosing();
  }

  /** The source may try to log in: WELCOME. */
  admitted(now: number): void {
    if (this.#state !== "admitting") return;
    this.#now = now;
    this.#login.welcome();
    this.#enter("awaiting-auth");
    this.#run();
  }

  /** The source may not try now: WELCOME, REFUSED, and the end (TB-REFUSED-7). */
  notAdmitted(reason: "busy" | "throttled", retryAfterMs: number): void {
    if (this.#state !== "admitting") return;
    this.#follow(this.#login.notAdmitted(reason, retryAfterMs));
  }

  /** The outcome of the verification that was asked for; ignored once it is no longer wanted. */
  verified(outcome: Outcome, now: number): void {
    if (this.#state !== "verifying") return;
    this.#now = now;
    this.#deadlines.resumeLogin(now);
    this.#follow(this.#login.verified(outcome));
    this.#run();
  }

  /** Within `host.message`: the reply to this message comes later, through `reply`. */
  defer(): Ticket {
    return this.#underWay.add(this.#decoder.bodyId(), this.#decoder.bodyLength);
  }

  /** The reply to a deferred message. The bytes are the session's from now on. */
  reply(ticket: Ticket, payload: Uint8Array, now: number): void {
    if (this.#state === "closing" || !this.#underWay.has(ticket)) return; // no longer wanted
    this.#now = now;
    ticket.reply = payload;
    this.#sendReplies();
    this.#run();
  }

  /** The application failed on a message: on the deferred one, or within `host.message` on the current one. */
  failMessage(deferred?: Ticket): void {
    if (this.#state === "closing") return;
    const ticket = deferred ?? this.defer();
    if (!this.#underWay.has(ticket)) return;
    this.#underWay.dropAfter(ticket);
    ticket.failed = true;
    this.#decoder.discard();
    this.#deadlines.clear();
    this.#enter("finishing");
    this.#sendReplies();
  }

  /** Sends PING with these eight bytes; false when one is unanswered or the state has no place for it. */
  ping(data: Uint8Array): boolean {
    if (!this.#accepting && this.#state !== "stopping") return false;
    return this.#ping.send(this.#host.out, data);
  }

  /** The server is being stopped: GOAWAY to a session that is logged in, ERROR `shutdown` to another. */
  drain(now: number): void {
    this.#now = now;
    if (this.#state === "ready") {
      this.#host.out.frame(encodeGoaway({ reason: "shutdown", drainMs: this.#settings.drainMs }));
      this.#deadlines.startDrain(now);
      this.#enter("draining");
    } else if (isBeforeLogin(this.#state)) {
      this.#fail(new TalkByteError("shutdown", "local", "the server is being stopped"));
    }
  }

  /** The credential that the session logged in with has been revoked (TB-END-25). */
  revoke(): void {
    if (!isBeforeLogin(this.#state)) this.abort("revoked", "local", "the credential has been revoked");
  }

  /** Time has reached `dueAt`. */
  tick(now: number): void {
    this.#now = now;
    if (now < this.dueAt) return;
    const deadline = this.#deadlines.passed(now);
    if (deadline === "drain") {
      this.#stop("drained");
      this.#run(); // a frame that has begun is no longer waited for
    } else this.#timeout(deadline);
  }

  /** Ends the session with ERROR, from outside the protocol. */
  abort(code: WireErrorCode, side: ErrorSide, detail: string): void {
    if (this.#state !== "closing") this.#fail(new TalkByteError(code, side, detail));
  }

  get #discards(): boolean {
    return this.#state === "closing" || this.#state === "finishing";
  }

  get #reads(): boolean {
    return (
      !this.#holds &&
      !this.#hostStalled &&
      this.#underWay.count < this.#settings.maxUnderWay &&
      this.#underWay.bytes < this.#settings.maxUnderWayBytes &&
      this.#host.out.pendingBytes < this.#settings.maxPendingBytes
    );
  }

  /** Processes input as far as the state allows. Calls from within a callback leave it to the loop that called. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#reads && this.#decoder.next()) this.#process();
      if (this.#inputEnded && this.#reads) this.#endOfInput();
    } catch (error) {
      if (!(error instanceof Breach)) throw error;
      this.#fail(error);
    } finally {
      this.#running = false;
      this.#view.release();
    }
    this.#watchDeadlines();
  }

  /** The frame and idle deadlines stand still while nothing is processed (spec section 8.2). */
  #watchDeadlines(): void {
    const { insideFrame, framesEnded } = this.#decoder;
    const watched = insideFrame && this.#state !== "drained" ? framesEnded : undefined;
    this.#stalled = !this.#reads;
    this.#deadlines.watchFrame(watched, !this.#stalled, this.#now);
  }

  #process(): void {
    const { type } = this.#decoder;
    if (type === FRAME_TYPE.MESSAGE && this.#accepting) {
      this.#accept();
      return;
    }
    const name = frameName(type);
    if (name === undefined) throw breach("unknown-type", `type ${type} is not defined`);
    const action = SERVER_STATES[this.#state].frames[name as never] as { do: ServerFrameAction } | undefined;
    if (action === undefined) {
      const what = name === "EXTENSION" ? "an extension frame" : name;
      throw breach("unexpected-frame", `${what} in state ${this.#state}`);
    }
    if (name !== "EXTENSION" && this.#accepting) this.#deadlines.restartIdle(this.#now);
    this.#do[action.do]();
  }

  readonly #do: Readonly<Record<ServerFrameAction, () => void>> = {
    greet: () => this.#greet(),
    authenticate: () => this.#follow(this.#login.authenticate(this.#decoder)),
    respond: () => this.#follow(this.#login.respond(this.#decoder)),
    accept: () => this.#accept(),
    "answer-ping": () => this.#host.out.frame(encodePong(parsePing(this.#decoder.body))),
    "take-pong": () => this.#ping.take(this.#decoder.body),
    stop: () => {
      parseStop(this.#decoder.body);
      this.#stop("stopping");
    },
    skip: () => undefined,
    "peer-failed": () => this.#peerFailed(),
  };

  #greet(): void {
    const agent = this.#login.greet(this.#decoder);
    this.#enter("admitting");
    this.#host.act({ type: "admit", agent });
  }

  /** Goes where the login leads. */
  #follow(next: LoginStep): void {
    switch (next) {
      case "verifying":
        this.#deadlines.holdLogin(this.#now);
        this.#enter(next);
        this.#login.verify();
        break;
      case "ready":
        this.#decoder.limit = this.#settings.maxFrameBytes;
        this.#deadlines.loggedIn(this.#now);
        this.#enter(next);
        break;
      case "closing":
        this.#close();
        break;
      default:
        this.#enter(next);
    }
  }

  #accept(): void {
    const decoder = this.#decoder;
    if (decoder.bodyLength < 4) throw breach("malformed", "MESSAGE: cut short in id");
    this.#accepted++;
    this.#deadlines.restartIdle(this.#now);
    const reply = this.#host.message(decoder.payloadInto(this.#view));
    if (reply === undefined || !this.#accepting) return; // the host may have ended the session
    if (reply.byteLength + 5 > this.#settings.maxFrameBytes) this.failMessage();
    else if (this.#underWay.count === 0) this.#host.out.message(FRAME_TYPE.REPLY, decoder.bodyId(), reply);
    else this.defer().reply = reply instanceof Uint8Array ? reply : reply.copy();
  }

  #sendReplies(): void {
    for (let ticket = this.#underWay.oldest; ticket !== undefined; ticket = this.#underWay.oldest) {
      if (ticket.failed || (ticket.reply?.byteLength ?? 0) + 5 > this.#settings.maxFrameBytes) {
        this.#underWay.clear();
        this.#fail(new TalkByteError("internal", "local", "the application failed on a message"));
        return;
      }
      if (ticket.reply === undefined) return;
      this.#host.out.message(FRAME_TYPE.REPLY, ticket.id, ticket.reply);
      this.#underWay.removeOldest();
      this.#deadlines.restartIdle(this.#now);
    }
    if (this.#state === "stopping" || this.#state === "drained") this.#sendStopped();
    else if (this.#state === "finishing") this.#close();
  }

  /** STOP has come, or the drain deadline, after which the client's frames are discarded (TB-END-19). */
  #stop(waiting: "stopping" | "drained"): void {
    this.#deadlines.stopped();
    if (this.#underWay.count === 0) this.#sendStopped();
    else this.#enter(waiting);
  }

  #sendStopped(): void {
    this.#host.out.frame(encodeStopped(this.#accepted));
    this.#close();
  }

  #endOfInput(): void {
    this.#decoder.discard();
    if (!this.#accepting) return; // after STOP it changes nothing
    this.#deadlines.stopped();
    if (this.#underWay.count === 0) this.#close();
    else this.#enter("finishing");
  }

  #peerFailed(): void {
    this.#host.act({ type: "failed", error: reportedError(this.#decoder.body, "client") });
    this.#close();
  }

  #timeout(deadline: ServerDeadline): void {
    this.#fail(new TalkByteError("timeout", "peer", `the ${deadline} deadline passed`));
  }

  #fail(error: TalkByteError): void {
    this.#host.out.frame(
      encodeError({ code: error.code as WireErrorCode, versions: VERSIONS, detail: error.message }),
    );
    this.#host.act({ type: "failed", error });
    this.#close();
  }

  #close(): void {
    if (this.#state === "closing") return;
    this.#enterClosing();
    this.#host.act({ type: "close" });
  }

  #enterClosing(): void {
    this.#login.cancel();
    this.#underWay.clear();
    this.#decoder.discard();
    this.#deadlines.clear();
    this.#enter("closing");
  }

  #enter(state: ServerStateName): void {
    assertFollows(SERVER_STATES, this.#state, state);
    this.#state = state;
    this.#holds = "input" in SERVER_STATES[state];
    this.#accepting = state === "ready" || state === "draining";
  }
}
