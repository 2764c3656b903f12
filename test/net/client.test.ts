// What our client sends and takes, played against by hand.

import { expect, test } from "vitest";

import type { Client, OpenOptions } from "../../src/net/client.ts";
import { DEFAULT_GREASE_RATE } from "../../src/net/grease.ts";
import {
  AUTHENTICATED,
  frame,
  listenRaw,
  logIn,
  openTestClient,
  PASSWORD,
  refused,
  startServer,
  unsigned,
  utf8,
  welcome,
  type RawPeer,
} from "./harness.ts";
import { toHex } from "../protocol/bytes.ts";

const credentials = { username: "alice", password: PASSWORD };
const STOPPED = (accepted: number): Uint8Array => frame(0x21, unsigned(accepted, 8));
const GOAWAY = frame(0x22, Uint8Array.of(1), unsigned(5000, 4));

interface Played {
  readonly client: Client;
  readonly server: RawPeer;
}

/** Our client, connected to a server that the test plays. */
async function play(options: OpenOptions = {}): Promise<Played> {
  const { promise, resolve } = Promise.withResolvers<RawPeer>();
  const { port } = await listenRaw(resolve);
  const client = await openTestClient({ port, identity: undefined }, options);
  return { client, server: await promise };
}

async function playLoggedIn(
  options: OpenOptions = {},
  limits: Parameters<typeof welcome>[0] = {},
): Promise<Played> {
  const played = await play(options);
  const login = played.client.login(credentials);
  await played.server.lines(2);
  played.server.send(welcome(limits), AUTHENTICATED);
  await login;
  return played;
}

const reply = (id: number, text: string): Uint8Array => frame(0x11, unsigned(id, 4), utf8(text));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("HELLO and AUTH leave together, before the server has said a word", async () => {
  const { client, server } = await play();
  const login = client.login(credentials);
  expect(await server.lines(2)).toEqual(["HELLO", "AUTH"]);
  server.send(welcome(), AUTHENTICATED);
  await login;
  expect(client.sessionId).toBe("07".repeat(16));
  expect(client.timings.loginMs).toBeGreaterThan(0);
});

test("TB-PASSWORD-2: the password goes out as OpaqueString, and what the profile refuses does not go out at all", async () => {
  const { client, server } = await play();
  for (const impossible of ["", "a\u0000b", "tab\t", "\ud800", "x".repeat(1025)]) {
    await expect(client.login({ username: "alice", password: impossible })).rejects.toMatchObject({
      name: "CredentialError",
    });
  }
  void client.login({ username: "alice", password: "cafe\u0301\u00a0x" }).catch(() => undefined);
  expect(await server.line()).toBe("HELLO");
  const auth = await server.next();
  expect(toHex(auth!.body)).toContain(toHex(utf8("caf\u00e9 x")));
  expect(server.bytesReceived).toBe(0);
});

test("messages go out in order with ids that count up, no more at once than the server takes", async () => {
  const { client, server } = await playLoggedIn({}, { maxUnderWay: 3 });
  const replies = ["a", "b", "c", "d", "e"].map(async (text) => textOf(await client.send(text)));
  expect(await server.lines(3)).toEqual(["MESSAGE 1 a", "MESSAGE 2 b", "MESSAGE 3 c"]);
  expect(server.bytesReceived).toBe(0);
  server.send(reply(1, "A"));
  expect(await server.line()).toBe("MESSAGE 4 d");
  server.send(reply(2, "B"), reply(3, "C"), reply(4, "D"));
  expect(await server.line()).toBe("MESSAGE 5 e");
  server.send(reply(5, "E"));
  expect(await Promise.all(replies)).toEqual(["A", "B", "C", "D", "E"]);
  const stopped = client.stop();
  expect(await server.line()).toBe("STOP");
  server.send(STOPPED(5));
  await stopped;
  await client.finished;
});

test("stop waits for what is in line, and nothing can be sent after it", async () => {
  const { client, server } = await playLoggedIn({}, { maxUnderWay: 1 });
  const replies = [client.send("a"), client.send("b")];
  const stopped = client.stop();
  await expect(client.send("c")).rejects.toMatchObject({ code: "wrong-state", side: "local" });
  expect(await server.line()).toBe("MESSAGE 1 a");
  server.send(reply(1, "A"));
  expect(await server.lines(2)).toEqual(["MESSAGE 2 b", "STOP"]);
  await expect(client.ping()).rejects.toMatchObject({ code: "wrong-state" });
  server.send(reply(2, "B"), STOPPED(2));
  await Promise.all([...replies, stopped, client.stop()]);
  await expect(client.send("d")).rejects.toMatchObject({ code: "wrong-state", retryable: false });
  expect(await server.rest()).toEqual(["end"]);
});

test("a line that is full refuses as busy, and what was withdrawn makes room again", async () => {
  const { client, server } = await playLoggedIn({ maxWaiting: 2 }, { maxUnderWay: 1 });
  const first = client.send("a");
  const withdrawn = new AbortController();
  const waiting = [
    client.send("b", { signal: withdrawn.signal }),
    client.send("c", { signal: withdrawn.signal }),
  ];
  await expect(client.send("d")).rejects.toMatchObject({ code: "busy", side: "local", retryable: true });
  withdrawn.abort();
  for (const request of waiting) await expect(request).rejects.toMatchObject({ code: "cancelled" });
  const last = client.send("e");
  expect(await server.line()).toBe("MESSAGE 1 a");
  server.send(reply(1, "A"));
  await first;
  expect(await server.line()).toBe("MESSAGE 2 e");
  server.send(reply(2, "E"));
  expect(textOf(await last)).toBe("E");
});

test("a signal withdraws a message that waits, and gives up on the reply of one that has gone", async () => {
  const { client, server } = await playLoggedIn({}, { maxUnderWay: 2 });
  const [gone, waiting] = [new AbortController(), new AbortController()];
  const first = client.send("a", { signal: gone.signal });
  const second = client.send("b");
  const third = client.send("c", { signal: waiting.signal });
  await server.lines(2);
  gone.abort();
  waiting.abort();
  await expect(first).rejects.toMatchObject({ code: "cancelled", side: "local" });
  await expect(third).rejects.toMatchObject({ code: "cancelled" });
  await expect(client.send("d", { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "cancelled",
  });
  server.send(reply(1, "A"), reply(2, "B"));
  expect(textOf(await second)).toBe("B");
  const stopped = client.stop();
  expect(await server.line()).toBe("STOP");
  server.send(STOPPED(2));
  await stopped;
});

test("TB-END-15: after GOAWAY what is in line still goes, then STOP; nothing new is taken", async () => {
  const { client, server } = await playLoggedIn({}, { maxUnderWay: 2 });
  const replies = ["a", "b", "c"].map(async (text) => textOf(await client.send(text)));
  await server.lines(2);
  server.send(GOAWAY, reply(1, "A"));
  expect(await server.lines(2)).toEqual(["MESSAGE 3 c", "STOP"]);
  await expect(client.send("d")).rejects.toMatchObject({
    code: expect.stringMatching(/not-accepted|wrong-state/),
  });
  server.send(reply(2, "B"), reply(3, "C"), STOPPED(3));
  expect(await Promise.all(replies)).toEqual(["A", "B", "C"]);
  await client.finished;
});

test("messages that STOPPED does not count are reported as not accepted, and may be sent again", async () => {
  const { client, server } = await playLoggedIn({}, { maxUnderWay: 2 });
  const replies = ["a", "b", "c"].map(async (text) => await client.send(text));
  await server.lines(2);
  server.send(GOAWAY, reply(1, "A"), STOPPED(1));
  expect(textOf(await replies[0]!)).toBe("A");
  for (const lost of replies.slice(1)) {
    await expect(lost).rejects.toMatchObject({ code: "not-accepted", retryable: true });
  }
  await client.finished;
});

test("a client in use stops in good order when its scope ends, and closes when it can't", async () => {
  const running = await startServer();
  {
    await using client = await openTestClient(running);
    await client.login(credentials);
    await client.send("x");
  }
  expect((await running.log.wait("closed"))[0]).toMatchObject({ accepted: 1, error: undefined });
  expect(running.log.of("failed")).toEqual([]);
  {
    await using _unused = await openTestClient(running);
  }
  await running.log.wait("closed", 2);
  const { client, server } = await playLoggedIn();
  server.socket.destroy();
  await expect(client.finished).rejects.toMatchObject({ code: "ended-early" });
  await client[Symbol.asyncDispose]();
});

test("TB-REFUSED-6: a further login waits for retry-after, up to a bound, and ends when the session does", async () => {
  for (const [retryAfterMs, bound] of [
    [60, {}],
    [4_000_000_000, { maxRetryWaitMs: 60 }],
  ] as const) {
    const { client, server } = await play(bound);
    const first = client.login(credentials);
    await server.lines(2);
    server.send(welcome(), refused(3, retryAfterMs, 2));
    await expect(first).rejects.toMatchObject({ code: "busy", refusal: { retryAfterMs, triesLeft: 2 } });
    const startedAt = performance.now();
    const second = client.login(credentials);
    await expect(client.login(credentials)).rejects.toMatchObject({ code: "wrong-state" });
    expect(await server.line()).toBe("AUTH");
    expect(performance.now() - startedAt).toBeGreaterThan(50);
    server.send(AUTHENTICATED);
    await second;
  }
  const { client, server } = await play();
  const first = client.login(credentials);
  server.send(welcome(), refused(1, 8000, 1));
  await expect(first).rejects.toMatchObject({ code: "refused", side: "local", retryable: false });
  const second = client.login(credentials);
  server.socket.end();
  await expect(second).rejects.toMatchObject({ code: "ended-early" });
});

test("a wrong password can be followed by the right one; after the last try the session is over", async () => {
  const running = await startServer({ limits: { tries: 2 } });
  const client = await openTestClient(running);
  const wrong = client.login({ username: "alice", password: "wrong" });
  await expect(wrong).rejects.toMatchObject({
    code: "refused",
    refusal: { reason: "bad-credentials", triesLeft: 1 },
  });
  await client.login(credentials);
  await client.stop();

  const second = await openTestClient(running);
  for (const triesLeft of [1, 0]) {
    await expect(second.login({ username: "eve", password: "wrong" })).rejects.toMatchObject({
      refusal: { triesLeft },
    });
  }
  await expect(second.login(credentials)).rejects.toMatchObject({ code: "refused" });
  await expect(second.finished).rejects.toMatchObject({ code: "refused" });
});

test("misuse is told as such, and harms nothing", async () => {
  const running = await startServer({ limits: { maxFrameBytes: 4096 } });
  const client = await openTestClient(running);
  for (const early of [client.send("x"), client.ping(), client.stop()]) {
    await expect(early).rejects.toMatchObject({ code: "wrong-state", side: "local", retryable: false });
  }
  await client.login(credentials);
  await expect(client.login(credentials)).rejects.toMatchObject({ code: "wrong-state" });
  await expect(client.send(new Uint8Array(4092))).rejects.toMatchObject({
    code: "message-too-large",
    side: "local",
  });
  expect((await client.send(new Uint8Array(4091))).length).toBe(4091);
  const pings = [client.ping(), client.ping(), client.ping()];
  await Promise.all(pings);
  await client.ping();
  await client.stop();
  await expect(client.ping()).rejects.toBeInstanceOf(Error);
});

test("a client that ends its stream takes the replies that are due, then reports the end", async () => {
  const { client, server } = await playLoggedIn();
  const due = client.send("a");
  expect(await server.line()).toBe("MESSAGE 1 a");
  client.endStream();
  await expect(client.send("b")).rejects.toMatchObject({ code: "wrong-state" });
  expect(await server.line()).toBe("end");
  server.send(frame(0x12, new Uint8Array(8)), reply(1, "A")).end();
  expect(textOf(await due)).toBe("A");
  await expect(client.finished).rejects.toMatchObject({ code: "ended-early" });
  expect(server.bytesReceived).toBe(0);
});

test("TB-EXT-8: both sides send extension frames of random type and length now and then", async () => {
  const running = await startServer({ greaseRate: 1 });
  const sent: Buffer[] = [];
  const received: Buffer[] = [];
  const tap = {
    sent: (chunk: Uint8Array) => sent.push(Buffer.from(chunk)),
    received: (chunk: Uint8Array) => received.push(Buffer.from(chunk)),
  };
  for (let round = 0; round < 10; round++) {
    const client = await logIn(running, { greaseRate: 1, tap });
    await client.send("x");
    await client.stop();
  }
  for (const chunks of [sent, received]) {
    const types = framesOf(Buffer.concat(chunks)).filter(({ type }) => type >= 0x80);
    expect(types.length).toBe(20);
    expect(new Set(types.map(({ type }) => type)).size).toBeGreaterThan(5);
    expect(new Set(types.map(({ length }) => length)).size).toBeGreaterThan(5);
  }
  expect(DEFAULT_GREASE_RATE).toBeGreaterThan(0.01);
});

function framesOf(stream: Buffer): { type: number; length: number }[] {
  const frames = [];
  for (let at = 0; at < stream.length; at += 4 + stream.readUInt32BE(at)) {
    frames.push({ type: stream[at + 4]!, length: stream.readUInt32BE(at) });
  }
  return frames;
}

test("one write carries what one turn has sent", async () => {
  const { client, server } = await playLoggedIn();
  let writes = 0;
  server.socket.on("data", () => writes++);
  const replies = Array.from({ length: 100 }, (_, index) => client.send(String(index)));
  await server.lines(100);
  expect(writes).toBeLessThanOrEqual(2);
  server.send(...Array.from({ length: 100 }, (_, index) => reply(index + 1, "x")));
  await Promise.all(replies);
});
