// A TalkByte server: listens, hands each connection to a session, and stops in good order. Everything that is
// decided by the protocol is decided in src/protocol.

import { once } from "node:events";
import {
  createServer as createPlainServer,
  type AddressInfo,
  type BlockList,
  type Server as PlainServer,
  type Socket,
} from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  createServer as createTlsServer,
  Server as TlsServer,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import { constants } from "node:crypto";
import { PenaltyAdmission, type Admission } from "../auth/admission.ts";
import { parseNetworks, sourceOf } from "../auth/source.ts";
import { UsersFile, type UsersSource, type UsersWatch } from "../auth/users-source.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import type { UsersSnapshot } from "../credentials/users-file.ts";
import { TalkByteError } from "../protocol/error.ts";
import { Slab } from "../protocol/frame-writer.ts";
import { ALPN, DEFAULT_PORT } from "../protocol/wire.ts";
import { AGENT } from "./agent.ts";
import { Arrivals, type Arrival } from "./arrivals.ts";
import { BoundedLog } from "./bounded-log.ts";
import { makeCounters, type ServerStats } from "./counters.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { DEFAULT_GREASE_RATE, type GreaseRate } from "./grease.ts";
import { Handler, type OnMessage } from "./handler.ts";
import type { Identity } from "./identity.ts";
import { serverLimits, type ServerLimits } from "./limits.ts";
import { loggedUsersFile } from "./logged-users-file.ts";
import { isLoopback } from "./loopback.ts";
import { ServerConnection } from "./server-connection.ts";
import type { Log, ServerContext } from "./server-context.ts";
import { ServerLogins } from "./server-logins.ts";

export interface ServerOptions {
  /** Path of a users file, or a source of one's own. */
  readonly users: string | UsersSource;
  /** The TLS identity; `"plaintext"` for none, which only listens on loopback addresses. */
  readonly identity: Identity | "plaintext";
  /** Offers OPAQUE over TLS; users without a record for this setup get one when they log in by PASSWORD. */
  readonly opaque?: OpaqueSetup;
  /** The server changes nothing that is stored of its users: it replaces no weak hash and enrols nobody. */
  readonly readOnlyUsers?: boolean;
  /** With `"plaintext"`: listen on other addresses too. Passwords then cross the network in the clear. */
  readonly allowRemotePlaintext?: boolean;
  /** Answers each message; by default it is echoed. */
  readonly onMessage?: OnMessage;
  /** Limits and deadlines other than the defaults; see SERVER_LIMITS. */
  readonly limits?: Partial<ServerLimits>;
  /** Networks in CIDR notation whose failed attempts cost no penalty; by default none, loopback neither. */
  readonly penaltyExempt?: readonly string[];
  /** Who says whether a source may try to log in; by default penalties kept in this process. */
  readonly admission?: Admission;
  /** A pino logger or its like; by default nothing is logged. */
  readonly log?: Log;
  /** How often extension frames are sent; 0: never. */
  readonly greaseRate?: GreaseRate;
}

export interface ListenOptions {
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port?: number;
}

const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} };

/** A server that has yet to `listen`. @throws RangeError on a limit out of bounds, or on a network that is none */
export function createServer(options: ServerOptions): Server {
  return new Server(options);
}

export class Server {
  readonly #options: ServerOptions;
  /** Of connections from now on. */
  #context: ServerContext;
  readonly #users: UsersSource;
  readonly #connections = new Set<ServerConnection>();
  readonly #exempt: BlockList;
  readonly #admission: Admission;
  readonly #logins: ServerLogins;
  readonly #arrivals: Arrivals;
  #identity: Identity | "plaintext";
  #opaque: OpaqueSetup | undefined;
  #listener: PlainServer | undefined;
  #latestUsers: UsersSnapshot | undefined;
  #usersWatch: UsersWatch | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#identity = options.identity;
    const limits = serverLimits(options.limits);
    const log = options.log ?? SILENT;
    const boundedLog = new BoundedLog(log, limits);
    this.#users =
      typeof options.users === "string" ? loggedUsersFile(options.users, log, boundedLog) : options.users;
    this.#exempt = parseNetworks(options.penaltyExempt ?? []);
    const deadlines = new DeadlineQueue();
    this.#admission = options.admission ?? new PenaltyAdmission(limits, () => deadlines.now());
    // Where there is no channel to bind to, there is no OPAQUE (TB-OPAQUE-1).
    if (options.identity !== "plaintext") this.#opaque = options.opaque;
    this.#logins = new ServerLogins({
      users: this.#users,
      readOnly: options.readOnlyUsers ?? false,
      admission: this.#admission,
      limits,
      log,
      boundedLog,
    });
    const counters = makeCounters();
    this.#arrivals = new Arrivals(limits, this.#exempt, counters, boundedLog);
    const { mechanisms, verification } = this.#logins.offerPassword();
    this.#context = {
      settings: { ...limits, agent: AGENT, mechanisms },
      limits,
      slab: new Slab(),
      deadlines,
      log,
      boundedLog,
      handler: options.onMessage === undefined ? undefined : new Handler(options.onMessage),
      greaseRate: options.greaseRate ?? DEFAULT_GREASE_RATE,
      admission: this.#admission,
      verification,
      counters,
    };
  }

  /** Sessions and connections that are open now. */
  get connections(): number {
    return this.#arrivals.size;
  }

  /** What has happened since the server began, counted, and how things stand now. */
  stats(): ServerStats {
    const { counters } = this.#context;
    return {
      ...counters,
      refused: { ...counters.refused },
      connections: this.#arrivals.size,
      beforeLogin: this.#arrivals.beforeLogin,
      ...this.#logins.stats(),
      penalties: this.#admission instanceof PenaltyAdmission ? this.#admission.size : undefined,
    };
  }

  /**
   * Reads the users file and begins to accept connections.
   * @throws CredentialError when the users file can't be used
   * @throws TalkByteError `wrong-state` for plaintext off loopback
   * @throws the system's error when the address can't be had
   */
  async listen({ host = "localhost", port = DEFAULT_PORT }: ListenOptions = {}): Promise<AddressInfo> {
    if (this.#listener !== undefined)
      throw new TalkByteError("wrong-state", "local", "the server is listening already");
    if (this.#closing !== undefined) throw closedAlready();
    if (this.#users instanceof UsersFile) await this.#users.open();
    await this.#offerOpaque();
    const listener = this.#createListener();
    listener.listen({ host, port });
    await once(listener, "listening");
    if (this.#closing !== undefined) {
      listener.close();
      throw closedAlready();
    }
    // As when the process has no file descriptors left.
    listener.on("error", (error: NodeJS.ErrnoException) =>
      this.#context.boundedLog.error(
        { event: "accept-failed", code: error.code },
        "no connection could be accepted",
      ),
    );
    const address = listener.address() as AddressInfo;
    if (
      this.#options.identity === "plaintext" &&
      !isLoopback(address.address) &&
      !this.#options.allowRemotePlaintext
    ) {
      listener.close();
      throw new TalkByteError(
        "wrong-state",
        "local",
        `${address.address} is not a loopback address: plaintext is not safe there`,
      );
    }
    this.#listener = listener;
    this.#usersWatch = this.#users.watch?.((users) => this.#usersChanged(users));
    return address;
  }

  /** Reads the users anew, as when they have changed. */
  async reload(): Promise<void> {
    await this.#users.reload?.();
  }

  /**
   * The identity for connections from now on; those that are open keep theirs.
   * @throws TalkByteError `wrong-state` in plaintext
   */
  setIdentity(identity: Identity): void {
    if (this.#identity === "plaintext")
      throw new TalkByteError("wrong-state", "local", "a server in plaintext has no identity");
    this.#identity = identity;
    if (this.#listener instanceof TlsServer) this.#listener.setSecureContext(secureContextOf(identity));
  }

  /**
   * The OPAQUE setup for connections from now on. Those that are open finish their login with the one of their WELCOME.
   * @throws TalkByteError `wrong-state` in plaintext
   */
  async setOpaqueSetup(setup: OpaqueSetup): Promise<void> {
    if (this.#identity === "plaintext")
      throw new TalkByteError("wrong-state", "local", "a server in plaintext offers no OPAQUE");
    this.#opaque = setup;
    await this.#offerOpaque();
  }

  /**
   * Stops: no new connections, GOAWAY to every session, and at most `drainMs` and `lingerMs` until the last is
   * dropped.
   */
  async close(): Promise<void> {
    if (this.#closing === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#closing = promise;
      await this.#close();
      resolve();
    }
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #offerOpaque(): Promise<void> {
    const setup = this.#opaque;
    if (setup === undefined) return;
    const { mechanisms, verification } = await this.#logins.offerOpaque(setup);
    if (setup !== this.#opaque) return; // yet another has come meanwhile
    const { settings } = this.#context;
    this.#context = { ...this.#context, settings: { ...settings, mechanisms }, verification };
  }

  async #close(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    const watchClosed = this.#usersWatch?.close();
    const closed = once(listener, "close");
    listener.close();
    for (const connection of this.#connections) connection.drain();
    this.#dropStrays();
    const { drainMs, lingerMs } = this.#context.limits;
    // Replies that are still due may outlast the drain deadline; the write-stall deadline is not waited for.
    const timer = setTimeout(() => this.#arrivals.destroyAll(), drainMs + lingerMs);
    await closed;
    clearTimeout(timer);
    // The listener is closed a little before its last connections have told of their end.
    for (let turns = 0; turns < 100 && this.#arrivals.size + this.#connections.size > 0; turns++)
      await nextTurn();
    await watchClosed;
    this.#context.boundedLog.close();
    this.#context.log.info({ event: "stopped", ...this.stats() }, "the server has stopped");
  }

  /** When the last session of a server that is being stopped has ended, connections still in their handshake go. */
  #dropStrays(): void {
    if (this.#closing === undefined || this.#connections.size > 0) return;
    this.#arrivals.destroyAll();
  }

  #createListener(): PlainServer {
    const identity = this.#identity;
    if (identity === "plaintext") {
      const listener = createPlainServer({ allowHalfOpen: true, noDelay: true });
      listener.on("connection", (socket) => {
        const arrival = this.#enter(socket);
        if (arrival !== undefined) this.#open(socket, arrival);
      });
      return listener;
    }
    const listener = createTlsServer({
      ...secureContextOf(identity),
      ALPNProtocols: [ALPN],
      noDelay: true,
      handshakeTimeout: this.#context.limits.tlsMs,
    });
    listener.on("connection", (socket: Socket) => this.#enter(socket));
    // Without destroying it here, a connection whose handshake failed or timed out would stay.
    listener.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      this.#context.counters.tlsFailed++;
      this.#context.boundedLog.info(
        { event: "tls-failed", source: socket.remoteAddress, code: error.code },
        "TLS handshake failed",
      );
      socket.destroy();
    });
    listener.on("secureConnection", (socket: TLSSocket) => {
      // Only from here on: a peer that ends its stream within the handshake is to be dropped at once.
      socket.allowHalfOpen = true;
      if (socket.alpnProtocol === ALPN) this.#open(socket);
      else this.#refuseAlpn(socket);
    });
    return listener;
  }

  #enter(socket: Socket): Arrival | undefined {
    if (this.#closing === undefined) return this.#arrivals.enter(socket);
    socket.destroy();
    return undefined;
  }

  /** Once the event of the handshake is over: a stream that ends within it goes without close_notify. */
  #refuseAlpn(socket: TLSSocket): void {
    const ignore = (): void => undefined; // what happens until then, the connection finds out
    socket.on("error", ignore);
    setImmediate(() => {
      socket.off("error", ignore);
      this.#open(socket).abort("alpn-required", "peer", `TLS without the ALPN protocol ${ALPN}`);
    });
  }

  #usersChanged(users: UsersSnapshot): void {
    this.#latestUsers = users;
    for (const connection of this.#connections) connection.usersChanged(users);
  }

  #open(socket: Socket, arrival = this.#arrivals.find(socket)): ServerConnection {
    const source = arrival?.from ?? sourceOf(socket.remoteAddress, this.#exempt);
    const connection: ServerConnection = new ServerConnection(this.#context, socket, source, {
      loggedIn: () => {
        if (arrival !== undefined) this.#arrivals.loggedIn(arrival);
        // The users may have changed while the password was verified.
        if (this.#latestUsers !== undefined) connection.usersChanged(this.#latestUsers);
      },
      closed: () => {
        this.#connections.delete(connection);
        this.#dropStrays();
      },
    });
    if (arrival !== undefined) arrival.connection = connection;
    this.#connections.add(connection);
    if (this.#closing !== undefined) connection.drain();
    return connection;
  }
}

/** All of it again for each identity: what is left out of a new context falls back to Node's defaults, TLS 1.2 among them. */
function secureContextOf({ key, cert }: Identity): SecureContextOptions {
  // Tickets would let a client resume without a handshake of its own; nothing is kept to resume from.
  return { key, cert, minVersion: "TLSv1.3", secureOptions: constants.SSL_OP_NO_TICKET };
}

function closedAlready(): TalkByteError {
  return new TalkByteError("wrong-state", "local", "the server has been closed");
}
