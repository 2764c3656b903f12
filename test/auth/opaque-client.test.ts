// OPAQUE at the client, spec section 6.4: what it computes on the word of a stranger, and when it believes one.

import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { OpaqueClientAttempt } from "../../src/auth/opaque-client.ts";
import { enrol } from "../../src/auth/opaque-enrolment.ts";
import { CredentialError } from "../../src/credentials/error.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { challenge, judge, openServer, respond, stamp, type OpaqueServer } from "./opaque-harness.ts";

let server: OpaqueServer;
beforeAll(async () => {
  server = await openServer();
});

describe("an OPAQUE client", () => {
  it("can't begin without a channel to bind to (TB-OPAQUE-2)", async () => {
    const starting = OpaqueClientAttempt.start(preparePassword("correct horse"), new Uint8Array(0));
    await expect(starting).rejects.toThrow(TypeError);
  });

  it("answers a wrong password with an empty RESPONSE (TB-OPAQUE-10)", async () => {
    const challenged = await challenge(server, "alice", "wrong horse battery");
    expect(await respond(server, challenged)).toHaveLength(0);
  });

  it.each([
    ["the evaluated element", 0],
    ["the masked envelope", 100],
    ["the server's nonce", 200],
    ["the server's mac", 319],
  ])("answers a KE2 with %s changed by an empty RESPONSE (TB-OPAQUE-10)", async (_, at) => {
    const challenged = await challenge(server, "alice");
    const ke2 = challenged.ke2.with(at, challenged.ke2[at]! ^ 1);
    expect(await respond(server, { ...challenged, ke2 })).toHaveLength(0);
  });

  it("answers a KE2 without group elements by an empty RESPONSE too", async () => {
    const challenged = await challenge(server, "alice");
    expect(await respond(server, { ...challenged, ke2: new Uint8Array(320).fill(0xff) })).toHaveLength(0);
  });

  it("refuses a KE2 of another length (TB-OPAQUE-7)", async () => {
    const challenged = await challenge(server, "alice");
    const long = { ...challenged, ke2: new Uint8Array(321) };
    await expect(respond(server, long)).rejects.toMatchObject({ code: "malformed" });
  });

  it.each([
    ["4 GiB", { memoryKib: 4_194_304, passes: 1, lanes: 1 }],
    ["one GiB, four times", { memoryKib: 1_048_576, passes: 4, lanes: 1 }],
    ["64 KiB", { memoryKib: 64, passes: 1, lanes: 1 }],
  ])("stretches nothing when the server asks for %s (TB-OPAQUE-9)", async (_, stretching) => {
    const { attempt, ke2, transcript } = await challenge(server, "alice");
    const error: unknown = await attempt
      .respond({ ke2, stretching, transcript })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CredentialError);
    expect(error).toMatchObject({ code: "hash-out-of-bounds" });
  });

  it("does not open a record that was stretched otherwise", async () => {
    const challenged = await challenge(server, "alice");
    const { attempt, ke2, transcript } = challenged;
    const stretching = { ...server.setup.stretching, passes: 3 };
    expect(await attempt.respond({ ke2, stretching, transcript })).toHaveLength(0);
  });

  it("leaves the event loop free while it stretches", async () => {
    const { attempt, ke2, transcript } = await challenge(server, "alice");
    const stretching = { memoryKib: 65_536, passes: 3, lanes: 1 };
    const startedAt = performance.now();
    let [lastMs, longestMs] = [startedAt, 0];
    const timer = setInterval(() => {
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
    }, 1);
    await attempt.respond({ ke2, stretching, transcript });
    clearInterval(timer);
    const tookMs = performance.now() - startedAt;
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    // In one thread the timer would wait for nearly all of it.
    expect(longestMs).toBeLessThan(tookMs / 2);
  });

  it("gives up at once when told to", async () => {
    const { attempt, ke2, transcript } = await challenge(server, "alice");
    const { stretching } = server.setup;
    const aborting = new AbortController();
    const responding = attempt.respond({ ke2, stretching, transcript }, aborting.signal);
    await setImmediate();
    aborting.abort(new Error("given up"));
    await expect(responding).rejects.toThrow("given up");
    const already = attempt.respond({ ke2, stretching, transcript }, AbortSignal.abort(new Error("before")));
    await expect(already).rejects.toThrow("before");
  });

  it("believes nobody before the server-tag, nor a wrong one (TB-OPAQUE-15, TB-OPAQUE-17)", async () => {
    const challenged = await challenge(server, "alice");
    const { attempt } = challenged;
    const sessionId = new Uint8Array(16);
    expect(attempt.confirm(challenged.transcript, sessionId, new Uint8Array(32))).toBe(false);
    const { transcript, outcome } = await judge(challenged, await respond(server, challenged));
    if (outcome.type !== "accepted") throw new Error(outcome.type);
    for (const tag of [
      new Uint8Array(randomBytes(32)),
      new Uint8Array(0),
      outcome.mechanismData.subarray(1),
    ]) {
      expect(attempt.confirm(transcript, outcome.sessionId, tag)).toBe(false);
    }
    const otherResponse = { ...transcript, response: new Uint8Array(101) };
    expect(attempt.confirm(otherResponse, outcome.sessionId, outcome.mechanismData)).toBe(false);
    expect(attempt.confirm(transcript, outcome.sessionId, outcome.mechanismData)).toBe(true);
  });

  it("logs in with a password that was typed on another system (TB-OPAQUE-3)", async () => {
    const composed = preparePassword("Schlo\u00dfk\u00f6nigin");
    const enrolment = await enrol(server.setup, "dora", composed);
    server.users.add("dora", undefined, stamp(), enrolment);
    const challenged = await challenge(server, "dora", "Schlo\u00dfko\u0308nigin");
    const { outcome } = await judge(challenged, await respond(server, challenged));
    expect(outcome.type).toBe("accepted");
  });
});
