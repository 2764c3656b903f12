// TLS as the server speaks it, seen by OpenSSL's client and by Node's.

import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";

import { fingerprintOf, makeIdentity } from "../../src/net/identity.ts";
import { auth, hello, LOOPBACK, message, rawConnect, rawConnectTls, startServer, STOP } from "./harness.ts";
import { opensslClient } from "./openssl.ts";

test("TB-TLS-1: TLS 1.2 is refused and TLS 1.3 accepted", async () => {
  const { port } = await startServer({ tls: true });
  const old = opensslClient(port, "-tls1_2", "-alpn", "talkbyte/1");
  expect(await old.finished()).toMatch(/alert protocol version/);

  const today = opensslClient(port, "-tls1_3", "-alpn", "talkbyte/1");
  await today.printed(/Protocol\s*: TLSv1\.3|New, TLSv1\.3/);
});

test("Node's own client agrees on the hybrid key exchange X25519MLKEM768", async () => {
  const { port } = await startServer({ tls: true });
  const { socket } = await rawConnectTls({ port });
  expect((socket as TLSSocket).getProtocol()).toBe("TLSv1.3");
  expect((socket as TLSSocket).getEphemeralKeyInfo()).toMatchObject({ name: "X25519MLKEM768" });
});

test("TB-TLS-5: other ALPN protocols alone are answered by the alert no_application_protocol", async () => {
  const { port, log } = await startServer({ tls: true });
  const client = opensslClient(port, "-alpn", "http/1.1,talkbyte/2");
  expect(await client.finished()).toMatch(/alert no application protocol/);
  await log.wait("tls-failed");
});

test("TB-TLS-6: a handshake without ALPN is answered with ERROR alpn-required, and closed", async () => {
  const { port } = await startServer({ tls: true });
  const client = await rawConnectTls({ port }, { ALPNProtocols: [] });
  client.send(hello(), auth());
  expect(await client.rest()).toEqual(["ERROR alpn-required", "end"]);
});

test("among several ALPN protocols the server picks its own", async () => {
  const { port } = await startServer({ tls: true });
  const client = await rawConnectTls({ port }, { ALPNProtocols: ["http/1.1", "talkbyte/1"] });
  expect((client.socket as TLSSocket).alpnProtocol).toBe("talkbyte/1");
  await client.logIn();
});

test("TB-TLS-7: a client that presents a ticket is not resumed, and early data is not taken", async () => {
  const { port } = await startServer({ tls: true });
  const first = await rawConnectTls({ port });
  const sessions: Buffer[] = [];
  first.socket.on("session", (session: Buffer) => sessions.push(session));
  await first.logIn();
  first.send(STOP);
  await first.rest();
  expect(sessions.length, "Node issues tickets whatever one asks of it").toBeGreaterThan(0);

  const second = await rawConnectTls({ port }, { session: sessions[0] });
  expect((second.socket as TLSSocket).isSessionReused()).toBe(false);
  await second.logIn();

  const openssl = opensslClient(port, "-alpn", "talkbyte/1", "-msg");
  openssl.write(hello());
  const shown = await openssl.printed(/Max Early Data: (\d+)/);
  expect(shown[1]).toBe("0");
});

test("TB-TLS-8: the server sends close_notify before it ends the stream", async () => {
  const { port } = await startServer({ tls: true });
  const client = opensslClient(port, "-alpn", "talkbyte/1", "-msg", "-ign_eof");
  client.write(new Uint8Array(4));
  const output = await client.finished();
  expect(output).toMatch(/<<< TLS 1\.3, Alert \[length 0002\], warning close_notify/);
  expect(output).not.toMatch(/unexpected eof/);
});

test("TB-TLS-8: also behind ERROR alpn-required", async () => {
  const { port } = await startServer({ tls: true });
  const client = opensslClient(port, "-msg", "-ign_eof");
  const output = await client.finished();
  expect(output).toMatch(/<<< TLS 1\.3, Alert \[length 0002\], warning close_notify/);
  expect(output).not.toMatch(/unexpected eof/);
});

test("TB-TIME-1: a handshake that never ends is ended at the tls deadline", async () => {
  const { port, log, server } = await startServer({ tls: true, limits: { tlsMs: 60 } });
  const silent = await rawConnect({ port });
  const startedAt = performance.now();
  await silent.rest();
  expect(performance.now() - startedAt).toBeGreaterThan(50);
  expect(silent.bytesReceived).toBe(0);
  const [line] = await log.wait("tls-failed");
  expect(line).toMatchObject({ source: LOOPBACK, code: "ERR_TLS_HANDSHAKE_TIMEOUT" });
  await expect.poll(() => server.connections).toBe(0);
});

test("TB-TIME-1: so is one that drips", async () => {
  const { port } = await startServer({ tls: true, limits: { tlsMs: 120 } });
  const socket = connectTcp({ host: LOOPBACK, port });
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  // The head of a ClientHello of 512 bytes, then a byte at a time.
  socket.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3));
  const drip = setInterval(() => socket.write(Uint8Array.of(0)), 20);
  onTestFinished(() => clearInterval(drip));
  await once(socket, "close");
  expect(socket.bytesRead).toBe(0);
});

test("TB-TLS-12: a server with TLS answers plaintext frames with no frame", async () => {
  const running = await startServer({ tls: true });
  const client = await rawConnect(running);
  client.send(hello(), auth());
  expect(await client.next()).toBeUndefined();
  expect(running.log.of("login")).toEqual([]);
});

test("rubbish instead of a handshake harms nobody else", async () => {
  const running = await startServer({ tls: true });
  const rubbish = await rawConnect(running);
  rubbish.send(new Uint8Array(20_000).fill(0x16));
  await rubbish.rest();
  const client = await (await rawConnectTls(running)).logIn();
  client.send(message(1, "still here"));
  expect(await client.line()).toBe("REPLY 1 still here");
});

test("a client that half-closes under TLS gets its replies, then the end", async () => {
  const running = await startServer({ tls: true });
  const client = await (await rawConnectTls(running)).logIn();
  client.send(message(1, "a"), message(2, "b")).end();
  expect(await client.rest()).toEqual(["REPLY 1 a", "REPLY 2 b", "end"]);
});

test("another identity counts from the next connection on, without TLS 1.2, and the open ones go on", async () => {
  const { port, server } = await startServer({ tls: true });
  const before = await (await rawConnectTls({ port })).logIn();
  const identity = await makeIdentity();
  server.setIdentity(identity);
  const after = await rawConnectTls({ port });
  const { publicKey } = (after.socket as TLSSocket).getPeerX509Certificate()!;
  expect(fingerprintOf(publicKey)).toBe(identity.fingerprint);
  await after.logIn();
  before.send(message(1, "a"));
  expect(await before.line()).toBe("REPLY 1 a");
  const old = opensslClient(port, "-tls1_2", "-alpn", "talkbyte/1");
  expect(await old.finished()).toMatch(/alert protocol version/);
});

test("another identity does not bring resumption back", async () => {
  const { port, server } = await startServer({ tls: true });
  server.setIdentity(await makeIdentity());
  const first = await rawConnectTls({ port });
  const sessions: Buffer[] = [];
  first.socket.on("session", (session: Buffer) => sessions.push(session));
  await first.logIn();
  first.send(STOP);
  await first.rest();
  const second = await rawConnectTls({ port }, { session: sessions[0] });
  expect((second.socket as TLSSocket).isSessionReused()).toBe(false);
});

test("a server in plaintext takes no identity", async () => {
  const { server } = await startServer();
  const identity = await makeIdentity();
  expect(() => server.setIdentity(identity)).toThrow("has no identity");
});
