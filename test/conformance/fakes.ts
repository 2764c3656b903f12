// A small server and a small client, independent of src/protocol, to try the engine against. They are
// honest until a test says otherwise: `on` replaces what one of them does with a frame, by its name.

import type net from "node:net";
import { concat, toHex, utf8, writeInteger } from "../../src/conformance/wire/bytes.ts";
import {
  createSplitter,
  fieldContent,
  readFrame,
  type FrameReading,
} from "../../src/conformance/wire/frames.ts";
import type { Driver } from "../../src/conformance/play/link.ts";
import { parseProfile, type Profile } from "../../src/conformance/exchange/profile.ts";
import type { SimulatedPeer, SimulatedWire } from "../../src/conformance/play/simulated-link.ts";
import { frameNamed, wireTable } from "../../src/conformance/wire/wire-table.ts";

export const profile: Profile = parseProfile({
  username: "alice",
  password: "correct horse",
  "wrong-password": "wrong battery",
  "unknown-username": "nobody",
  "disabled-username": "carol",
  "disabled-password": "staple",
  "opaque-username": "alice",
  tries: 3,
  "max-frame-bytes": 1_048_581,
  "max-under-way": 256,
  "login-ms": 30_000,
  "frame-ms": 20_000,
  "idle-ms": 300_000,
  "tls-ms": 10_000,
  "drain-ms": 100_000,
  "write-stall-ms": 30_000,
  "slack-ms": 500,
});

export function frame(name: string, ...body: Uint8Array[]): Uint8Array {
  const type = frameNamed(wireTable(), name)?.type ?? 0;
  return rawFrame(type, ...body);
}

export function rawFrame(type: number, ...body: Uint8Array[]): Uint8Array {
  const content = concat([Uint8Array.of(type), ...body]);
  return concat([writeInteger(content.length, 4), content]);
}

export const u8 = (value: number): Uint8Array => writeInteger(value, 1);
export const u16 = (value: number): Uint8Array => writeInteger(value, 2);
export const u32 = (value: number): Uint8Array => writeInteger(value, 4);
export const u64 = (value: number): Uint8Array => writeInteger(value, 8);
export const string8 = (text: string): Uint8Array => concat([u8(utf8(text).length), utf8(text)]);
export const bytes16 = (bytes: Uint8Array): Uint8Array => concat([u16(bytes.length), bytes]);

export const errorFrame = (code: number): Uint8Array => frame("ERROR", u8(code), u8(1), u8(1), string8(""));
export const refusedFrame = (reason: number, triesLeft: number): Uint8Array =>
  frame("REFUSED", u8(reason), u32(0), u8(triesLeft));

export const welcome = (): Uint8Array =>
  frame(
    "WELCOME",
    u8(1),
    string8("fake"),
    u32(1_048_581),
    u16(256),
    u32(300_000),
    u8(1),
    string8("PASSWORD"),
    u16(0),
  );

export type Reaction = (reading: FrameReading, wire: SimulatedWire) => void;

export interface FakeOptions {
  // By the frame's name; "zero" is a frame of length 0.
  readonly on?: Readonly<Record<string, Reaction>>;
  readonly loginMs?: number;
}

export function fakeServer(options: FakeOptions = {}): (wire: SimulatedWire) => SimulatedPeer {
  return (wire) => {
    const splitter = createSplitter(0x7fffffff);
    let tries = 3;
    let accepted = 0;
    let loggedIn = false;
    let over = false;
    const refuse = (code: number): void => {
      if (over) return;
      over = true;
      wire.send(errorFrame(code));
      wire.end();
    };
    const reactions: Record<string, Reaction> = {
      zero: () => refuse(1),
      HELLO: () => wire.send(welcome()),
      AUTH(reading) {
        const name = text(reading, "username");
        if (name === "alice" && text(reading, "mechanism-data") === "correct horse") {
          loggedIn = true;
          wire.send(frame("AUTHENTICATED", new Uint8Array(16), u16(0)));
        } else {
          tries--;
          wire.send(refusedFrame(1, tries));
          if (tries === 0) wire.end();
        }
      },
      MESSAGE(reading) {
        accepted++;
        wire.send(frame("REPLY", content(reading, "id"), content(reading, "payload")));
      },
      PING: (reading) => wire.send(frame("PONG", content(reading, "data"))),
      PONG: () => refuse(4),
      STOP() {
        over = true;
        wire.send(frame("STOPPED", u64(accepted)));
        wire.end();
      },
      ERROR() {
        over = true;
        wire.end();
      },
      ...options.on,
    };
    return {
      receive(bytes) {
        splitter.push(bytes, 0);
        for (let split = splitter.next(); split !== undefined; split = splitter.next()) {
          if (over) return;
          const reading = readFrame(wireTable(), split.bytes);
          const name = split.bytes.length === 4 ? "zero" : (reading.kind?.name ?? "");
          reactions[name]?.(reading, wire);
        }
      },
      receiveEnd() {
        if (!over) wire.end();
        over = true;
      },
      receiveReset() {
        over = true;
      },
      wakeAt: () => (loggedIn || over ? undefined : options.loginMs),
      wake: () => refuse(8),
    };
  };
}

export interface FakeClient {
  readonly start: (wire: SimulatedWire) => SimulatedPeer;
  readonly driver: Driver;
}

export function fakeClient(options: FakeOptions = {}): FakeClient {
  let wire: SimulatedWire | undefined;
  let hello = false;
  let over = false;
  let nextId = 100;
  const splitter = createSplitter(0x7fffffff);
  const connected = (): SimulatedWire => {
    if (wire === undefined) throw new Error("not connected");
    return wire;
  };
  const refuse = (code: number): void => {
    if (over) return;
    over = true;
    connected().send(errorFrame(code));
    connected().end();
  };
  const close = (): void => {
    over = true;
    connected().end();
  };
  let credentials = { username: "", password: "" };
  const authenticate = (): void =>
    connected().send(
      frame("AUTH", string8("PASSWORD"), string8(credentials.username), bytes16(utf8(credentials.password))),
    );
  const reactions: Record<string, Reaction> = {
    zero: () => refuse(1),
    WELCOME: authenticate,
    AUTHENTICATED: () => undefined,
    REPLY: () => undefined,
    PING: (reading) => connected().send(frame("PONG", content(reading, "data"))),
    STOPPED: close,
    ERROR: close,
    ...options.on,
  };
  return {
    start(started) {
      wire = started;
      if (credentials.username !== "") opening();
      return {
        receive(bytes) {
          splitter.push(bytes, 0);
          for (let split = splitter.next(); split !== undefined; split = splitter.next()) {
            if (over) return;
            const reading = readFrame(wireTable(), split.bytes);
            const name = split.bytes.length === 4 ? "zero" : (reading.kind?.name ?? "");
            reactions[name]?.(reading, started);
          }
        },
        receiveEnd: () => (over ? undefined : close()),
        receiveReset: () => (over = true),
        wakeAt: () => undefined,
        wake: () => undefined,
      };
    },
    driver: {
      login(given) {
        credentials = given;
        if (wire === undefined) return;
        if (hello) authenticate();
        else opening();
      },
      send: (payload) => connected().send(frame("MESSAGE", u32(nextId++), payload)),
      ping: () => connected().send(frame("PING", new Uint8Array(8))),
      stop: () => connected().send(frame("STOP")),
      end: () => connected().end(),
    },
  };

  function opening(): void {
    hello = true;
    connected().send(frame("HELLO", utf8("TalkByte"), u8(1), u8(1), string8("fake")));
  }
}

// The same fakes over a socket.
export function attach(socket: net.Socket, start: (wire: SimulatedWire) => SimulatedPeer): void {
  const peer = start({
    now: () => performance.now(),
    send: (bytes) => socket.writable && socket.write(bytes),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  });
  socket.on("data", (bytes: Buffer) => peer.receive(new Uint8Array(bytes)));
  socket.on("end", () => peer.receiveEnd());
  socket.on("error", () => peer.receiveReset());
}

function content(reading: FrameReading, path: string): Uint8Array {
  return fieldContent(reading, path) ?? new Uint8Array();
}

function text(reading: FrameReading, path: string): string {
  return Buffer.from(toHex(content(reading, path)), "hex").toString();
}
