// What becomes of our client when things go wrong: deadlines, cancellation, a server that dies, a network that isn't.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

import { ServerProcess } from "../../scripts/fuzz-server.ts";
import { connect, openClient, type Client, type OpenOptions } from "../../src/net/client.ts";
import { KnownServers, type KnownServer } from "../../src/net/known-servers.ts";
import {
  AUTHENTICATED,
  frame,
  listenRaw,
  LOOPBACK,
  openTestClient,
  PASSWORD,
  startServer,
  testIdentity,
  welcome,
  type RawPeer,
} from "./harness.ts";
import { listenTls } from "./tls-peer.ts";

const credentials = { username: "alice", password: PASSWORD };

/** Our client against a server that says this, and then nothing. */
async function against(
  frames: readonly Uint8Array[],
  options: OpenOptions = {},
): Promise<{ client: Client; server: RawPeer }> {
  const { promise, resolve } = Promise.withResolvers<RawPeer>();
  const { port } = await listenRaw(resolve);
  const client = await openTestClient({ port, identity: undefined }, options);
  const server = await promise;
  server.send(...frames);
  return { client, server };
}

test.each([
  ["WELCOME", []],
  ["the answer to AUTH", [welcome()]],
])("TB-TIME-6: a wait for %s ends at the client's own deadline", async (_, frames) => {
  const { client, server } = await against(frames, { answerMs: 50 });
  await expect(client.login(credentials)).rejects.toMatchObject({
    code: "timeout",
    side: "peer",
    retryable: true,
  });
  expect((await server.rest()).slice(-2)).toEqual(["ERROR timeout", "end"]);
});

test.each<[string, (client: Client) => Promise<unknown>]>([
  ["a reply", async (client) => await client.send("x")],
  ["PONG", async (client) => await client.ping()],
  ["STOPPED", async (client) => await client.stop()],
])("TB-TIME-6: a wait for %s ends at the client's own deadline", async (_, wait) => {
  const { client } = await against([welcome(), AUTHENTICATED], { answerMs: 50 });
  await client.login(credentials);
  await expect(wait(client)).rejects.toMatchObject({ code: "timeout", retryable: true });
  await expect(client.finished).rejects.toMatchObject({ code: "timeout" });
});

test("an idle client waits for nothing, and has no deadline", async () => {
  const { client, server } = await against([welcome(), AUTHENTICATED], { answerMs: 30 });
  await client.login(credentials);
  expect(client.dueAt).toBe(Infinity);
  const reply = client.send("x");
  await server.lines(3);
  server.send(frame(0x11, Uint8Array.of(0, 0, 0, 1)));
  await reply;
  expect(client.dueAt).toBe(Infinity);
});

test("TB-TIME-6: connecting ends at its deadline: with TCP alone, and within the handshake", async () => {
  const { port } = await listenRaw(() => undefined);
  const options = { host: LOOPBACK, port, connectMs: 60, trust: { fingerprint: "00".repeat(32) } };
  await expect(openClient(options)).rejects.toMatchObject({
    code: "timeout",
    side: "network",
    retryable: true,
  });
});

test("what can't be reached is told apart", async () => {
  const probe = await listenRaw(() => undefined);
  const running = await startServer();
  await running.server.close();
  const refusing = openClient({ host: LOOPBACK, port: running.port, plaintext: true });
  await expect(refusing).rejects.toMatchObject({
    code: "connection-failed",
    side: "network",
    retryable: true,
  });
  await expect(refusing).rejects.toThrow(/nothing listens there/);
  const unknown = openClient({ host: "host.invalid", port: probe.port, plaintext: true });
  await expect(unknown).rejects.toMatchObject({ code: "connection-failed" });
});

test("a signal cancels connecting: before it begins, in TCP's and in TLS's part, and while files are read", async () => {
  const silent = await listenRaw(() => undefined);
  const early = openClient({
    host: LOOPBACK,
    port: silent.port,
    plaintext: true,
    signal: AbortSignal.abort(),
  });
  await expect(early).rejects.toMatchObject({ code: "cancelled", side: "local", retryable: false });

  const duringTls = new AbortController();
  const { promise, resolve } = Promise.withResolvers<RawPeer>();
  const handshake = await listenRaw(resolve);
  const opening = openClient({ host: LOOPBACK, port: handshake.port, signal: duringTls.signal });
  const peer = await promise;
  await once(peer.socket, "data");
  duringTls.abort();
  await expect(opening).rejects.toMatchObject({ code: "cancelled" });
  await peer.rest();

  const duringFiles = new AbortController();
  const { fingerprint } = await testIdentity();
  class Slow extends KnownServers {
    override async list(host: string, port: number): Promise<KnownServer[]> {
      duringFiles.abort();
      return [{ host, port, fingerprint, username: undefined, place: "memory" }];
    }
  }
  const server = await listenTls();
  const trust = { knownServers: new Slow("unused") };
  const last = connect({
    host: LOOPBACK,
    port: server.port,
    trust,
    signal: duringFiles.signal,
    ...credentials,
  });
  await expect(last).rejects.toMatchObject({ code: "cancelled" });
  expect(server.received()).toBe(0);
});

test("a server that is lost while files are read is noticed", async () => {
  const server = await listenTls();
  const { fingerprint } = await testIdentity();
  class Slow extends KnownServers {
    override async list(host: string, port: number): Promise<KnownServer[]> {
      const { socket } = await server.accept();
      socket.destroy();
      await once(socket, "close");
      await new Promise((resolve) => setTimeout(resolve, 20)); // until the reset has come here
      return [{ host, port, fingerprint, username: undefined, place: "memory" }];
    }
  }
  const connecting = connect({
    host: LOOPBACK,
    port: server.port,
    trust: { knownServers: new Slow("unused") },
    ...credentials,
  });
  await expect(connecting).rejects.toMatchObject({
    code: expect.stringMatching(/connection-failed|ended-early/),
    retryable: true,
  });
});

test("a signal closes a client that is open, and what is under way is cancelled", async () => {
  const controller = new AbortController();
  const { client, server } = await against([welcome(), AUTHENTICATED], { signal: controller.signal });
  await client.login(credentials);
  const reply = client.send("x");
  controller.abort();
  await expect(reply).rejects.toMatchObject({ code: "cancelled" });
  await expect(client.finished).rejects.toMatchObject({ code: "cancelled" });
  expect((await server.rest()).at(-1)).toBe("end");
});

test("a server that is killed fails everything under way, and every error says that it may be tried again", async () => {
  const server = await ServerProcess.start();
  onTestFinished(async () => await server.kill());
  const { plainPort, tlsPort, fingerprint } = server.ready;
  const clients = [
    await connect({ host: LOOPBACK, port: plainPort, plaintext: true, ...credentials }),
    await connect({ host: LOOPBACK, port: tlsPort, trust: { fingerprint }, ...credentials }),
  ];
  // More than the connection takes at once: some under way, some in line.
  const payload = new Uint8Array(1_000_000);
  const requests = clients.flatMap((client) =>
    Array.from({ length: 300 }, async () => await client.send(payload)),
  );
  const outcomes = Promise.allSettled([
    ...requests,
    ...clients.map((client) => client.finished),
    clients[0]!.ping(),
  ]);
  await Promise.race(requests);
  await server.kill("SIGKILL");
  const lost = (await outcomes).filter((outcome) => outcome.status === "rejected");
  expect(lost.length).toBeGreaterThan(100);
  for (const { reason } of lost) expect(reason).toMatchObject({ name: "TalkByteError", retryable: true });
  for (const client of clients) await expect(client.send("x")).rejects.toMatchObject({ retryable: true });
});

test("a client that nobody waits for throws nothing into the process, and lets it end", async () => {
  const { port } = await startServer({
    limits: { maxUnderWay: 1 },
    onMessage: async () => await new Promise<string>(() => undefined),
  });
  const script = `
    import { connect } from ${JSON.stringify(fileURLToPath(new URL("../../src/net/client.ts", import.meta.url)))};
    const client = await connect({ host: "127.0.0.1", port: ${port}, plaintext: true, username: "alice", password: ${JSON.stringify(PASSWORD)} });
    const signal = AbortSignal.timeout(5);
    for (const promise of [client.send("a"), client.send("b", { signal }), client.ping()]) promise.catch(() => {});
    setTimeout(() => client.close(), 20);
  `;
  const startedAt = performance.now();
  const { stderr } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "--no-warnings",
    "-e",
    script,
  ]);
  expect(stderr).toBe("");
  expect(performance.now() - startedAt).toBeLessThan(6000); // and not the 30 s of a deadline that nobody needs
});

test("a process ends as soon as its client has stopped", async () => {
  const { port } = await startServer();
  const script = `
    import { connect } from ${JSON.stringify(fileURLToPath(new URL("../../src/net/client.ts", import.meta.url)))};
    const client = await connect({ host: "127.0.0.1", port: ${port}, plaintext: true, username: "alice", password: ${JSON.stringify(PASSWORD)} });
    await client.send("x");
    await client.stop();
    const stoppedAt = performance.now();
    process.on("exit", () => console.log(performance.now() - stoppedAt));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "--no-warnings",
    "-e",
    script,
  ]);
  expect(Number(stdout)).toBeLessThan(500);
});

test("a reset mid-session is a failure of the network", async () => {
  const { client, server } = await against([welcome(), AUTHENTICATED]);
  await client.login(credentials);
  const reply = client.send("x");
  await server.lines(3);
  server.socket.resetAndDestroy();
  await expect(reply).rejects.toMatchObject({ code: "connection-failed", side: "network", retryable: true });
});

test("closing a client ends the connection even when the server never does", async () => {
  const { client, server } = await against([welcome(), AUTHENTICATED]);
  await client.login(credentials);
  client.close();
  expect((await server.rest()).at(-1)).toBe("end"); // and the server goes on sending, and never ends
  const flood = setInterval(() => server.send(new Uint8Array(100)), 50);
  onTestFinished(() => clearInterval(flood));
  await server.closed(); // by the reset that follows the client's linger of a second
  expect(server.error).toBeDefined();
});

test("a fault of the server's is answered with ERROR and told as the server's", async () => {
  const { client, server } = await against([welcome(), AUTHENTICATED]);
  await client.login(credentials);
  const reply = client.send("x");
  await server.lines(3);
  server.send(frame(0x11, Uint8Array.of(0, 0, 0, 9)));
  await expect(reply).rejects.toMatchObject({ code: "reply-mismatch", side: "peer", retryable: false });
  expect(await server.rest()).toEqual(["ERROR reply-mismatch", "end"]);
});

test("a login on a lost connection fails at once", async () => {
  const running = await startServer();
  const client = await openTestClient(running);
  await running.server.close();
  await client.finished.catch(() => undefined);
  await expect(client.login(credentials)).rejects.toMatchObject({ retryable: true });
});
