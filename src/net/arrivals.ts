// The connections of a server from accept to their end: which come in, where each comes from, and which may be dropped
// for others while they have not logged in.

import type { BlockList, Socket } from "node:net";
import { sourceOf, type Source } from "../auth/source.ts";
import { ConnectionGate, type GateLimits, type Place } from "./connection-gate.ts";
import type { Counters } from "./counters.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { Log } from "./server-context.ts";

export interface ArrivalLimits extends GateLimits {
  readonly maxConnections: number;
}

export class Arrival implements Place {
  readonly socket: Socket;
  readonly from: Source;
  readonly drop: () => void;
  /** Once its handshake is over. */
  connection: ServerConnection | undefined;

  constructor(socket: Socket, from: Source, drop: (arrival: Arrival) => void) {
    this.socket = socket;
    this.from = from;
    this.drop = () => drop(this);
  }

  get source(): string {
    return this.from.key;
  }

  get busy(): boolean {
    return this.connection?.verifying ?? false;
  }
}

export class Arrivals {
  readonly #limits: ArrivalLimits;
  readonly #exempt: BlockList;
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #gate: ConnectionGate;
  /** By their addresses: TLS hands over another socket than the one that came. */
  readonly #arrivals = new Map<string | symbol, Arrival>();

  constructor(limits: ArrivalLimits, exempt: BlockList, counters: Counters, log: Log) {
    this.#limits = limits;
    this.#exempt = exempt;
    this.#counters = counters;
    this.#log = log;
    this.#gate = new ConnectionGate(limits, Math.random);
  }

  get size(): number {
    return this.#arrivals.size;
  }

  get beforeLogin(): number {
    return this.#gate.count;
  }

  /** Takes a new connection in; over the caps it is dropped, before it costs a handshake. */
  enter(socket: Socket): Arrival | undefined {
    this.#counters.opened++;
    const from = sourceOf(socket.remoteAddress, this.#exempt);
    const arrival = new Arrival(socket, from, (dropped) => this.#drop(dropped));
    if (this.size >= this.#limits.maxConnections || !this.#gate.enter(arrival)) {
      arrival.drop();
      return undefined;
    }
    const key = keyOf(socket) ?? Symbol("no address");
    this.#arrivals.set(key, arrival);
    socket.once("close", () => {
      this.#arrivals.delete(key);
      this.#gate.leave(arrival);
    });
    return arrival;
  }

  /** The connection that came as another socket; undefined when it is gone already. */
  find(socket: Socket): Arrival | undefined {
    return this.#arrivals.get(keyOf(socket) ?? "");
  }

  loggedIn(arrival: Arrival): void {
    this.#gate.leave(arrival);
  }

  destroyAll(): void {
    for (const { socket } of this.#arrivals.values()) socket.destroy();
  }

  #drop({ socket, from }: Arrival): void {
    this.#counters.dropped++;
    this.#log.warn(
      { event: "dropped", source: from.address, connections: this.size },
      "connection dropped: too many",
    );
    socket.destroy();
  }
}

function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress}`;
}
