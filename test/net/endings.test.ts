// How the server's connections end: half-closed, lingering, drained, shut down, over the caps.

import { once } from "node:events";
import { Server as NetServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";

import { createServer } from "../../src/net/server.ts";
import {
  auth,
  frame,
  hello,
  LOOPBACK,
  message,
  MemoryUsers,
  phcOfPassword,
  rawConnect,
  rawConnectTls,
  startServer,
  STOP,
  unsigned,
} from "./harness.ts";

const PING = frame(0x12, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));

test.each([false, true])(
  "a client that half-closes gets its late replies, then the end (TLS: %s)",
  async (tls) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const running = await startServer({ tls, onMessage: () => promise });
    const client = await (tls ? rawConnectTls(running) : rawConnect(running));
    await client.logIn();
    client.send(message(1, "a")).end();
    await once(client.socket, "finish");
    resolve("late");
    expect(await client.rest()).toEqual(["REPLY 1 late", "end"]);
    await running.log.wait("closed");
    expect(running.server.connections).toBe(0);
  },
);

test("TB-END-17: after its last frame the server reads on for linger-ms, then drops", async () => {
  const running = await startServer({ limits: { lingerMs: 80 } });
  const client = await rawConnect(running);
  client.send(unsigned(0, 4));
  expect(await client.rest()).toEqual(["ERROR malformed", "end"]);
  const endedAt = performance.now();
  client.send(new Uint8Array(1000)); // discarded, and no reset for it
  await running.log.wait("closed");
  const lingeredMs = performance.now() - endedAt;
  expect(lingeredMs).toBeGreaterThan(40);
  expect(lingeredMs).toBeLessThan(2000);
  expect(client.error).toBeUndefined();
});

test("TB-END-17: what lies unread behind a fault does not turn the ERROR into a reset", async () => {
  for (const tls of [false, true]) {
    const running = await startServer({ tls });
    const client = await (tls ? rawConnectTls(running) : rawConnect(running));
    client.send(unsigned(0, 4), new Uint8Array(60_000));
    expect(await client.rest()).toEqual(["ERROR malformed", "end"]);
  }
});

test("TB-END-17: lingering ends when the client has ended too, and after 64 KiB", async () => {
  const running = await startServer({ limits: { lingerMs: 60_000 } });
  const polite = await rawConnect(running);
  polite.send(unsigned(0, 4));
  await polite.rest();
  polite.end();
  await running.log.wait("closed");

  const flood = await rawConnect(running);
  flood.send(unsigned(0, 4));
  await flood.rest();
  flood.send(new Uint8Array(200_000));
  await running.log.wait("closed", 2);
  expect(running.server.connections).toBe(0);
});

test("TB-END-21, TB-END-22: a server that stops says GOAWAY to sessions and ERROR shutdown before login", async () => {
  const users = new MemoryUsers().add("alice", await phcOfPassword());
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = {
    replaceHash: async () => false,
    current: async () => {
      if (users.reads > 0) await promise;
      return await users.current();
    },
  };
  const running = await startServer({ users: slow, greaseRate: 0, limits: { drainMs: 150 } });
  const session = await (await rawConnect(running)).logIn();
  const silent = await rawConnect(running);
  const greeted = await rawConnect(running);
  expect(await greeted.send(hello()).line()).toBe("WELCOME");
  const verifying = await rawConnect(running);
  expect(await verifying.send(hello(), auth()).line()).toBe("WELCOME");
  const stopped = running.server.close();
  expect(await session.line()).toBe("GOAWAY shutdown 150");
  for (const client of [silent, greeted, verifying]) {
    expect(await client.rest()).toEqual(["ERROR shutdown", "end"]);
    client.end();
  }
  session.send(STOP);
  expect(await session.rest()).toEqual(["STOPPED 0", "end"]);
  session.end();
  resolve();
  await stopped;
});

test("a verification that ends after the session has sends nothing more, grease neither", async () => {
  const users = new MemoryUsers().add("alice", await phcOfPassword());
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const slow = {
    replaceHash: async () => false,
    current: async () => {
      asked.resolve();
      await promise;
      return await users.current();
    },
  };
  const running = await startServer({ users: slow, greaseRate: 1, limits: { lingerMs: 300 } });
  const client = await rawConnect(running);
  client.send(hello(), auth());
  await asked.promise;
  const stopped = running.server.close();
  expect(await client.rest()).toEqual(["WELCOME", "ERROR shutdown", "end"]);
  resolve();
  await stopped;
  expect(running.log.of("closed")).toMatchObject([{ error: undefined }]);
  expect(running.log.of("login")).toEqual([]);
});

test("TB-END-10: messages are accepted after GOAWAY, until STOP", async () => {
  const running = await startServer({ limits: { drainMs: 5000 } });
  const client = await (await rawConnect(running)).logIn();
  const stopped = running.server.close();
  expect(await client.line()).toBe("GOAWAY shutdown 5000");
  client.send(message(1, "a"), PING);
  expect(await client.lines(2)).toEqual(["REPLY 1 a", "PONG 0102030405060708"]);
  client.send(message(2, "b"), STOP);
  expect(await client.rest()).toEqual(["REPLY 2 b", "STOPPED 2", "end"]);
  client.end();
  await stopped;
});

test("TB-END-11: at the drain deadline the server proceeds as if STOP had come", async () => {
  const running = await startServer({ limits: { drainMs: 60 } });
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "a"));
  expect(await client.line()).toBe("REPLY 1 a");
  void running.server.close();
  expect(await client.rest()).toEqual(["GOAWAY shutdown 60", "STOPPED 1", "end"]);
});

test("TB-END-19: after the drain deadline frames are discarded without an answer, and earlier replies still sent", async () => {
  const replies: ((reply: string) => void)[] = [];
  const onMessage = async (): Promise<string> =>
    await new Promise<string>((resolve) => void replies.push(resolve));
  const running = await startServer({ onMessage, limits: { drainMs: 50, lingerMs: 5000 } });
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "a"));
  await expect.poll(() => replies.length).toBe(1);
  const startedAt = performance.now();
  void running.server.close();
  expect(await client.line()).toBe("GOAWAY shutdown 50");
  await expect.poll(() => performance.now() - startedAt, { interval: 10 }).toBeGreaterThan(80);
  client.send(message(2, "b"), PING, frame(0x90, new Uint8Array(5)), STOP);
  await new Promise((resolve) => client.socket.write(message(3, "c"), resolve));
  replies[0]!("late");
  expect(await client.rest()).toEqual(["REPLY 1 late", "STOPPED 1", "end"]);
  expect(replies.length).toBe(1);
  client.end();
});

test("closing is bounded by drain and linger, whatever handlers and peers do", async () => {
  const running = await startServer({
    onMessage: async () => await new Promise<string>(() => undefined),
    limits: { drainMs: 60, lingerMs: 60 },
  });
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "never answered"));
  await expect.poll(() => running.log.of("login").length).toBe(1);
  const startedAt = performance.now();
  await running.server.close();
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(50);
  expect(tookMs).toBeLessThan(1500);
  expect(running.server.connections).toBe(0);
});

test("connections in their handshake do not hold up the end", async () => {
  const running = await startServer({ tls: true, limits: { drainMs: 10_000, lingerMs: 10_000 } });
  const handshaking = await rawConnect(running);
  await expect.poll(() => running.server.connections).toBe(1);
  await running.server.close();
  expect(await handshaking.rest()).toHaveLength(1);

  const second = await startServer({ tls: true, limits: { drainMs: 10_000, lingerMs: 10_000 } });
  const session = await (await rawConnectTls(second)).logIn();
  await rawConnect(second);
  await expect.poll(() => second.server.connections).toBe(2);
  const stopped = second.server.close();
  expect(await session.line()).toBe("GOAWAY shutdown 10000");
  session.send(STOP);
  await session.rest();
  session.end();
  await stopped;
});

test("a server that is closed accepts nobody, and can be closed twice and before it listens", async () => {
  const running = await startServer();
  const [first, second] = [running.server.close(), running.server.close()];
  await Promise.all([first, second]);
  await expect(rawConnect(running)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(running.server.listen({ host: LOOPBACK, port: 0 })).rejects.toMatchObject({
    code: "wrong-state",
  });

  const never = createServer({ users: new MemoryUsers(), identity: "plaintext" });
  await never.close();

  const early = createServer({ users: new MemoryUsers(), identity: "plaintext" });
  const listening = early.listen({ host: LOOPBACK, port: 0 });
  await early.close();
  await expect(listening).rejects.toMatchObject({ code: "wrong-state" });
  await using disposed = createServer({ users: new MemoryUsers(), identity: "plaintext" });
  await disposed.listen({ host: LOOPBACK, port: 0 });
  await expect(disposed.listen({ host: LOOPBACK, port: 0 })).rejects.toMatchObject({ code: "wrong-state" });
});

test("over maxConnections a connection is dropped without a byte, and one that ends makes room", async () => {
  const running = await startServer({ limits: { maxConnections: 2 } });
  const first = await (await rawConnect(running)).logIn();
  const second = await (await rawConnect(running)).logIn();
  const third = await rawConnect(running);
  expect(await third.rest()).toHaveLength(1);
  expect(third.bytesReceived).toBe(0);
  expect((await running.log.wait("dropped"))[0]).toMatchObject({
    level: "warn",
    source: LOOPBACK,
    connections: 2,
  });
  first.send(STOP).end();
  await running.log.wait("closed");
  await (await rawConnect(running)).logIn();
  second.send(message(1, "untouched"));
  expect(await second.line()).toBe("REPLY 1 untouched");
});

test.each([false, true])(
  "maxConnectionsBeforeLogin counts those alone that have not logged in (TLS: %s)",
  async (tls) => {
    const running = await startServer({ tls, limits: { maxConnectionsBeforeLogin: 2 } });
    const connect = tls ? rawConnectTls : rawConnect;
    for (let index = 0; index < 4; index++) await (await connect(running)).logIn();
    const waiting = [await rawConnect(running), await rawConnect(running)];
    await expect.poll(() => running.server.connections).toBe(6);
    expect(await (await rawConnect(running)).rest()).toHaveLength(1);
    await running.log.wait("dropped");
    waiting[0]!.socket.resetAndDestroy();
    await expect.poll(() => running.server.connections).toBe(5);
    await (await connect(running)).logIn();
  },
);

test.each([false, true])(
  "a source that crowds the server drops its own for another (TLS: %s)",
  async (tls) => {
    const limits = { maxConnectionsBeforeLogin: 5, maxConnectionsBeforeLoginPerSource: 4 };
    const running = await startServer({ tls, limits });
    const crowd = [];
    for (let index = 0; index < 4; index++) crowd.push(await rawConnect(running));
    await rawConnect(running, { localAddress: "127.0.0.2" });
    await expect.poll(() => running.server.stats().beforeLogin).toBe(5);
    const connect = tls ? rawConnectTls : rawConnect;
    const third = await (await connect(running, { localAddress: "127.0.0.3" })).logIn();
    expect(await Promise.race(crowd.map(async (peer) => await peer.line()))).toMatch(/end|reset/);
    const stats = running.server.stats();
    expect(stats).toMatchObject({ opened: 6, dropped: 1, loggedIn: 1, beforeLogin: 4, connections: 5 });
    expect(running.log.of("dropped")).toMatchObject([{ source: LOOPBACK }]);
    expect(crowd.reduce((sum, peer) => sum + peer.bytesReceived, 0)).toBe(0);
    third.send(STOP);
    expect(await third.line()).toBe("STOPPED 0");
    await running.server.close();
    expect(running.log.of("stopped")).toMatchObject([
      { opened: 6, dropped: 1, connections: 0, beforeLogin: 0 },
    ]);
  },
);

test("a connection that the system could not accept is logged, and harms nobody", async () => {
  const running = await startServer();
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  const listener = handles.find(
    (handle): handle is NetServer =>
      handle instanceof NetServer && (handle.address() as AddressInfo | null)?.port === running.port,
  );
  listener!.emit("error", Object.assign(new Error("accept ENFILE"), { code: "ENFILE" }));
  expect(running.log.of("accept-failed")).toMatchObject([{ level: "error", code: "ENFILE" }]);
  await (await rawConnect(running)).logIn();
});
