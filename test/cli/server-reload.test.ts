// talkbyte-server as a process whose files change: users and identity by themselves, and by hand at SIGHUP.

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import { addUser, disableUser } from "../../src/credentials/users-file.ts";
import { connect, type Client } from "../../src/net/client.ts";
import { makeIdentity, type Identity } from "../../src/net/identity.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { auth, hello, LOOPBACK, PASSWORD, phcOfPassword, rawConnect } from "../net/harness.ts";
import { ClientProcess, openScreen } from "./client-process.ts";

const serverBin = fileURLToPath(new URL("../../src/bin/talkbyte-server.ts", import.meta.url));

interface Running {
  readonly process: ClientProcess;
  readonly port: number;
}

async function start(folder: string, ...identity: string[]): Promise<Running> {
  await addUser(join(folder, "users.json"), "alice", await phcOfPassword());
  const options = ["--users", join(folder, "users.json"), "--host", LOOPBACK, "--port", "0"];
  const process = new ClientProcess([serverBin, ...options, "--log-format", "json", ...identity]);
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
