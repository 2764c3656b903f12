// Every exchange of the specification against the core, without a socket and in virtual time: both roles, and
// the same verdict however the stream is cut (TB-FRAME-4).

import { describe, expect, test } from "vitest";
import { exchangesFor, loadCatalog } from "../src/conformance/exchange/catalog.ts";
import type { Result } from "../src/conformance/play/result.ts";
import { runExchange, type Opening } from "../src/conformance/play/run.ts";
import { segmentations } from "../src/conformance/play/segmentation.ts";
import { simulateLink } from "../src/conformance/play/simulated-link.ts";
import { SimulatedClient } from "./protocol/simulated-client.ts";
import {
  type Replies,
  simulatedProfile,
  simulateServer,
  type StoppableServer,
} from "./protocol/simulated-server.ts";

const catalog = loadCatalog();
const profile = simulatedProfile();

const openServer = (replies: Replies): Opening => {
  const start = simulateServer(replies);
  let server: StoppableServer | undefined;
  const link = simulateLink((wire) => (server = start(wire)));
  return { link, operator: { stop: () => server?.stop() } };
};
const openClient = (): Opening => {
  const client = new SimulatedClient();
  return { link: () => simulateLink(client.start), driver: client };
};

/** The verdict with its reason, and the branches that were taken. */
function summary({ verdict, reason, branches }: Result): string {
  return [verdict, reason, ...branches.map(({ name }) => name)].filter(Boolean).join(": ");
}

/** All that need no TLS, which the core knows nothing of. */
const idsFor = (role: "server" | "client"): string[] =>
  exchangesFor(catalog, role).flatMap(({ id, connection }) => (connection === undefined ? [id] : []));

describe.each(["at once", "deferred"] as const)("a server that replies %s", (replies) => {
  test.each(idsFor("server"))("%s", async (id) => {
    for (const segmentation of segmentations) {
      const result = await runExchange(catalog, catalog.byId.get(id)!, {
        role: "server",
        profile,
        segmentation,
        open: () => openServer(replies),
      });
      expect({ segmentation, result: summary(result) }).toEqual({
        segmentation,
        result: expect.stringMatching(/^pass/),
      });
    }
  });
});

describe("a client", () => {
  test.each(idsFor("client"))("%s", async (id) => {
    for (const segmentation of segmentations) {
      const result = await runExchange(catalog, catalog.byId.get(id)!, {
        role: "client",
        profile,
        segmentation,
        open: openClient,
      });
      expect({ segmentation, result: summary(result) }).toEqual({
        segmentation,
        result: expect.stringMatching(/^pass/),
      });
    }
  });
});
