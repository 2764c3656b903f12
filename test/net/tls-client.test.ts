// TLS as our client speaks it, seen by OpenSSL's server, by Node's, and by whoever listens between.

import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";

import { connect, openClient } from "../../src/net/client.ts";
import { KnownServers } from "../../src/net/known-servers.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import {
  AUTHENTICATED,
  errorFrame,
  listenRaw,
  LOOPBACK,
  PASSWORD,
  startServer,
  testIdentity,
  welcome,
  type RawPeer,
} from "./harness.ts";
import { makeCertificate, OpensslProcess } from "./openssl.ts";
import { listenTls } from "./tls-peer.ts";

const credentials = { username: "alice", password: PASSWORD };

async function pinned(): Promise<{ trust: { fingerprint: string } }> {
  return { trust: { fingerprint: (await testIdentity()).fingerprint } };
}

/** The bytes of the ClientHello that our client sends. */
async function clientHello(host = LOOPBACK): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<RawPeer>();
  const { port } = await listenRaw(resolve);
  const opening = openClient({ host, port, connectMs: 5000 });
  const peer = await promise;
  const chunk = await new Promise<Buffer>((done) => peer.socket.once("data", done));
  peer.socket.destroy();
  await expect(opening).rejects.toMatchObject({ code: "tls-failed" });
  return chunk;
}

/** The body of the extension with this number. */
function extension(hello: Buffer, number: number): Buffer | undefined {
  let at = 9 + 2 + 32;
  at += 1 + hello[at]!; // session id
  at += 2 + hello.readUInt16BE(at); // cipher suites
  at += 1 + hello[at]!; // compression
  at += 2;
  while (at < hello.length) {
    const length = hello.readUInt16BE(at + 2);
    if (hello.readUInt16BE(at) === number) return hello.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  return undefined;
}

test("TB-TLS-2, TB-TLS-3, TB-TLS-13: the client offers TLS 1.3 alone, with ALPN talkbyte/1, unasked", async () => {
  const hello = await clientHello();
  expect(hello[0]).toBe(0x16);
  expect(extension(hello, 43)?.toString("hex")).toBe("020304"); // supported_versions: 0x0304 alone
  expect(extension(hello, 16)?.subarray(3).toString()).toBe("talkbyte/1");
  expect(extension(hello, 0), "no server name for an IP address").toBeUndefined();
  expect(
    extension(await clientHello("localhost"), 0)
      ?.subarray(5)
      .toString(),
  ).toBe("localhost");
});

test("TB-TLS-2: a server that speaks TLS 1.2 alone is refused", async () => {
  const { port } = await listenTls({ maxVersion: "TLSv1.2" });
  const error = connect({ host: LOOPBACK, port, ...credentials, ...(await pinned()) });
  await expect(error).rejects.toMatchObject({ code: "tls-failed" });
});

test.each([
  ["speaks no ALPN", { ALPNProtocols: [] }],
  ["answers another protocol", { ALPNProtocols: [], ALPNCallback: () => "http/1.1" }],
])("TB-TLS-4: a server that %s gets no byte", async (_, options) => {
  const { ALPNProtocols, ...rest } = options;
  const peer = await listenTls(
    "ALPNCallback" in rest ? { ...rest, ALPNProtocols: undefined } : { ALPNProtocols },
  );
  const connecting = connect({ host: LOOPBACK, port: peer.port, ...credentials, ...(await pinned()) });
  await expect(connecting).rejects.toMatchObject({ code: "tls-failed", side: "peer" });
  expect(peer.received()).toBe(0);
});

test("TB-TLS-8: the client sends close_notify before it ends the stream", async () => {
  const folder = makeTemporaryFolder();
  await makeCertificate(folder, "server");
  const port = 20_000 + (process.pid % 20_000);
  const files = ["-cert", join(folder, "server.crt"), "-key", join(folder, "server.key")];
  const server = new OpensslProcess([
    "s_server",
    "-accept",
    `${LOOPBACK}:${port}`,
    "-alpn",
    "talkbyte/1",
    "-msg",
    ...files,
  ]);
  await server.printed(/ACCEPT/);
  const known = new KnownServers(join(folder, "known"));
  const client = await openClient({
    host: LOOPBACK,
    port,
    trust: { knownServers: known, trustNewServer: true },
  });
  client.close();
  const alert = /<<< TLS 1\.3, Alert \[length 0002\], warning close_notify/;
  expect(await server.printed(alert)).not.toBeNull();
});

test("TB-PASSWORD-4, TB-TLS-15, TB-AUTH-14: a man in the middle with a key of his own gets a greeting at most", async () => {
  const { port, identity } = await startServer({ tls: true });
  const folder = makeTemporaryFolder();
  const middle = await listenTls(await makeCertificate(folder, "middle"));
  const knownServers = new KnownServers(join(folder, "known"));
  // The honest server is known under the address that the man in the middle has taken over.
  await knownServers.remember(LOOPBACK, middle.port, identity!.fingerprint);
  for (const [trust, heard] of [
    [{ fingerprint: identity!.fingerprint }, []],
    [{ ca: identity!.cert }, []],
    [{ knownServers }, ["HELLO"]],
    [{}, ["HELLO"]],
  ] as const) {
    const connecting = connect({ host: LOOPBACK, port: middle.port, trust, greaseRate: 0, ...credentials });
    connecting.catch(() => undefined); // judged below
    const victim = (await middle.accept()).send(welcome());
    await expect(connecting).rejects.toMatchObject({ code: "not-trusted", retryable: false });
    expect(await victim.rest()).toEqual([...heard, "end"]);
  }
  expect(port).not.toBe(middle.port);
});

test("a relay that can't read does no harm, and one that alters a byte ends the session on both sides", async () => {
  const { port, identity, log } = await startServer({ tls: true });
  let altered = false;
  const relay = await listenRaw(({ socket }) => {
    const onward = connectTcp({ host: LOOPBACK, port });
    onward.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
    socket.on("data", (chunk: Buffer) => {
      if (altered) chunk[chunk.length - 1]! ^= 1;
      onward.write(chunk);
    });
    onward.pipe(socket);
  });
  const trust = { fingerprint: identity!.fingerprint };
  const client = await connect({ host: LOOPBACK, port: relay.port, trust, ...credentials });
  expect(Buffer.from(await client.send("whole")).toString()).toBe("whole");
  altered = true;
  await expect(client.send("altered")).rejects.toMatchObject({ retryable: true });
  const [line] = await log.wait("closed");
  expect(line?.["error"]).toMatch(/BAD_RECORD_MAC/);
});

test("TB-END-9: end of stream without STOPPED is a failed session, with close_notify and without", async () => {
  for (const end of ["end", "destroy"] as const) {
    const peer = await listenTls();
    const options = { host: LOOPBACK, port: peer.port, greaseRate: 0, ...credentials };
    const connecting = connect({ ...options, ...(await pinned()) });
    const accepted = await peer.accept();
    await accepted.send(welcome()).lines(2);
    accepted.send(AUTHENTICATED);
    const client = await connecting;
    const reply = client.send("lost");
    if (end === "end") accepted.socket.end();
    else accepted.socket.destroy();
    const expected = { code: expect.stringMatching(/ended-early|connection-failed/), retryable: true };
    await expect(reply).rejects.toMatchObject(expected);
    await expect(client.finished).rejects.toMatchObject(expected);
    await expect(client.stop()).rejects.toMatchObject(expected);
  }
});

test("a server that only speaks plaintext is told apart", async () => {
  const { port } = await startServer();
  const connecting = connect({ host: LOOPBACK, port, ...credentials, ...(await pinned()) });
  await expect(connecting).rejects.toMatchObject({ code: "tls-failed" });
});

test("TB-FRAME-8: what the server says in ERROR comes out escaped", async () => {
  const peer = await listenTls();
  const connecting = connect({ host: LOOPBACK, port: peer.port, ...credentials, ...(await pinned()) });
  (await peer.accept()).send(errorFrame(10, "\u001b[2Jowned\r\n"));
  await expect(connecting).rejects.toMatchObject({ code: "internal" });
  const message = await connecting.catch((error: Error) => error.message);
  expect(message).toContain("\\x1b[2Jowned\\x0d\\x0a");
});
