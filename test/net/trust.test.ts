// Every way in which a client comes to believe a server, or not, with real TLS servers.

import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates, type TlsOptions } from "node:tls";
import { expect, onTestFinished, test } from "vitest";

import { connect, openClient } from "../../src/net/client.ts";
import { fingerprintOf, makeIdentity, parseIdentity } from "../../src/net/identity.ts";
import { KnownServers } from "../../src/net/known-servers.ts";
import { normalizeFingerprint, NotTrustedError, type TrustOptions } from "../../src/net/trust.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD, testIdentity, welcome } from "./harness.ts";
import { makeCertificate } from "./openssl.ts";
import { listenTls, type TlsPeer } from "./tls-peer.ts";

async function voucherOf(port: number, trust: TrustOptions, host = LOOPBACK): Promise<string | undefined> {
  const client = await openClient({ host, port, trust });
  client.close();
  return client.voucher;
}

/** Why alice is not logged in. */
async function refusalOf(port: number, trust: TrustOptions, host = LOOPBACK): Promise<NotTrustedError> {
  const login = connect({ host, port, trust, username: "alice", password: PASSWORD });
  const error: unknown = await login.catch((error: unknown) => error);
  if (!(error instanceof NotTrustedError)) throw new Error(`not refused: ${String(error)}`);
  expect(error).toMatchObject({ code: "not-trusted", side: "peer", retryable: false });
  return error;
}

/** A server that greets whoever comes, and offers PASSWORD alone. */
async function listen(options: TlsOptions = {}): Promise<TlsPeer> {
  const peer = await listenTls(options);
  const greet = async (): Promise<never> => {
    for (;;) (await peer.accept()).send(welcome());
  };
  void greet();
  return peer;
}

const OTHER = "ab".repeat(32);

test("TB-TLS-9: a pin accepts its key and no other, however it is written", async () => {
  const { fingerprint } = await testIdentity();
  const { port } = await listen();
  const colons = fingerprint.toUpperCase().match(/../g)!.join(":");
  for (const spelling of [fingerprint, fingerprint.toUpperCase(), colons, `SHA256:${colons}`]) {
    expect(await voucherOf(port, { fingerprint: spelling })).toBe("fingerprint");
  }
  const refusal = await refusalOf(port, { fingerprint: OTHER });
  expect(refusal).toMatchObject({ reason: "wrong-fingerprint", fingerprint, expected: OTHER });
  for (const wrong of ["", fingerprint.slice(1), `${fingerprint}0`, "undefined"]) {
    expect(normalizeFingerprint(wrong)).toBeUndefined();
    expect((await refusalOf(port, { fingerprint: wrong })).reason).toBe("wrong-fingerprint");
  }
});

test("TB-TLS-9: a pin stands above an authority, a known server and a new one", async () => {
  const { cert } = await testIdentity();
  const { port } = await listen();
  const knownServers = new KnownServers(join(makeTemporaryFolder(), "known"));
  await knownServers.remember(LOOPBACK, port, (await testIdentity()).fingerprint);
  const trust = { fingerprint: OTHER, ca: cert, knownServers, trustNewServer: true };
  expect((await refusalOf(port, trust)).reason).toBe("wrong-fingerprint");
});

test("a pin judges the key alone: not the certificate's names or dates, nor another certificate of the key", async () => {
  const { key, cert, fingerprint } = await testIdentity();
  expect(parseIdentity(key, cert).fingerprint).toBe(fingerprint);
  const { port } = await listen(); // the certificate names localhost
  expect(await voucherOf(port, { fingerprint }, "127.0.0.1")).toBe("fingerprint");
});

test("an authority that the user named vouches for its servers and their names alone", async () => {
  const folder = makeTemporaryFolder();
  const authority = await makeCertificate(folder, "authority", { alternativeNames: "" });
  const stranger = await makeCertificate(folder, "stranger", { alternativeNames: "" });
  const named = await makeCertificate(folder, "named", {
    alternativeNames: "IP:127.0.0.1,DNS:localhost",
    issuer: "authority",
  });
  const misnamed = await makeCertificate(folder, "misnamed", {
    alternativeNames: "DNS:elsewhere",
    issuer: "authority",
  });

  const good = await listen(named);
  expect(await voucherOf(good.port, { ca: authority.cert })).toBe("authority");
  expect(await voucherOf(good.port, { ca: authority.cert }, "localhost")).toBe("authority");
  expect((await refusalOf(good.port, { ca: stranger.cert })).reason).toBe("unknown-authority");

  const bad = await listen(misnamed);
  const refusal = await refusalOf(bad.port, { ca: authority.cert });
  expect(refusal.reason).toBe("unknown-authority");
  expect(refusal.message).toContain("ERR_TLS_CERT_ALTNAME_INVALID");

  // What the user named decides alone: an entry does not help a server that it does not vouch for.
  const knownServers = new KnownServers(join(folder, "known"));
  await knownServers.remember(LOOPBACK, bad.port, parseIdentity(misnamed.key, misnamed.cert).fingerprint);
  const trust = { ca: authority.cert, knownServers, trustNewServer: true };
  expect((await refusalOf(bad.port, trust)).reason).toBe("unknown-authority");
});

test("the system's authorities vouch for a server that is not remembered, and it is not remembered then", async () => {
  const folder = makeTemporaryFolder();
  const authority = await makeCertificate(folder, "authority", { alternativeNames: "" });
  const named = await makeCertificate(folder, "named", {
    alternativeNames: "IP:127.0.0.1",
    issuer: "authority",
  });
  const before = getCACertificates("default");
  setDefaultCACertificates([authority.cert]);
  onTestFinished(() => setDefaultCACertificates(before));
  const { port } = await listen(named);
  const knownServers = new KnownServers(join(folder, "known"));
  expect(await voucherOf(port, {})).toBe("authority");
  expect(await voucherOf(port, { knownServers, trustNewServer: true })).toBe("authority");
  expect(await knownServers.find(LOOPBACK, port)).toBeUndefined();

  // TB-TLS-10: another key is remembered, so the authority is not asked.
  await knownServers.remember(LOOPBACK, port, OTHER);
  expect((await refusalOf(port, { knownServers, trustNewServer: true })).reason).toBe("changed-key");
});

test("TB-TLS-11: a new server is refused, and not remembered, unless the user said so beforehand", async () => {
  const { fingerprint } = await testIdentity();
  const path = join(makeTemporaryFolder(), "known");
  const knownServers = new KnownServers(path);
  const { port } = await listen();
  expect(await refusalOf(port, { knownServers })).toMatchObject({ reason: "unknown-server", fingerprint });
  expect((await refusalOf(port, {})).reason).toBe("unknown-server");
  expect(() => statSync(path)).toThrow("ENOENT");

  expect(await voucherOf(port, { knownServers, trustNewServer: true })).toBe("new-server");
  expect(await voucherOf(port, { knownServers })).toBe("known-server");
  expect(await voucherOf(port, { trustNewServer: true })).toBe("new-server"); // nowhere to remember it
  expect(await refusalOf(port, { knownServers }, "localhost")).toMatchObject({ reason: "unknown-server" });
});

test("TB-TLS-10: a server whose key has changed is refused, even when new ones are welcome", async () => {
  const path = join(makeTemporaryFolder(), "known");
  const knownServers = new KnownServers(path);
  const { port } = await listen();
  await knownServers.remember(LOOPBACK, port, OTHER);
  const { fingerprint } = await testIdentity();
  for (const trustNewServer of [false, true]) {
    const refusal = await refusalOf(port, { knownServers, trustNewServer });
    expect(refusal).toMatchObject({
      reason: "changed-key",
      place: `${path}:1`,
      fingerprint,
      expected: OTHER,
    });
  }
  expect(readFileSync(path, "utf8")).not.toContain(fingerprint);
});

test("two who meet a new server at once can't both trust different keys", async () => {
  const knownServers = new KnownServers(join(makeTemporaryFolder(), "known"));
  const first = await listen();
  // The second look-up finds nothing, and the key is remembered by another process before this one does it.
  class Overtaken extends KnownServers {
    override async list(): Promise<[]> {
      await knownServers.remember(LOOPBACK, first.port, OTHER);
      return [];
    }
  }
  const trust = { knownServers: new Overtaken(knownServers.path), trustNewServer: true };
  expect((await refusalOf(first.port, trust)).reason).toBe("changed-key");
});

test("the file keeps comments and foreign lines, is private, and is not written to by reading", async () => {
  const path = join(makeTemporaryFolder(), "known");
  const foreign = [
    "# a comment",
    "",
    "broken.example 8080 not-a-fingerprint trusted-by-user * 2026-01-01",
    `example.org 8080 ${OTHER} opaque alice 2026-01-01T00:00:00Z`,
    `windows.example 8080 ${OTHER} trusted-by-user * 2026-01-01T00:00:00Z\r`,
    "a newer version's line with more words in it than we know of",
    `last.example 8080 ${"cd".repeat(32)} trusted-by-user * 2026-01-01T00:00:00Z`, // no line break behind it
  ].join("\n");
  writeFileSync(path, foreign, { mode: 0o600 });
  const known = new KnownServers(path);
  expect(await known.find("example.org", 8080), "it vouches for alice, not for anyone").toBeUndefined();
  // TB-TLS-10: passing a damaged line over would let another key in unasked.
  await expect(known.find("broken.example", 8080)).rejects.toThrow(`${path}:3 is about this server`);
  expect(await known.find("windows.example", 8080)).toMatchObject({ fingerprint: OTHER });
  expect(await known.find("LAST.example", 8080)).toMatchObject({ place: `${path}:7` });
  expect(await known.find("last.example", 8081)).toBeUndefined();
  expect(readFileSync(path, "utf8")).toBe(foreign);

  await known.remember("New.Example", 1, OTHER);
  const text = readFileSync(path, "utf8");
  expect(text.startsWith(`${foreign}\n`)).toBe(true);
  expect(text.slice(foreign.length + 1)).toMatch(/^new\.example 1 (ab){32} trusted-by-user \* \S+Z\n$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await known.find("new.example", 1)).toMatchObject({ fingerprint: OTHER, place: `${path}:8` });
});

test("a file that this makes is private whatever the umask", async () => {
  const path = join(makeTemporaryFolder(), "known");
  await new KnownServers(path).remember("localhost", 1, OTHER);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("twenty that remember at once all arrive, and the same server once", async () => {
  const path = join(makeTemporaryFolder(), "known");
  const ports = Array.from({ length: 20 }, (_, index) => index + 1);
  await Promise.all(
    [...ports, ...ports].map(async (port) => await new KnownServers(path).remember("localhost", port, OTHER)),
  );
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => Number(line.split(" ")[1])).toSorted((a, b) => a - b)).toEqual(ports);
});

test("a file that can't be used is no network trouble, and no reason to trust", async () => {
  const folder = makeTemporaryFolder();
  const { port } = await listen();
  const unreadable = join(folder, "folder");
  mkdirSync(unreadable);
  const reading = voucherOf(port, { knownServers: new KnownServers(unreadable), trustNewServer: true });
  await expect(reading).rejects.toMatchObject({ name: "KnownServersError" });
  const nowhere = new KnownServers(join(folder, "missing", "known"));
  const writing = voucherOf(port, { knownServers: nowhere, trustNewServer: true });
  await expect(writing).rejects.toMatchObject({ name: "KnownServersError" });
});

test("a file behind a symbolic link is replaced where it lies", async () => {
  const folder = makeTemporaryFolder();
  symlinkSync(join(folder, "real"), join(folder, "known"));
  await new KnownServers(join(folder, "known")).remember("localhost", 1, OTHER);
  expect(readFileSync(join(folder, "real"), "utf8")).toContain(OTHER);
});

test("a fingerprint is the SHA-256 of the public key, whatever its kind", async () => {
  for (const { publicKey } of [
    generateKeyPairSync("ed25519"),
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ec", { namedCurve: "P-384" }),
  ]) {
    const der = publicKey.export({ type: "spki", format: "der" });
    expect(fingerprintOf(publicKey)).toBe(createHash("sha256").update(der).digest("hex"));
  }
  expect((await makeIdentity()).fingerprint).not.toBe((await makeIdentity()).fingerprint);
});
