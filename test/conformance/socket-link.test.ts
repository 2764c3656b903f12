// The player over real sockets, plaintext and TLS, on loopback and free ports.

import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { concat, fromHex, utf8 } from "../../src/conformance/wire/bytes.ts";
import type { Link } from "../../src/conformance/play/link.ts";
import { play, type PlayOptions } from "../../src/conformance/play/player.ts";
import type { Result } from "../../src/conformance/play/result.ts";
import { connectLink, listenLinks, type ListenOptions } from "../../src/conformance/play/socket-link.ts";
import { exchangeOf, login, serverLogin } from "./exchange-text.ts";
import { attach, errorFrame, fakeClient, fakeServer, frame, profile, u32 } from "./fakes.ts";
import type { FakeOptions } from "./fakes.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

let identity: { key: string; cert: string };
beforeAll(async () => {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  await import("reflect-metadata");
  const { X509CertificateGenerator } = await import("@peculiar/x509");
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  identity = {
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
    cert: cert.toString("pem"),
  };
});

type Transport = "plaintext" | "tls";

async function listen(onSocket: (socket: net.Socket) => void, transport: Transport): Promise<number> {
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  };
  const server =
    transport === "plaintext"
      ? net.createServer({ allowHalfOpen: true }, keep)
      : tls.createServer({ ...identity, ALPNProtocols: ["talkbyte/1"], allowHalfOpen: true }, keep);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

function connect(port: number, transport: Transport): Promise<Link> {
  const trust = transport === "tls" ? { tls: { rejectUnauthorized: false } } : {};
  return connectLink({ host: "127.0.0.1", port }, trust);
}

async function playServer(
  steps: string,
  fake: FakeOptions,
  transport: Transport,
  options: Partial<PlayOptions> = {},
): Promise<Result> {
  const port = await listen((socket) => attach(socket, fakeServer(fake)), transport);
  const link = (): Promise<Link> => connect(port, transport);
  return play(exchangeOf(steps), { role: "server", link, profile, timeoutMs: 5000, ...options });
}

const session = `${serverLogin}
- C: { MESSAGE: { payload: { repeat: "61", times: 50000 } } }
- S: { REPLY: { id: 1, payload: { repeat: "61", times: 50000 } } }
- C: { STOP: $any }
- S: [{ STOPPED: { accepted: 1 } }, end]`;

describe.each(["plaintext", "tls"] as const)("a server over %s", (transport) => {
  it.each(["whole", "every-byte", "random-cuts"] as const)("passes, cut %s", async (segmentation) => {
    expect(await playServer(session, {}, transport, { segmentation })).toMatchObject({
      verdict: "pass",
      reason: "",
    });
  });

  it("is told of a half-close and answers after it", async () => {
    const late: FakeOptions = { on: { STOP: () => undefined } };
    const steps = `${serverLogin}- C: [{ MESSAGE: { payload: x } }, end]\n- S: [{ REPLY: { payload: x } }, end]`;
    expect(await playServer(steps, late, transport)).toMatchObject({ verdict: "pass" });
  });

  it("has its end told from nothing", async () => {
    const steps = "- C: { HELLO: $any }\n- S: end";
    expect(await playServer(steps, { on: { HELLO: (_r, wire) => wire.end() } }, transport)).toMatchObject({
      verdict: "pass",
    });
    const silent = await playServer(steps, { on: { HELLO: () => undefined } }, transport, { timeoutMs: 50 });
    expect(silent.reason).toContain("nothing in time");
  });

  it("doesn't stop the runner by writing while it reads nothing", async () => {
    const large = `${serverLogin}
- C: [{ repeat: 24, of: { MESSAGE: { payload: { repeat: "61", times: 1048576 } } } }]
- S: [{ repeat: 24, of: { REPLY: { id: { count: 1 }, payload: { repeat: "61", times: 1048576 } } } }]
- C: { STOP: $any }
- S: { STOPPED: { accepted: 24 } }`;
    expect(await playServer(large, {}, transport)).toMatchObject({ verdict: "pass" });
  });

  it("may close while the runner still sends", async () => {
    const closing: FakeOptions = {
      on: {
        MESSAGE(_reading, wire) {
          wire.send(errorFrame(4));
          wire.end();
        },
      },
    };
    const steps = `${serverLogin}
- C: [{ repeat: 16, of: { MESSAGE: { payload: { repeat: "61", times: 1048576 } } } }]
  illegal: true
- S: { closes: unexpected-frame }`;
    expect(["pass", "warn"]).toContain((await playServer(steps, closing, transport)).verdict);
  });
});

describe("a server over plaintext", () => {
  it("has its reset told from its end", async () => {
    const reset: FakeOptions = { on: { HELLO: (_r, wire) => wire.reset() } };
    const steps = "- C: { HELLO: $any }\n- S: reset";
    expect(await playServer(steps, reset, "plaintext")).toMatchObject({ verdict: "pass" });
  });

  it("learns of a reset by the runner", async () => {
    let hasReset: (error: Error) => void = () => undefined;
    const reset = new Promise<Error>((resolve) => (hasReset = resolve));
    const port = await listen((socket) => {
      attach(socket, fakeServer());
      socket.on("error", hasReset);
    }, "plaintext");
    const link = await connect(port, "plaintext");
    await play(exchangeOf(`${serverLogin}- C: reset`), { role: "server", link, profile });
    expect(await reset).toMatchObject({ code: "ECONNRESET" });
  });

  it("may listen on a unix socket", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "talkbyte-")), "s");
    const server = net.createServer({ allowHalfOpen: true }, (socket) => attach(socket, fakeServer()));
    server.listen(path);
    await once(server, "listening");
    closers.push(() => server.close());
    const link = (): Promise<Link> => connectLink({ path });
    const result = await play(exchangeOf(`${session}\n- C: reset`), { role: "server", link, profile });
    expect(result.verdict).toBe("pass");
  });

  it("is not reached where nobody listens", async () => {
    const port = await listen(() => undefined, "plaintext");
    await closers.pop()?.();
    const link = (): Promise<Link> => connect(port, "plaintext");
    const result = await play(exchangeOf(serverLogin), { role: "server", link, profile });
    expect(result).toMatchObject({ verdict: "inconclusive" });
    expect(result.reason).toContain("ECONNREFUSED");
  });
});

describe("a server over tls", () => {
  it("can be reset by the runner, under TLS too", async () => {
    let hasReset: (error: Error) => void = () => undefined;
    const reset = new Promise<Error>((resolve) => (hasReset = resolve));
    const port = await listen((socket) => {
      attach(socket, fakeServer());
      socket.on("error", hasReset);
    }, "tls");
    const link = await connect(port, "tls");
    await play(exchangeOf(`${serverLogin}- C: reset`), { role: "server", link, profile });
    expect(await reset).toMatchObject({ code: "ECONNRESET" });
  });

  it("that speaks no TLS, or another protocol, is not reached", async () => {
    const port = await listen((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), "plaintext");
    const link = (): Promise<Link> => connect(port, "tls");
    expect(await play(exchangeOf(serverLogin), { role: "server", link, profile })).toMatchObject({
      verdict: "inconclusive",
    });
  });
});

async function playClient(steps: string, fake: FakeOptions, transport: Transport): Promise<Result> {
  const options: ListenOptions = transport === "tls" ? { tls: identity } : {};
  const listener = await listenLinks(options);
  closers.push(() => listener.close());
  const client = fakeClient(fake);
  const driver = {
    ...client.driver,
    login(credentials: { username: string; password: string }) {
      const open = { port: listener.port, host: "127.0.0.1", allowHalfOpen: true };
      const socket =
        transport === "tls"
          ? tls.connect({ ...open, ALPNProtocols: ["talkbyte/1"], rejectUnauthorized: false })
          : net.connect(open);
      closers.push(() => socket.destroy());
      client.driver.login(credentials);
      attach(socket, client.start);
    },
  };
  return play(exchangeOf(steps), {
    role: "client",
    link: () => listener.accept(5000),
    driver,
    profile,
    timeoutMs: 5000,
  });
}

const conversation = `${login}
- app: { send: hello }
- C: { MESSAGE: { id: { capture: id }, payload: hello } }
- S: { REPLY: { id: { ref: id }, payload: hello } }
- app: stop
- C: { STOP: $any }
- S: [{ STOPPED: { accepted: 1 } }, end]
- C: end`;

describe.each(["plaintext", "tls"] as const)("a client over %s", (transport) => {
  it("passes", async () => {
    expect(await playClient(conversation, {}, transport)).toMatchObject({ verdict: "pass", reason: "" });
  });
});

it("a client that resets fails where an end is due", async () => {
  const resets: FakeOptions = { on: { STOPPED: (_r, wire) => wire.reset() } };
  expect(await playClient(conversation, resets, "plaintext")).toMatchObject({ verdict: "fail" });
});

it("a client that never connects fails", async () => {
  const listener = await listenLinks();
  closers.push(() => listener.close());
  const { driver } = fakeClient();
  const link = (): Promise<Link> => listener.accept(20);
  expect(await play(exchangeOf(login), { role: "client", link, driver, profile })).toMatchObject({
    verdict: "fail",
    reason: "the client did not connect: no connection within 20 ms",
  });
});

it("a client that doesn't read while it writes gets stuck on the runner that reads little ahead", async () => {
  const rounds = 24;
  const big = '{ repeat: "61", times: 1048576 }';
  const steps = [
    login,
    ...Array.from({ length: rounds }, () => `- app: { send: ${big} }`),
    ...Array.from(
      { length: rounds },
      (_round, index) =>
        `- C: { MESSAGE: { id: { capture: m${index} }, payload: ${big} } }\n- S: { REPLY: { id: { ref: m${index} }, payload: ${big} } }`,
    ),
  ].join("\n");
  const reading = await playClient(steps, {}, "plaintext");
  expect(reading).toMatchObject({ verdict: "pass" });
  // A client that reads nothing until all of its writes are through.
  let answered = 0;
  const listener = await listenLinks();
  closers.push(() => listener.close());
  const socket = net.connect({ port: listener.port, host: "127.0.0.1" });
  closers.push(() => socket.destroy());
  const deaf = fakeClient({ on: { REPLY: () => answered++ } });
  let writes = 0;
  const driver = {
    ...deaf.driver,
    login(credentials: { username: string; password: string }) {
      deaf.driver.login(credentials);
      attach(socket, deaf.start);
    },
    send(payload: Uint8Array) {
      socket.pause();
      writes++;
      socket.write(concat([fromHex("00100005"), fromHex("10"), u32(writes), payload]), () => {
        writes--;
        if (writes === 0) socket.resume();
      });
    },
  };
  const stuck = await play(exchangeOf(steps), {
    role: "client",
    link: () => listener.accept(5000),
    driver,
    profile,
    timeoutMs: 500,
  });
  expect(stuck).toMatchObject({ verdict: "fail" });
  expect(stuck.reason).toBe("the client took too little of the step's bytes in 500 ms");
});

it("a link closes quietly and answers timeouts after that", async () => {
  const port = await listen((socket) => attach(socket, fakeServer()), "plaintext");
  const link = await connect(port, "plaintext");
  await link.send(frame("HELLO", utf8("TalkByte"), fromHex("010100")), 5000);
  expect((await link.next(5000)).kind).toBe("bytes");
  expect((await link.next(1)).kind).toBe("timeout");
  await link.close();
  await link.send(fromHex("00"), 5000);
  await link.end();
  expect(["timeout", "reset"]).toContain((await link.next(1)).kind);
});
