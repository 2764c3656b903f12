// The core's server as a peer of the conformance engine, without a socket: a world that admits everyone, knows a
// fixed table of users and one session id, and echoes, at once or when the turn ends.

import type { SimulatedPeer, SimulatedWire } from "../../src/conformance/play/simulated-link.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import { PASSWORD } from "../../src/protocol/mechanism.ts";
import type { PayloadView } from "../../src/protocol/payload.ts";
import type {
  Attempt,
  Outcome,
  ServerAction,
  ServerHost,
  ServerSettings,
} from "../../src/protocol/server-host.ts";
import { ServerSession } from "../../src/protocol/server-session.ts";
import { hex } from "./bytes.ts";

export const USER = { username: "alice", password: "correct horse" };
export const DISABLED_USER = { username: "carol", password: "staple" };

export const SETTINGS: ServerSettings = {
  agent: "core/1",
  maxFrameBytes: 65_541,
  maxUnderWay: 8,
  maxUnderWayBytes: 4_194_304,
  maxPendingBytes: 1 << 18,
  tries: 3,
  mechanisms: [PASSWORD],
  loginMs: 30_000,
  frameMs: 20_000,
  idleMs: 300_000,
  drainMs: 10_000,
};

export type Replies = "at once" | "deferred";

export function simulateServer(replies: Replies): (wire: SimulatedWire) => SimulatedPeer {
  return (wire) => new SimulatedServer(wire, replies);
}

class SimulatedServer implements SimulatedPeer, ServerHost {
  readonly out = new FrameWriter();
  readonly #wire: SimulatedWire;
  readonly #replies: Replies;
  readonly #session: ServerSession;
  readonly #later: (() => void)[] = [];
  #closing = false;

  constructor(wire: SimulatedWire, replies: Replies) {
    this.#wire = wire;
    this.#replies = replies;
    this.#session = new ServerSession(SETTINGS, this, wire.now());
  }

  receive(bytes: Uint8Array): void {
    this.#turn(() => this.#session.receive(bytes, this.#wire.now()));
  }

  receiveEnd(): void {
    this.#turn(() => this.#session.receiveEnd(this.#wire.now()));
  }

  receiveReset(): void {
    this.#session.receiveReset();
  }

  wakeAt(): number | undefined {
    const { dueAt } = this.#session;
    return dueAt === Infinity ? undefined : dueAt;
  }

  wake(now: number): void {
    this.#turn(() => this.#session.tick(now));
  }

  act(action: ServerAction): void {
    if (action.type === "admit") this.#later.push(() => this.#session.admitted(this.#wire.now()));
    if (action.type === "verify") {
      const outcome = verify(action.attempt);
      this.#later.push(() => this.#session.verified(outcome, this.#wire.now()));
    }
    if (action.type === "close") this.#closing = true;
  }

  message(payload: PayloadView): PayloadView | undefined {
    if (this.#replies === "at once") return payload;
    const ticket = this.#session.defer();
    const copy = payload.copy();
    // The last message is answered first: the core puts the replies in order.
    this.#later.unshift(() => this.#session.reply(ticket, copy, this.#wire.now()));
    return undefined;
  }

  #turn(work: () => void): void {
    work();
    do {
      for (let next = this.#later.shift(); next !== undefined; next = this.#later.shift()) next();
      for (const bytes of this.out.take()) this.#wire.send(bytes);
      this.#session.resume(this.#wire.now());
    } while (this.#later.length > 0 || this.out.pendingBytes > 0);
    if (this.#closing) this.#wire.end();
  }
}

function verify({ username, mechanismData }: Attempt): Outcome {
  const password = Buffer.from(mechanismData).toString();
  if (username !== USER.username || password !== USER.password) return { type: "rejected", retryAfterMs: 0 };
  const sessionId = hex("f0e1d2c3b4a5968778695a4b3c2d1e0f");
  return { type: "accepted", sessionId, mechanismData: new Uint8Array(0) };
}
