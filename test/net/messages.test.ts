// A logged-in session at the server: order, handlers, failures.

import { expect, test } from "vitest";

import type { OnMessage } from "../../src/net/handler.ts";
import type { Payload } from "../../src/protocol/payload.ts";
import { auth, concat, hello, logIn, message, rawConnect, startServer, STOP, utf8 } from "./harness.ts";

const text = (payload: Payload): string => Buffer.from(payload.bytes).toString();

test("everything in one flight is answered in order: HELLO, AUTH, messages, STOP", async () => {
  const client = await rawConnect(await startServer());
  client.send(hello(), auth(), message(7, "a"), message(7, ""), message(9, "b"), STOP);
  expect(await client.rest()).toEqual([
    "WELCOME",
    "AUTHENTICATED",
    "REPLY 7 a",
    "REPLY 7",
    "REPLY 9 b",
    "STOPPED 3",
    "end",
  ]);
});

test("the same bytes one by one get the same answers", async () => {
  const client = await rawConnect(await startServer());
  const socket = client.socket;
  for (const byte of concat(hello(), auth(), message(1, "a"), STOP)) {
    await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
  }
  expect(await client.rest()).toEqual(["WELCOME", "AUTHENTICATED", "REPLY 1 a", "STOPPED 1", "end"]);
});

test("replies that come late keep their order", async () => {
  const pending = new Map<string, (reply: string) => void>();
  const onMessage: OnMessage = async (message) =>
    await new Promise<string>((resolve) => pending.set(text(message), resolve));
  const running = await startServer({ onMessage });
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "a"), message(2, "b"), message(3, "c"), STOP);
  await expect.poll(() => pending.size).toBe(3);
  for (const name of ["c", "b", "a"]) pending.get(name)!(name.toUpperCase());
  expect(await client.rest()).toEqual(["REPLY 1 A", "REPLY 2 B", "REPLY 3 C", "STOPPED 3", "end"]);
});

test("a reply that is known at once waits for an earlier one that is not", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const onMessage: OnMessage = (message) => (text(message) === "late" ? promise : message);
  const client = await (await rawConnect(await startServer({ onMessage }))).logIn();
  client.send(message(1, "late"), message(2, "now"), message(3, "x".repeat(20_000)));
  const sockets = client.bytesReceived;
  resolve("at last");
  expect(await client.lines(2)).toEqual(["REPLY 1 at last", "REPLY 2 now"]);
  expect((await client.next())?.body.length).toBe(20_004);
  expect(sockets).toBe(0);
});

test.each<[string, OnMessage]>([
  ["throws", throwing],
  ["rejects", async (message) => throwing(message)],
  [
    "returns nothing",
    ((message: Payload) => (text(message) === "bad" ? undefined : "good")) as unknown as OnMessage,
  ],
  ["promises nothing", (async (message) => (text(message) === "bad" ? undefined : "good")) as OnMessage],
  [
    "promises a number",
    (async (message: Payload) => (text(message) === "bad" ? 42 : "good")) as unknown as OnMessage,
  ],
  ["replies too much", (message) => (text(message) === "bad" ? new Uint8Array(5000) : "good")],
  ["promises too much", async (message) => (text(message) === "bad" ? new Uint8Array(5000) : "good")],
])(
  "TB-MSG-7: a handler that %s: earlier replies, ERROR internal, and others live on",
  async (_, onMessage) => {
    const running = await startServer({ onMessage, limits: { maxFrameBytes: 4096 } });
    const other = await (await rawConnect(running)).logIn();
    const client = await (await rawConnect(running)).logIn();
    client.send(message(1, "a"), message(2, "b"), message(3, "bad"), message(4, "c"));
    expect(await client.rest()).toEqual(["REPLY 1 good", "REPLY 2 good", "ERROR internal", "end"]);
    other.send(message(1, "still"), STOP);
    expect(await other.rest()).toEqual(["REPLY 1 good", "STOPPED 1", "end"]);
  },
);

function throwing(message: Payload): string {
  if (text(message) === "bad") throw new Error("the application's own trouble");
  return "good";
}

test("TB-MSG-7: a failure behind a reply that is due waits for that reply", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const onMessage: OnMessage = (message) => (text(message) === "late" ? promise : throwing(message));
  const running = await startServer({ onMessage });
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "late"), message(2, "bad"), message(3, "never"));
  const [line] = await running.log.wait("handler-failed");
  expect(line).toMatchObject({
    level: "error",
    user: "alice",
    err: { message: "the application's own trouble" },
  });
  resolve("first");
  expect(await client.rest()).toEqual(["REPLY 1 first", "ERROR internal", "end"]);
});

test("what a handler does after its session has ended is ignored", async () => {
  const replies: { resolve(reply: string): void; reject(error: Error): void }[] = [];
  const onMessage: OnMessage = async () =>
    await new Promise<string>((resolve, reject) => void replies.push({ resolve, reject }));
  const running = await startServer({ onMessage });
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "a"), message(2, "b"));
  await expect.poll(() => replies.length).toBe(2);
  client.socket.resetAndDestroy();
  await running.log.wait("closed");
  replies[0]!.resolve("too late");
  replies[1]!.reject(new Error("too late"));
  await (await rawConnect(running)).logIn();
  expect(running.log.of("internal")).toEqual([]);
});

test("an async handler's message is its own, a synchronous one's is a view for the time of the call", async () => {
  const kept: Payload[] = [];
  const running = await startServer({
    onMessage: async (message) => {
      kept.push(message);
      await Promise.resolve();
      return message;
    },
  });
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "first"), message(2, "second"));
  expect(await client.lines(2)).toEqual(["REPLY 1 first", "REPLY 2 second"]);
  expect(kept.map((payload) => text(payload))).toEqual(["first", "second"]);

  const views: Payload[] = [];
  const synchronous = await startServer({ onMessage: (message) => (views.push(message), message.copy()) });
  const second = await (await rawConnect(synchronous)).logIn();
  second.send(message(1, "first"), message(2, "second"));
  expect(await second.lines(2)).toEqual(["REPLY 1 first", "REPLY 2 second"]);
  expect(views[0]).toBe(views[1]); // one view a session, which is why it must be copied to be kept
  expect(views[0]!.byteLength).toBe(0);
});

test("a handler knows who speaks", async () => {
  const seen: object[] = [];
  const running = await startServer({ onMessage: (message, session) => (seen.push(session), message) });
  const client = await logIn(running);
  await client.send("x");
  expect(seen).toEqual([{ username: "alice", sessionId: client.sessionId, source: "127.0.0.1" }]);
});

test("TB-FRAME-4: messages up to the limit pass whole, in plaintext and under TLS, whatever their size", async () => {
  for (const tls of [false, true]) {
    const running = await startServer({ tls });
    const client = await logIn(running);
    expect(client.maxPayloadBytes).toBe(1_048_576);
    const sizes = [0, 1, 8183, 8184, 8192, 65_527, 65_528, 262_144, 1_048_576];
    const replies = await Promise.all(sizes.map(async (size) => await client.send(pattern(size))));
    for (const [index, reply] of replies.entries())
      expect(Buffer.compare(reply, pattern(sizes[index]!))).toBe(0);
    await client.stop();
  }
});

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

test("sessions that talk at once each get their own replies", async () => {
  const running = await startServer({
    onMessage: (message) => (message.byteLength % 2 === 0 ? message : Promise.resolve(message.copy())),
  });
  const clients = await Promise.all(Array.from({ length: 20 }, async () => await logIn(running)));
  await Promise.all(
    clients.map(async (client, who) => {
      const texts = Array.from({ length: 50 }, (_, index) => `${who} says ${"x".repeat(index)}`);
      const replies = await Promise.all(texts.map(async (line) => await client.send(line)));
      expect(replies.map((reply) => Buffer.from(reply).toString())).toEqual(texts);
    }),
  );
  expect(utf8("x").length).toBe(1);
});
