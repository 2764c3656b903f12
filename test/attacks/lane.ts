// What every kind of attack works with: one connection from one of the attacker's addresses, frames by hand, and the
// counts that it reports.

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { concat, frame, unsigned, utf8 } from "../protocol/bytes.ts";

export type Tally = Record<string, number>;

export interface Account {
  readonly username: string;
  readonly password: string;
}

/** One connection of an attack. */
export interface Lane {
  readonly port: number;
  readonly from: string;
  /** How many connections of the attack were begun before this one. */
  readonly number: number;
  readonly tally: Tally;
  readonly account?: Account;
}

export const [AUTHENTICATED, CHALLENGE, REFUSED, ERROR] = [0x06, 0x04, 0x07, 0x23];
export const TIMEOUT = 8;
const REASONS = ["", "bad-credentials", "mechanism-unavailable", "busy", "throttled", "abandoned"];
const HOST = "127.0.0.1";

export function count(tally: Tally, what: string, more = 1): void {
  tally[what] = (tally[what] ?? 0) + more;
}

export function openTcp({ port, from }: Lane): Socket {
  return connectTcp({ host: HOST, port, localAddress: from });
}

export function openTls({ port, from }: Lane): TLSSocket {
  const options = { host: HOST, port, localAddress: from, ALPNProtocols: ["talkbyte/1"] };
  return connectTls({ ...options, rejectUnauthorized: false });
}

export async function closed(socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
}

/** Hands over each frame that comes. */
export function onFrames(socket: Socket, take: (type: number, body: Buffer) => void): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
      const end = 4 + received.readUInt32BE(0);
      take(received[4]!, received.subarray(5, end));
      received = received.subarray(end);
    }
  });
}

export interface Refusal {
  readonly reason: string;
  readonly triesLeft: number;
}

export function readRefusal(body: Buffer): Refusal {
  return { reason: REASONS[body[0]!] ?? "unknown", triesLeft: body[5]! };
}

export function hello(): Uint8Array {
  return frame(0x01, utf8("TalkByte"), Uint8Array.of(1, 1), string8("attacker"));
}

export function auth(username: string, data: string | Uint8Array, mechanism = "PASSWORD"): Uint8Array {
  const bytes = typeof data === "string" ? utf8(data) : data;
  return frame(0x03, string8(mechanism), string8(username), unsigned(bytes.length, 2), bytes);
}

/** RESPONSE without data: KE2 has told what there was to learn. */
export const ABANDON: Uint8Array = frame(0x05, unsigned(0, 2));

function string8(text: string): Uint8Array {
  return concat(Uint8Array.of(text.length), utf8(text));
}
