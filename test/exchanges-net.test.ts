// Every exchange of the specification against the real server and the real client, over sockets: in plaintext whole,
// byte by byte and at random cuts, and over TLS. Deadlines are short here; nothing else differs from a server
// that an operator runs.

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exchangesFor, loadCatalog } from "../src/conformance/exchange/catalog.ts";
import type { Connection, Exchange } from "../src/conformance/exchange/exchange.ts";
import { parseProfile } from "../src/conformance/exchange/profile.ts";
import { runExchange, type Opening, type RunResult } from "../src/conformance/play/run.ts";
import { segmentations, type Segmentation } from "../src/conformance/play/segmentation.ts";
import { connectLink, listenLinks } from "../src/conformance/play/socket-link.ts";
import { connectUnusually } from "../src/conformance/play/unusual-link.ts";
import { pinFor } from "../src/conformance/suite/client-target.ts";
import { hashPassword } from "../src/credentials/verifier.ts";
import { preparePassword } from "../src/credentials/password.ts";
import {
  createOpaqueSetup,
  createServer,
  enrol,
  makeIdentity,
  serverLimits,
  type Identity,
  type OpaqueSetup,
  type Server,
  type UsersSource,
} from "../src/index.ts";
import { ClientDriver } from "./net/client-driver.ts";

/** The drain deadline outlasts the frame deadline with its slack, and comes before the idle deadline. */
const LIMITS = serverLimits({
  loginMs: 3000,
  frameMs: 1600,
  idleMs: 3000,
  drainMs: 2690,
  tlsMs: 2000,
  verifyQueueLength: 1000,
  verifyQueuePerSource: 1000,
  verifyQueueMs: 60_000,
});
const PASSWORD = "correct horse battery";
const profile = parseProfile({
  username: "alice",
  password: PASSWORD,
  "wrong-password": "wrong battery staple",
  "unknown-username": "Alice",
  "disabled-username": "mallory",
  "disabled-password": PASSWORD,
  "opaque-username": "alice",
  tries: LIMITS.tries,
  "max-frame-bytes": LIMITS.maxFrameBytes,
  "max-under-way": LIMITS.maxUnderWay,
  "login-ms": LIMITS.loginMs,
  "frame-ms": LIMITS.frameMs,
  "idle-ms": LIMITS.idleMs,
  "drain-ms": LIMITS.drainMs,
  "tls-ms": LIMITS.tlsMs,
  "slack-ms": 800,
});
const catalog = loadCatalog();
/** Exchanges at once: those that wait for a deadline leave the machine to the others. */
const JOBS = 32;
const STEP_MS = 20_000;

async function users(setup: OpaqueSetup): Promise<UsersSource> {
  // The lightest hash that is allowed: what is tested here is the wire.
  const password = await hashPassword(preparePassword(PASSWORD), { memoryKib: 8, passes: 1, lanes: 1 });
  const times = { createdAt: "", updatedAt: "", credentialId: "" };
  const record = await enrol(setup, "alice", preparePassword(PASSWORD));
  const opaque = { ...record, passwordSha256: createHash("sha256").update(password).digest("hex") };
  const alice = { name: "alice", password, opaque, disabled: false, ...times };
  const mallory = { name: "mallory", password, disabled: true, ...times };
  const list = [alice, mallory];
  const snapshot = {
    get: (name: string) => list.find((user) => user.name === name),
    list: () => list,
    warnings: [],
  };
  return { current: async () => snapshot, replaceHash: async () => false };
}

async function runAll(
  exchanges: readonly Exchange[],
  run: (exchange: Exchange) => Promise<RunResult>,
): Promise<string[]> {
  const waiting = [...exchanges];
  const failures: string[] = [];
  const job = async (): Promise<void> => {
    for (let exchange = waiting.pop(); exchange !== undefined; exchange = waiting.pop()) {
      const { verdict, reason, line } = await run(exchange);
      if (verdict !== "pass") failures.push(`${exchange.id}:${line ?? ""} ${verdict}: ${reason}`);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, job));
  return failures;
}

describe("the server", () => {
  let identity: Identity;
  let setup: OpaqueSetup;
  let source: UsersSource;
  const servers = new Map<"plaintext" | "tls", Listening>();

  interface Listening {
    readonly server: Server;
    readonly port: number;
  }

  async function start(transport: "plaintext" | "tls"): Promise<Listening> {
    const server = createServer({
      users: source,
      identity: transport === "tls" ? identity : "plaintext",
      opaque: setup,
      readOnlyUsers: true,
      penaltyExempt: ["127.0.0.0/8"],
      limits: LIMITS,
    });
    return { server, port: (await server.listen({ host: "127.0.0.1", port: 0 })).port };
  }

  beforeAll(async () => {
    identity = await makeIdentity();
    setup = await createOpaqueSetup();
    source = await users(setup);
    for (const transport of ["plaintext", "tls"] as const) servers.set(transport, await start(transport));
  });
  afterAll(async () => {
    await Promise.all([...servers.values()].map(async ({ server }) => await server.close()));
  });

  /** The server that all share; one of its own for an exchange that stops it. */
  async function against(transport: "plaintext" | "tls", segmentation: Segmentation): Promise<string[]> {
    const exchanges = exchangesFor(catalog, "server").filter(
      ({ connection }) => connection === undefined || (connection === "plaintext") === (transport !== "tls"),
    );
    return await runAll(exchanges, async (exchange) => {
      const { server, port } = exchange.operated ? await start(transport) : servers.get(transport)!;
      const address = { host: "127.0.0.1", port };
      const tls = { ca: identity.cert, checkServerIdentity: () => undefined };
      let closed: Promise<void> | undefined;
      const open = (connection?: Connection): Opening => ({
        connection,
        operator: { stop: () => void (closed = server.close()) },
        link: async () => {
          if (connection !== undefined && transport === "tls")
            return await connectUnusually(address, connection, tls);
          return await connectLink(address, transport === "tls" ? { tls } : {});
        },
      });
      const timeoutMs = STEP_MS;
      // Its probe would find nobody.
      const played = { ...exchange, probe: exchange.operated ? undefined : exchange.probe };
      const result = await runExchange(catalog, played, {
        role: "server",
        profile,
        segmentation,
        timeoutMs,
        open,
      });
      await closed;
      return result;
    });
  }

  it.each(segmentations)(
    "keeps to every exchange in plaintext, %s",
    async (segmentation) => {
      expect(await against("plaintext", segmentation)).toEqual([]);
    },
    120_000,
  );

  it("keeps to every exchange over TLS", async () => {
    expect(await against("tls", "whole")).toEqual([]);
  }, 120_000);
});

describe("the client", () => {
  const exchanges = exchangesFor(catalog, "client");
  const plain = exchanges.filter(({ connection }) => connection === undefined || connection === "plaintext");

  /** Each exchange has a listener of its own, for the client connects when its application logs in. */
  async function run(
    exchange: Exchange,
    identity: Identity | undefined,
    segmentation: Segmentation,
  ): Promise<RunResult> {
    const { connection } = exchange;
    const tls = identity === undefined ? {} : { tls: { key: identity.key, cert: identity.cert }, connection };
    const listener = await listenLinks({ host: "127.0.0.1", ...tls });
    const drivers: ClientDriver[] = [];
    // The probe asks for no connection of its own kind.
    const open = (asked?: Connection): Opening => {
      const pin = identity === undefined ? undefined : pinFor(asked, identity);
      const driver = new ClientDriver(listener.port, pin);
      drivers.push(driver);
      return { connection, link: async () => await listener.accept(STEP_MS), driver };
    };
    try {
      return await runExchange(catalog, exchange, {
        role: "client",
        profile,
        segmentation,
        timeoutMs: STEP_MS,
        open,
      });
    } finally {
      for (const driver of drivers) driver.close();
      await listener.close();
    }
  }

  it.each(segmentations)(
    "keeps to every exchange in plaintext, %s",
    async (segmentation) => {
      expect(await runAll(plain, async (exchange) => await run(exchange, undefined, segmentation))).toEqual(
        [],
      );
    },
    120_000,
  );

  it("keeps to every exchange over TLS", async () => {
    const identity = await makeIdentity();
    const secure = exchanges.filter(({ connection }) => connection !== "plaintext");
    expect(await runAll(secure, async (exchange) => await run(exchange, identity, "whole"))).toEqual([]);
  }, 120_000);
});
