// What a peer can make the server hold, and for how long: input that may not be processed, output that is not
// taken, frames that never come whole. Read counts are those of the server's own sockets.

import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";

import { openClient } from "../../src/net/client.ts";
import { heldBufferBytes } from "./garbage.ts";
import {
  AUTHENTICATED,
  auth,
  concat,
  frame,
  hello,
  logIn,
  LOOPBACK,
  message,
  MemoryUsers,
  phcOfPassword,
  rawConnect,
  rawConnectTls,
  startServer,
  unsigned,
  watchServerSockets,
  welcome,
  type RunningServer,
  type RawPeer,
} from "./harness.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** What one read of Node's brings, and what the stream keeps that it read before it stopped. */
const TWO_READS = 2 * 64 * KIB;

/**
 * Writes until the other side takes no more, and returns how much it took. That nothing more happens can be seen
 * only by waiting a while.
 */
async function push(socket: Socket, chunk: Uint8Array, totalBytes: number): Promise<number> {
  for (let sent = 0; sent < totalBytes; sent += chunk.length) {
    if (socket.write(chunk)) continue;
    const drained = await Promise.race([
      once(socket, "drain").then(
        () => true,
        () => false,
      ),
      new Promise<false>((resolve) => setTimeout(resolve, 150, false)),
    ]);
    if (!drained) return sent;
  }
  return totalBytes;
}

async function connectedTo(running: RunningServer, tls: boolean): Promise<RawPeer> {
  return await (tls ? rawConnectTls(running) : rawConnect(running));
}

test("TB-MSG-8, TB-MSG-11: with max-under-way messages under way, no more is processed and reading stops", async () => {
  const replies: ((reply: string) => void)[] = [];
  const running = await startServer({
    limits: { maxUnderWay: 3 },
    onMessage: async () => await new Promise<string>((resolve) => void replies.push(resolve)),
  });
  const sockets = watchServerSockets(running);
  const client = await (await rawConnect(running)).logIn();
  const before = sockets[0]!.bytesRead;
  await push(client.socket, message(1, new Uint8Array(10_000)), 32 * MIB);
  expect(replies.length).toBe(3);
  expect(sockets[0]!.bytesRead - before).toBeLessThanOrEqual(TWO_READS + 64 * KIB);
  replies[0]!("one");
  expect(await client.line()).toBe("REPLY 1 one");
  await expect.poll(() => replies.length).toBe(4);
});

test.each([false, true])(
  "TB-MSG-9, TB-MSG-11: 256 MiB at a peer that never reads (TLS: %s) cost bounded memory",
  async (tls) => {
    const running = await startServer({ tls });
    const sockets = watchServerSockets(running);
    const client = await (await connectedTo(running, tls)).logIn();
    client.socket.pause();
    const before = heldBufferBytes();
    const read = (): number => sockets[0]!.bytesRead;
    const sent = await push(client.socket, message(1, new Uint8Array(MIB)), 256 * MIB);
    expect(sent).toBeLessThan(256 * MIB);
    const stoppedAt = read();
    const held = heldBufferBytes() - before;
    // The kernel's buffers take some MiB of replies; beyond them one message and the bounds of the queues are held here.
    expect(held).toBeLessThan(8 * MIB);
    expect(read()).toBe(stoppedAt);
  },
);

test.each([false, true])(
  "TB-TIME-5: a peer that never reads is dropped at the write-stall deadline (TLS: %s)",
  async (tls) => {
    const running = await startServer({ tls, limits: { writeStallMs: 100 } });
    const client = await (await connectedTo(running, tls)).logIn();
    client.socket.pause();
    await push(client.socket, message(1, new Uint8Array(MIB)), 64 * MIB);
    await running.log.wait("closed");
    expect(running.server.connections).toBe(0);
  },
);

test("TB-TIME-5: also when what waits is too little to count as a stall in Node", async () => {
  const running = await startServer({ limits: { writeStallMs: 100, idleMs: 200 } });
  const sockets = watchServerSockets(running);
  const client = await (await rawConnect(running)).logIn();
  client.socket.pause();
  // Until the kernel takes no more: then some kilobytes wait in the server, fewer than its high-water mark.
  while (sockets[0]!.writableLength === 0) {
    await new Promise((resolve) => client.socket.write(message(1, new Uint8Array(8000)), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await running.log.wait("closed");
  expect(running.server.connections).toBe(0);
});

test("TB-TIME-5: a peer that reads slowly is not dropped", async () => {
  const running = await startServer({ limits: { writeStallMs: 600 } });
  const client = await (await rawConnect(running)).logIn();
  client.socket.pause();
  const total = 48;
  const pushing = (async () => {
    for (let index = 0; index < total; index++) {
      if (!client.socket.write(message(index, new Uint8Array(MIB)))) await once(client.socket, "drain");
    }
  })();
  const startedAt = performance.now();
  const reader = setInterval(() => {
    client.socket.resume();
    client.socket.once("data", () => client.socket.pause());
  }, 1);
  onTestFinished(() => clearInterval(reader));
  for (let index = 0; index < total; index++) expect((await client.next())?.name).toBe("REPLY");
  await pushing;
  expect(performance.now() - startedAt, "the test must outlast the deadline").toBeGreaterThan(600);
});

test("TB-MSG-10: messages pushed without waiting pass, many times what all buffers hold", async () => {
  for (const tls of [false, true]) {
    const client = await logIn(await startServer({ tls }));
    const payload = new Uint8Array(MIB);
    const replies = Array.from({ length: 64 }, async () => (await client.send(payload)).length);
    expect(new Set(await Promise.all(replies))).toEqual(new Set([MIB]));
    await client.stop();
  }
});

test.each([false, true])("TB-FRAME-5: a declared length costs nothing (TLS: %s)", async (tls) => {
  const running = await startServer({ tls, limits: { maxFrameBytes: 16 * MIB } });
  const clients: RawPeer[] = [];
  for (let index = 0; index < 20; index++) clients.push(await (await connectedTo(running, tls)).logIn());
  const before = heldBufferBytes();
  const head = concat(unsigned(16 * MIB, 4), Uint8Array.of(0x10), unsigned(1, 4), new Uint8Array(100));
  for (const client of clients) client.send(frame(0x12, new Uint8Array(8)), head);
  for (const client of clients) expect(await client.line()).toMatch(/^PONG/);
  expect(heldBufferBytes() - before).toBeLessThan(4 * MIB);
});

test("TB-EXT-6: the body of an extension frame is not kept", async () => {
  const running = await startServer({ limits: { maxFrameBytes: 16 * MIB } });
  const sockets = watchServerSockets(running);
  const client = await (await rawConnect(running)).logIn();
  const before = sockets[0]!.bytesRead;
  const start = heldBufferBytes();
  client.send(unsigned(16 * MIB, 4), Uint8Array.of(0x80));
  const chunk = new Uint8Array(MIB);
  for (let sent = 0; sent < 15; sent++) client.socket.write(chunk);
  await expect.poll(() => sockets[0]!.bytesRead - before, { timeout: 5000 }).toBe(15 * MIB + 5);
  expect(heldBufferBytes() - start).toBeLessThan(2 * MIB);
  client.send(new Uint8Array(MIB - 1), message(1, "after"));
  expect(await client.line()).toBe("REPLY 1 after");
});

test("TB-LIMIT-3: while a password is verified, input beyond one login frame and one read is left alone", async () => {
  const verifying = Promise.withResolvers<void>();
  const users = new MemoryUsers().add("alice", await phcOfPassword());
  const slow = {
    replaceHash: async () => false,
    current: async () => (await verifying.promise, await users.current()),
  };
  const running = await startServer({ users: slow });
  const sockets = watchServerSockets(running);
  const client = await rawConnect(running);
  client.send(hello(), auth());
  expect(await client.line()).toBe("WELCOME");
  await push(client.socket, message(1, new Uint8Array(4000)), 16 * MIB);
  // 4,100 bytes end the reading; Node's stream then still takes up one read more than that which brought them.
  expect(sockets[0]!.bytesRead).toBeLessThanOrEqual(200 + 4100 + TWO_READS);
  verifying.resolve();
  expect(await client.line()).toBe("AUTHENTICATED");
  expect((await client.next())?.name).toBe("REPLY");
});

test("a hostile server that pings and never reads can't make the client hold its PONGs", async () => {
  const listener = createTcpServer({ allowHalfOpen: true });
  listener.listen({ host: LOOPBACK, port: 0 });
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  const connected = once(listener, "connection") as Promise<[Socket]>;
  const client = await openClient({
    port: (listener.address() as AddressInfo).port,
    host: LOOPBACK,
    plaintext: true,
  });
  onTestFinished(() => client.close());
  const [socket] = await connected;
  onTestFinished(() => void socket.destroy());
  const login = client.login({ username: "alice", password: "x" });
  socket.write(concat(welcome(), AUTHENTICATED));
  await login;
  const pings = concat(...Array.from({ length: 5000 }, () => frame(0x12, new Uint8Array(8))));
  const sent = await push(socket, pings, 128 * MIB);
  expect(sent).toBeLessThan(64 * MIB);
  expect(client.out.pendingBytes).toBeLessThan(MIB);
});
