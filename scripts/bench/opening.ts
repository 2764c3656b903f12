// How a load generator in Node opens one connection to a peer: TCP, TLS where there is a certificate, and the login that
// the peer asks for. What arrives behind the login is given back to the stream.

import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { encodeAuth, encodeHello } from "../../src/protocol/login-frames.ts";
import { ALPN, FRAME_TYPE } from "../../src/protocol/wire.ts";
import type { Protocol } from "./messages.ts";

export interface Opening {
  readonly protocol: Protocol;
  readonly port: number;
  /** PEM of the server's certificate: over TLS. */
  readonly certificate: string | undefined;
  readonly username: string;
  readonly password: string;
}

/** Longest answer to a login. */
const MAX_ANSWER_BYTES = 65_536;

/** @throws Error when the server refuses */
export async function openConnection(opening: Opening): Promise<Socket> {
  const { protocol, port, certificate } = opening;
  const socket = certificate === undefined ? connectPlain({ port, host: "127.0.0.1" }) : overTls(opening);
  await once(socket, certificate === undefined ? "connect" : "secureConnect");
  socket.setNoDelay(true);
  if (protocol === "talkbyte") await logInTalkByte(socket, opening);
  else if (protocol === "resp") await logInRedis(socket, opening);
  else if (protocol === "ws") await upgrade(socket);
  return socket;
}

function overTls({ protocol, port, certificate }: Opening): Socket {
  return connectTls({
    port,
    host: "127.0.0.1",
    ca: certificate,
    checkServerIdentity: () => undefined, // its very certificate is the authority
    minVersion: "TLSv1.3",
    ...(protocol === "talkbyte" ? { ALPNProtocols: [ALPN] } : {}),
  });
}

async function logInTalkByte(socket: Socket, { username, password }: Opening): Promise<void> {
  const mechanismData = Buffer.from(password);
  socket.write(encodeHello({ versions: { min: 1, max: 1 }, agent: "bench/1" }));
  socket.write(encodeAuth({ mechanism: "PASSWORD", username, mechanismData }));
  const { AUTHENTICATED, REFUSED, ERROR } = FRAME_TYPE;
  await readUntil(socket, (bytes) => {
    for (let at = 0; at + 5 <= bytes.length; at += 4 + bytes.readUInt32BE(at)) {
      const type = bytes[at + 4];
      if (type === REFUSED || type === ERROR) throw new Error("the server refused the login");
      const end = at + 4 + bytes.readUInt32BE(at);
      if (type === AUTHENTICATED && end <= bytes.length) return end;
    }
    return undefined;
  });
}

async function logInRedis(socket: Socket, { password }: Opening): Promise<void> {
  socket.write(`*2\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(password)}\r\n${password}\r\n`);
  const answer = await readUntil(socket, (bytes) => endOf(bytes, "\r\n"));
  if (answer.toString() !== "+OK\r\n") throw new Error("the server refused the login");
}

async function upgrade(socket: Socket): Promise<void> {
  const headers = [
    "GET / HTTP/1.1",
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  socket.write(`${headers.join("\r\n")}\r\n\r\n`);
  const answer = await readUntil(socket, (bytes) => endOf(bytes, "\r\n\r\n"));
  if (!answer.toString().startsWith("HTTP/1.1 101")) throw new Error("the server refused the upgrade");
}

function endOf(bytes: Buffer, mark: string): number | undefined {
  const at = bytes.indexOf(mark);
  return at < 0 ? undefined : at + mark.length;
}

/** Reads until `endOf` knows where the answer ends; what is behind it stays in the socket. */
async function readUntil(socket: Socket, endOf: (bytes: Buffer) => number | undefined): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    const end = chunk === null ? undefined : endOf(bytes);
    if (end !== undefined) {
      if (end < bytes.length) socket.unshift(bytes.subarray(end));
      return bytes.subarray(0, end);
    }
    if (bytes.length > MAX_ANSWER_BYTES) throw new Error("the server's answer to the login is too long");
    if (socket.readableEnded) throw new Error("the server closed the connection before the login");
    if (chunk === null) await Promise.race([once(socket, "readable"), once(socket, "end")]);
  }
}
