// A man in the middle with a certificate of his own, before a server that a client knows, or does not, and that offers
// OPAQUE, or does not. In no way in which a client is used without being told to believe a stranger does he get a password
// or a session; with OPAQUE he may test one guess for each attempt.

import { join } from "node:path";
import { expect, test } from "vitest";

import { createOpaqueSetup, enrol } from "../../src/auth/opaque-enrolment.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { connect, type Client } from "../../src/net/client.ts";
import { KnownServers } from "../../src/net/known-servers.ts";
import type { TrustOptions } from "../../src/net/trust.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, MemoryUsers, PASSWORD, startServer, type RunningServer } from "../net/harness.ts";
import { opaqueUsers, testSetup } from "../net/opaque-peer.ts";
import { concat } from "../protocol/bytes.ts";
import { ManInTheMiddle, type Change } from "./man-in-the-middle.ts";

async function logIn(port: number, trust: TrustOptions): Promise<Client> {
  const credentials = { username: "alice", password: PASSWORD };
  return await connect({ host: LOOPBACK, port, trust, greaseRate: 0, ...credentials });
}

type Trust = (trueFingerprint: string, port: number) => Promise<TrustOptions>;

const known = (): KnownServers => new KnownServers(join(makeTemporaryFolder(), "known-servers"));

const HELLO = 0x01;

test.each<[string, Trust, string, number[]]>([
  ["knows nothing of the server", async () => ({ knownServers: known() }), "unknown-server", [HELLO]],
  ["has pinned the server's key", async (fingerprint) => ({ fingerprint }), "wrong-fingerprint", []],
  [
    "remembers the server's key",
    async (fingerprint, port) => {
      const knownServers = known();
      await knownServers.remember(LOOPBACK, port, fingerprint);
      return { knownServers };
    },
    "changed-key",
    [HELLO],
  ],
  [
    "remembers the server's key and is told to trust new servers",
    async (fingerprint, port) => {
      const knownServers = known();
      await knownServers.remember(LOOPBACK, port, fingerprint);
      return { knownServers, trustNewServer: true };
    },
    "changed-key",
    [HELLO],
  ],
])("a client that %s gives him a greeting at most", async (_, trustOf, reason, heard) => {
  const running = await startServer({ tls: true });
  const man = await ManInTheMiddle.open(running.port);
  const trust = await trustOf(running.identity!.fingerprint, man.port);
  await expect(logIn(man.port, trust)).rejects.toMatchObject({ code: "not-trusted", reason });
  expect(man.heard.map(({ type }) => type)).toEqual(heard);
  expect(running.log.of("login")).toEqual([]);
});

// What the warning is for: that this attacker is a real one.
test("a client that is told to trust a new server hands him the password and a session", async () => {
  const running = await startServer({ tls: true });
  const man = await ManInTheMiddle.open(running.port);
  const trust = { knownServers: known(), trustNewServer: true };
  const client = await logIn(man.port, trust);
  expect(man.overheard).toContain(PASSWORD);
  await client.stop();
});

const [WELCOME, REFUSED, AUTHENTICATED] = [0x02, 0x07, 0x06];
const OFFER = Buffer.from("\x06OPAQUE\0\x07", "latin1");
const STRETCHING_BYTES = 7;

/** WELCOME with something else in the place of OPAQUE's offer, or of what follows its name. */
function changeOffer(replace: (welcome: Buffer, at: number) => Uint8Array): Change {
  return (frame) => {
    if (frame.type !== WELCOME) return [frame];
    const body = Buffer.from(frame.body);
    return [{ ...frame, body: replace(body, body.indexOf(OFFER)) }];
  };
}

const withParameters = (...parameters: number[]): Change =>
  changeOffer((body, at) => {
    const start = at + OFFER.length;
    return concat(
      body.subarray(0, start),
      Uint8Array.from(parameters),
      body.subarray(start + STRETCHING_BYTES),
    );
  });

/** The count of mechanisms stands before the first, which OPAQUE is. */
const withoutOffer = changeOffer((body, at) =>
  concat(body.subarray(0, at - 1), Uint8Array.of(1), body.subarray(at + OFFER.length + STRETCHING_BYTES)),
);

const withLoginForged: Change = (frame) =>
  frame.type === REFUSED
    ? [
        {
          ...frame,
          type: AUTHENTICATED,
          body: concat(new Uint8Array(16), Uint8Array.of(0, 32), new Uint8Array(32)),
        },
      ]
    : [frame];

const UNPROVED = { code: "refused", refusal: undefined, retryable: false };

async function startOpaqueServer(): Promise<RunningServer> {
  return await startServer({ tls: true, users: await opaqueUsers(), opaque: await testSetup() });
}

test.each<[string, Change, object, string[]]>([
  ["hands on everything as it is", (frame) => [frame], UNPROVED, ["HELLO", "AUTH", "RESPONSE"]],
  ["takes OPAQUE from the offer", withoutOffer, { code: "not-trusted", opaque: "not-offered" }, ["HELLO"]],
  [
    "raises the stretching to 4 GiB",
    withParameters(0, 64, 0, 0, 0, 1, 1),
    { code: "not-trusted", opaque: "out-of-bounds" },
    ["HELLO"],
  ],
  [
    "lowers it to next to nothing",
    withParameters(0, 0, 0, 8, 0, 1, 1),
    { code: "not-trusted", opaque: "out-of-bounds" },
    ["HELLO"],
  ],
  [
    "changes it within the bounds",
    withParameters(0, 0, 0x4c, 0, 0, 2, 2),
    UNPROVED,
    ["HELLO", "AUTH", "RESPONSE"],
  ],
  [
    "says that the login was taken",
    withLoginForged,
    { code: "not-trusted", reason: "wrong-proof" },
    ["HELLO", "AUTH", "RESPONSE"],
  ],
])("by OPAQUE he who %s gets no password and no session", async (_, toClient, refusal, heard) => {
  const running = await startOpaqueServer();
  const man = await ManInTheMiddle.open(running.port, { toClient });
  const changed = known();
  await changed.remember(LOOPBACK, man.port, running.identity!.fingerprint);
  for (const trust of [{}, { knownServers: known() }, { knownServers: changed, trustNewServer: true }]) {
    man.heard.length = 0;
    await expect(logIn(man.port, trust)).rejects.toMatchObject(refusal);
    expect(man.heard.map(({ name }) => name)).toEqual(heard);
    expect(man.overheard).not.toContain(PASSWORD);
    const remembered = (await trust.knownServers?.list(LOOPBACK, man.port)) ?? [];
    expect(remembered.map(({ fingerprint }) => fingerprint)).not.toContain(man.identity.fingerprint);
  }
  expect(running.log.of("login").filter(({ outcome }) => outcome === "accepted")).toEqual([]);
});

/** A server of the attacker's own, with a setup of its own and a guess at alice's password. */
async function startImpostor(guess: string): Promise<RunningServer> {
  const setup = await createOpaqueSetup();
  const users = new MemoryUsers().add("alice", undefined);
  const enrolment = await enrol(setup, "alice", preparePassword(guess));
  const opaque = { ...enrolment, passwordSha256: undefined };
  users.users.set("alice", { ...users.users.get("alice")!, opaque });
  return await startServer({ tls: true, users, opaque: setup });
}

test("by OPAQUE an impostor who guesses wrong learns that, and no more", async () => {
  const impostor = await startImpostor("wrong battery staple");
  const man = await ManInTheMiddle.open(impostor.port); // hears what the impostor hears
  const knownServers = known();
  await expect(logIn(man.port, { knownServers })).rejects.toMatchObject(UNPROVED);
  expect(man.heard.at(-1)).toMatchObject({ name: "RESPONSE", body: new Uint8Array(2) });
  expect(man.overheard).not.toContain(PASSWORD);
  expect(await knownServers.list(LOOPBACK, man.port)).toEqual([]);
});

// What is left: a guess that is right is a password that he knew.
test("by OPAQUE an impostor who guesses right at the first attempt is believed", async () => {
  const impostor = await startImpostor(PASSWORD);
  const client = await logIn(impostor.port, { knownServers: known() });
  expect(client.voucher).toBe("opaque");
  await client.stop();
});

test("by OPAQUE the same client, server and user log in when nobody is in the middle", async () => {
  const { port } = await startOpaqueServer();
  const client = await logIn(port, { knownServers: known() });
  expect([client.mechanism, client.voucher]).toEqual(["OPAQUE", "opaque"]);
  await client.stop();
});
