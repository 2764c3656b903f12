// A server's session on a test bench: a clock that the test turns, a host that notes every action as a line of
// text, a table of passwords, and an application that echoes or waits for the test.

import type { TalkByteError } from "../../src/protocol/error.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import { PASSWORD, type Mechanism } from "../../src/protocol/mechanism.ts";
import type { PayloadView } from "../../src/protocol/payload.ts";
import type {
  Attempt,
  Outcome,
  ServerAction,
  ServerHost,
  ServerSettings,
} from "../../src/protocol/server-host.ts";
import { ServerSession } from "../../src/protocol/server-session.ts";
import type { Ticket } from "../../src/protocol/under-way.ts";
import { concat, describeFrame, hex, split } from "./bytes.ts";
import { encodeByTable } from "./field-table.ts";

export const HELLO = encodeByTable("HELLO", { "min-version": 1, "max-version": 1, agent: "test/1" });
export const STOP = encodeByTable("STOP", {});
export const PEER_ERROR = encodeByTable("ERROR", {
  code: "internal",
  "min-version": 1,
  "max-version": 1,
  detail: "sorry",
});
export const SESSION_ID = hex("000102030405060708090a0b0c0d0e0f");
export const PING_DATA = hex("0102030405060708");

export function auth(password: string, mechanism = "PASSWORD", username = "alice"): Uint8Array {
  return encodeByTable("AUTH", { mechanism, username, "mechanism-data": password });
}

export function response(data: string): Uint8Array {
  return encodeByTable("RESPONSE", { "mechanism-data": data });
}

export function ping(name: "PING" | "PONG", data: Uint8Array = PING_DATA): Uint8Array {
  return encodeByTable(name, { data });
}

/** A mechanism of two steps: CHALLENGE asks for what RESPONSE must repeat. */
export const TWO_STEPS: Mechanism = {
  name: "TWO-STEPS",
  parameters: hex("01"),
  steps: 2,
  checkAuthData: () => undefined,
};

export const SERVER_SETTINGS: ServerSettings = {
  agent: "bench/1",
  maxFrameBytes: 65_536,
  maxUnderWay: 4,
  maxUnderWayBytes: 4_194_304,
  maxPendingBytes: 1 << 20,
  tries: 3,
  mechanisms: [TWO_STEPS, PASSWORD],
  loginMs: 1000,
  frameMs: 400,
  idleMs: 5000,
  drainMs: 2000,
};

export interface ServerBenchOptions {
  readonly settings?: Partial<ServerSettings>;
  /** `at once`: within the action; `after`: behind the call that asked; `by hand`: by the test. */
  readonly answers?: "at once" | "after" | "by hand";
  readonly verify?: (attempt: Attempt) => Outcome;
  readonly message?: (payload: PayloadView, bench: ServerBench) => Uint8Array | PayloadView | undefined;
}

export class ServerBench implements ServerHost {
  readonly out = new FrameWriter();
  readonly attempts: Attempt[] = [];
  readonly errors: TalkByteError[] = [];
  readonly tickets: Ticket[] = [];
  readonly session: ServerSession;
  now = 0;
  #actions: string[] = [];
  readonly #options: ServerBenchOptions;
  readonly #answers: (() => void)[] = [];

  constructor(options: ServerBenchOptions = {}) {
    this.#options = options;
    this.session = new ServerSession({ ...SERVER_SETTINGS, ...options.settings }, this, 0);
  }

  /** A bench whose client has logged in; nothing of that is left to be seen. */
  static ready(options: ServerBenchOptions = {}): ServerBench {
    const bench = new ServerBench({ ...options, answers: "after" });
    for (const bytes of [HELLO, auth("correct")]) {
      bench.receive(bytes);
      bench.sent();
      bench.session.resume(0);
    }
    bench.actions();
    return bench;
  }

  act(action: ServerAction): void {
    this.#actions.push(describeAction(action));
    if (action.type === "failed") this.errors.push(action.error);
    if (action.type === "admit") this.#answer(() => this.session.admitted(this.now));
    if (action.type === "verify") {
      this.attempts.push(action.attempt);
      const outcome = (this.#options.verify ?? verifyPassword)(action.attempt);
      this.#answer(() => this.session.verified(outcome, this.now));
    }
  }

  message(payload: PayloadView): Uint8Array | PayloadView | undefined {
    return this.#options.message === undefined ? payload : this.#options.message(payload, this);
  }

  /** For `message`: the reply comes through `reply`. */
  readonly defer = (): undefined => {
    this.tickets.push(this.session.defer());
  };

  /** For `message`: the application failed. */
  readonly fail = (): undefined => {
    this.session.failMessage();
  };

  receive(...bytes: readonly Uint8Array[]): void {
    this.session.receive(concat(...bytes), this.now);
    this.#drainAnswers();
  }

  reply(index: number, payload: string | Uint8Array): void {
    this.session.reply(this.tickets[index]!, new Uint8Array(Buffer.from(payload)), this.now);
  }

  /** Lets time pass and tells the session when its time has come. */
  pass(ms: number): void {
    const until = this.now + ms;
    while (this.session.dueAt <= until) {
      this.now = Math.max(this.now, this.session.dueAt);
      this.session.tick(this.now);
    }
    this.now = until;
  }

  /** What has been sent since the last look, a line for each frame. */
  sent(): string[] {
    return this.sentFrames().map(describeFrame);
  }

  sentFrames(): ReturnType<typeof split> {
    return split(concat(...this.out.take()));
  }

  /** What has been asked of the host since the last look. */
  actions(): string[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #answer(answer: () => void): void {
    if (this.#options.answers === "at once") answer();
    else if (this.#options.answers !== "by hand") this.#answers.push(answer);
  }

  #drainAnswers(): void {
    for (let answer = this.#answers.shift(); answer !== undefined; answer = this.#answers.shift()) answer();
  }
}

/** `correct` logs in, in one step or two; `busy` and `throttled` are refused as such. */
export function verifyPassword({ mechanism, mechanismData, responseData }: Attempt): Outcome {
  const secret = Buffer.from(responseData ?? mechanismData).toString();
  if (secret === "busy" || secret === "throttled") return { type: secret, retryAfterMs: 700 };
  if (mechanism === "TWO-STEPS" && responseData === undefined) {
    return { type: "challenge", mechanismData: hex("aa bb") };
  }
  if (secret !== "correct") return { type: "rejected", retryAfterMs: 0 };
  return { type: "accepted", sessionId: SESSION_ID, mechanismData: new Uint8Array(0) };
}

function describeAction(action: ServerAction): string {
  switch (action.type) {
    case "admit":
      return `admit ${action.agent}`;
    case "verify":
    case "authenticated":
      return `${action.type} ${action.attempt.username}`;
    case "penalise":
    case "forgive":
      return `${action.type} ${action.username}`;
    case "refused":
      return `refused ${action.username ?? "nobody"} ${action.reason} left ${action.triesLeft}`;
    case "failed":
      return `failed ${action.error.code} by ${action.error.side}`;
    default:
      return action.type;
  }
}
