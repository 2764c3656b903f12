// The two sessions, watched from outside: each call that reaches one is reported with the state that it finds, and
// then made. Nothing of src knows of it.

import { ClientSession, type ClientHost } from "../../src/protocol/client-session.ts";
import type { Outcome, ServerHost } from "../../src/protocol/server-host.ts";
import { ServerSession } from "../../src/protocol/server-session.ts";
import { isBeforeLogin } from "../../src/protocol/states.ts";
import type { Ticket } from "../../src/protocol/under-way.ts";
import { LIMIT } from "../../src/protocol/wire.ts";
import { SETTINGS } from "../protocol/simulated-server.ts";
import { Intake } from "./intake.ts";
import { rowsOf } from "./pairs.ts";

export type Report = (state: string, input: string) => void;

interface Failures {
  count: number;
}

export class WatchedServerSession extends ServerSession {
  readonly #report: Report;
  readonly #intake: Intake;
  #clock: number;
  #begunAt = 0;
  #drainDueAt = Infinity;

  constructor(
    [settings, host, now]: ConstructorParameters<typeof ServerSession>,
    report: Report,
    straight: boolean,
  ) {
    const failures = { count: 0 };
    super(settings, countingFailures<ServerHost>(host, failures), now);
    this.#clock = now;
    this.#report = report;
    const port = {
      role: "server",
      state: () => this.state,
      reads: () => rowsOf.server[this.state]!.input === undefined && this.wantsInput,
      limit: () => (isBeforeLogin(this.state) ? LIMIT.loginFrameBytes : settings.maxFrameBytes),
      feed: (bytes: Uint8Array) => refuses(failures, () => super.receive(bytes, this.#clock)),
      feedEnd: () => super.receiveEnd(this.#clock),
      report,
    } as const;
    this.#intake = new Intake(port, straight);
  }

  override receive(chunk: Uint8Array, now: number): void {
    this.#clock = now;
    const { insideFrame } = this.#intake;
    this.#intake.receive(chunk);
    if (!insideFrame) this.#begunAt = now;
  }

  override receiveEnd(now: number): void {
    this.#clock = now;
    this.#intake.receiveEnd();
  }

  override receiveReset(): void {
    this.#report(this.state, "reset");
    super.receiveReset();
  }

  override resume(now: number): void {
    this.#clock = now;
    super.resume(now);
    this.#intake.pump();
  }

  override admitted(now: number): void {
    this.#event("admitted", now, () => super.admitted(now));
  }

  override verified(outcome: Outcome, now: number): void {
    const names = { accepted: "accepted", challenge: "challenged" } as const;
    const name = outcome.type in names ? names[outcome.type as "accepted"] : "refused";
    this.#event(name, now, () => super.verified(outcome, now));
  }

  override reply(ticket: Ticket, payload: Uint8Array, now: number): void {
    this.#clock = now;
    const { state } = this;
    super.reply(ticket, payload, now);
    const waited = state === "stopping" || state === "drained" || state === "finishing";
    if (waited && this.state === "closing") this.#report(state, "last reply");
    this.#intake.pump();
  }

  override drain(now: number): void {
    this.#event("shutdown", now, () => super.drain(now));
    this.#drainDueAt = this.state === "draining" ? now + SETTINGS.drainMs : Infinity;
  }

  override tick(now: number): void {
    this.#clock = now;
    if (now >= this.dueAt) this.#report(this.state, this.#deadline(now));
    super.tick(now);
    this.#intake.pump();
  }

  #event(name: string, now: number, happen: () => void): void {
    this.#clock = now;
    this.#report(this.state, name);
    happen();
    this.#intake.pump();
  }

  #deadline(now: number): string {
    if (this.state === "draining" && now >= this.#drainDueAt) return "drain deadline";
    if (this.#intake.insideFrame && now - this.#begunAt >= SETTINGS.frameMs) return "frame deadline";
    return isBeforeLogin(this.state) ? "login deadline" : "idle deadline";
  }
}

export class WatchedClientSession extends ClientSession {
  readonly #report: Report;
  readonly #intake: Intake;
  #clock: number;
  #feeding = false;

  constructor([settings, host, now]: ConstructorParameters<typeof ClientSession>, report: Report) {
    const failures = { count: 0 };
    super(settings, countingFailures<ClientHost>(host, failures), now);
    this.#clock = now;
    this.#report = report;
    const port = {
      role: "client",
      state: () => this.state,
      reads: () => rowsOf.client[this.state]!.input === undefined,
      limit: () => (this.#loggedIn ? this.maxPayloadBytes + 5 : LIMIT.loginFrameBytes),
      feed: (bytes: Uint8Array) => refuses(failures, () => this.#feed(bytes)),
      feedEnd: () => super.receiveEnd(this.#clock),
      report,
    } as const;
    this.#intake = new Intake(port, false);
  }

  override receive(chunk: Uint8Array, now: number): void {
    this.#clock = now;
    this.#intake.receive(chunk);
  }

  override receiveEnd(now: number): void {
    this.#clock = now;
    this.#intake.receiveEnd();
  }

  override login(...parameters: Parameters<ClientSession["login"]>): void {
    this.#report(this.state, "login");
    super.login(...parameters);
  }

  override send(payload: Uint8Array, now: number): void {
    this.#report(this.state, "send");
    super.send(payload, now);
  }

  override ping(data: Uint8Array, now: number): boolean {
    this.#report(this.state, "ping");
    return super.ping(data, now);
  }

  override stop(now: number): void {
    this.#report(this.state, "stop");
    super.stop(now);
  }

  override end(now: number): void {
    this.#report(this.state, "end without STOP");
    super.end(now);
  }

  override tick(now: number): void {
    if (now >= this.dueAt) this.#report(this.state, "answer deadline");
    super.tick(now);
  }

  /** A reset, unless it is the application that lets go of a server it can't use. */
  override abandon(): void {
    if (!this.#feeding) this.#report(this.state, "reset");
    super.abandon();
  }

  get #loggedIn(): boolean {
    return ["ready", "draining", "stopping", "ending"].includes(this.state);
  }

  #feed(bytes: Uint8Array): void {
    this.#feeding = true;
    try {
      super.receive(bytes, this.#clock);
    } finally {
      this.#feeding = false;
    }
  }
}

/** The host, and a count of the failures that its session tells it. */
function countingFailures<Host extends ServerHost | ClientHost>(host: Host, failures: Failures): Host {
  return new Proxy(host, {
    get(target, name) {
      if (name !== "act") {
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      }
      return (action: never) => {
        if ((action as { type: string }).type === "failed") failures.count++;
        target.act(action);
      };
    },
  });
}

function refuses(failures: Failures, receive: () => void): boolean {
  const before = failures.count;
  receive();
  return failures.count > before;
}
