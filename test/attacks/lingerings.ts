// Attacks that hold what they have and give as little as they can: a byte now and then of something that is never whole,
// silence, sessions without a use, and messages whose replies are never read.

import { once } from "node:events";
import type { Socket } from "node:net";

import { concat, message, unsigned } from "../protocol/bytes.ts";
import {
  auth,
  AUTHENTICATED,
  closed,
  count,
  ERROR,
  hello,
  onFrames,
  openTcp,
  openTls,
  TIMEOUT,
  type Lane,
} from "./lane.ts";

const DRIP_MS = 50;
const PUSHED_BYTES = 1_048_576;
/** A ClientHello of 512 bytes, as far as anybody will ever see it. */
const HANDSHAKE_START = concat(
  Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
  new Uint8Array(400).fill(7),
);
/** A MESSAGE of a thousand bytes. */
const FRAME_START = concat(unsigned(1000, 4), Uint8Array.of(0x10), new Uint8Array(400));
const EXTENSION = Uint8Array.of(0, 0, 0, 1, 0x80);

export const LINGERINGS = {
  "slow-handshake": async (lane: Lane): Promise<void> => {
    const socket = openTcp(lane);
    socket.once("connect", () => drip(socket, HANDSHAKE_START));
    await timed(lane, socket);
  },
  "slow-hello": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    socket.once("secureConnect", () => drip(socket, hello()));
    await timed(lane, socket);
  },
  "slow-auth": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    socket.once("secureConnect", () => {
      socket.write(hello());
      drip(socket, auth("alice", new Uint8Array(400), "OPAQUE"));
    });
    await timed(lane, socket);
  },
  /** Whole frames, which mean nothing: they are to be skipped, and to put off no deadline. */
  "extensions-before-login": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    socket.once("secureConnect", () => {
      socket.write(hello());
      every(socket, () => socket.write(EXTENSION));
    });
    await timed(lane, socket);
  },
  "slow-message": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    const firstByte = logIn(lane, socket).then(() => drip(socket, FRAME_START));
    await timed(lane, socket, firstByte);
  },
  "extensions-after-login": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    void logIn(lane, socket).then(() => every(socket, () => socket.write(EXTENSION)));
    await timed(lane, socket);
  },
  /** Logs in, sends as much as it is let, and reads nothing. */
  "never-reads": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    void logIn(lane, socket).then(() => {
      socket.pause();
      void push(lane, socket);
    });
    await timed(lane, socket);
  },
  /** Logs in, says no more, and goes on to the next session beside it. */
  "idle-sessions": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    void timed(lane, socket);
    await logIn(lane, socket);
  },
  "idle-sessions-in-plaintext": async (lane: Lane): Promise<void> => {
    const socket = openTcp(lane);
    void timed(lane, socket);
    await logIn(lane, socket, "connect");
  },
} as const;

/** Runs until the server ends it; says how, and how long it took from connecting, or from `begun` where that is later. */
async function timed({ tally }: Lane, socket: Socket, begun?: Promise<void>): Promise<void> {
  let beganAt = performance.now();
  void begun?.then(() => (beganAt = performance.now()));
  onFrames(socket, (type, body) => {
    if (type === ERROR && body[0] === TIMEOUT) count(tally, "timeout");
  });
  await closed(socket);
  const ms = Math.round(performance.now() - beganAt);
  count(tally, "ended");
  tally["shortestMs"] = Math.min(tally["shortestMs"] ?? Infinity, ms);
  tally["longestMs"] = Math.max(tally["longestMs"] ?? 0, ms);
}

/** Never resolves when it is refused. */
async function logIn({ account, tally }: Lane, socket: Socket, opened = "secureConnect"): Promise<void> {
  const { username, password } = account!;
  socket.once(opened, () => socket.write(concat(hello(), auth(username, password))));
  await new Promise<void>((resolve) => {
    onFrames(socket, (type) => {
      if (type !== AUTHENTICATED) return;
      count(tally, "loggedIn");
      resolve();
    });
  });
}

function every(socket: Socket, act: () => void): void {
  const timer = setInterval(act, DRIP_MS);
  socket.once("close", () => clearInterval(timer));
}

function drip(socket: Socket, bytes: Uint8Array): void {
  let at = 0;
  every(socket, () => socket.write(bytes.subarray(at, ++at)));
}

async function push({ tally }: Lane, socket: Socket): Promise<void> {
  const chunk = message(1, new Uint8Array(PUSHED_BYTES));
  while (!socket.destroyed) {
    const free = socket.write(chunk, (error) => count(tally, "pushedMib", error ? 0 : 1));
    if (!free) await once(socket, "drain").catch(() => undefined);
  }
}
