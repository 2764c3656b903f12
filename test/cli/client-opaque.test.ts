// talkbyte-client against a server with a certificate that it made itself, with nothing but the password; and what it
// says when OPAQUE can't prove the server.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { KnownServers } from "../../src/net/known-servers.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD, startServer, type RunningServer } from "../net/harness.ts";
import { opaqueUsers, testSetup } from "../net/opaque-peer.ts";
import { login, runClient } from "./client-process.ts";

interface Served {
  readonly running: RunningServer;
  readonly known: string;
  readonly argsOf: (password?: string) => string[];
}

async function serveOpaque(offered = true): Promise<Served> {
  const opaque = offered ? { opaque: await testSetup() } : {};
  const running = await startServer({ tls: true, users: await opaqueUsers(), ...opaque });
  const known = join(makeTemporaryFolder(), "known-servers");
  const argsOf = (password = PASSWORD): string[] => [
    ...login(running.port, password),
    "--known-servers",
    known,
  ];
  return { running, known, argsOf };
}

describe("the password alone", () => {
  it("logs in, remembers the server for the user, says so, and knows it then", async () => {
    const { running, known, argsOf } = await serveOpaque();
    const first = await runClient(argsOf(), "a\n");
    const place = `${known}:1`;
    const said = `talkbyte-client: the password has proved 127.0.0.1:${running.port}; remembered its key for alice in ${place}\n`;
    expect(first).toEqual({ code: 0, signal: null, out: "a\n", err: said });
    expect(readFileSync(known, "utf8")).toContain(` ${running.identity!.fingerprint} opaque alice `);
    expect(await runClient(argsOf(), "b\n")).toEqual({ code: 0, signal: null, out: "b\n", err: "" });
  });

  it("proves a changed key, with a notice and an event", async () => {
    const { running, known, argsOf } = await serveOpaque();
    const other = "b".repeat(64);
    await new KnownServers(known).learn(LOOPBACK, running.port, other, "alice");
    const { code, out, err } = await runClient([...argsOf(), "--json"], "");
    expect(code).toBe(0);
    const { fingerprint } = running.identity!;
    expect(err).toContain(`warning: the key of 127.0.0.1:${running.port} has changed`);
    expect(err).toContain(`was  ${other}\n  is   ${fingerprint}\n`);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toMatchObject([
      { type: "remembered", username: "alice", fingerprint, place: `${known}:1`, replaced: other },
      { type: "session", mechanism: "OPAQUE", voucher: "opaque" },
      { type: "end" },
    ]);
  });
});

describe("a server that OPAQUE does not prove", () => {
  it("is one of three things, and none is said to be so", async () => {
    const { known, argsOf } = await serveOpaque();
    const { code, out, err } = await runClient([...argsOf("wrong battery staple"), "--json"], "");
    expect({ code, err }).toEqual({
      code: 4,
      err: expect.stringMatching(/wrong, or not enrolled .* impostor/),
    });
    expect(JSON.parse(out)).toMatchObject({ type: "error", code: "refused", retryable: false });
    expect(() => readFileSync(known)).toThrow("ENOENT");
  });

  it("is refused with what to do when it does not offer it", async () => {
    const { running, argsOf } = await serveOpaque(false);
    const { code, out, err } = await runClient([...argsOf(), "--json"], "");
    expect(code).toBe(5);
    expect(err).toContain(`nobody vouches for 127.0.0.1:${running.port}, and it does not offer OPAQUE`);
    expect(err).toMatch(/took it from the offer[^]*--fingerprint [0-9a-f]{64}[^]*--trust-new-server/);
    expect(JSON.parse(out)).toMatchObject({ reason: "unknown-server", opaque: "not-offered" });
    expect(running.log.of("login")).toEqual([]);
  });
});

it("--trace shows what OPAQUE says, which is no secret, and never the password", async () => {
  const { argsOf } = await serveOpaque();
  const { code, err } = await runClient([...argsOf(), "--trace"], "");
  expect(code).toBe(0);
  const frames = Array.from(err.matchAll(/ms {2}[→←] {2}([A-Z]+) /g), ([, name]) => name);
  expect(frames.slice(0, 6)).toEqual(["HELLO", "WELCOME", "AUTH", "CHALLENGE", "RESPONSE", "AUTHENTICATED"]);
  expect(err).toContain("00 00 4c 00 00 02 01  argon2id of 19456 KiB, 2 passes, 1 lane");
  expect(err).toMatch(/mechanism +"OPAQUE"[^]*mechanism-data +([0-9a-f]{2} ){16}… \(96 bytes\)/);
  expect(err).not.toContain("••••");
  for (const secret of [PASSWORD, Buffer.from(PASSWORD).toString("hex").match(/../g)!.join(" ")])
    expect(err).not.toContain(secret);
});
