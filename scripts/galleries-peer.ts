// The peers of the galleries as processes: a server on a port of its own, or a client behind its adapter. Each is asked
// for a fresh connection for every exchange, and at the end for what it said: what was patched, and what broke.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import type { Opening } from "../src/conformance/play/run.ts";
import { connectLink, listenLinks } from "../src/conformance/play/socket-link.ts";
import { Adapter } from "../src/conformance/suite/adapter.ts";
import { LaunchedProcess, type Death, type Launch } from "../src/conformance/suite/child-process.ts";
import type { PeerSettings } from "../test/galleries/mutant.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const HOST = "127.0.0.1";
const START_MS = 20_000;

export interface Connection extends Opening {
  close(): Promise<void>;
}

export interface Peer {
  /** How many connections it may have at once. */
  readonly connections: number;
  /** Undefined while it lives. */
  readonly death: Death | undefined;
  open(): Promise<Connection>;
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
  return role === "server" ? await startServer(launch) : startClient(launch);
}

async function startServer(launch: Launch): Promise<Peer> {
  const child = new LaunchedProcess(launch);
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(START_MS);
  const first = await Promise.race([once(lines, "line", { signal }), child.gone.then(() => undefined)]);
  if (first === undefined) throw new Error(`it did not start: ${child.death?.lastWords ?? ""}`);
  const { port } = JSON.parse(String(first[0])) as { port: number };
  return {
    connections: 8,
    get death() {
      return child.death;
    },
    open: async () => ({ link: () => connectLink({ host: HOST, port }), close: async () => undefined }),
    async stop() {
      await child.stop();
      return child.death?.lastWords ?? "";
    },
  };
}

function startClient(launch: Launch): Peer {
  const adapter = new Adapter(launch);
  return {
    connections: 1,
    get death() {
      return adapter.death;
    },
    async open() {
      const listener = await listenLinks({ host: HOST });
      await adapter.open({ host: HOST, port: listener.port, fingerprint: null }, START_MS);
      return {
        link: async () => await listener.accept(START_MS),
        driver: adapter,
        close: async () => await listener.close(),
      };
    },
    async stop() {
      await adapter.close();
      return adapter.death?.lastWords ?? "";
    },
  };
}
