// Opens the transport of a client: TCP, then TLS 1.3 with ALPN and a verified server, or plaintext to this
// machine alone. Fails with typed errors that say what a person can do.

import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { TalkByteError } from "../protocol/error.ts";
import { ALPN } from "../protocol/wire.ts";
import { exportChannelBinding } from "./channel-binding.ts";
import { displayHost } from "./display.ts";
import { KnownServersError } from "./known-servers.ts";
import { isLoopback } from "./loopback.ts";
import { NotTrustedError, verifyServer, type Standing, type TrustOptions } from "./trust.ts";

export interface ConnectSocketOptions {
  readonly host: string;
  readonly port: number;
  readonly plaintext: boolean;
  readonly trust: TrustOptions;
  /** For TCP and TLS together. */
  readonly connectMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What TLS says of the connection and its other end. */
export interface TlsChannel {
  readonly standing: Standing;
  /** The exporter value that an OPAQUE login binds itself to (spec section 6.4). */
  readonly binding: Uint8Array;
}

export interface ConnectedSocket {
  readonly socket: Socket;
  /** Undefined in plaintext. */
  readonly channel: TlsChannel | undefined;
  readonly connectMs: number;
  readonly tlsMs: number;
}

export async function connectSocket(options: ConnectSocketOptions): Promise<ConnectedSocket> {
  const deadline = AbortSignal.timeout(options.connectMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const startedAt = performance.now();
  const tcp = connectTcp({ host: options.host, port: options.port, allowHalfOpen: true, noDelay: true });
  const where = `${displayHost(options.host)}:${options.port}`;
  try {
    await opened(tcp, "connect", signal);
    const connectedAt = performance.now();
    const connectMs = connectedAt - startedAt;
    if (options.plaintext) {
      if (tcp.remoteAddress === undefined) throw lost();
      if (!isLoopback(tcp.remoteAddress)) {
        throw new TalkByteError(
          "not-trusted",
          "local",
          `${where} is not on this machine: plaintext would show the password to the network`,
        );
      }
      return { socket: tcp, channel: undefined, connectMs, tlsMs: 0 };
    }
    const socket = await startTls(tcp, options, signal);
    const binding = exportChannelBinding(socket);
    const standing = await verifyServer(socket, options.host, options.port, options.trust).catch(
      (error: unknown) => {
        socket.destroySoon(); // the handshake is complete: leave in good order, without having said anything
        throw error;
      },
    );
    options.signal?.throwIfAborted(); // files were read since it was listened to
    // Its "close" would not come again for the one who takes it over.
    if (socket.destroyed) throw lost();
    const channel = { standing, binding };
    return { socket, channel, connectMs, tlsMs: performance.now() - connectedAt };
  } catch (error) {
    const parting = error instanceof KnownServersError || error instanceof NotTrustedError;
    if (!parting) tcp.destroy();
    throw explain(error, where, options, deadline.aborted);
  }
}

async function startTls(tcp: Socket, options: ConnectSocketOptions, signal: AbortSignal): Promise<TLSSocket> {
  const socket = connectTls({
    socket: tcp,
    minVersion: "TLSv1.3",
    ALPNProtocols: [ALPN],
    // Judged by verifyServer, which knows pins and known servers too.
    rejectUnauthorized: false,
    host: options.host,
    ...(isIP(options.host) === 0 ? { servername: options.host } : {}),
    ...(options.trust.ca === undefined ? {} : { ca: options.trust.ca }),
  });
  try {
    await opened(socket, "secureConnect", signal);
    if (socket.alpnProtocol !== ALPN)
      throw new TalkByteError("tls-failed", "peer", `the server does not speak ${ALPN}`);
    return socket;
  } catch (error) {
    socket.destroy();
    if (error instanceof TalkByteError || signal.aborted) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new TalkByteError(
      "tls-failed",
      "peer",
      `the TLS handshake failed (${code ?? String(error)}): is this a TalkByte server with TLS?`,
      { cause: error },
    );
  }
}

/** Resolves at the event; rejects at an error, an early end, or the signal. */
async function opened(
  socket: Socket,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<void> {
  let cleanUp = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const aborted = (): void => reject(signal.reason as Error);
      const closed = (): void => reject(lost());
      cleanUp = () => {
        signal.removeEventListener("abort", aborted);
        socket.off(event, resolve).off("close", closed).off("error", reject);
        socket.on("error", () => undefined); // what comes now is told by "close"
      };
      if (signal.aborted) return aborted();
      signal.addEventListener("abort", aborted, { once: true });
      socket.once(event, resolve).once("error", reject).once("close", closed);
    });
  } finally {
    cleanUp();
  }
}

function lost(): TalkByteError {
  return new TalkByteError("connection-failed", "network", "the connection was closed");
}

function explain(error: unknown, where: string, options: ConnectSocketOptions, timedOut: boolean): Error {
  if (error instanceof TalkByteError || error instanceof KnownServersError) return error;
  if (options.signal?.aborted)
    return new TalkByteError("cancelled", "local", "connecting was cancelled", { cause: error });
  if (timedOut) {
    return new TalkByteError(
      "timeout",
      "network",
      `no connection to ${where} within ${options.connectMs / 1000} s`,
      { cause: error },
    );
  }
  const { code } = error as NodeJS.ErrnoException;
  const hint =
    code === "ECONNREFUSED"
      ? "nothing listens there"
      : code === "ENOTFOUND"
        ? "the host is not known"
        : (code ?? String(error));
  return new TalkByteError("connection-failed", "network", `can't connect to ${where}: ${hint}`, {
    cause: error,
  });
}
