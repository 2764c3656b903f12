// Plays every exchange against both cores over simulated links, and notes which pairs of state and input it brings
// about. A server is played in several ways, for what it owes and when it decides is its own affair; in each of them
// the exchange must pass, or what it showed counts for nothing.

import { loadCatalog, type Catalog } from "../../src/conformance/exchange/catalog.ts";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import { play } from "../../src/conformance/play/player.ts";
import { simulateLink } from "../../src/conformance/play/simulated-link.ts";
import { opaqueMechanism, PASSWORD } from "../../src/protocol/mechanism.ts";
import { hex } from "../protocol/bytes.ts";
import { SimulatedClient } from "../protocol/simulated-client.ts";
import {
  type Replies,
  simulatedProfile,
  simulateServer,
  type StoppableServer,
} from "../protocol/simulated-server.ts";
import { keyOf, type CoverageRole } from "./pairs.ts";
import { WatchedClientSession, WatchedServerSession, type Report } from "./watched-sessions.ts";

export interface Sighting {
  readonly role: CoverageRole;
  readonly exchange: string;
  /** The pairs that it brought about, by their keys. */
  readonly keys: ReadonlySet<string>;
  /** The reason why a play of it did not pass; undefined if all did. */
  readonly failure: string | undefined;
}

// The late server's verifications stand outside its deadlines.
const profile = simulatedProfile(100);

const SERVER_WAYS: readonly Way[] = [
  { replies: "at once", straight: false },
  { replies: "deferred", straight: false },
  { replies: "late", straight: false },
  { replies: "late", straight: true },
];

export async function collectSightings(catalog: Catalog = loadCatalog()): Promise<Sighting[]> {
  const sightings: Sighting[] = [];
  for (const exchange of catalog.exchanges)
    for (const role of exchange.roles) sightings.push(await watch(exchange, role));
  return sightings;
}

async function watch(exchange: Exchange, role: CoverageRole): Promise<Sighting> {
  const keys = new Set<string>();
  let failure: string | undefined;
  const ways = role === "server" ? SERVER_WAYS : [undefined];
  for (const way of ways) {
    const seen = new Set<string>();
    const report: Report = (state, input) => seen.add(keyOf({ state, input }));
    const peer = way === undefined ? clientPeer(report) : serverPeer(exchange, report, way);
    const { verdict, reason } = await play(exchange, { role, profile, ...peer });
    // What asks for TLS itself can't be played on a simulated link.
    if (verdict === "pass") for (const key of seen) keys.add(key);
    else if (verdict !== "unsupported")
      failure ??= `${exchange.id} (${way?.replies ?? role}): ${verdict}: ${reason}`;
  }
  return { role, exchange: exchange.id, keys, failure };
}

interface Way {
  readonly replies: Replies;
  readonly straight: boolean;
}

const SECURE = [opaqueMechanism(hex("00004c00 0002 01")), PASSWORD];

/** A session knows of TLS only that it may offer OPAQUE. */
function serverPeer({ connection }: Exchange, report: Report, { replies, straight }: Way) {
  const secure = connection === "tls";
  const start = simulateServer(replies, (settings, ...rest) => {
    const parameters = [secure ? { ...settings, mechanisms: SECURE } : settings, ...rest] as const;
    return new WatchedServerSession([...parameters], report, straight);
  });
  let server: StoppableServer | undefined;
  const link = simulateLink((wire) => (server = start(wire)));
  return {
    link,
    operator: { stop: () => server?.stop() },
    connection: secure ? connection : ("plaintext" as const),
  };
}

function clientPeer(report: Report) {
  const driver = new SimulatedClient((...parameters) => new WatchedClientSession(parameters, report));
  return { driver, link: () => simulateLink(driver.start) };
}
