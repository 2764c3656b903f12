// The peers of the galleries as processes: servers on ports of their own, or a client behind its adapter. Each is asked
// for a fresh connection for every exchange, and at the end for what it said: what was patched, and what broke.

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import type { Connection } from "../src/conformance/exchange/exchange.ts";
import type { Opening } from "../src/conformance/play/run.ts";
import { connectLink, listenLinks } from "../src/conformance/play/socket-link.ts";
import { connectUnusually } from "../src/conformance/play/unusual-link.ts";
import { Adapter } from "../src/conformance/suite/adapter.ts";
import { pinFor } from "../src/conformance/suite/client-target.ts";
import { LaunchedProcess, type Death, type Launch } from "../src/conformance/suite/child-process.ts";
import { makeIdentity, type Identity } from "../src/index.ts";
import type { Pace, PeerSettings } from "../test/galleries/mutant.ts";
import type { ServerRequest } from "../test/galleries/server-peer.ts";
import { startRelay } from "./galleries-relay.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const HOST = "127.0.0.1";
const START_MS = 20_000;

export interface PeerOpening extends Opening {
  close(): Promise<void>;
}

export interface Peer {
  /** How many connections it may have at once. */
  readonly connections: number;
  /** Undefined while it lives. */
  readonly death: Death | undefined;
  /** Over TLS where a kind of connection is asked for; to a server of its own where the exchange stops it. */
  open(connection: Connection | undefined, operated: boolean): Promise<PeerOpening>;
  /** Ends the process; resolves to what it said on standard error. */
  stop(): Promise<string>;
}

/** @throws Error when the peer does not start */
export async function startPeer(role: Role, fullName: string, settings: PeerSettings): Promise<Peer> {
  const entry = role === "server" ? "test/galleries/server-peer.ts" : "src/bin/talkbyte-adapter.ts";
  const launch: Launch = {
    command: [process.execPath, "--import", "./test/galleries/mutate.ts", entry],
    folder: project,
    environment: { GALLERY_PEER: fullName, GALLERY_SETTINGS: JSON.stringify(settings) },
  };
  const { pace } = settings;
  return role === "server" ? await startServers(launch, pace) : startClient(launch, pace);
}

interface RunningServer {
  readonly port: number;
  /** As an operator does; does not wait until it has stopped. */
  stop(): void;
  close(): Promise<void>;
}

async function startServers(launch: Launch, pace: Pace | undefined): Promise<Peer> {
  const child = new LaunchedProcess(launch);
  const tell = (request: ServerRequest): void => void child.stdin.write(`${JSON.stringify(request)}\n`);
  const waiting: PromiseWithResolvers<number>[] = [];
  createInterface({ input: child.stdout }).on("line", (line) =>
    waiting.shift()?.resolve((JSON.parse(line) as { port: number }).port),
  );
  const failAll = (reason: string): void => {
    for (const { reject } of waiting.splice(0)) reject(new Error(reason));
  };
  void child.gone.then(() => failAll(`the servers' process has gone: ${child.death?.lastWords ?? ""}`));

  async function start(transport: "plaintext" | "tls"): Promise<RunningServer> {
    const answer = Promise.withResolvers<number>();
    waiting.push(answer);
    tell({ open: transport });
    const late = setTimeout(failAll, START_MS, `no server within ${START_MS} ms`);
    const itsPort = await answer.promise.finally(() => clearTimeout(late));
    const relay = pace === undefined ? undefined : await startRelay(itsPort, "listens", pace);
    return {
      port: relay?.port ?? itsPort,
      stop: () => tell({ stop: itsPort }),
      close: async () => await relay?.close(),
    };
  }

  const shared = { plaintext: start("plaintext"), tls: undefined as Promise<RunningServer> | undefined };
  await shared.plaintext;
  return {
    connections: 32,
    get death() {
      return child.death;
    },
    async open(connection, operated) {
      const transport = isPlaintext(connection) ? "plaintext" : "tls";
      const server = await (operated ? start(transport) : (shared[transport] ??= start(transport)));
      const address = { host: HOST, port: server.port };
      return {
        connection: connection ?? "plaintext",
        operator: { stop: () => server.stop() },
        link: async () =>
          connection === undefined || connection === "plaintext"
            ? await connectLink(address)
            : await connectUnusually(address, connection, { rejectUnauthorized: false }),
        async close() {
          if (!operated) return;
          server.stop();
          await server.close();
        },
      };
    },
    async stop() {
      for (const server of Object.values(shared))
        await server?.then((it) => it.close()).catch(() => undefined);
      await child.stop();
      return child.death?.lastWords ?? "";
    },
  };
}

function isPlaintext(connection: Connection | undefined): boolean {
  return connection === undefined || connection === "plaintext";
}

/** What the runner shows to clients over TLS. */
let runnerIdentity: Promise<Identity> | undefined;

function startClient(launch: Launch, pace: Pace | undefined): Peer {
  const adapter = new Adapter(launch);
  return {
    connections: 1,
    get death() {
      return adapter.death;
    },
    async open(connection) {
      const identity = isPlaintext(connection) ? undefined : await (runnerIdentity ??= makeIdentity());
      const secure = identity === undefined ? {} : { tls: { key: identity.key, cert: identity.cert } };
      const listener = await listenLinks({ host: HOST, connection, ...secure });
      const relay = pace === undefined ? undefined : await startRelay(listener.port, "connects", pace);
      const port = relay?.port ?? listener.port;
      const fingerprint = identity === undefined ? null : pinFor(connection, identity);
      await adapter.open({ host: HOST, port, fingerprint }, START_MS);
      return {
        connection: connection ?? "plaintext",
        link: async () => await listener.accept(START_MS),
        driver: adapter,
        async close() {
          await relay?.close();
          await listener.close();
        },
      };
    },
    async stop() {
      await adapter.close();
      return adapter.death?.lastWords ?? "";
    },
  };
}
