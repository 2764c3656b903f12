// What the tests of the edge share: users without a file, a server that ends with its test, a client of plain bytes
// that is no part of what is tested, and a log that remembers.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import {
  createServer as createTcpServer,
  connect as connectTcp,
  type AddressInfo,
  type Socket,
} from "node:net";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";

import type { UsersSource } from "../../src/auth/users-source.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { addUser, type UsersSnapshot } from "../../src/credentials/users-file.ts";
import type { User } from "../../src/credentials/users-schema.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import { Client, openClient, type OpenOptions } from "../../src/net/client.ts";
import { makeIdentity, type Identity } from "../../src/net/identity.ts";
import { createServer, type Server, type ServerOptions } from "../../src/net/server.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { concat, describeFrame, frame, message, unsigned, utf8, type Split } from "../protocol/bytes.ts";
import wire from "../../spec/wire.json" with { type: "json" };

export const PASSWORD = "correct horse battery";
export const LOOPBACK = "127.0.0.1";

let hash: Promise<string> | undefined;
/** A hash of PASSWORD under today's parameters, made once for each file of tests. */
export async function phcOfPassword(): Promise<string> {
  return await (hash ??= hashPassword(preparePassword(PASSWORD)));
}

let identity: Promise<Identity> | undefined;
export async function testIdentity(): Promise<Identity> {
  return await (identity ??= makeIdentity());
}

/** Users in memory; alice has PASSWORD unless told otherwise. */
export class MemoryUsers implements UsersSource {
  readonly users = new Map<string, User>();
  reads = 0;

  async current(): Promise<UsersSnapshot> {
    this.reads++;
    return { get: (name) => this.users.get(name), list: () => [...this.users.values()], warnings: [] };
  }

  async replaceHash(name: string, oldPhc: string, newPhc: string): Promise<boolean> {
    const user = this.users.get(name);
    if (user?.password !== oldPhc) return false;
    this.users.set(name, { ...user, password: newPhc });
    return true;
  }

  add(name: string, password: string | undefined, disabled = false): this {
    const at = "2026-01-01T00:00:00.000Z";
    const credentialId = "00".repeat(16);
    this.users.set(name, { name, password, disabled, createdAt: at, updatedAt: at, credentialId });
    return this;
  }
}

export async function usersWithAlice(): Promise<MemoryUsers> {
  return new MemoryUsers().add("alice", await phcOfPassword());
}

/** A users file in which each of these has PASSWORD. */
export async function usersFileWith(...names: string[]): Promise<string> {
  const path = join(makeTemporaryFolder(), "users.json");
  for (const name of names) await addUser(path, name, await phcOfPassword());
  return path;
}

export interface LogLine {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly text: string;
  readonly [field: string]: unknown;
}

/** Remembers every line, and tells who waits for one. */
export class MemoryLog {
  readonly lines: LogLine[] = [];
  #waiting: (() => void)[] = [];

  readonly error = (fields: object, text: string): void => this.#add("error", fields, text);
  readonly warn = (fields: object, text: string): void => this.#add("warn", fields, text);
  readonly info = (fields: object, text: string): void => this.#add("info", fields, text);
  readonly debug = (fields: object, text: string): void => this.#add("debug", fields, text);

  of(event: string): LogLine[] {
    return this.lines.filter((line) => line["event"] === event);
  }

  /** The lines of this event, once there are that many. */
  async wait(event: string, count = 1): Promise<LogLine[]> {
    while (this.of(event).length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.of(event);
  }

  #add(level: LogLine["level"], fields: object, text: string): void {
    this.lines.push({ ...fields, level, text });
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

export interface RunningServer {
  readonly server: Server;
  readonly port: number;
  readonly log: MemoryLog;
  readonly identity: Identity | undefined;
}

/** A server on a free port, in plaintext unless `tls` is set; without penalties unless asked; closed with the test. */
export async function startServer(
  options: Partial<ServerOptions> & { readonly tls?: boolean } = {},
): Promise<RunningServer> {
  const { tls = false, limits, ...rest } = options;
  const log = new MemoryLog();
  const serverIdentity = tls ? await testIdentity() : undefined;
  const server = createServer({
    users: await usersWithAlice(),
    identity: serverIdentity ?? "plaintext",
    greaseRate: 0,
    penaltyExempt: [`${LOOPBACK}/8`],
    log,
    ...rest,
    limits: { drainMs: 100, lingerMs: 100, ...limits },
  });
  const { port } = await server.listen({ host: LOOPBACK, port: 0 });
  onTestFinished(async () => await server.close());
  return { server, port, log, identity: serverIdentity };
}

/** Connects our own client, without grease, and closes it with the test. */
export async function openTestClient(
  { port, identity: serverIdentity }: Pick<RunningServer, "port" | "identity">,
  options: OpenOptions = {},
): Promise<Client> {
  const trust =
    serverIdentity === undefined
      ? { plaintext: true }
      : { trust: { fingerprint: serverIdentity.fingerprint } };
  const client = await openClient({ host: LOOPBACK, port, greaseRate: 0, ...trust, ...options });
  onTestFinished(() => client.close());
  return client;
}

export async function logIn(running: RunningServer, options: OpenOptions = {}): Promise<Client> {
  const client = await openTestClient(running, options);
  await client.login({ username: "alice", password: PASSWORD });
  return client;
}

/** Frames as a client sends them. */
export function hello(agent = "test"): Uint8Array {
  return frame(0x01, utf8("TalkByte"), Uint8Array.of(1, 1, agent.length), utf8(agent));
}

export function auth(
  username = "alice",
  password: string | Uint8Array = PASSWORD,
  mechanism = "PASSWORD",
): Uint8Array {
  const bytes = typeof password === "string" ? utf8(password) : password;
  return frame(0x03, string8(mechanism), string8(username), unsigned(bytes.length, 2), bytes);
}

export const STOP: Uint8Array = frame(0x20);
export { concat, frame, message, unsigned, utf8 };

export function string8(text: string): Uint8Array {
  return concat(Uint8Array.of(utf8(text).length), utf8(text));
}

/** Frames as a server sends them. */
export function welcome(limits: { maxFrameBytes?: number; maxUnderWay?: number } = {}): Uint8Array {
  const { maxFrameBytes = 1_048_581, maxUnderWay = 256 } = limits;
  const head = concat(
    Uint8Array.of(1),
    string8("peer"),
    unsigned(maxFrameBytes, 4),
    unsigned(maxUnderWay, 2),
  );
  return frame(0x02, head, unsigned(300_000, 4), Uint8Array.of(1), string8("PASSWORD"), unsigned(0, 2));
}

export const AUTHENTICATED: Uint8Array = frame(0x06, new Uint8Array(16).fill(7), unsigned(0, 2));

export function refused(reason: number, retryAfterMs: number, triesLeft: number): Uint8Array {
  return frame(0x07, Uint8Array.of(reason), unsigned(retryAfterMs, 4), Uint8Array.of(triesLeft));
}

export function errorFrame(code: number, detail = ""): Uint8Array {
  return frame(0x23, Uint8Array.of(code, 1, 1), string8(detail));
}

/** A peer of plain bytes: sends what it is told, hands over frames as they come, and says how the stream ended. */
export class RawPeer {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #closed = false;
  #error: NodeJS.ErrnoException | undefined;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      this.#wake();
    });
    socket.on("end", () => this.#wake((this.#ended = true)));
    socket.on("error", (error) => (this.#error = error));
    socket.on("close", () => this.#wake((this.#closed = true)));
    onTestFinished(() => void socket.destroy());
  }

  get ended(): boolean {
    return this.#ended;
  }

  get error(): NodeJS.ErrnoException | undefined {
    return this.#error;
  }

  get bytesReceived(): number {
    return this.#bytes;
  }

  send(...frames: readonly Uint8Array[]): this {
    this.socket.write(concat(...frames));
    return this;
  }

  end(): this {
    this.socket.end();
    return this;
  }

  /** The next frame; undefined at end of stream or a reset. */
  async next(): Promise<Split | undefined> {
    const header = await this.#take(4);
    if (header === undefined) return undefined;
    const body = await this.#take(header.readUInt32BE(0));
    if (body === undefined) return undefined;
    const type = body[0]!;
    const name = wire.frames.find((known) => known.type === type)?.name ?? `type ${type}`;
    return { name, type, body: new Uint8Array(body.subarray(1)) };
  }

  /** The next frame as a line of text: `REPLY 1 hello`; "end" or "reset" when there is none. */
  async line(): Promise<string> {
    const next = await this.next();
    if (next !== undefined) return describeFrame(next);
    return this.#ended ? "end" : "reset";
  }

  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    for (let index = 0; index < count; index++) lines.push(await this.line());
    return lines;
  }

  /** Everything up to the end. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      lines.push(line);
      if (line === "end" || line === "reset") return lines;
    }
  }

  async closed(): Promise<void> {
    while (!this.#closed) await this.#wait();
  }

  /** Logs in by hand. */
  async logIn(): Promise<this> {
    const lines = await this.send(hello(), auth()).lines(2);
    if (lines[1] !== "AUTHENTICATED") throw new Error(`not logged in: ${lines.join(", ")}`);
    return this;
  }

  async #take(count: number): Promise<Buffer | undefined> {
    while (this.#bytes < count && !this.#ended && !this.#closed) await this.#wait();
    if (this.#bytes < count) return undefined;
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks.splice(0, this.#chunks.length, all.subarray(count));
    this.#bytes -= count;
    return all.subarray(0, count);
  }

  async #wait(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(_state?: boolean): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

export async function rawConnect(
  { port }: { readonly port: number },
  { localAddress }: { readonly localAddress?: string } = {},
): Promise<RawPeer> {
  const options = { host: LOOPBACK, port, allowHalfOpen: true, noDelay: true };
  const socket = connectTcp(localAddress === undefined ? options : { ...options, localAddress });
  await once(socket, "connect");
  return new RawPeer(socket);
}

export async function rawConnectTls(
  { port }: { readonly port: number },
  options: ConnectionOptions & { readonly localAddress?: string } = {},
): Promise<RawPeer> {
  const socket: TLSSocket = connectTls({
    host: LOOPBACK,
    port,
    rejectUnauthorized: false,
    ALPNProtocols: ["talkbyte/1"],
    allowHalfOpen: true,
    ...options,
  } as ConnectionOptions);
  const peer = new RawPeer(socket);
  await once(socket, "secureConnect");
  return peer;
}

/** A listener of plain sockets for tests that play the server themselves. */
export async function listenRaw(connected: (peer: RawPeer) => unknown): Promise<{ readonly port: number }> {
  const listener = createTcpServer(
    { allowHalfOpen: true, noDelay: true },
    (socket) => void connected(new RawPeer(socket)),
  );
  listener.listen({ host: LOOPBACK, port: 0 });
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  return { port: (listener.address() as AddressInfo).port };
}

/** The server's ends of the connections that come while the test runs, in order. */
export function watchServerSockets({ port }: { readonly port: number }): Socket[] {
  const sockets: Socket[] = [];
  const note = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === port) sockets.push(socket);
  };
  subscribe("net.server.socket", note);
  onTestFinished(() => void unsubscribe("net.server.socket", note));
  return sockets;
}
