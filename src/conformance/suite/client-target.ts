// A client under test behind its adapter. Each play has a listener of its own, so that no late connection of the play
// before can be taken for this one's.

import type { Connection } from "../exchange/exchange.ts";
import type { Link } from "../play/link.ts";
import type { Opening } from "../play/run.ts";
import { listenLinks, type Listener } from "../play/socket-link.ts";
import { Adapter } from "./adapter.ts";
import { deathText, type Death } from "./child-process.ts";
import type { Implementation } from "./implementation.ts";
import { launchOf } from "./launch-command.ts";
import { NotReady, type Target } from "./target.ts";

// What the runner shows to a client over TLS.
export interface RunnerIdentity {
  // PEM.
  readonly key: string;
  readonly cert: string;
  readonly fingerprint: string;
}

// A fingerprint that no key has.
const otherKey = "0".repeat(64);
// TLS to a server that nobody vouches for.
const noPin = "none";

export class ClientTarget implements Target {
  readonly role = "client";
  sane = true;
  readonly #implementation: Implementation;
  readonly #identity: RunnerIdentity | undefined;
  // How long a client may take to connect.
  readonly #timeoutMs: number;
  #adapter: Adapter | undefined;
  #listener: Listener | undefined;

  // Without an identity: plaintext.
  constructor(implementation: Implementation, identity: RunnerIdentity | undefined, timeoutMs: number) {
    this.#implementation = implementation;
    this.#identity = identity;
    this.#timeoutMs = timeoutMs;
  }

  get death(): Death | undefined {
    return this.#adapter?.death;
  }

  async died(withinMs: number): Promise<void> {
    await this.#adapter?.died(withinMs);
  }

  async start(): Promise<void> {
    await this.stop();
    const launch = launchOf(this.#implementation, undefined);
    if (launch === undefined) throw new NotReady("give the adapter's command after --, or in the profile");
    this.#adapter = new Adapter(launch);
    await this.open();
  }

  async open(connection?: Connection): Promise<Opening> {
    const adapter = this.#adapter;
    if (adapter === undefined) throw new NotReady("the adapter has not been started");
    await this.#listener?.close();
    const identity = this.#identity;
    const tls = identity === undefined ? {} : { tls: { key: identity.key, cert: identity.cert }, connection };
    const listener = await listenLinks({ host: "127.0.0.1", ...tls });
    this.#listener = listener;
    try {
      const address = {
        host: "127.0.0.1",
        port: listener.port,
        fingerprint: identity === undefined ? null : pinFor(connection, identity),
      };
      await adapter.open(address, this.#implementation.startMs);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new NotReady(
        adapter.death === undefined ? reason : `the adapter ended: ${deathText(adapter.death)}`,
      );
    }
    const link = (): Promise<Link> => listener.accept(this.#timeoutMs);
    if (identity === undefined) return { link, driver: adapter, connection: "plaintext" };
    return { link, driver: adapter, ...(connection === "plaintext" ? {} : { connection }) };
  }

  async stop(): Promise<void> {
    await this.#listener?.close();
    await this.#adapter?.close();
    this.#listener = undefined;
    this.#adapter = undefined;
  }
}

// What the adapter is told of the runner's key.
export function pinFor(connection: Connection | undefined, { fingerprint }: RunnerIdentity): string {
  if (connection === "stranger") return noPin;
  return connection === "other-key" ? otherKey : fingerprint;
}
