// The player against a server under test: deadlines, branches, and the verdicts that accuse nobody.

import { describe, expect, it } from "vitest";
import { concat, fromHex, toHex } from "../../src/conformance/wire/bytes.ts";
import { outlasts, parseProfile } from "../../src/conformance/exchange/profile.ts";
import { bytesFrom } from "../../src/conformance/play/stage.ts";
import { serverLogin } from "./exchange-text.ts";
import { errorFrame, frame, refusedFrame, u16, u64, welcome } from "./fakes.ts";
import type { FakeOptions } from "./fakes.ts";
import { hello, playServer } from "./play-server.ts";

describe("deadlines", () => {
  const silent = `${hello}- S: { WELCOME: $any }\n- S: { closes: timeout }\n  at: $login-ms\n  since: start`;

  it("take no real time, and are measured", async () => {
    const result = await playServer(silent, { loginMs: 30_200 });
    expect(result).toMatchObject({
      verdict: "pass",
      timings: [{ deadlineMs: 30_000, earliestMs: 27_000, latestMs: 30_500, measuredMs: 30_200 }],
    });
  });

  it.each([
    ["too early", 26_999, "came too early, after 26999 ms"],
    ["too late", 30_501, "nothing came by 30500 ms"],
  ])("fail a peer that is %s", async (_name, loginMs, reason) => {
    const result = await playServer(silent, { loginMs });
    expect(result).toMatchObject({ verdict: "fail" });
    expect(result.reason).toContain(reason);
  });

  it("are told in whole milliseconds", async () => {
    const odd = parseProfile({ "login-ms": 999, "slack-ms": 501 });
    const { reason, timings } = await playServer(silent, { loginMs: 3000 }, { profile: odd });
    expect(reason).toBe("nothing came by 1500 ms; due within 899 to 1500 ms");
    expect(timings).toMatchObject([{ deadlineMs: 999, earliestMs: 899, latestMs: 1500 }]);
  });

  it("count from a mark, or from the step before", async () => {
    const marked = `
- C: { cut: { HELLO: $any }, bytes: 3 }
  mark: first
- C: quiet
  for: $login-ms
- C: { cut: { HELLO: $any }, from: 3, bytes: 1 }
- S: { closes: timeout }
  at: $login-ms
  since: first`;
    expect(await playServer(marked, { loginMs: 30_000 })).toMatchObject({ verdict: "pass" });
    const unmarked = marked.replace("  since: first", "");
    expect(await playServer(unmarked, { loginMs: 30_000 })).toMatchObject({ verdict: "fail" });
  });

  it("judge what arrived while the runner was silent by its arrival", async () => {
    const early = `- C: quiet\n  for: $login-ms\n  share: 1\n- S: { closes: timeout }\n  at: $login-ms\n  since: start`;
    expect((await playServer(early, { loginMs: 10 })).reason).toContain("too early, after 10 ms");
  });
});

describe("one-of", () => {
  const fork = `${hello}
- one-of:
    welcomed: [{ S: { WELCOME: { version: 1 } } }, { C: { PING: $any } }, { S: { PONG: $any } }]
    refused: [{ S: { closes: malformed } }]
    dropped: [{ S: closed }]
  advised-against: [dropped]
- S: quiet
  for: 1`;

  it("goes where the peer goes, and says where", async () => {
    expect(await playServer(fork)).toMatchObject({ verdict: "pass", branches: [{ name: "welcomed" }] });
    const refusing: FakeOptions = { on: { HELLO: (_r, wire) => (wire.send(errorFrame(1)), wire.end()) } };
    expect(await playServer(fork, refusing)).toMatchObject({
      verdict: "pass",
      branches: [{ name: "refused" }, { name: "error" }],
    });
  });

  it("warns of a branch that is advised against", async () => {
    const steps = fork.replace("    refused: [{ S: { closes: malformed } }]\n", "");
    const dropping: FakeOptions = { on: { HELLO: (_r, wire) => wire.reset() } };
    expect(await playServer(steps, dropping)).toMatchObject({
      verdict: "warn",
      branches: [{ name: "dropped", advisedAgainst: true }],
    });
  });

  it("fails what fits no branch", async () => {
    const stopped: FakeOptions = { on: { HELLO: (_r, wire) => wire.send(frame("STOPPED", u64(1))) } };
    expect((await playServer(fork, stopped)).reason).toBe(
      "expected one of the branches welcomed, refused, dropped, but got STOPPED accepted=1",
    );
    expect((await playServer(fork, { on: { HELLO: () => undefined } })).reason).toContain("nothing in time");
  });

  it("tells a pass that shows nothing, for what is illegal came too late", async () => {
    const stopped: FakeOptions = {
      on: { STOP: (_r, wire) => (wire.send(frame("STOPPED", u64(0))), wire.end()) },
    };
    const refused: FakeOptions = { on: { STOP: (_r, wire) => (wire.send(errorFrame(4)), wire.end()) } };
    const late = `${serverLogin}
- C: [{ STOP: $any }, { HELLO: $any }]
  illegal: true
- one-of: { stopped: [{ S: { STOPPED: $any } }, { S: end }], refused: [{ S: { closes: unexpected-frame } }] }`;
    const passed = await playServer(late, stopped);
    expect(passed.verdict).toBe("pass");
    expect(passed.notReached).toBe(
      'it went by "stopped" (line 12), so it processed nothing that it had to refuse',
    );
    expect(await playServer(late, refused)).toMatchObject({ verdict: "pass", notReached: undefined });
    const legal = late.replace("  illegal: true\n", "");
    expect(await playServer(legal, stopped)).toMatchObject({ verdict: "pass", notReached: undefined });
  });

  it("takes a quiet branch when nothing comes", async () => {
    const steps = `${hello}- one-of: { silent: [{ S: quiet, for: 50 }, { C: { PING: $any } }, { S: { PONG: $any } }], other: [{ S: { WELCOME: $any } }] }`;
    expect(await playServer(steps, { on: { HELLO: () => undefined } })).toMatchObject({
      verdict: "pass",
      branches: [{ name: "silent" }],
    });
    expect(await playServer(steps)).toMatchObject({ verdict: "pass", branches: [{ name: "other" }] });
  });
});

describe("optional", () => {
  const steps = `${hello}- S: { WELCOME: $any }\n  optional: true\n- S: { closes: malformed }`;

  it("may come or not", async () => {
    const ends: FakeOptions = { on: { HELLO: (_r, wire) => (wire.send(errorFrame(1)), wire.end()) } };
    const both: FakeOptions = {
      on: { HELLO: (_r, wire) => (wire.send(concat([welcome(), errorFrame(1)])), wire.end()) },
    };
    expect(await playServer(steps, ends)).toMatchObject({ verdict: "pass" });
    expect(await playServer(steps, both)).toMatchObject({ verdict: "pass" });
    expect(await playServer(steps)).toMatchObject({ verdict: "fail" });
    expect(await playServer(steps, { on: { HELLO: () => undefined } })).toMatchObject({ verdict: "fail" });
  });
});

describe("inconclusive", () => {
  const steps = `${hello}- S: { WELCOME: $any }\n- C: { AUTH: $any }\n- S: { AUTHENTICATED: $any }`;
  const refusing = (reason: number): FakeOptions => ({
    on: { AUTH: (_r, wire) => wire.send(refusedFrame(reason, 0)) },
  });

  it.each([
    [3, "inconclusive", "the server refused with busy"],
    [4, "inconclusive", "the server refused with throttled"],
    [
      1,
      "fail",
      "expected AUTHENTICATED, but got REFUSED reason=bad-credentials retry-after-ms=0 tries-left=0",
    ],
  ])("is a refusal for want of capacity: %#", async (code, verdict, reason) => {
    expect(await playServer(steps, refusing(code))).toMatchObject({ verdict, reason });
  });

  it("is such a refusal where another REFUSED, an end or a branch is due, and not where it's expected", async () => {
    const bad = steps.replace("AUTHENTICATED: $any", "REFUSED: { reason: bad-credentials }");
    expect(await playServer(bad, refusing(3))).toMatchObject({ verdict: "inconclusive" });
    const closes = steps.replace("{ AUTHENTICATED: $any }", "{ closes: malformed }");
    expect(await playServer(closes, refusing(4))).toMatchObject({ verdict: "inconclusive" });
    const fork = `${hello}- S: { WELCOME: $any }\n- C: { AUTH: $any }\n- one-of: { a: [{ S: end }], b: [{ S: { AUTHENTICATED: $any } }] }`;
    expect(await playServer(fork, refusing(4))).toMatchObject({ verdict: "inconclusive" });
    const due = steps.replace("AUTHENTICATED: $any", "REFUSED: { reason: busy }");
    expect(await playServer(due, refusing(3))).toMatchObject({ verdict: "pass" });
  });

  it("is a server that can't be reached", async () => {
    const link = (): never => {
      throw new Error("connection refused");
    };
    expect(await playServer(steps, {}, { link })).toMatchObject({
      verdict: "inconclusive",
      reason: "could not be reached: connection refused",
    });
  });
});

describe("unsupported", () => {
  const link = (): never => {
    throw new Error("the link must not be asked for");
  };

  it.each([
    ["- S: closed\n  at: $drain-ms", "", "the profile has no $drain-ms"],
    ["- S: closed", "needs: [$idle-ms]\n", "the profile has no $idle-ms"],
    ["- S: closed", "needs: [{ var: $tries, equals: 3 }]\n", "the exchange is for $tries = 3"],
    ["- S: closed", "needs: [{ var: $tries, outlasts: $idle-ms }]\n", "the profile has no $idle-ms"],
    ["- S: { WELCOME: { agent: { computed: name } } }", "", 'this runner can\'t compute "name"'],
  ])("is what the profile or the runner lacks: %#", async (steps, head, reason) => {
    const poor = parseProfile({ tries: 4, "slack-ms": 1 });
    expect(await playServer(steps, {}, { link, profile: poor }, head)).toMatchObject({
      verdict: "unsupported",
      reason,
    });
  });
});

describe("a deadline that outlasts another", () => {
  it.each([
    [556, 0.5, false], // nine tenths of it are 500.4, and the other half and the slack are 501
    [557, 0.5, true],
    [1111, 1, false],
    [1113, 1, true],
  ])("is surely later: %i ms, %f of 1000 ms", (laterMs, share, expected) => {
    const profile = { variables: { "drain-ms": laterMs, "idle-ms": 1000, "slack-ms": 1 } };
    expect(outlasts(profile, "drain-ms", { variable: "idle-ms", share })).toBe(expected);
  });

  it("is what an exchange can need", async () => {
    const profile = parseProfile({ "idle-ms": 1000, "drain-ms": 556, "slack-ms": 1 });
    const reason = async (share: string): Promise<string | undefined> => {
      const head = `needs: [{ var: $drain-ms, outlasts: $idle-ms${share} }]\n`;
      return (await playServer("- S: closed", {}, { profile }, head)).reason;
    };
    expect(await reason("")).toBe("$drain-ms may pass before $idle-ms");
    expect(await reason(", share: 0.5")).toBe("$drain-ms may pass before 0.5 of $idle-ms");
  });
});

describe("misuse", () => {
  it("is the caller's error", async () => {
    await expect(playServer(serverLogin, {}, { role: "client" })).rejects.toThrow("can't test a client");
    await expect(playServer("- app: ping\n- C: { PING: $any }", {}, { role: "client" })).rejects.toThrow(
      "needs a driver",
    );
  });
});

describe("connection ends that the runner plays", () => {
  it("reach the peer", async () => {
    const ends = `${serverLogin}- C: end\n- S: end`;
    expect(await playServer(ends)).toMatchObject({ verdict: "pass" });
    const result = await playServer(`${serverLogin}- C: reset`);
    expect(result.verdict).toBe("pass");
    expect(result.transcript.at(-1)).toMatchObject({ from: "C", kind: "reset" });
  });

  it("include an ERROR of its own", async () => {
    const result = await playServer(`${hello}- S: { WELCOME: $any }\n- C: { closes: internal }\n- S: end`);
    expect(result.verdict).toBe("pass");
    expect(toHex(bytesFrom(result.transcript, "C"))).toContain(toHex(frame("ERROR", fromHex("0a010100"))));
  });
});

it("finds a second PING that doesn't wait for the answer to the first", async () => {
  const ping = frame("PING", new Uint8Array(8));
  const steps = `${serverLogin}- C: quiet\n  for: 100\n- C: { MESSAGE: { payload: x } }\n- S: { REPLY: $any }`;
  const pinging = (times: number): FakeOptions => ({
    on: {
      AUTH(_reading, wire) {
        wire.send(frame("AUTHENTICATED", new Uint8Array(16), u16(0)));
        for (let time = 0; time < times; time++) wire.send(ping);
      },
      PONG: () => undefined,
    },
  });
  expect(await playServer(steps, pinging(1))).toMatchObject({ verdict: "pass" });
  expect(await playServer(steps, pinging(2))).toMatchObject({
    verdict: "fail",
    reason: "a second PING before the first was answered",
  });
});

it("tells a second PING from the one that a step asks for", async () => {
  const pinging: FakeOptions = {
    on: {
      AUTH: (_r, wire) =>
        wire.send(
          concat([frame("AUTHENTICATED", new Uint8Array(16), u16(0)), frame("PING", new Uint8Array(8))]),
        ),
    },
  };
  const asked = `${serverLogin}- S: { PING: $any }\n- C: { PONG: $any }`;
  expect(await playServer(asked, { ...pinging, on: { ...pinging.on, PONG: () => undefined } })).toMatchObject(
    { verdict: "pass" },
  );
});
