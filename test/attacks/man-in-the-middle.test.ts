// A man in the middle with a certificate of his own, before a server that a client knows, or does not. In no way in which
// a client is used without being told to believe a stranger does he get a password or a session.

import { join } from "node:path";
import { expect, test } from "vitest";

import { connect } from "../../src/net/client.ts";
import { KnownServers } from "../../src/net/known-servers.ts";
import type { TrustOptions } from "../../src/net/trust.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD, startServer } from "../net/harness.ts";
import { ManInTheMiddle } from "./man-in-the-middle.ts";

type Trust = (trueFingerprint: string, port: number) => Promise<TrustOptions>;

const known = (): KnownServers => new KnownServers(join(makeTemporaryFolder(), "known-servers"));

test.each<[string, Trust, string]>([
  ["knows nothing of the server", async () => ({ knownServers: known() }), "unknown-server"],
  ["has pinned the server's key", async (fingerprint) => ({ fingerprint }), "wrong-fingerprint"],
  [
    "remembers the server's key",
    async (fingerprint, port) => {
      const knownServers = known();
      await knownServers.remember(LOOPBACK, port, fingerprint);
      return { knownServers };
    },
    "changed-key",
  ],
  [
    "remembers the server's key and is told to trust new servers",
    async (fingerprint, port) => {
      const knownServers = known();
      await knownServers.remember(LOOPBACK, port, fingerprint);
      return { knownServers, trustNewServer: true };
    },
    "changed-key",
  ],
])("a client that %s gives him nothing", async (_, trustOf, reason) => {
  const running = await startServer({ tls: true });
  const man = await ManInTheMiddle.open(running.port);
  const trust = await trustOf(running.identity!.fingerprint, man.port);
  const login = connect({ host: LOOPBACK, port: man.port, username: "alice", password: PASSWORD, trust });
  await expect(login).rejects.toMatchObject({ code: "not-trusted", reason });
  expect(man.heard).toEqual([]);
  expect(running.log.of("login")).toEqual([]);
});

// What the warning is for: that this attacker is a real one.
test("a client that is told to trust a new server hands him the password and a session", async () => {
  const running = await startServer({ tls: true });
  const man = await ManInTheMiddle.open(running.port);
  const trust = { knownServers: known(), trustNewServer: true };
  const client = await connect({
    host: LOOPBACK,
    port: man.port,
    username: "alice",
    password: PASSWORD,
    trust,
  });
  expect(man.overheard).toContain(PASSWORD);
  await client.stop();
});
