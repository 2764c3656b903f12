// The core's server as a peer of the conformance engine, without a socket: a world that admits everyone, knows a
// fixed table of users and one session id, and echoes: at once, when the turn ends, or late, a while later. Late, it
// admits and verifies no sooner either, so that what the client sends meanwhile finds the session waiting.

import { randomBytes } from "node:crypto";
import { parseProfile, type Profile } from "../../src/conformance/exchange/profile.ts";
import type { SimulatedPeer, SimulatedWire } from "../../src/conformance/play/simulated-link.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import { OPAQUE_BYTES, OPAQUE_NAME, PASSWORD } from "../../src/protocol/mechanism.ts";
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
  drainMs: 100_000,
};

/** What the exchanges are played with against it, in either role. */
export function simulatedProfile(slackMs = 0): Profile {
  return parseProfile({
    username: USER.username,
    password: USER.password,
    "wrong-password": "wrong battery",
    "unknown-username": "Alice",
    "disabled-username": DISABLED_USER.username,
    "disabled-password": DISABLED_USER.password,
    "opaque-username": USER.username,
    tries: SETTINGS.tries,
    "max-frame-bytes": SETTINGS.maxFrameBytes,
    "max-under-way": SETTINGS.maxUnderWay,
    "login-ms": SETTINGS.loginMs,
    "frame-ms": SETTINGS.frameMs,
    "idle-ms": SETTINGS.idleMs,
    "drain-ms": SETTINGS.drainMs,
    "slack-ms": slackMs,
  });
}

export type Replies = "at once" | "deferred" | "late";
/** Makes the session; a test that watches one gives its own. */
export type CreateServerSession = (
  ...parameters: ConstructorParameters<typeof ServerSession>
) => ServerSession;

export interface StoppableServer extends SimulatedPeer {
  /** As an operator stops it: GOAWAY, or ERROR `shutdown`. */
  stop(): void;
}

const LATE_MS = 10;

export function simulateServer(
  replies: Replies,
  createSession: CreateServerSession = (...parameters) => new ServerSession(...parameters),
): (wire: SimulatedWire) => StoppableServer {
  return (wire) => new SimulatedServer(wire, replies, createSession);
}

class SimulatedServer implements StoppableServer, ServerHost {
  readonly out = new FrameWriter();
  readonly #wire: SimulatedWire;
  readonly #replies: Replies;
  readonly #session: ServerSession;
  readonly #later: (() => void)[] = [];
  #laterAt = Infinity;
  #closing = false;

  constructor(wire: SimulatedWire, replies: Replies, createSession: CreateServerSession) {
    this.#wire = wire;
    this.#replies = replies;
    this.#session = createSession(SETTINGS, this, wire.now());
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

  stop(): void {
    this.#turn(() => this.#session.drain(this.#wire.now()));
  }

  wakeAt(): number | undefined {
    const dueAt = Math.min(this.#session.dueAt, this.#laterAt);
    return dueAt === Infinity ? undefined : dueAt;
  }

  wake(now: number): void {
    this.#turn(() => {
      if (now >= this.#laterAt) this.#doLater();
      this.#session.tick(now);
    });
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
      if (this.#replies !== "late") this.#doLater();
      for (const bytes of this.out.take()) this.#wire.send(bytes);
      this.#session.resume(this.#wire.now());
    } while ((this.#later.length > 0 && this.#replies !== "late") || this.out.pendingBytes > 0);
    if (this.#later.length > 0) this.#laterAt = Math.min(this.#laterAt, this.#wire.now() + LATE_MS);
    if (this.#closing) this.#wire.end();
  }

  #doLater(): void {
    this.#laterAt = Infinity;
    for (let next = this.#later.shift(); next !== undefined; next = this.#later.shift()) next();
  }
}

function verify(attempt: Attempt): Outcome {
  const { mechanism, username, mechanismData } = attempt;
  if (mechanism === OPAQUE_NAME) return challenge(attempt);
  const password = Buffer.from(mechanismData).toString();
  if (username !== USER.username || password !== USER.password) return { type: "rejected", retryAfterMs: 0 };
  const sessionId = hex("f0e1d2c3b4a5968778695a4b3c2d1e0f");
  return { type: "accepted", sessionId, mechanismData: new Uint8Array(0) };
}

/** As OPAQUE would to someone who doesn't know the password; these bytes fill whole group elements only where none is. */
function challenge({ mechanismData, responseData }: Attempt): Outcome {
  const noElements = [0x00, 0xff].some((byte) =>
    [0, 64].some((start) => mechanismData.subarray(start, start + 32).every((it) => it === byte)),
  );
  if (responseData !== undefined || noElements) return { type: "rejected", retryAfterMs: 0 };
  return { type: "challenge", mechanismData: randomBytes(OPAQUE_BYTES.CHALLENGE) };
}
