// Attacks that ask for work: guesses at passwords, first messages of OPAQUE, handshakes, and connections alone.

import { concat } from "../protocol/bytes.ts";
import { firstMessage } from "./first-message.ts";
import {
  ABANDON,
  auth,
  CHALLENGE,
  closed,
  count,
  hello,
  onFrames,
  openTcp,
  openTls,
  readRefusal,
  REFUSED,
  type Lane,
} from "./lane.ts";

export const FLOODS = {
  /** A guess for another name each time, on a connection for as long as that takes them. */
  "wrong-passwords": async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    let guesses = 0;
    const guess = (): Uint8Array => auth(`user-${lane.number}-${guesses++}`, "a guess");
    onFrames(socket, (type, body) => {
      if (type !== REFUSED) return;
      count(lane.tally, readRefusal(body).reason);
      socket.write(guess());
    });
    socket.once("secureConnect", () => socket.write(concat(hello(), guess())));
    await closed(socket);
  },
  /** Asks for one challenge after the other, and answers none. */
  "first-messages": async (lane: Lane): Promise<void> => {
    const ask = auth("alice", await firstMessage(), "OPAQUE");
    const socket = openTls(lane);
    onFrames(socket, (type, body) => {
      if (type === CHALLENGE) {
        count(lane.tally, "challenge");
        socket.write(ABANDON);
      }
      if (type === REFUSED) {
        const { reason, triesLeft } = readRefusal(body);
        if (reason !== "abandoned") count(lane.tally, reason);
        if (triesLeft > 0) socket.write(ask);
      }
    });
    socket.once("secureConnect", () => socket.write(concat(hello(), ask)));
    await closed(socket);
  },
  /** Completes a TLS handshake, and leaves. */
  handshakes: async (lane: Lane): Promise<void> => {
    const socket = openTls(lane);
    socket.once("secureConnect", () => {
      count(lane.tally, "completed");
      socket.destroy();
    });
    await closed(socket);
  },
  /** Connects, says nothing, and comes again when it is dropped. */
  "half-open": async (lane: Lane): Promise<void> => {
    const socket = openTcp(lane);
    socket.resume().once("connect", () => count(lane.tally, "connected"));
    await closed(socket);
    count(lane.tally, "dropped");
  },
  /** Connects, says nothing, and goes on to the next connection beside it. */
  crowd: async (lane: Lane): Promise<void> => {
    const socket = openTcp(lane);
    socket.resume();
    const dropped = closed(socket).then(() => count(lane.tally, "dropped"));
    const connected = new Promise<void>((resolve) => socket.once("connect", resolve));
    await Promise.race([connected, dropped]);
    count(lane.tally, "begun");
  },
} as const;
