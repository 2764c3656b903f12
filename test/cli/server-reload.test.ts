// talkbyte-server as a process whose files change: users, identity and OPAQUE setup by themselves, and by hand at SIGHUP.

import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import { run as runUsers } from "../../src/cli/users.ts";
import { addUser, disableUser } from "../../src/credentials/users-file.ts";
import { connect, type Client } from "../../src/net/client.ts";
import { makeIdentity, type Identity } from "../../src/net/identity.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { auth, hello, LOOPBACK, PASSWORD, phcOfPassword, rawConnect } from "../net/harness.ts";
import { ClientProcess, openScreen } from "./client-process.ts";
import { makeFakeIo } from "./fake-io.ts";

const serverBin = fileURLToPath(new URL("../../src/bin/talkbyte-server.ts", import.meta.url));

interface Running {
  readonly process: ClientProcess;
  readonly port: number;
}

async function start(folder: string, ...more: string[]): Promise<Running> {
  await addUser(join(folder, "users.json"), "alice", await phcOfPassword());
  const options = ["--users", join(folder, "users.json"), "--host", LOOPBACK, "--port", "0"];
  const process = new ClientProcess([serverBin, ...options, "--log-format", "json", ...more]);
  await process.err.shows("fingerprint ");
  const [, port] = /listening on .*:(\d+)\n/.exec(process.err.text) ?? [];
  return { process, port: Number(port) };
}

async function logIn({ port }: Running, { fingerprint }: Identity): Promise<Client> {
  return await connect({
    host: LOOPBACK,
    port,
    username: "alice",
    password: PASSWORD,
    trust: { fingerprint },
  });
}

function write(folder: string, { key, cert }: Identity): void {
  writeFileSync(join(folder, "identity.tmp"), key + cert, { mode: 0o600 });
  renameSync(join(folder, "identity.tmp"), join(folder, "identity.pem"));
}

test("a new identity is taken up from its file, and one that can't be used is not", async () => {
  const folder = makeTemporaryFolder();
  const [first, second] = [await makeIdentity(), await makeIdentity()];
  write(folder, first);
  const running = await start(folder, "--identity", join(folder, "identity.pem"));
  await (await logIn(running, first)).stop();

  writeFileSync(join(folder, "identity.pem"), "nonsense");
  await running.process.out.shows("identity-kept");
  await (await logIn(running, first)).stop();

  write(folder, second);
  await running.process.out.shows("identity-reloaded");
  await (await logIn(running, second)).stop();
  await expect(logIn(running, first)).rejects.toMatchObject({ code: "not-trusted" });
  expect(running.process.out.text).not.toContain("PRIVATE KEY");
});

test("certificate and key in two files, which change one after the other", async () => {
  const folder = makeTemporaryFolder();
  const [first, second] = [await makeIdentity(), await makeIdentity()];
  const [certPath, keyPath] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(certPath, first.cert);
  writeFileSync(keyPath, first.key, { mode: 0o600 });
  const running = await start(folder, "--tls-cert", certPath, "--tls-key", keyPath);
  writeFileSync(certPath, second.cert);
  await running.process.out.shows("the key does not belong to the certificate");
  await (await logIn(running, first)).stop();
  writeFileSync(keyPath, second.key);
  await running.process.out.shows("identity-reloaded");
  const client = await logIn(running, second);
  await expect(client.stop()).resolves.toBeUndefined();
});

test("SIGHUP reads everything anew and ends nothing", async () => {
  const folder = makeTemporaryFolder();
  const identity = await makeIdentity();
  write(folder, identity);
  const running = await start(folder, "--identity", join(folder, "identity.pem"));
  const client = await logIn(running, identity);
  running.process.child.kill("SIGHUP");
  await running.process.out.shows('"reload"');
  await running.process.out.shows("users-reloaded");
  expect(Buffer.from(await client.send("still here")).toString()).toBe("still here");

  await disableUser(join(folder, "users.json"), "alice");
  await expect(client.finished).rejects.toMatchObject({ code: "revoked" });
  running.process.child.kill("SIGTERM");
  expect((await running.process.finished()).code).toBe(0);
});

test("SIGHUP from a terminal that is there reads anew; from one that is closed it stops the server", async () => {
  const folder = makeTemporaryFolder();
  const users = join(folder, "users.json");
  await addUser(users, "alice", await phcOfPassword());
  const words = [
    process.execPath,
    serverBin,
    "--users",
    users,
    "--host",
    LOOPBACK,
    "--port",
    "0",
    "--plaintext",
    "--drain-ms",
    "100",
  ];
  const screen = openScreen(`echo "pid $$ here"; exec ${words.map((word) => `'${word}'`).join(" ")}`);
  await screen.shows("plaintext: ");
  const [, pid, port] = /pid (\d+) here[^]*listening on .*:(\d+)/.exec(screen.text()) ?? [];
  const peer = (await rawConnect({ port: Number(port) })).send(hello(), auth());
  // Extension frames may come before.
  for (let line = ""; line !== "AUTHENTICATED"; line = await peer.line()) expect(line).not.toBe("end");
  process.kill(Number(pid), "SIGHUP");
  await screen.shows("the users file was read anew");
  screen.close();
  const ended = (await peer.rest()).filter((line) => !line.startsWith("type "));
  expect(ended).toEqual(["GOAWAY shutdown 100", "STOPPED 0", "end"]);
});

async function rotate(folder: string): Promise<void> {
  const io = makeFakeIo();
  const code = await runUsers(["rotate-opaque", "--yes", "--users", join(folder, "users.json")], io);
  expect([code, io.err]).toEqual([0, expect.stringContaining("takes up the new setup by itself")]);
}

/** The mechanism by which alice gets in. */
async function mechanismOf(running: Running, identity: Identity): Promise<string | undefined> {
  const client = await logIn(running, identity);
  const { mechanism } = client;
  await client.stop();
  return mechanism;
}

test("a rotated OPAQUE setup is taken up: users log in by PASSWORD once, then by OPAQUE; sessions go on", async () => {
  const folder = makeTemporaryFolder();
  const identity = await makeIdentity();
  write(folder, identity);
  const running = await start(folder, "--identity", join(folder, "identity.pem"));
  const { out } = running.process;
  const loggedInByPassword = async (): Promise<void> => {
    expect(await mechanismOf(running, identity)).toBe("PASSWORD");
    await out.shows('"enrolled"');
  };
  await loggedInByPassword();
  const session = await logIn(running, identity);
  expect(session.mechanism).toBe("OPAQUE");

  await rotate(folder);
  await out.shows("opaque-setup-reloaded");
  await out.shows("records-stranded");
  await loggedInByPassword();
  expect(await mechanismOf(running, identity)).toBe("OPAQUE");
  expect(Buffer.from(await session.send("still here")).toString()).toBe("still here");
  await session.stop();
});

test("an OPAQUE setup that is missing, open to others or no setup changes nothing, and the log says so", async () => {
  const folder = makeTemporaryFolder();
  const identity = await makeIdentity();
  write(folder, identity);
  const running = await start(folder, "--identity", join(folder, "identity.pem"));
  const { out } = running.process;
  await mechanismOf(running, identity);
  await out.shows('"enrolled"');
  const path = join(folder, "opaque-setup.json");
  renameSync(path, `${path}.kept`);
  await out.shows('"opaque-setup-kept","code":"opaque-setup-missing"');
  writeFileSync(path, "{}", { mode: 0o600 });
  await out.shows('"opaque-setup-kept","code":"opaque-setup-invalid"');
  expect(await mechanismOf(running, identity)).toBe("OPAQUE");
  running.process.child.kill("SIGHUP");
  await out.shows('"reload"');
  await out.shows('"opaque-setup-kept","code":"opaque-setup-invalid"');
  chmodSync(path, 0o644);
  await out.shows('"opaque-setup-kept","code":"opaque-setup-not-readable"');
  const { secret } = JSON.parse(readFileSync(`${path}.kept`, "utf8")) as { secret: string };
  renameSync(`${path}.kept`, path);
  expect(await mechanismOf(running, identity)).toBe("OPAQUE");
  await rotate(folder);
  await out.shows("opaque-setup-reloaded");
  expect(out.text).not.toContain(secret);
});

test("with --read-only-users no setup is made; one that is put there is offered", async () => {
  const folder = makeTemporaryFolder();
  const identity = await makeIdentity();
  write(folder, identity);
  const running = await start(folder, "--read-only-users", "--identity", join(folder, "identity.pem"));
  await running.process.err.shows("OPAQUE is not offered: there is no setup ");
  await running.process.err.shows("none is made with --read-only-users");
  expect(existsSync(join(folder, "opaque-setup.json"))).toBe(false);
  expect(await mechanismOf(running, identity)).toBe("PASSWORD");

  const io = makeFakeIo(`${PASSWORD}\n`);
  const words = ["passwd", "alice", "--password-stdin", "--users", join(folder, "users.json")];
  expect(await runUsers(words, io)).toBe(0);
  await running.process.out.shows("opaque-setup-reloaded");
  expect(await mechanismOf(running, identity)).toBe("OPAQUE");
});
