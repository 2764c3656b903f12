// One client's connection to a server: carries out what its session asks and tells it what happened. Here the pure
// core meets the socket, the application, the verification and the clock.

import type { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { Verdict } from "../auth/admission.ts";
import type { Source } from "../auth/source.ts";
import { isRevoked } from "../auth/users-source.ts";
import type { ConnectionVerification } from "../auth/verification.ts";
import type { UsersSnapshot } from "../credentials/users-file.ts";
import type { ErrorSide } from "../protocol/error.ts";
import type { WireErrorCode } from "../protocol/wire.ts";
import { FrameWriter } from "../protocol/frame-writer.ts";
import { PayloadView } from "../protocol/payload.ts";
import type { Attempt, ServerAction, ServerHost, Outcome } from "../protocol/server-host.ts";
import { ServerSession } from "../protocol/server-session.ts";
import type { Ticket } from "../protocol/under-way.ts";
import type { DeadlineOwner } from "./deadline-queue.ts";
import { escapeText } from "./display.ts";
import { grease } from "./grease.ts";
import { toBytes, type Reply, type SessionInfo } from "./handler.ts";
import { exportChannelBinding } from "./channel-binding.ts";
import type { Log, ServerContext } from "./server-context.ts";
import { Transport, type TransportOwner } from "./transport.ts";

/** What a connection tells the server that opened it. */
export interface ConnectionEvents {
  loggedIn(): void;
  closed(): void;
}

export class ServerConnection implements ServerHost, TransportOwner, DeadlineOwner {
  readonly out: FrameWriter;
  readonly source: string;
  readonly #source: Source;
  readonly #context: ServerContext;
  readonly #events: ConnectionEvents;
  readonly #session: ServerSession;
  readonly #transport: Transport;
  readonly #openedAt: number;
  readonly #verifier: ConnectionVerification;
  #verification: AbortController | undefined;
  #attempt: { readonly mechanism: string; readonly at: number } | undefined;
  #why: string | undefined;
  #credentialId: string | undefined;
  #info: SessionInfo | undefined;
  #inTurn = false;

  constructor(context: ServerContext, socket: Socket | TLSSocket, source: Source, events: ConnectionEvents) {
    this.#context = context;
    this.#events = events;
    this.out = new FrameWriter(context.slab);
    this.#source = source;
    this.source = source.address;
    this.#verifier = context.verification.connect(source, () => exportChannelBinding(socket));
    this.#openedAt = context.deadlines.now();
    this.#session = new ServerSession(context.settings, this, this.#openedAt);
    this.#transport = new Transport(socket, this.out, this, context.limits);
    context.deadlines.watch(this);
  }

  get loggedIn(): boolean {
    return this.#info !== undefined;
  }

  get verifying(): boolean {
    return this.#session.state === "verifying";
  }

  get dueAt(): number {
    return Math.min(this.#session.dueAt, this.#transport.dueAt);
  }

  get wantsInput(): boolean {
    return this.#session.wantsInput;
  }

  deadlineMoved(): void {
    this.#context.deadlines.watch(this);
  }

  expire(now: number): void {
    if (now >= this.#transport.dueAt) this.#transport.expire(now);
    else this.#turn((at) => this.#session.tick(at));
  }

  /** The server is being stopped (spec section 9.3). */
  drain(): void {
    this.#turn((now) => this.#session.drain(now));
  }

  /** Ends the session if its user was revoked (spec section 9.5). */
  usersChanged(users: UsersSnapshot): void {
    if (this.#info === undefined || this.#credentialId === undefined) return;
    if (isRevoked(users, this.#info.username, this.#credentialId)) this.#turn(() => this.#session.revoke());
  }

  /** Ends the session with ERROR. */
  abort(code: WireErrorCode, side: ErrorSide, detail: string): void {
    this.#turn(() => this.#session.abort(code, side, detail));
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#transport.reset();
  }

  received(chunk: Uint8Array): void {
    this.#turn((now) => this.#session.receive(chunk, now));
  }

  ended(): void {
    this.#turn((now) => this.#session.receiveEnd(now));
  }

  drained(): void {
    this.#turn((now) => this.#session.resume(now));
  }

  closed(error: NodeJS.ErrnoException | undefined): void {
    const { deadlines } = this.#context;
    this.#session.receiveReset();
    deadlines.forget(this);
    const level = this.loggedIn ? "info" : "debug";
    this.#log[level](
      {
        event: "closed",
        source: this.source,
        user: this.#info?.username,
        accepted: this.#session.accepted,
        ms: Math.round(deadlines.now() - this.#openedAt),
        error: error?.code,
      },
      this.loggedIn ? "session ended" : "connection closed",
    );
    this.#events.closed();
  }

  act(action: ServerAction): void {
    switch (action.type) {
      case "admit":
        this.#later(() => this.#admit());
        break;
      case "verify":
        void this.#verify(action.attempt);
        break;
      case "cancel-verification":
        this.#verification?.abort();
        break;
      case "penalise":
      case "forgive":
        this.#context.admission[action.type](this.#source, action.username);
        break;
      case "authenticated":
        this.#authenticated(action.attempt, action.sessionId);
        break;
      case "refused":
        this.#context.counters.refused[action.reason]++;
        this.#logLogin(action.username, action.reason);
        break;
      case "failed":
        this.#context.counters.failed++;
        this.#log.info(
          {
            event: "failed",
            source: this.source,
            user: this.#info?.username,
            code: action.error.code,
            by: action.error.side,
            detail: escapeText(action.error.message),
          },
          "session failed",
        );
        break;
      case "close":
        this.#later(() => this.#transport.close(this.#now()));
        break;
    }
  }

  message(payload: PayloadView): Uint8Array | PayloadView | undefined {
    const { handler } = this.#context;
    if (handler === undefined) return payload;
    try {
      const reply = handler.call(payload, this.#info!);
      return reply instanceof Promise ? this.#deferReply(reply) : toBytes(reply);
    } catch (error) {
      this.#handlerFailed(error, undefined);
      return undefined;
    }
  }

  #deferReply(reply: Promise<Reply>): undefined {
    const ticket = this.#session.defer();
    reply
      .then(
        (value) => {
          const bytes = ownBytes(value);
          this.#turn((now) => this.#session.reply(ticket, bytes, now));
        },
        (error: unknown) => this.#turn(() => this.#handlerFailed(error, ticket)),
      )
      .catch((error: unknown) => this.#turn(() => this.#handlerFailed(error, ticket)));
    return undefined;
  }

  #handlerFailed(error: unknown, ticket: Ticket | undefined): void {
    this.#log.error(
      { event: "handler-failed", source: this.source, user: this.#info?.username, err: error },
      "the message handler failed",
    );
    this.#session.failMessage(ticket);
  }

  /** An answer that is there at once costs no turn of the event loop. */
  #admit(): void {
    const verdict = this.#context.admission.admit(this.#source);
    if (verdict instanceof Promise) void this.#awaitAdmission(verdict);
    else this.#admitted(verdict, this.#now());
  }

  async #awaitAdmission(pending: Promise<Verdict>): Promise<void> {
    try {
      const verdict = await pending;
      this.#turn((now) => this.#admitted(verdict, now));
    } catch (error) {
      this.#log.error(
        { event: "admission-failed", source: this.source, err: error },
        "nobody said whether a source may log in",
      );
      this.abort("internal", "local", "the login could not be admitted");
    }
  }

  #admitted(verdict: Verdict, now: number): void {
    if (verdict.type === "admitted") this.#session.admitted(now);
    else this.#session.notAdmitted(verdict.type, verdict.retryAfterMs);
  }

  async #verify(attempt: Attempt): Promise<void> {
    const verification = new AbortController();
    this.#verification = verification;
    this.#attempt ??= { mechanism: attempt.mechanism, at: this.#now() };
    let outcome: Outcome;
    try {
      outcome = await this.#verifier.verify(attempt, verification.signal);
    } catch (error) {
      if (verification.signal.aborted) return;
      this.#log.error(
        { event: "verification-failed", source: this.source, err: error },
        "a login could not be verified",
      );
      this.abort("internal", "local", "the login could not be verified");
      return;
    }
    if (outcome.type !== "challenge") {
      attempt.mechanismData.fill(0);
      attempt.transcript.auth.fill(0);
    }
    if (outcome.type === "rejected") this.#why = outcome.why;
    if (outcome.type === "accepted") this.#credentialId = outcome.credentialId;
    this.#turn((now) => {
      if (outcome.type !== "accepted" || this.#session.state !== "verifying")
        return this.#session.verified(outcome, now);
      grease(this.out, this.#context.greaseRate);
      this.#session.verified(outcome, now);
    });
  }

  #authenticated(attempt: Attempt, sessionId: Uint8Array): void {
    grease(this.out, this.#context.greaseRate); // at once: what waits behind AUTH may end the session
    this.#info = {
      username: attempt.username,
      sessionId: Buffer.from(sessionId).toString("hex"),
      source: this.source,
    };
    this.#events.loggedIn();
    this.#context.counters.loggedIn++;
    this.#logLogin(attempt.username, "accepted");
  }

  /** One line for each attempt; it has a mechanism if one was at work, and the time from AUTH to the outcome. */
  #logLogin(user: string | undefined, outcome: string): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#log.info(
      {
        event: "login",
        outcome,
        user,
        source: this.source,
        why: outcome === "bad-credentials" ? this.#why : undefined,
        mechanism: attempt?.mechanism,
        session: this.#info?.sessionId,
        ms: attempt === undefined ? 0 : Math.round(this.#now() - attempt.at),
      },
      "login",
    );
  }

  /** Whoever has not logged in writes no more than a share of the log. */
  get #log(): Log {
    return this.loggedIn ? this.#context.log : this.#context.boundedLog;
  }

  #now(): number {
    return this.#context.deadlines.now();
  }

  /** Within a turn the core is still at work: what would call back into it waits for the turn's end. */
  #later(action: () => void): void {
    if (this.#inTurn) this.#after.push(action);
    else action();
  }
  #after: (() => void)[] = [];

  /** Lets the session work, sends what it has to say, and goes on while that makes room for held input. */
  #turn(work: (now: number) => void): void {
    if (this.#inTurn) {
      this.#after.push(() => work(this.#now()));
      return;
    }
    const now = this.#now();
    this.#inTurn = true;
    try {
      work(now);
      this.#settle(now);
    } catch (error) {
      this.#log.error({ event: "internal", source: this.source, err: error }, "the session failed inside");
      this.#session.receiveReset(); // no deadline of it runs any more
      this.#transport.reset();
    } finally {
      this.#inTurn = false;
      this.#after = [];
    }
    this.#context.deadlines.watch(this);
  }

  #settle(now: number): void {
    for (;;) {
      for (let action = this.#after.shift(); action !== undefined; action = this.#after.shift()) action();
      const pending = this.out.pendingBytes;
      this.#transport.flush(now);
      if (this.#transport.stalled) this.#session.stall(now);
      const sent = pending > 0 && this.out.pendingBytes === 0;
      if (!sent || this.#transport.stalled || this.#transport.socket.destroyed) return;
      this.#session.resume(now);
    }
  }
}

/** A deferred reply outlives the handler's buffers only if it is a copy or the application's own array. */
function ownBytes(reply: Reply): Uint8Array {
  const bytes = toBytes(reply);
  return bytes instanceof Uint8Array ? bytes : bytes.copy();
}
