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
import type { Pace, PeerSettings } from "../test/galleries/mutant.ts";
import { startRelay } from "./galleries-relay.ts";

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
  const { pace } = settings;
  return role === "server" ? await startServer(launch, pace) : startClient(launch, pace);
}

async function startServer(launch: Launch, pace: Pace | undefined): Promise<Peer> {
  const child = new LaunchedProcess(launch);
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(START_MS);
  const first = await Promise.race([once(lines, "line", { signal }), child.gone.then(() => undefined)]);
  if (first === undefined) throw new Error(`it did not start: ${child.death?.lastWords ?? ""}`);
  const { port: itsPort } = JSON.parse(String(first[0])) as { port: number };
  const relay = pace === undefined ? undefined : await startRelay(itsPort, "listens", pace);
  const port = relay?.port ?? itsPort;
  return {
    connections: 32,
    get death() {
      return child.death;
    },
    open: async () => ({ link: () => connectLink({ host: HOST, port }), close: async () => undefined }),
    async stop() {
      await relay?.close();
      await child.stop();
      return child.death?.lastWords ?? "";
    },
  };
}

function startClient(launch: Launch, pace: Pace | undefined): Peer {
  const adapter = new Adapter(launch);
  return {
    connections: 1,
    get death() {
      return adapter.death;
    },
    async open() {
      const listener = await listenLinks({ host: HOST });
      const relay = pace === undefined ? undefined : await startRelay(listener.port, "connects", pace);
      const port = relay?.port ?? listener.port;
      await adapter.open({ host: HOST, port, fingerprint: null }, START_MS);
      return {
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
