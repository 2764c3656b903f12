// A client's session on a test bench: a clock that the test turns, and a host that notes every action and reply as
// a line of text.

import { ClientSession, type ClientAction, type ClientHost } from "../../src/protocol/client-session.ts";
import type { TalkByteError } from "../../src/protocol/error.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import type { PayloadView } from "../../src/protocol/payload.ts";
import { concat, describeFrame, hex, reply, split, utf8 } from "./bytes.ts";
import { encodeByTable, type FieldValue } from "./field-table.ts";

export const ANSWER_MS = 1000;

export function welcome(changes: Readonly<Record<string, FieldValue>> = {}): Uint8Array {
  return encodeByTable("WELCOME", {
    version: 1,
    agent: "server/1",
    "max-frame-bytes": 65_536,
    "max-under-way": 4,
    "idle-timeout-ms": 5000,
    mechanisms: [{ name: "PASSWORD", parameters: "" }],
    ...changes,
  });
}

export const AUTHENTICATED = encodeByTable("AUTHENTICATED", {
  "session-id": { hex: "000102030405060708090a0b0c0d0e0f" },
  "mechanism-data": "",
});
export const CHALLENGE = encodeByTable("CHALLENGE", { "mechanism-data": { hex: "aabb" } });
export const GOAWAY = encodeByTable("GOAWAY", { reason: "shutdown", "drain-ms": 2000 });

export function refused(reason: string | number, triesLeft: number): Uint8Array {
  return encodeByTable("REFUSED", { reason, "retry-after-ms": 50, "tries-left": triesLeft });
}

export function stopped(accepted: number): Uint8Array {
  return encodeByTable("STOPPED", { accepted });
}

export interface ClientBenchOptions {
  /** Called within the action. */
  readonly onAction?: (action: ClientAction, bench: ClientBench) => void;
  readonly onReply?: (bench: ClientBench) => void;
}

export class ClientBench implements ClientHost {
  readonly out = new FrameWriter();
  readonly errors: TalkByteError[] = [];
  readonly session: ClientSession;
  now = 0;
  #actions: string[] = [];
  readonly #options: ClientBenchOptions;

  constructor(options: ClientBenchOptions = {}) {
    this.#options = options;
    this.session = new ClientSession({ agent: "client/1", answerMs: ANSWER_MS }, this, 0);
  }

  /** A bench that has logged in; nothing of that is left to be seen. */
  static ready(options: ClientBenchOptions = {}): ClientBench {
    const bench = new ClientBench(options);
    bench.login();
    bench.receive(welcome(), AUTHENTICATED);
    bench.sent();
    bench.actions();
    return bench;
  }

  act(action: ClientAction): void {
    this.#actions.push(describeAction(action));
    if (action.type === "failed") this.errors.push(action.error);
    this.#options.onAction?.(action, this);
  }

  reply(payload: PayloadView): void {
    this.#actions.push(`reply ${Buffer.from(payload.bytes).toString()}`.trim());
    this.#options.onReply?.(this);
  }

  login(mechanism = "PASSWORD"): void {
    this.session.login({ mechanism, username: "alice", mechanismData: utf8("secret") }, this.now);
  }

  /** Sends a message for each of these texts. */
  send(...texts: readonly string[]): void {
    for (const text of texts) this.session.send(utf8(text), this.now);
  }

  receive(...bytes: readonly Uint8Array[]): void {
    this.session.receive(concat(...bytes), this.now);
  }

  /** Replies to the first messages of the session, by their texts. */
  receiveReplies(...texts: readonly string[]): void {
    this.receive(...texts.map((text, at) => reply(at + 1, text)));
  }

  pass(ms: number): void {
    const until = this.now + ms;
    while (this.session.dueAt <= until) {
      this.now = Math.max(this.now, this.session.dueAt);
      this.session.tick(this.now);
    }
    this.now = until;
  }

  sent(): string[] {
    return split(concat(...this.out.take())).map(describeFrame);
  }

  actions(): string[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }
}

function describeAction(action: ClientAction): string {
  switch (action.type) {
    case "refused":
      return `refused ${action.refused.reason} left ${action.refused.triesLeft}`;
    case "goaway":
      return `goaway ${action.goaway.reason} ${action.goaway.drainMs}`;
    case "stopped":
      return `stopped ${action.accepted}`;
    case "failed":
      return `failed ${action.error.code} by ${action.error.side}`;
    case "challenge":
      return `challenge ${Buffer.from(action.mechanismData).toString("hex")}`;
    default:
      return action.type;
  }
}

export const PING_DATA = hex("0102030405060708");
