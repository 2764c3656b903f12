// Plaintext is for this machine alone, on both sides.

import { networkInterfaces } from "node:os";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";

import { connect, openClient } from "../../src/net/client.ts";
import { isLoopback } from "../../src/net/loopback.ts";
import { createServer } from "../../src/net/server.ts";
import { LOOPBACK, MemoryUsers, PASSWORD, rawConnect, startServer } from "./harness.ts";

const remoteAddress = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

test.each([
  ["127.0.0.1", true],
  ["127.255.255.254", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["::FFFF:127.0.0.1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["128.0.0.1", false],
  ["10.127.0.1", false],
  ["0.0.0.0", false],
  ["::", false],
  ["::2", false],
  ["::ffff:10.0.0.1", false],
  ["fe80::1", false],
  ["localhost", false],
  ["127.0.0.1.example.org", false],
  ["", false],
  [undefined, false],
])("whether %s is a loopback address: %s", (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

test.skipIf(remoteAddress === undefined)(
  "TB-TLS-12: a server does not listen in plaintext off loopback unless it was told to",
  async () => {
    for (const host of [remoteAddress!, "0.0.0.0", "::"]) {
      const server = createServer({ users: new MemoryUsers(), identity: "plaintext" });
      await expect(server.listen({ host, port: 0 })).rejects.toMatchObject({
        code: "wrong-state",
        side: "local",
      });
      expect(server.connections).toBe(0);
    }
    const told = createServer({
      users: new MemoryUsers(),
      identity: "plaintext",
      allowRemotePlaintext: true,
    });
    const { port } = await told.listen({ host: remoteAddress!, port: 0 });
    expect(port).toBeGreaterThan(0);
    await told.close();
  },
);

test("the port of a refused plaintext server is free again", async () => {
  const server = createServer({ users: new MemoryUsers(), identity: "plaintext" });
  const probe = createTcpServer().listen({ host: "0.0.0.0", port: 0 });
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  await expect(server.listen({ host: "0.0.0.0", port })).rejects.toMatchObject({ code: "wrong-state" });
  const next = createTcpServer().listen({ host: "0.0.0.0", port });
  onTestFinished(() => void next.close());
  await once(next, "listening");
});

test.skipIf(remoteAddress === undefined)(
  "TB-TLS-14: a client sends nothing in plaintext to a peer off loopback, judged by the address it reached",
  async () => {
    let received = 0;
    const listener = createTcpServer((socket) => socket.on("data", (chunk) => (received += chunk.length)));
    listener.listen({ host: remoteAddress!, port: 0 });
    onTestFinished(() => void listener.close());
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const closed = once(listener, "connection").then(async ([socket]) => await once(socket, "close"));
    const connecting = connect({
      host: remoteAddress!,
      port,
      plaintext: true,
      username: "alice",
      password: PASSWORD,
    });
    await expect(connecting).rejects.toMatchObject({ code: "not-trusted", side: "local", retryable: false });
    await closed;
    expect(received).toBe(0);
  },
);

test("TB-TLS-13: a client without --plaintext does not fall back to it", async () => {
  const running = await startServer();
  const connecting = openClient({ host: LOOPBACK, port: running.port, trust: { trustNewServer: true } });
  await expect(connecting).rejects.toMatchObject({ code: "tls-failed" });
  expect(running.log.of("login")).toEqual([]);
  await (await rawConnect(running)).logIn();
});

test("localhost works in plaintext, whichever family it means", async () => {
  const server = createServer({ users: new MemoryUsers(), identity: "plaintext" });
  const { port } = await server.listen({ host: "localhost", port: 0 });
  onTestFinished(async () => await server.close());
  const client = await openClient({ host: "localhost", port, plaintext: true });
  expect(client.voucher).toBeUndefined();
  client.close();
});
