// talkbyte-conformance against peers that crash, wedge, vanish or never come: what is said, and the exit code.

import { readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { simulateServer } from "../protocol/simulated-server.ts";
import { attach } from "../conformance/fakes.ts";
import {
  adapterPeer,
  clientProfile,
  conform,
  only,
  profileFile,
  reportOf,
  serverProfile,
  type Ran,
} from "../conformance/peers/command.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";

const cases = only("echo-basic", "frame-length-over-limit-after-login", "message-empty");
const oversize = "frame-length-over-limit-after-login";

async function serverRun(fault: string, ...more: readonly string[]): Promise<Ran> {
  return await conform(["server", "--profile", serverProfile(fault), "--verbose", ...cases, ...more]);
}

async function clientRun(fault: string, ...more: readonly string[]): Promise<Ran> {
  const chosen = only("echo-basic", "message-empty", "ping-by-the-client");
  const profile = clientProfile(fault, { startMs: 2000 });
  return await conform(["client", "--profile", profile, "--verbose", ...chosen, ...more]);
}

describe("a server that is right", () => {
  it("passes, with jobs and in every segmentation", async () => {
    const { code, out, err } = await serverRun("none", "--jobs=4", "--segmentation=all", "--seed=9");
    expect(err).toBe("");
    expect(out).toContain("peer (server, plaintext): 3 cases in ");
    expect(out).toContain(" s: 3 passed\n");
    expect(out).toContain("seed 9, whole + every-byte + random-cuts\n");
    expect(code).toBe(0);
  });

  it("passes behind a wrapper that knows nothing of it, and with its ports and deadlines stretched", async () => {
    const { code, out } = await serverRun("behind-a-wrapper", "--time-scale=1.5");
    expect(out).toContain("3 passed");
    expect(out).toContain("time scale 1.5");
    expect(code).toBe(0);
  });
});

describe("a server that crashes on an oversize frame", () => {
  it("fails that case with its last words, and is launched again for the next", async () => {
    const { code, out } = await serverRun("crashes-on-oversize");
    expect(out).toMatch(
      new RegExp(
        String.raw`^FAIL ${oversize}: .*; crashed: exit code 9; its last words: boom:\\x1b\[2J out of`,
        "m",
      ),
    );
    expect(out).toMatch(/^PASS echo-basic$/m);
    expect(out).toMatch(/^PASS message-empty$/m);
    expect(out).toContain("2 passed, 1 failed");
    expect(out).not.toContain("\u001b");
    expect(code).toBe(1);
  });

  it("fails it with several jobs, too", async () => {
    const { code, out } = await serverRun("crashes-on-oversize", "--jobs=3");
    expect(out).toContain("2 passed, 1 failed");
    expect(out).toContain("crashed: exit code 9");
    expect(code).toBe(1);
  });

  it("is no surprise where it's known", async () => {
    const known = join(makeTemporaryFolder(), "known.yaml");
    writeFileSync(known, `- { case: "${oversize}", reason: we know }\n- { case: gone-*, reason: old }\n`);
    const { code, out } = await serverRun("crashes-on-oversize", "--expect", known);
    expect(out).toContain(`KNOWN ${oversize}: `);
    expect(out).toContain('! the known failure "gone-*" fits no case: take it off the list');
    expect(out).toContain("2 passed, 1 failed as known");
    expect(code).toBe(1);
    writeFileSync(known, `- { case: "${oversize}", reason: we know }\n`);
    expect((await serverRun("crashes-on-oversize", "--expect", known)).code).toBe(0);
    writeFileSync(known, `- { case: "*", reason: we know }\n`);
    const wrongly = await serverRun("crashes-on-oversize", "--expect", known);
    expect(wrongly.out).toContain("FAIL echo-basic: it is known to fail (we know), but it passed");
    expect(wrongly.code).toBe(1);
  });
});

describe("a server that wedges on an oversize frame", () => {
  it("fails that case, and is launched again for the next", async () => {
    const { code, out } = await serverRun("wedges-on-oversize", "--timeout-ms=1000");
    expect(out).toMatch(
      new RegExp(`^FAIL ${oversize}: .*; the sanity case echo-basic does not pass: expected WELCOME`, "m"),
    );
    expect(out).toMatch(/^PASS message-empty$/m);
    expect(code).toBe(1);
  });

  it("is shrunk, launched anew for each attempt, and says how far it is", async () => {
    const own = join(makeTemporaryFolder(), "wedge.yaml");
    const steps = `- C: quiet\n  for: 10\n- C: { raw: "00 01 00 06" }\n  illegal: true\n- S: { closes: frame-too-large }\n`;
    writeFileSync(own, `id: wedge\ntitle: A wedge\ncovers: [TB-FRAME-2]\nsteps:\n${steps}`);
    const profile = serverProfile("wedges-on-oversize");
    const argv = ["--exchange", own, "--timeout-ms=400", "--minimize"];
    const { code, out, err } = await conform(["server", "--profile", profile, ...argv]);
    expect(err).toMatch(/^shrinking wedge: 2 steps left after \d+ plays\n$/);
    expect(out).toMatch(/^the smallest that fails like wedge \(whole; found in \d+ plays\):$/m);
    expect(out).toMatch(/^steps:\n- \{ C: \{ raw: 00 01 00 06 \}, illegal: true \}\n- \{ S: \{ closes/m);
    expect(code).toBe(1);
  });
});

describe("a server that is wrong from the start", () => {
  it("is held to every case", async () => {
    const { code, out } = await serverRun("echoes-wrongly");
    expect(out).toMatch(/^FAIL echo-basic: /m);
    expect(out).toMatch(new RegExp(`^PASS ${oversize}$`, "m"));
    expect(out).toContain("! before any other case: the sanity case echo-basic does not pass: ");
    expect(code).toBe(1);
  });
});

describe("a server that can't be tested", () => {
  it.each<[string, string]>([
    [
      "exits-at-once",
      "the server ended before it listened: exit code 7; its last words: no such configuration",
    ],
    ["silent", "the sanity case echo-basic does not pass: expected WELCOME, but got nothing in time"],
  ])("that is %s gives 3", async (fault, text) => {
    const { code, out, err } = await serverRun(fault, "--timeout-ms=700");
    expect(err).toBe(`talkbyte-conformance: nothing can be tested: ${text}\n`);
    expect(out).toBe("");
    expect(code).toBe(3);
  });

  it("that never listens gives 3", async () => {
    const profile = serverProfile("never-listens", { startMs: 300 });
    const { code, err } = await conform(["server", "--profile", profile, ...cases]);
    expect(err).toMatch(/nothing accepts a connection at 127\.0\.0\.1:\d+ within 300 ms\n$/);
    expect(code).toBe(3);
  });

  it("that isn't there gives 3", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, "close");
    const profile = profileFile({ startMs: 100 });
    // What stands there must not be taken for what this run has found.
    const json = join(makeTemporaryFolder(), "report.json");
    writeFileSync(json, "fine\n");
    const argv = ["--profile", profile, `--port=${port}`, "--json", json];
    const { code, err } = await conform(["server", ...argv, ...cases]);
    expect(reportOf(readFileSync(json, "utf8"))).toMatchObject({
      cases: [],
      exitCode: 3,
      remarks: [expect.stringContaining("nothing can be tested: ")],
    });
    expect(err).toContain(`nothing accepts a connection at 127.0.0.1:${port} within 100 ms`);
    expect(code).toBe(3);
  });

  it("whose host is not of this machine gives 3", async () => {
    const profile = serverProfile("none", { startMs: 100 });
    const { code, err } = await conform(["server", "--profile", profile, "--host=192.0.2.1", ...cases]);
    expect(err).toContain("nothing can be tested: there is no free port: ");
    expect(code).toBe(3);
  });

  it("whose port another has taken gives 3, and the other is not tested in its place", async () => {
    const { port } = await runningServer();
    const { code, err } = await conform(["server", "--profile", serverProfile(), `--port=${port}`, ...cases]);
    expect(err).toContain(`something else listens at 127.0.0.1:${port} already`);
    expect(code).toBe(3);
  });
});

// In this process; gone after so many connections.
async function runningServer(connections = Infinity): Promise<{ port: number }> {
  let count = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    attach(socket, simulateServer("at once"));
    if (++count >= connections) {
      server.close();
      socket.destroy();
    }
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as net.AddressInfo).port };
}

describe("a server that runs already", () => {
  it("passes", async () => {
    const { port } = await runningServer();
    const { code, out } = await conform(["server", "--profile", profileFile(), `--port=${port}`, ...cases]);
    expect(out).toContain("3 passed");
    expect(code).toBe(0);
  });

  it("that goes away half-way is not reported as fine, nor the cases that it missed", async () => {
    const { port } = await runningServer(4);
    const json = join(makeTemporaryFolder(), "report.json");
    const argv = [
      "--profile",
      profileFile({ startMs: 200 }),
      `--port=${port}`,
      "--verbose",
      `--json=${json}`,
    ];
    const { code, out } = await conform(["server", ...argv, ...cases, ...only("hello-agent-empty")]);
    expect(out).toContain(
      "! the implementation could not be started again: nothing accepts a connection at ",
    );
    expect(out).toMatch(/! \d cases were not played, for the implementation was gone/);
    const report = reportOf(readFileSync(json, "utf8"));
    expect(report.cases.length).toBeLessThan(4);
    expect(report.exitCode).toBe(code);
    expect(code).toBe(1);
  });
});

describe("a client", () => {
  it.each(["none", "answers-backwards"])("that is right passes behind an adapter: %s", async (fault) => {
    const { code, out } = await clientRun(fault, "--jobs=2");
    expect(out).toContain("peer (client, plaintext): 3 cases in ");
    expect(out).toContain("3 passed");
    expect(code).toBe(0);
  });

  it("that has no PING is unsupported there", async () => {
    // Nobody waits for what can't come.
    const { code, out } = await clientRun("has-no-ping", "--timeout-ms=600000");
    expect(out).toContain("UNSUPPORTED ping-by-the-client: the client has no such call");
    expect(out).toContain("2 passed, 1 unsupported");
    expect(code).toBe(0);
  });

  it.each<[string, string]>([
    ["silent", 'the adapter did not answer "open" within 2000 ms'],
    [
      "silent-at-second-open",
      'echo-basic can\'t be played: the adapter did not answer "open" within 2000 ms',
    ],
    ["writes-garbage", "the adapter wrote a line that answers no request: connecting…"],
    ["dies-on-login", "crashed: exit code 5; its last words: the client library has gone mad"],
    ["dies-at-second-open", "crashed: exit code 5; its last words: the client library has gone mad"],
  ])("whose adapter is %s gives 3", async (fault, text) => {
    const { code, out, err } = await clientRun(fault, "--timeout-ms=700");
    expect(err).toContain("talkbyte-conformance: nothing can be tested: ");
    expect(err).toContain(text);
    expect(out).toBe("");
    expect(code).toBe(3);
  });

  it("of nothing but a command line is reached, too", async () => {
    const command = ["--", process.execPath, adapterPeer];
    const settings = ["--plaintext", "--set=username=alice", "--set=max-frame-bytes=65541"];
    const limits = ["--set=max-under-way=8", "--set=idle-ms=2000", ...only("echo-basic")];
    const password = { TALKBYTE_PASSWORD: "correct horse" };
    const { code, out } = await conform(["client", ...settings, ...limits, ...command], password);
    expect(out).toContain("1 cases in");
    expect(out).toContain("1 passed");
    expect(code).toBe(0);
  });
});
