// Who is measured: our server, and those that it is seen against. Each is a child process on a free port of loopback; over
// TLS all of them have the same key and certificate. One that can't be had here says why.

import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addUser } from "../../src/credentials/users-file.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import { openIdentity } from "../../src/index.ts";
import { Child, has } from "./child.ts";
import type { Protocol } from "./messages.ts";
import type { Compiled } from "./tools.ts";

export const PEER_NAMES = ["talkbyte", "redis", "node", "ws", "c"] as const;
export type PeerName = (typeof PEER_NAMES)[number];
export const TRANSPORTS = ["plain", "tls"] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface Peer extends AsyncDisposable {
  readonly name: PeerName;
  readonly transport: Transport;
  readonly protocol: Protocol;
  readonly pid: number;
  readonly port: number;
}

/** What the peers share. */
export interface Ground {
  readonly folder: string;
  readonly users: string;
  readonly identity: string;
  readonly certificate: string;
  readonly key: string;
  readonly username: string;
  readonly password: string;
  /** The echo in C, where it compiles. */
  readonly echo: Compiled | undefined;
}

/** As cheap as a hash can be: what is measured begins after the login. */
const CHEAP_HASH = { memoryKib: 8, passes: 1, lanes: 1 };
const PROTOCOL_OF: Readonly<Record<PeerName, Protocol>> = {
  talkbyte: "talkbyte",
  redis: "resp",
  node: "raw",
  ws: "ws",
  c: "raw",
};

export async function prepareGround(folder: string, echo: Compiled | undefined): Promise<Ground> {
  const username = "bench";
  const password = crypto.randomUUID();
  const users = join(folder, "users.json");
  const phc = await hashPassword(preparePassword(password), CHEAP_HASH);
  await addUser(users, username, phc);
  const identityFile = join(folder, "identity.pem");
  const { identity } = await openIdentity(identityFile);
  const [certificate, key] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  writeFileSync(certificate, identity.cert);
  writeFileSync(key, identity.key, { mode: 0o600 });
  chmodSync(folder, 0o700);
  return { folder, users, identity: identityFile, certificate, key, username, password, echo };
}

/** @throws Error saying why it can't be had */
export async function startPeer(name: PeerName, transport: Transport, ground: Ground): Promise<Peer> {
  const { child, port } = await START[name](transport, ground);
  return {
    name,
    transport,
    protocol: PROTOCOL_OF[name],
    pid: child.pid,
    port,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

interface Started {
  readonly child: Child;
  readonly port: number;
}

const START: Readonly<Record<PeerName, (transport: Transport, ground: Ground) => Promise<Started>>> = {
  talkbyte: startTalkByte,
  redis: startRedis,
  node: (transport, ground) => startNode("peer-echo.ts", transport, ground),
  ws: (transport, ground) => startNode("peer-ws.ts", transport, ground),
  c: (transport, ground) => {
    if (ground.echo === undefined) throw new Error("no C compiler");
    if (transport === "tls" && !ground.echo.tls) throw new Error("no OpenSSL headers to compile against");
    return awaitPort(new Child("server", ground.echo.path, identityArgs(transport, ground)));
  },
};

async function startTalkByte(transport: Transport, { users, identity }: Ground): Promise<Started> {
  const bin = fileURLToPath(new URL("../../src/bin/talkbyte-server.ts", import.meta.url));
  const way = transport === "plain" ? ["--plaintext"] : ["--identity", identity, "--no-opaque"];
  // Read-only, or the first login would replace the cheap hash.
  const rest = ["--read-only-users", "--penalty-exempt", "127.0.0.0/8", "--log-level", "error"];
  const args = [bin, "--users", users, "--host", "127.0.0.1", "--port", "0", ...way, ...rest];
  return awaitPort(new Child("server", process.execPath, args, "stderr"));
}

function startNode(file: string, transport: Transport, ground: Ground): Promise<Started> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  return awaitPort(new Child("server", process.execPath, [script, ...identityArgs(transport, ground)]));
}

async function startRedis(transport: Transport, ground: Ground): Promise<Started> {
  if (!has("redis-server", "--version")) throw new Error("no redis-server on this machine");
  const port = await freePort();
  const child = new Child("server", "redis-server", ["-"]);
  // By its input: a password among the arguments could be read by every user of the machine.
  child.endInput(
    [
      "bind 127.0.0.1",
      `dir ${ground.folder}`,
      'save ""',
      "appendonly no",
      `requirepass ${ground.password}`,
      ...(transport === "plain"
        ? [`port ${port}`]
        : [
            "port 0",
            `tls-port ${port}`,
            `tls-cert-file ${ground.certificate}`,
            `tls-key-file ${ground.key}`,
            "tls-auth-clients no",
            "tls-protocols TLSv1.3",
          ]),
      "",
    ].join("\n"),
  );
  try {
    await child.line(/Ready to accept connections/);
  } catch (error) {
    throw new Error(`redis-server does not start: ${(error as Error).message.split("\n").at(-1)}`, {
      cause: error,
    });
  }
  return { child, port };
}

function identityArgs(transport: Transport, { certificate, key }: Ground): string[] {
  return transport === "plain" ? [] : [certificate, key];
}

async function awaitPort(child: Child): Promise<Started> {
  const [, port] = await child.line(/listening on (?:\S+:)?(\d+)$/);
  return { child, port: Number(port) };
}

/** For a peer that can't pick one itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
