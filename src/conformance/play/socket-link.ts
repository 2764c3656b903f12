// A link over TCP, or over TLS on top of it. The raw socket is kept beside the TLS socket, for a TLS socket
// can't be reset. A FIN without close_notify shows as end of stream: node doesn't tell the two apart.

import { createHash } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import tls from "node:tls";
import type { Connection } from "../exchange/exchange.ts";
import type { Link, LinkEvent } from "./link.ts";
import { StepFailed } from "./result.ts";
import { wireTable } from "../wire/wire-table.ts";

// A runner that plays the client reads as far as memory allows, for it must not stop a server by not
// reading. One that plays the server reads little ahead, as the tightest honest server does, so that a
// client which doesn't read while it writes gets stuck (TB-MSG-10).
const clientReadAheadBytes = 256 * 1024 * 1024;
const serverReadAheadBytes = 64 * 1024;

export interface LinkOptions {
  readonly readAheadBytes?: number;
}

export function socketLink(socket: net.Socket, raw: net.Socket, options: LinkOptions = {}): Link {
  const readAheadBytes = options.readAheadBytes ?? clientReadAheadBytes;
  const arrived: LinkEvent[] = [];
  let waiting: ((event: LinkEvent) => void) | undefined;
  let unread = 0;
  let ended = false;
  let over = false;
  const writers = new Set<() => void>();

  function arrive(event: LinkEvent): void {
    if (waiting !== undefined) {
      const give = waiting;
      waiting = undefined;
      give(event);
      return;
    }
    arrived.push(event);
    if (event.kind !== "bytes") return;
    unread += event.bytes.length;
    if (unread > readAheadBytes) socket.pause();
  }

  // Whatever ends a connection ends it once: an error is followed by close.
  function finish(kind: "end" | "reset"): void {
    if (over || (kind === "end" && ended)) return;
    if (kind === "end") ended = true;
    else over = true;
    arrive({ kind, at: performance.now() });
  }

  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) =>
    arrive({ kind: "bytes", bytes: new Uint8Array(bytes), at: performance.now() }),
  );
  socket.on("end", () => finish("end"));
  socket.on("error", () => finish("reset"));
  raw.on("error", () => finish("reset"));
  socket.on("close", () => {
    if (!ended) finish("reset");
    over = true;
    for (const give of writers) give();
  });

  return {
    now: () => performance.now(),
    async send(bytes, timeoutMs) {
      if (!socket.writable) return undefined;
      return new Promise<void | "stalled">((resolve) => {
        const give = (outcome?: "stalled"): void => {
          clearTimeout(patience);
          writers.delete(taken);
          resolve(outcome);
        };
        const taken = (): void => give();
        const patience = setTimeout(give, timeoutMs, "stalled" as const);
        writers.add(taken);
        // An error here is the peer's closing, which `error` and `close` report.
        socket.write(bytes, taken);
      });
    },
    end() {
      if (socket.writable) socket.end();
    },
    reset() {
      over = true;
      resetSocket(socket, raw);
    },
    close() {
      over = true;
      socket.destroy();
      raw.destroy();
      waiting?.({ kind: "timeout", at: performance.now() });
    },
    next(timeoutMs) {
      const event = arrived.shift();
      if (event !== undefined) {
        if (event.kind === "bytes") unread -= event.bytes.length;
        if (unread <= readAheadBytes && socket.isPaused()) socket.resume();
        return Promise.resolve(event);
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting = undefined;
          resolve({ kind: "timeout", at: performance.now() });
        }, timeoutMs);
        waiting = (event) => {
          clearTimeout(timer);
          resolve(event);
        };
      });
    },
  };
}

function resetSocket(socket: net.Socket, raw: net.Socket): void {
  if (raw instanceof net.Socket && !raw.destroyed && raw.remoteFamily !== undefined) raw.resetAndDestroy();
  // A unix socket knows no reset.
  raw.destroy();
  socket.destroy();
}

// A connection that the peer has already dropped.
export function droppedLink(): Link {
  const drop: LinkEvent = { kind: "reset", at: performance.now() };
  let told = false;
  return {
    now: () => performance.now(),
    send: () => undefined,
    end: () => undefined,
    reset: () => undefined,
    close: () => undefined,
    async next(timeoutMs) {
      if (told) await delay(timeoutMs);
      const event = told ? ({ kind: "timeout", at: performance.now() } as const) : drop;
      told = true;
      return event;
    },
  };
}

// A connection that has come about as it must not, by the other side's fault: its first use tells.
export function faultyLink(reason: string): Link {
  const fail = (): never => {
    throw new StepFailed("fail", reason);
  };
  return {
    now: () => performance.now(),
    send: fail,
    end: fail,
    reset: fail,
    next: fail,
    close: () => undefined,
  };
}

export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

export interface ConnectOptions extends LinkOptions {
  // Given: TLS 1.3 with ALPN, on top of these options. Trust is the caller's to settle.
  readonly tls?: tls.ConnectionOptions;
  // The lower-case hexadecimal SHA-256 that the key of the TLS server must have.
  readonly fingerprint?: string | undefined;
  readonly timeoutMs?: number;
}

export async function connectLink(address: Address, options: ConnectOptions = {}): Promise<Link> {
  const signal = AbortSignal.timeout(options.timeoutMs ?? 5000);
  const raw = net.connect({ ...address, allowHalfOpen: true });
  try {
    await once(raw, "connect", { signal });
    if (options.tls === undefined) return socketLink(raw, raw, options);
    const host = "host" in address && net.isIP(address.host) === 0 ? { servername: address.host } : {};
    const secure = tls.connect({
      minVersion: "TLSv1.3",
      ALPNProtocols: [wireTable().alpn],
      ...host,
      ...options.tls,
      socket: raw,
    });
    secure.allowHalfOpen = true;
    await once(secure, "secureConnect", { signal });
    checkFingerprint(secure, options.fingerprint);
    return socketLink(secure, raw, options);
  } catch (error) {
    raw.destroy();
    throw error;
  }
}

function checkFingerprint(secure: tls.TLSSocket, wanted: string | undefined): void {
  if (wanted === undefined) return;
  const key = secure.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
  const found = key === undefined ? "none" : createHash("sha256").update(key).digest("hex");
  if (found !== wanted) throw new Error(`the server's key has the fingerprint ${found}, not ${wanted}`);
}

export interface Listener {
  readonly port: number;
  accept(timeoutMs: number): Promise<Link>;
  close(): Promise<void>;
}

export interface ListenOptions extends LinkOptions {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: tls.TlsOptions;
  // How the handshake is to be, or what it must show.
  readonly connection?: Connection | undefined;
}

export async function listenLinks(options: ListenOptions = {}): Promise<Listener> {
  const ready: Link[] = [];
  let waiting: ((link: Link) => void) | undefined;
  let stopWaiting: () => void = () => undefined;
  const sockets = new Set<net.Socket>();
  const readAheadBytes = options.readAheadBytes ?? serverReadAheadBytes;

  function accepted(socket: net.Socket, raw: net.Socket): void {
    const fault = socket instanceof tls.TLSSocket ? faultOf(socket, options.connection) : undefined;
    if (fault === undefined) return give(socketLink(socket, raw, { readAheadBytes }));
    raw.destroy();
    give(faultyLink(fault));
  }

  // A handshake that was meant to fail is the client's answer; any other client has just not connected.
  function refused(): void {
    if (options.connection !== undefined) give(droppedLink());
  }

  function give(link: Link): void {
    if (waiting === undefined) {
      ready.push(link);
      return;
    }
    const take = waiting;
    waiting = undefined;
    take(link);
  }

  // Over TLS only once the handshake is done: a stream that ends inside it would be waited for.
  const server = net.createServer({ allowHalfOpen: options.tls === undefined }, (raw) => {
    sockets.add(raw);
    raw.on("close", () => sockets.delete(raw));
    raw.on("error", () => raw.destroy());
    if (secureServer === undefined) accepted(raw, raw);
    else secureServer.emit("connection", raw);
  });
  const secureServer =
    options.tls === undefined
      ? undefined
      : createSecureServer(variantOf(options), sockets, accepted, refused);
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  await once(server, "listening");
  const address = server.address();

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    accept(timeoutMs) {
      const link = ready.shift();
      if (link !== undefined) return Promise.resolve(link);
      return new Promise((resolve, reject) => {
        stopWaiting = () => {
          clearTimeout(timer);
          waiting = undefined;
          reject(new Error(`no connection within ${timeoutMs} ms`));
        };
        const timer = setTimeout(stopWaiting, timeoutMs);
        waiting = (link) => {
          clearTimeout(timer);
          resolve(link);
        };
      });
    },
    async close() {
      stopWaiting();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function variantOf({ tls: usual, connection }: ListenOptions): tls.TlsOptions {
  switch (connection) {
    case "tls-1.2":
      return { ...usual, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" };
    case "no-alpn":
      return { ...usual, ALPNProtocols: undefined };
    case "other-alpn":
    case "no-handshake":
    case "resumption":
    case "other-key":
    case "stranger":
    case "plaintext":
    case "tls":
    case undefined:
      return { ...usual };
  }
}

// What a handshake that is complete tells against the client.
function faultOf(secure: tls.TLSSocket, connection: Connection | undefined): string | undefined {
  const { alpn } = wireTable();
  if (connection === "tls-1.2") return `the client completed a handshake of ${secure.getProtocol()}`;
  if (connection === "tls" && secure.alpnProtocol !== alpn)
    return `the client did not offer the ALPN protocol ${alpn}`;
  return undefined;
}

// The TLS server never listens: it's handed the raw sockets, which are found again by the peer's port.
function createSecureServer(
  options: tls.TlsOptions,
  sockets: ReadonlySet<net.Socket>,
  accepted: (socket: net.Socket, raw: net.Socket) => void,
  refused: () => void,
): tls.Server {
  const server = tls.createServer({
    minVersion: "TLSv1.3",
    ALPNProtocols: [wireTable().alpn],
    ...options,
  });
  server.on("tlsClientError", (_error, secure) => {
    secure.destroy();
    refused();
  });
  server.on("secureConnection", (secure) => {
    secure.allowHalfOpen = true;
    for (const raw of sockets)
      if (raw.remotePort === secure.remotePort && raw.remoteAddress === secure.remoteAddress) {
        raw.allowHalfOpen = true;
        return accepted(secure, raw);
      }
    // It has gone already.
    secure.destroy();
    return refused();
  });
  return server;
}
