// Proof that spec/cases.json is enough: a player of some three hundred lines of Python, without a codec or a field
// table, plays every server case against our server; and it finds what is wrong with servers that are not right.

import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { referenceProfile } from "../../src/conformance/cases/reference-profile.ts";
import type { CasesFile } from "../../src/conformance/cases/cases.ts";
import type { VariableName } from "../../src/conformance/exchange/profile.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import { createServer, type ServerLimits, type UsersSource } from "../../src/index.ts";
import { concat, frame, unsigned, utf8 } from "../protocol/bytes.ts";
import {
  AUTHENTICATED,
  errorFrame,
  listenRaw,
  LOOPBACK,
  refused,
  welcome,
  type RawPeer,
} from "../net/harness.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const python = spawnSync("python3", ["--version"]).status === 0;
if (!python) process.stderr.write("python3 is missing: the cases are not played from Python\n");
const published = JSON.parse(readFileSync(path("spec/cases.json"), "utf8")) as CasesFile;
const serverCases = published.cases.filter(({ roles }) => roles.includes("server"));
// The player knows plaintext alone, and can't stop a server that it did not start.
const unplayable = serverCases.filter((one) => /"(connection|operator)":/.test(JSON.stringify(one)));

interface Played {
  readonly case: string;
  readonly verdict: string;
  readonly reason: string;
}

interface Run {
  readonly exitCode: number;
  readonly results: readonly Played[];
}

async function play(
  port: number,
  only: readonly string[] = [],
  options: readonly string[] = [],
): Promise<Run> {
  const chosen = only.flatMap((id) => ["--only", id]);
  const target = [path("spec/cases.json"), LOOPBACK, String(port)];
  const parameters = [path("test/interop/cases_player.py"), ...target, ...options, ...chosen];
  return await new Promise((resolve, reject) => {
    execFile("python3", parameters, { maxBuffer: 1e8 }, (error, stdout, stderr) => {
      if (stderr !== "") return reject(new Error(stderr));
      const results = stdout.trim().split("\n").filter(Boolean);
      const exitCode = typeof error?.code === "number" ? error.code : error === null ? 0 : -1;
      return resolve({ exitCode, results: results.map((line) => JSON.parse(line) as Played) });
    });
  });
}

async function users(): Promise<UsersSource> {
  const times = { createdAt: "", updatedAt: "", credentialId: "" };
  const user = async (name: string, disabled: boolean) => {
    const plain = String(referenceProfile.variables[disabled ? "disabled-password" : "password"]);
    // The lightest hash that is allowed: what is tested here is the wire.
    const password = await hashPassword(preparePassword(plain), { memoryKib: 8, passes: 1, lanes: 1 });
    return { name, password, disabled, ...times };
  };
  const { username, "disabled-username": other } = referenceProfile.variables;
  const list = [await user(String(username), false), await user(String(other), true)];
  const snapshot = {
    get: (name: string) => list.find((one) => one.name === name),
    list: () => list,
    warnings: [],
  };
  return { current: async () => snapshot, replaceHash: async () => false };
}

/** Our server, set up to the reference profile but for what is changed. */
async function serve(changed: Partial<ServerLimits> = {}): Promise<number> {
  const of = (name: VariableName): number => Number(referenceProfile.variables[name]);
  const limits = {
    loginMs: of("login-ms"),
    frameMs: of("frame-ms"),
    idleMs: of("idle-ms"),
    tries: of("tries"),
    maxFrameBytes: of("max-frame-bytes"),
    maxUnderWay: of("max-under-way"),
    verifyQueueLength: 1000,
    verifyQueuePerSource: 1000,
    verifyQueueMs: 60_000,
    ...changed,
  };
  const server = createServer({
    users: await users(),
    identity: "plaintext",
    penaltyExempt: ["127.0.0.0/8"],
    limits,
  });
  onTestFinished(async () => await server.close());
  return (await server.listen({ host: LOOPBACK, port: 0 })).port;
}

const verdicts = (run: Run): string[] => run.results.map((one) => `${one.case} ${one.verdict}`);
const extension = frame(0x80, utf8("anything"));

describe.skipIf(!python)("the cases, played from Python", () => {
  it("all pass against our server", { timeout: 120_000 }, async () => {
    const { exitCode, results } = await play(await serve());
    const rest = results.filter(({ verdict }) => verdict !== "pass");
    expect(rest.map((one) => `${one.case} ${one.verdict}`)).toEqual(
      unplayable.map(({ id }) => `${id} unsupported`),
    );
    expect(results.map((one) => one.case)).toEqual(serverCases.map(({ id }) => id));
    expect(exitCode).toBe(0);
  });

  it("all but one fail against a server that sends back what it gets", { timeout: 120_000 }, async () => {
    const { port } = await listenRaw(({ socket }) => socket.pipe(socket));
    const { exitCode, results } = await play(port, [], ["--timeout", "2", "--jobs", "16"]);
    // Whoever ends the stream without a word is answered in kind, which is right.
    const rest = results.filter(({ verdict }) => verdict !== "fail" && verdict !== "unsupported");
    expect(rest).toEqual([{ case: "end-before-hello", verdict: "pass", reason: "" }]);
    expect(results.length).toBe(serverCases.length);
    expect(exitCode).toBe(1);
  });

  it(
    "tell a server that takes another number of tries, or has other deadlines",
    { timeout: 60_000 },
    async () => {
      const slow = ["deadline-frame-before-login", "deadline-login-silent", "deadline-idle"];
      const counting = ["auth-tries-used-up", "auth-unknown-user"];
      const run = await play(await serve({ tries: 4, frameMs: 100, loginMs: 9000 }), [
        ...slow,
        ...counting,
        "echo-basic",
      ]);
      expect(verdicts(run).toSorted()).toEqual([
        "auth-tries-used-up fail",
        "auth-unknown-user fail",
        "deadline-frame-before-login fail",
        "deadline-idle pass",
        "deadline-login-silent fail",
        "echo-basic pass",
      ]);
      const reason = (id: string): string | undefined => run.results.find((one) => one.case === id)?.reason;
      expect(reason("deadline-frame-before-login")).toMatch(/^after \d+ ms; due from 900 to 1500 ms$/);
      expect(reason("deadline-login-silent")).toBe("expected closes timeout; it was nothing");
      expect(reason("auth-unknown-user")).toMatch(
        /REFUSED: 03 where 02 should be; it was 000000070701[0-9a-f]{8}03/,
      );
    },
  );

  it("play nothing by an unknown name", async () => {
    expect(await play(1, ["no-such-case"])).toEqual({ exitCode: 2, results: [] });
  });

  it("can't judge a server that isn't there, or is busy", async () => {
    const { port } = await listenRaw(async (peer) => {
      await peer.next();
      peer.send(welcome(), refused(3, 0, 3));
    });
    const busy = await play(port, ["echo-basic"]);
    expect(busy.results[0]).toMatchObject({ verdict: "inconclusive", reason: "REFUSED busy" });
    const gone = createTcpServer().listen(0, LOOPBACK);
    await once(gone, "listening");
    const { port: silent } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, "close");
    const away = await play(silent, ["echo-basic"]);
    expect(away.exitCode).toBe(1);
    expect(away.results[0]).toMatchObject({
      verdict: "inconclusive",
      reason: expect.stringMatching(/^no connection/) as string,
    });
  });
});

/** A server for echo-basic alone, that can be told to do more than it needs to. */
async function echo(
  peer: RawPeer,
  extra: Partial<Record<"first" | "ready" | "last", Uint8Array>> = {},
): Promise<void> {
  const none = new Uint8Array();
  await peer.next();
  peer.send(extra.first ?? none, welcome(), extension);
  await peer.next();
  peer.send(AUTHENTICATED, extra.ready ?? none);
  for (let next = await peer.next(); next !== undefined; next = await peer.next()) {
    if (next.name === "PONG" && next.body[7] !== 9) return void peer.send(errorFrame(4)).end();
    if (next.name === "MESSAGE") peer.send(extension, frame(0x11, next.body));
    if (next.name === "STOP") return void peer.send(frame(0x21, unsigned(1, 8)), extra.last ?? none).end();
  }
}

describe.skipIf(!python)("what comes between the steps", () => {
  const ping = frame(0x12, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9));
  const oversize = concat(unsigned(1_048_582, 4), Uint8Array.of(0x80));

  it.each([
    ["nothing but what is asked for", {}, "pass", /^$/],
    ["extension frames and a PING", { ready: concat(extension, ping, extension) }, "pass", /^$/],
    ["an extension frame before WELCOME", { first: extension }, "fail", /^an extension frame where none/],
    ["a PING before AUTHENTICATED", { first: ping }, "fail", /^WELCOME: 12[0-9a-f]+ where 02/],
    ["an extension frame after STOPPED", { last: extension }, "fail", /^an extension frame where none/],
    ["a PING after STOPPED", { last: ping }, "fail", /^expected \['end'\]/],
    ["a frame over the limit", { ready: oversize }, "fail", /^a frame of length 1048582, over the limit/],
    ["half a frame at the end", { last: ping.subarray(0, 7) }, "fail", /it was end inside a frame$/],
  ] as const)("%s", async (_name, extra, verdict, reason) => {
    const { port } = await listenRaw((peer) => echo(peer, extra));
    const { results } = await play(port, ["echo-basic"]);
    expect(results[0]).toMatchObject({ verdict, reason: expect.stringMatching(reason) as string });
  });

  it("an end without ERROR is a warning, unless the probe fails", async () => {
    let connections = 0;
    const { port } = await listenRaw(async (peer) => {
      connections++;
      if (connections > 1) return await echo(peer);
      await peer.next();
      peer.end();
    });
    const { results } = await play(port, ["auth-before-hello"], ["--jobs", "1"]);
    expect(results[0]).toMatchObject({ verdict: "warn", reason: "end without an ERROR" });
    expect(connections).toBe(2);
    const deaf = await listenRaw((peer) => void peer.end());
    const after = await play(deaf.port, ["auth-before-hello"], ["--jobs", "1"]);
    expect(after.results[0]?.verdict).toBe("fail");
    expect(after.results[0]?.reason).toMatch(/^echo-basic afterwards: expected WELCOME/);
  });
});
