// What a handshake tells against the other side is a failure of it, and not a matter of the setup: a case must not
// end as inconclusive where a server resumes, or a client takes TLS 1.2.

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import tls from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Connection } from "../../src/conformance/exchange/exchange.ts";
import { play } from "../../src/conformance/play/player.ts";
import type { Result } from "../../src/conformance/play/result.ts";
import { listenLinks } from "../../src/conformance/play/socket-link.ts";
import { connectUnusually } from "../../src/conformance/play/unusual-link.ts";
import { makeIdentity, type Identity } from "../../src/index.ts";
import { exchangeOf } from "./exchange-text.ts";
import { profile } from "./fakes.ts";

const closers: (() => unknown)[] = [];
let identity: Identity;
beforeAll(async () => {
  identity = await makeIdentity();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe("a server that the runner connects to unusually", () => {
  async function playServer(connection: Connection, options: tls.TlsOptions): Promise<Result> {
    const sockets = new Set<Socket>();
    const server = tls.createServer({ key: identity.key, cert: identity.cert, ...options }, (socket) => {
      sockets.add(socket.on("error", () => undefined).resume());
    });
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    return await play(exchangeOf("- C: end\n- S: closed"), {
      role: "server",
      link: async () => await connectUnusually(address, connection, { rejectUnauthorized: false }),
      profile,
    });
  }
  const usual = { ALPNProtocols: ["talkbyte/1"], minVersion: "TLSv1.3" } as const;

  it.each<[Connection, tls.TlsOptions, string]>([
    ["tls-1.2", { ...usual, minVersion: "TLSv1.2" }, "the server completed a handshake of TLS 1.2"],
    ["resumption", usual, "the server resumed a TLS session"],
    ["tls", { minVersion: "TLSv1.3" }, "the handshake selected the ALPN protocol none"],
  ])("fails by its handshake: %s", async (connection, options, reason) => {
    expect(await playServer(connection, options)).toMatchObject({ verdict: "fail", reason });
  });

  it.each<[Connection, tls.TlsOptions]>([
    ["tls-1.2", usual],
    ["other-alpn", usual],
    ["tls", usual],
  ])("passes where its handshake is as it must be: %s", async (connection, options) => {
    expect(await playServer(connection, options)).toMatchObject({ verdict: "pass" });
  });
});

describe("a client that the runner listens to unusually", () => {
  async function playClient(connection: Connection, options: tls.ConnectionOptions): Promise<Result> {
    const { key, cert } = identity;
    const listener = await listenLinks({ host: "127.0.0.1", tls: { key, cert }, connection });
    closers.push(() => listener.close());
    const nothing = (): void => undefined;
    const login = (): void => {
      const socket = tls.connect({
        host: "127.0.0.1",
        port: listener.port,
        rejectUnauthorized: false,
        ...options,
      });
      socket.on("error", nothing).on("secureConnect", () => socket.end());
      closers.push(() => socket.destroy());
    };
    return await play(
      exchangeOf("- app: { login: { username: $username, password: $password } }\n- C: closed"),
      {
        role: "client",
        link: async () => await listener.accept(5000),
        driver: { login, send: nothing, ping: nothing, stop: nothing, end: nothing },
        profile,
      },
    );
  }
  const usual = { ALPNProtocols: ["talkbyte/1"], minVersion: "TLSv1.3" } as const;

  it.each<[Connection, tls.ConnectionOptions, string]>([
    ["tls-1.2", { ...usual, minVersion: "TLSv1.2" }, "the client completed a handshake of TLSv1.2"],
    ["tls", { minVersion: "TLSv1.3" }, "the client did not offer the ALPN protocol talkbyte/1"],
  ])("fails by its handshake: %s", async (connection, options, reason) => {
    expect(await playClient(connection, options)).toMatchObject({ verdict: "fail", reason });
  });

  it.each<[Connection, tls.ConnectionOptions]>([
    ["tls-1.2", usual],
    ["no-alpn", usual],
    ["tls", usual],
  ])("passes where its handshake is as it must be: %s", async (connection, options) => {
    expect(await playClient(connection, options)).toMatchObject({ verdict: "pass" });
  });
});
