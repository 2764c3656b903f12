// What does an idle session hold of a server's memory? Ten thousand sessions log in from a process of their own and say no
// more; the server has its defaults but for its cap, and its user a cheap hash, so that the logins take seconds and not minutes.
// In plaintext, or with --tls over TLS. Prints the server's resident memory and its share for each session, and whether an honest user still gets
// in and is answered. Exit code 1: sessions were lost. Linux alone.
//
// npm run bench-idle [-- --tls] [-- --sessions N]

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { connect } from "../src/index.ts";
import { Attack } from "../test/attacks/attacker.ts";
import { memoryOf, openFilesOf } from "../test/attacks/process-status.ts";
import { PASSWORD, startBenchServer, USERNAME } from "./bench-server.ts";

/** Sessions that are there before the first measurement, which the first use of things shall not count for. */
const WARM_UP = 200;
const LANES = 50;
/** Files of a process beside its sockets. */
const OTHER_FILES = 100;

const { values } = parseArgs({
  options: { tls: { type: "boolean", default: false }, sessions: { type: "string", default: "10000" } },
});
const sessions = Number(values.sessions);
if (!Number.isInteger(sessions) || sessions <= WARM_UP)
  throw new Error(`--sessions takes a number above ${WARM_UP}`);
const fileLimit = Number(
  /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))![1],
);
if (fileLimit < sessions + OTHER_FILES)
  throw new Error(
    `a process may open ${fileLimit} files here, too few for ${sessions} sessions: see ulimit -Hn`,
  );

const kind = values.tls ? "idle-sessions" : "idle-sessions-in-plaintext";
const cheap = { memoryKib: 8, passes: 1, lanes: 1 };
await using server = await startBenchServer(
  [{ name: USERNAME, hash: cheap }],
  "--read-only-users",
  "--log-level",
  "error",
  "--max-connections",
  String(sessions + OTHER_FILES),
  ...(values.tls ? [] : ["--plaintext"]),
);
const { port, fingerprint } = server;

/** Opens so many more sessions, which stay until the end. */
function open(count: number): Attack {
  const account = { username: USERNAME, password: PASSWORD };
  return new Attack({
    kind,
    port,
    from: ["127.0.0.2", "127.0.0.3"],
    lanes: LANES,
    connections: count,
    account,
  });
}

const atStart = memoryOf(server).now;
await using first = open(WARM_UP);
await first.seen("loggedIn", WARM_UP);
const warm = memoryOf(server).now;
const startedAt = performance.now();
await using rest = open(sessions - WARM_UP);
await rest.seen("loggedIn", sessions - WARM_UP);
const seconds = (performance.now() - startedAt) / 1000;
const full = memoryOf(server);
const files = openFilesOf(server);

const trust = values.tls ? { trust: { fingerprint } } : { plaintext: true };
const honestAt = performance.now();
const client = await connect({ host: "127.0.0.1", port, ...trust, username: USERNAME, password: PASSWORD });
await client.send("hello");
const honestMs = performance.now() - honestAt;
await client.stop();

const lost = [first, rest].reduce((sum, { tally }) => sum + (tally["ended"] ?? 0), 0);
const kib = ((full.now - warm) * 1024) / (sessions - WARM_UP);
process.stdout.write(
  `${sessions} idle sessions, ${values.tls ? "TLS" : "plaintext"}: server memory ${atStart.toFixed(0)} MiB at its start, ${warm.toFixed(0)} MiB with ${WARM_UP} sessions, ` +
    `${full.now.toFixed(0)} MiB with all (${full.peak.toFixed(0)} at most): ${kib.toFixed(1)} KiB a session; ${files} files open; ` +
    `logged in at ${((sessions - WARM_UP) / seconds).toFixed(0)} a second; ${lost} lost; then a login with its echo took ${honestMs.toFixed(0)} ms\n`,
);
if (lost > 0) process.exitCode = 1;
