// The core's client as a peer of the conformance engine, without a socket, with the driver that plays its
// application: it prepares the password, logs in by PASSWORD once WELCOME offers it, and answers GOAWAY by nothing of its own.

import type { Driver } from "../../src/conformance/play/link.ts";
import type { SimulatedPeer, SimulatedWire } from "../../src/conformance/play/simulated-link.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { ClientSession, type ClientAction, type ClientHost } from "../../src/protocol/client-session.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import { PASSWORD } from "../../src/protocol/mechanism.ts";
import { utf8 } from "./bytes.ts";

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Makes the session; a test that watches one gives its own. */
export type CreateClientSession = (
  ...parameters: ConstructorParameters<typeof ClientSession>
) => ClientSession;

export class SimulatedClient implements SimulatedPeer, ClientHost, Driver {
  readonly out = new FrameWriter();
  readonly #createSession: CreateClientSession;
  #wire: SimulatedWire | undefined;
  #session: ClientSession | undefined;
  #credentials: Credentials | undefined;
  #closing = false;

  constructor(createSession: CreateClientSession = (...parameters) => new ClientSession(...parameters)) {
    this.#createSession = createSession;
  }

  /** Connects: what `simulateLink` calls at the first step on the wire. */
  readonly start = (wire: SimulatedWire): SimulatedPeer => {
    this.#wire = wire;
    this.#turn(() => {
      this.#session = this.#createSession({ agent: "core/1", answerMs: 60_000 }, this, wire.now());
    });
    return this;
  };

  login(credentials: Credentials): void {
    this.#credentials = credentials;
    if (this.#session !== undefined) this.#turn(() => this.#logIn());
  }

  send(payload: Uint8Array): void {
    this.#turn((session, now) => session.send(payload, now));
  }

  ping(): void {
    this.#turn((session, now) => session.ping(utf8("pingpong"), now));
  }

  stop(): void {
    this.#turn((session, now) => session.stop(now));
  }

  end(): void {
    this.#turn((session, now) => session.end(now));
    this.#wire!.end();
  }

  receive(bytes: Uint8Array): void {
    this.#turn((session, now) => session.receive(bytes, now));
  }

  receiveEnd(): void {
    this.#turn((session, now) => session.receiveEnd(now));
  }

  receiveReset(): void {
    this.#turn((session) => session.abandon());
  }

  wakeAt(): number | undefined {
    const dueAt = this.#session!.dueAt;
    return dueAt === Infinity ? undefined : dueAt;
  }

  wake(now: number): void {
    this.#turn((session) => session.tick(now));
  }

  act(action: ClientAction): void {
    if (action.type === "welcome") {
      if (action.welcome.mechanisms.some(({ name }) => name === PASSWORD.name)) this.#logIn();
      else this.#session!.abandon();
    }
    if (action.type === "close") this.#closing = true;
  }

  reply(): void {
    // Nobody waits for it: the exchange sees what goes over the wire.
  }

  #logIn(): void {
    const { username, password } = this.#credentials!;
    const auth = { mechanism: PASSWORD.name, username, mechanismData: utf8(preparePassword(password)) };
    this.#session!.login(auth, this.#wire!.now());
  }

  #turn(work: (session: ClientSession, now: number) => void): void {
    try {
      work(this.#session!, this.#wire!.now());
    } finally {
      for (const bytes of this.out.take()) this.#wire!.send(bytes);
      if (this.#closing) this.#wire!.end();
    }
  }
}
