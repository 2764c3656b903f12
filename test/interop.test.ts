// Two implementations that share nothing but the specification: the one in Python was written from it alone. Each
// client speaks with the other's server, over TLS with a pinned key and in plaintext. (That both pass the suite is
// `npm run conformance`.)

import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeTemporaryFolder } from "./credentials/temporary-folder.ts";
import { LOOPBACK, openTestClient, PASSWORD, startServer, testIdentity } from "./net/harness.ts";

const folder = fileURLToPath(new URL("interop/", import.meta.url));
const python = spawnSync("python3", ["--version"]).status === 0;
const required = process.env["TALKBYTE_REQUIRE_PEERS"] === "1";

const transports = ["tls", "plaintext"] as const;
const lines = ["hello", "", "grüße", "x".repeat(100_000)];

function startPython(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  const child = spawn("python3", [...args], { cwd: folder, env: { ...process.env, ...env }, stdio: "pipe" });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, LOOPBACK);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Its users are those of its profile, which have the same password as ours. */
async function startPythonServer(
  transport: (typeof transports)[number],
): Promise<{ port: number; stop: () => Promise<number | null> }> {
  const port = await freePort();
  const identity = await testIdentity();
  const place = makeTemporaryFolder();
  writeFileSync(join(place, "key.pem"), identity.key, { mode: 0o600 });
  writeFileSync(join(place, "cert.pem"), identity.cert);
  const tls = ["--cert", join(place, "cert.pem"), "--key", join(place, "key.pem")];
  const server = startPython([
    "talkbyte_server.py",
    `--host=${LOOPBACK}`,
    `--port=${port}`,
    "--users=python-users.json",
    ...(transport === "tls" ? tls : ["--plaintext"]),
  ]);
  for await (const line of createInterface({ input: server.stderr })) if (line.includes("listening")) break;
  const stop = async (): Promise<number | null> => {
    const ended = once(server, "exit") as Promise<[number | null]>;
    server.kill("SIGTERM");
    return (await ended)[0];
  };
  return { port, stop };
}

describe.skipIf(!python && !required)("the implementation in Python", () => {
  it.each(transports)("has a server that our client speaks with, %s", async (transport) => {
    const { port, stop } = await startPythonServer(transport);
    const identity = transport === "tls" ? await testIdentity() : undefined;
    const client = await openTestClient({ port, identity });
    await expect(client.login({ username: "alice", password: "wrong" })).rejects.toMatchObject({
      code: "refused",
    });
    await client.login({ username: "alice", password: PASSWORD });
    const replies = await Promise.all(lines.map(async (line) => await client.send(line)));
    expect(replies.map((reply) => Buffer.from(reply).toString())).toEqual(lines);
    await client.ping();
    await client.stop();
    await expect(client.finished).resolves.toBeUndefined();
    expect(await stop()).toBe(0);
  });

  it("has a server that lets our client finish when it is stopped", async () => {
    const { port, stop } = await startPythonServer("plaintext");
    const goaway = Promise.withResolvers<number>();
    const client = await openTestClient(
      { port, identity: undefined },
      { onGoaway: ({ drainMs }) => goaway.resolve(drainMs) },
    );
    await client.login({ username: "alice", password: PASSWORD });
    const stopped = stop();
    expect(await goaway.promise).toBeGreaterThan(0);
    await client.finished; // it has stopped by itself
    expect(await stopped).toBe(0);
  });

  it.each(transports)("has a client that our server speaks with, %s", async (transport) => {
    const { port, identity, log } = await startServer({ tls: transport === "tls" });
    const trust = identity === undefined ? ["--plaintext"] : ["--fingerprint", identity.fingerprint];
    const login = ["--host", LOOPBACK, "--port", String(port), "--username", "alice"];
    const client = startPython(["talkbyte_client.py", ...login, ...trust], { TALKBYTE_PASSWORD: PASSWORD });
    client.stdin.end(`${lines.join("\n")}\nstop\n`);
    const replies: string[] = [];
    for await (const line of createInterface({ input: client.stdout })) replies.push(line);
    expect(replies).toEqual(lines);
    expect(client.exitCode ?? (await once(client, "exit"))[0]).toBe(0);
    expect(log.of("login")).toMatchObject([{ user: "alice", outcome: "accepted" }]);
  });

  it("has a client that sends no password to a server with another key", async () => {
    const { port, log } = await startServer({ tls: true });
    const login = ["--host", LOOPBACK, "--port", String(port), "--username", "alice"];
    const args = ["talkbyte_client.py", ...login, "--fingerprint", "0".repeat(64)];
    const client = startPython(args, { TALKBYTE_PASSWORD: PASSWORD });
    client.stdin.end("never sent\n");
    const [code] = (await once(client, "exit")) as [number | null];
    expect(code).not.toBe(0);
    expect(log.of("login")).toEqual([]);
  });
});
