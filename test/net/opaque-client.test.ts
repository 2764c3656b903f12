// Logging in by OPAQUE over TLS sockets, to a server that nobody vouches for with nothing but the password: what is
// believed, what is remembered and for whom, and what a client does where OPAQUE fails.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { createOpaqueSetup } from "../../src/auth/opaque-enrolment.ts";
import { connect, openClient, type Client, type OpenOptions } from "../../src/net/client.ts";
import { KnownServers, KnownServersError, type LearntServer } from "../../src/net/known-servers.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD, refused, startServer, testIdentity, type RunningServer } from "./harness.ts";
import { frame, string8, unsigned, concat } from "./harness.ts";
import { opaqueUsers, testSetup } from "./opaque-peer.ts";
import { listenTls } from "./tls-peer.ts";

const OTHER = "ab".repeat(32);
const UNPROVED = { code: "refused", retryable: false, refusal: undefined };

async function startOpaqueServer(options: Parameters<typeof startServer>[0] = {}): Promise<RunningServer> {
  return await startServer({ tls: true, users: await opaqueUsers(), opaque: await testSetup(), ...options });
}

function newKnownServers(): KnownServers {
  return new KnownServers(join(makeTemporaryFolder(), "known-servers"));
}

async function logIn(
  port: number,
  trust: OpenOptions["trust"] = {},
  { username = "alice", password = PASSWORD, ...options }: Partial<Parameters<typeof connect>[0]> = {},
): Promise<Client> {
  return await connect({ host: LOOPBACK, port, trust, username, password, greaseRate: 0, ...options });
}

test("the password alone logs in to a server that nobody vouches for, and proves it (TB-AUTH-13)", async () => {
  const running = await startOpaqueServer();
  const client = await connect({ host: LOOPBACK, port: running.port, username: "alice", password: PASSWORD });
  expect([client.mechanism, client.voucher]).toEqual(["OPAQUE", "opaque"]);
  expect(Buffer.from(await client.send("hi")).toString()).toBe("hi");
  await client.stop();
  expect(running.log.of("login")).toMatchObject([{ outcome: "accepted", mechanism: "OPAQUE" }]);
});

test("the key is remembered for the user who has proved it, and vouches for no other (TB-OPAQUE-18, TB-TLS-16)", async () => {
  const { port, identity } = await startOpaqueServer();
  const knownServers = newKnownServers();
  const told: (LearntServer | KnownServersError)[] = [];
  const options = { onRemembered: (one: LearntServer | KnownServersError) => told.push(one) };
  const first = await logIn(port, { knownServers }, options);
  expect(first.voucher).toBe("opaque");
  const { fingerprint } = identity!;
  const place = `${knownServers.path}:1`;
  expect(told).toEqual([
    { host: LOOPBACK, port, fingerprint, username: "alice", place, replaced: undefined },
  ]);
  const line = new RegExp(`^127\\.0\\.0\\.1 ${port} ${fingerprint} opaque alice \\S+Z\\n$`);
  expect(readFileSync(knownServers.path, "utf8")).toMatch(line);

  const again = await logIn(port, { knownServers }, options);
  expect([again.mechanism, again.voucher]).toEqual(["OPAQUE", "known-server"]);
  const another = await logIn(port, { knownServers }, { ...options, username: "only" });
  expect(another.voucher).toBe("opaque");
  expect(told).toHaveLength(2);
  for (const client of [first, again, another]) await client.stop();
});

test("an entry of one user's login brings another user's password nowhere (TB-TLS-16, TB-AUTH-14)", async () => {
  const { port, identity, log } = await startServer({ tls: true });
  const knownServers = newKnownServers();
  await knownServers.learn(LOOPBACK, port, identity!.fingerprint, "bob");
  const refusal = { code: "not-trusted", reason: "unknown-server", opaque: "not-offered" };
  await expect(logIn(port, { knownServers })).rejects.toMatchObject(refusal);
  expect(log.of("login")).toEqual([]);
  await knownServers.learn(LOOPBACK, port, identity!.fingerprint, "alice");
  const client = await logIn(port, { knownServers });
  expect([client.mechanism, client.voucher]).toEqual(["PASSWORD", "known-server"]);
  await client.stop();
});

test("a changed key is proved by OPAQUE, takes the place of the user's own, and that is told (TB-TLS-10, TB-TLS-17)", async () => {
  const { port, identity } = await startOpaqueServer();
  const knownServers = newKnownServers();
  await knownServers.learn(LOOPBACK, port, OTHER, "alice");
  await knownServers.remember(LOOPBACK, port, OTHER);
  const told: unknown[] = [];
  const client = await logIn(port, { knownServers }, { onRemembered: (one) => told.push(one) });
  expect(client.voucher).toBe("opaque");
  expect(told).toMatchObject([{ username: "alice", fingerprint: identity!.fingerprint, replaced: OTHER }]);
  expect(await knownServers.find(LOOPBACK, port, "alice")).toMatchObject({ place: `${knownServers.path}:1` });
  // What the user said of everyone stands as they said it.
  expect(await knownServers.find(LOOPBACK, port)).toMatchObject({ fingerprint: OTHER });
  await client.stop();
});

test("a user's own entry goes before the one for anyone, also where that one would fit (TB-TLS-10)", async () => {
  const { port, identity, log } = await startServer({ tls: true });
  const knownServers = newKnownServers();
  await knownServers.remember(LOOPBACK, port, identity!.fingerprint);
  await knownServers.learn(LOOPBACK, port, OTHER, "alice");
  const refusal = { code: "not-trusted", reason: "changed-key", expected: OTHER };
  await expect(logIn(port, { knownServers })).rejects.toMatchObject(refusal);
  await expect(logIn(port, { knownServers, trustNewServer: true })).rejects.toMatchObject(refusal);
  expect(log.of("login")).toEqual([]);
});

test("a user who is called * vouches for nobody else", async () => {
  const knownServers = newKnownServers();
  for (const username of ["*", "%2A", "100%"]) await knownServers.learn(LOOPBACK, 1, OTHER, username);
  expect(await knownServers.find(LOOPBACK, 1)).toBeUndefined();
  expect(await knownServers.find(LOOPBACK, 1, "alice")).toBeUndefined();
  const names = (await knownServers.list(LOOPBACK, 1)).map(({ username }) => username);
  expect(names).toEqual(["*", "%2A", "100%"]);
});

test("a login whose server can't be remembered is as good, and says so", async () => {
  const { port } = await startOpaqueServer();
  const knownServers = new KnownServers(join(makeTemporaryFolder(), "missing", "known-servers"));
  const told: unknown[] = [];
  const client = await logIn(port, { knownServers }, { onRemembered: (one) => told.push(one) });
  expect(told).toEqual([expect.any(KnownServersError)]);
  await client.stop();
});

test.each([
  ["with a wrong password", "alice", "wrong battery staple"],
  ["without a record", "bob", PASSWORD],
  ["who is not there", "nobody", PASSWORD],
])(
  "a login with a stranger fails for a user %s: one error, one guess, nothing remembered (TB-AUTH-15, TB-OPAQUE-17)",
  async (_, username, password) => {
    const { port, log } = await startOpaqueServer();
    const knownServers = newKnownServers();
    const login = logIn(port, { knownServers }, { username, password });
    await expect(login).rejects.toMatchObject(UNPROVED);
    await expect(login).rejects.toThrow(/wrong, or not enrolled .* impostor/);
    expect(log.of("login")).toMatchObject([{ outcome: "abandoned", mechanism: "OPAQUE" }]);
    expect(() => readFileSync(knownServers.path)).toThrow("ENOENT");
  },
);

test("a user without a record logs in by PASSWORD to a server that is vouched for, and is enrolled (TB-AUTH-16)", async () => {
  const { port, identity, log } = await startOpaqueServer();
  const trust = { fingerprint: identity!.fingerprint };
  const client = await logIn(port, trust, { username: "bob" });
  expect([client.mechanism, client.voucher]).toEqual(["PASSWORD", "fingerprint"]);
  expect(log.of("login")).toMatchObject([
    { outcome: "abandoned", mechanism: "OPAQUE" },
    { outcome: "accepted", mechanism: "PASSWORD" },
  ]);
  await client.stop();
});

test("a user without a record who has the password gets no penalty, however often (TB-AUTH-17)", async () => {
  const running = await startOpaqueServer({ penaltyExempt: [], readOnlyUsers: true });
  const trust = { fingerprint: running.identity!.fingerprint };
  for (let logins = 0; logins < 8; logins++) {
    const client = await logIn(running.port, trust, { username: "bob" });
    expect(client.mechanism).toBe("PASSWORD");
    await client.stop();
  }
  expect(running.server.stats().penalties).toBe(0);
});

test("a wrong password is refused by both mechanisms where the server is vouched for, and ends with its last try", async () => {
  const { port, identity } = await startOpaqueServer();
  const client = await openClient({ host: LOOPBACK, port, trust: { fingerprint: identity!.fingerprint } });
  const wrong = { username: "alice", password: "wrong battery staple" };
  const triesLeft = async (): Promise<unknown> =>
    await client.login(wrong).catch((error: { refusal: { triesLeft: number } }) => error.refusal.triesLeft);
  expect(await triesLeft()).toBe(1);
  expect(await triesLeft()).toBe(0); // by OPAQUE alone: nothing is left for PASSWORD
  await expect(client.finished).rejects.toMatchObject({ code: "refused" });
});

test("a stranger under another setup, though of the same key, is refused", async () => {
  const { port } = await startOpaqueServer({ opaque: await createOpaqueSetup() });
  await expect(logIn(port)).rejects.toMatchObject(UNPROVED);
});

const opaqueWelcome = (parameters: Uint8Array): Uint8Array =>
  frame(
    0x02,
    concat(Uint8Array.of(1), string8("peer"), unsigned(1_048_581, 4), unsigned(256, 2), unsigned(300_000, 4)),
    concat(Uint8Array.of(2), string8("OPAQUE"), unsigned(parameters.length, 2), parameters),
    concat(string8("PASSWORD"), unsigned(0, 2)),
  );
const STRETCHING = Uint8Array.of(0, 0, 0x4c, 0, 0, 2, 1);

test.each([
  ["4 GiB", [0, 64, 0, 0, 0, 1, 1]],
  ["next to no work", [0, 0, 0, 64, 0, 1, 1]],
  ["six bytes", [0, 0, 76, 0, 0, 2]],
])("parameters of %s: no OPAQUE, and no password for a stranger (TB-OPAQUE-9)", async (_, parameters) => {
  const peer = await listenTls();
  const login = logIn(peer.port);
  login.catch(() => undefined);
  const stranger = (await peer.accept()).send(opaqueWelcome(Uint8Array.from(parameters)));
  await expect(login).rejects.toMatchObject({ reason: "unknown-server", opaque: "out-of-bounds" });
  expect(await stranger.rest()).toEqual(["HELLO", "end"]);

  const vouched = logIn(peer.port, { fingerprint: (await testIdentity()).fingerprint });
  vouched.catch(() => undefined);
  const known = (await peer.accept()).send(opaqueWelcome(Uint8Array.from(parameters)));
  expect(await known.lines(2)).toEqual(["HELLO", "AUTH"]);
  known.send(frame(0x06, new Uint8Array(16), unsigned(0, 2)));
  const client = await vouched;
  expect(client.mechanism).toBe("PASSWORD");
  client.close();
});

/** A stranger who answers AUTH with this. */
async function meet(...answers: Uint8Array[]) {
  const peer = await listenTls();
  const client = await openClient({ host: LOOPBACK, port: peer.port, greaseRate: 0, maxRetryWaitMs: 50 });
  const stranger = await peer.accept();
  const login = client.login({ username: "alice", password: PASSWORD });
  login.catch(() => undefined);
  await stranger.send(opaqueWelcome(STRETCHING)).lines(2);
  stranger.send(...answers);
  return { client, stranger, login };
}

const ke2 = (fill: number): Uint8Array =>
  frame(0x04, concat(unsigned(320, 2), new Uint8Array(320).fill(fill)));
const authenticated = frame(0x06, concat(new Uint8Array(16), unsigned(32, 2), new Uint8Array(32)));

test("AUTHENTICATED without the proof ends the connection without a frame (TB-OPAQUE-15)", async () => {
  const ping = frame(0x12, new Uint8Array(8));
  const { client, stranger, login } = await meet(authenticated, ping);
  await expect(login).rejects.toMatchObject({ code: "not-trusted", reason: "wrong-proof" });
  expect(await stranger.rest()).toEqual(["end"]);
  expect([client.sessionId, client.voucher, client.mechanism]).toEqual([undefined, undefined, undefined]);
});

test.each([
  ["ends the stream", undefined],
  ["says that it is busy", refused(3, 0, 2)],
  ["fails", frame(0x23, Uint8Array.of(10, 1, 1, 0))],
])(
  "a stranger whose KE2 does not open and who then %s has had his guess: no error that may pass",
  async (_, answer) => {
    const { stranger, login } = await meet(ke2(0xff));
    expect(await stranger.next()).toMatchObject({ name: "RESPONSE", body: new Uint8Array(2) });
    if (answer === undefined) stranger.end();
    else stranger.send(answer);
    await expect(login).rejects.toMatchObject(UNPROVED);
  },
);

test("the wait that a stranger asks for is capped, and what he says is not passed on", async () => {
  const { client, stranger, login } = await meet(refused(1, 4_000_000_000, 2));
  await expect(login).rejects.toMatchObject(UNPROVED);
  const again = client.login({ username: "alice", password: PASSWORD });
  expect(await stranger.line()).toBe("AUTH"); // within the test's time
  stranger.send(refused(3, 0, 1));
  await expect(again).rejects.toMatchObject({ code: "busy" });
});

test("closing the client ends the stretching of its password", async () => {
  const stretching = { memoryKib: 262_144, passes: 4, lanes: 1 };
  const { port } = await startOpaqueServer({ opaque: { ...(await testSetup()), stretching } });
  const timeLogin = async (closeAtChallenge: boolean, code: string): Promise<number> => {
    const closing = new AbortController();
    const received = (chunk: Uint8Array): void => {
      if (closeAtChallenge && chunk[4] === 0x04) setImmediate(() => closing.abort());
    };
    const tap = { sent: () => undefined, received };
    const startedAt = performance.now();
    await expect(logIn(port, {}, { signal: closing.signal, tap })).rejects.toMatchObject({ code });
    return performance.now() - startedAt;
  };
  const wholeMs = await timeLogin(false, "refused");
  expect(await timeLogin(true, "cancelled")).toBeLessThan(wholeMs / 2);
});
