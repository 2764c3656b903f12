// Every exchange of the specification against the real server and the real client, over sockets: in plaintext whole,
// byte by byte and at random cuts, and over TLS. Deadlines are short here; nothing else differs from a server
// that an operator runs.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCatalog, select } from "../src/conformance/exchange/catalog.ts";
import type { Exchange } from "../src/conformance/exchange/exchange.ts";
import { parseProfile } from "../src/conformance/exchange/profile.ts";
import { runExchange, type Opening, type RunResult } from "../src/conformance/play/run.ts";
import { segmentations, type Segmentation } from "../src/conformance/play/segmentation.ts";
import { connectLink, listenLinks } from "../src/conformance/play/socket-link.ts";
import { hashPassword } from "../src/credentials/verifier.ts";
import { preparePassword } from "../src/credentials/password.ts";
import {
  createServer,
  makeIdentity,
  serverLimits,
  type Identity,
  type Server,
  type UsersSource,
} from "../src/index.ts";
import { ClientDriver } from "./net/client-driver.ts";

const LIMITS = serverLimits({
  loginMs: 2000,
  frameMs: 1000,
  idleMs: 2000,
  verifyQueueLength: 1000,
  verifyQueueMs: 60_000,
});
const PASSWORD = "correct horse battery";
const profile = parseProfile({
  username: "alice",
  password: PASSWORD,
  "wrong-password": "wrong battery staple",
  "unknown-username": "nobody",
  "disabled-username": "mallory",
  "disabled-password": PASSWORD,
  tries: LIMITS.tries,
  "max-frame-bytes": LIMITS.maxFrameBytes,
  "max-under-way": LIMITS.maxUnderWay,
  "login-ms": LIMITS.loginMs,
  "frame-ms": LIMITS.frameMs,
  "idle-ms": LIMITS.idleMs,
  "drain-ms": LIMITS.drainMs,
  "slack-ms": 1500,
});
const catalog = loadCatalog();
/** Exchanges at once: those that wait for a deadline leave the machine to the others. */
const JOBS = 32;
const STEP_MS = 20_000;

async function users(): Promise<UsersSource> {
  // The lightest hash that is allowed: what is tested here is the wire.
  const password = await hashPassword(preparePassword(PASSWORD), { memoryKib: 8, passes: 1, lanes: 1 });
  const times = { createdAt: "", updatedAt: "", credentialId: "" };
  const alice = { name: "alice", password, disabled: false, ...times };
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
  const exchanges = select(catalog, { role: "server" });
  let identity: Identity;
  let plain: Server;
  let secure: Server;
  let plainPort = 0;
  let securePort = 0;

  beforeAll(async () => {
    identity = await makeIdentity();
    const source = await users();
    plain = createServer({ users: source, identity: "plaintext", limits: LIMITS });
    secure = createServer({ users: source, identity, limits: LIMITS });
    plainPort = (await plain.listen({ host: "127.0.0.1", port: 0 })).port;
    securePort = (await secure.listen({ host: "127.0.0.1", port: 0 })).port;
  });
  afterAll(async () => {
    await Promise.all([plain.close(), secure.close()]);
  });

  const against = async (open: () => Opening, segmentation: Segmentation): Promise<string[]> =>
    await runAll(
      exchanges,
      async (exchange) =>
        await runExchange(catalog, exchange, {
          role: "server",
          profile,
          segmentation,
          timeoutMs: STEP_MS,
          open,
        }),
    );

  it.each(segmentations)(
    "keeps to every exchange in plaintext, %s",
    async (segmentation) => {
      const open = (): Opening => ({ link: () => connectLink({ host: "127.0.0.1", port: plainPort }) });
      expect(await against(open, segmentation)).toEqual([]);
    },
    120_000,
  );

  it.each(["whole"] as const)(
    "keeps to every exchange over TLS, %s",
    async (segmentation) => {
      const tls = { ca: identity.cert, checkServerIdentity: () => undefined };
      const open = (): Opening => ({
        link: () => connectLink({ host: "127.0.0.1", port: securePort }, { tls }),
      });
      expect(await against(open, segmentation)).toEqual([]);
    },
    120_000,
  );
});

describe("the client", () => {
  const exchanges = select(catalog, { role: "client" });

  /** Each exchange has a listener of its own, for the client connects when its application logs in. */
  async function run(
    exchange: Exchange,
    identity: Identity | undefined,
    segmentation: Segmentation,
  ): Promise<RunResult> {
    const tls = identity === undefined ? {} : { tls: { key: identity.key, cert: identity.cert } };
    const listener = await listenLinks({ host: "127.0.0.1", ...tls });
    const drivers: ClientDriver[] = [];
    const open = (): Opening => {
      const driver = new ClientDriver(listener.port, identity?.fingerprint);
      drivers.push(driver);
      return { link: async () => await listener.accept(STEP_MS), driver };
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
      expect(
        await runAll(exchanges, async (exchange) => await run(exchange, undefined, segmentation)),
      ).toEqual([]);
    },
    120_000,
  );

  it("keeps to every exchange over TLS", async () => {
    const identity = await makeIdentity();
    expect(await runAll(exchanges, async (exchange) => await run(exchange, identity, "whole"))).toEqual([]);
  }, 120_000);
});
