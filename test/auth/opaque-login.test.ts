// OPAQUE at the server, spec section 6.4: whom it lets in, and that all whom it doesn't look the same.

import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { Attempt } from "../../src/protocol/server-host.ts";
import {
  challenge,
  CHANNEL,
  judge,
  openingOf,
  openServer,
  respond,
  stamp,
  type OpaqueServer,
} from "./opaque-harness.ts";

let server: OpaqueServer;
beforeAll(async () => {
  server = await openServer();
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, bytes[at]! ^ 1);
}

async function start(ke1: Uint8Array, username = "alice") {
  const attempt: Attempt = {
    mechanism: "OPAQUE",
    username,
    mechanismData: ke1,
    transcript: openingOf(server, username, ke1),
  };
  return await server.login.connect(CHANNEL).verify(attempt);
}

describe("an OPAQUE login", () => {
  it.each(["alice", "only"])("lets %s in, and proves the server", async (username) => {
    const challenged = await challenge(server, username);
    const { outcome, transcript } = await judge(challenged, await respond(server, challenged));
    if (outcome.type !== "accepted") throw new Error(outcome.type);
    const { sessionId, mechanismData, credentialId } = outcome;
    expect(credentialId).toBe(server.users.get(username)!.credentialId);
    expect([sessionId.length, mechanismData.length]).toEqual([16, 32]);
    expect(challenged.attempt.confirm(transcript, sessionId, mechanismData)).toBe(true);
    expect(challenged.attempt.confirm(transcript, flipped(sessionId, 0), mechanismData)).toBe(false);
    expect(challenged.attempt.confirm(transcript, sessionId, flipped(mechanismData, 31))).toBe(false);
  });

  it("is offered with the setup's stretching", () => {
    const { name, parameters, steps } = server.login.mechanism;
    expect([name, Buffer.from(parameters).toString("hex"), steps]).toEqual(["OPAQUE", "00004c00000201", 2]);
  });

  it("can't be had without a channel to bind to (TB-OPAQUE-1)", () => {
    expect(() => server.login.connect(new Uint8Array(0))).toThrow(TypeError);
  });

  it("answers the same to all who can't get in: a KE2 of 320 bytes, then one refusal (TB-OPAQUE-6, TB-AUTH-6)", async () => {
    const refusals = [];
    for (const username of ["alice", "bob", "carol", "nobody"]) {
      const challenged = await challenge(server, username, "wrong horse battery");
      expect(challenged.ke2).toHaveLength(320);
      const made = new Uint8Array(randomBytes(96));
      const { outcome } = await judge(challenged, made);
      refusals.push({ ...outcome, why: undefined });
    }
    const refusal = { type: "rejected", retryAfterMs: 0, why: undefined };
    expect(refusals).toEqual([refusal, refusal, refusal, refusal]);
  });

  it("does not open with the right password for those who have no record, or are disabled", async () => {
    for (const username of ["bob", "carol", "nobody"]) {
      const challenged = await challenge(server, username);
      expect(await respond(server, challenged), username).toHaveLength(0);
    }
  });

  it("gives each absent name the same evaluated element each time, as a real one gets", async () => {
    // The oblivious function's key depends on setup and name alone: asking twice tells nobody from somebody.
    const { ke1 } = (await challenge(server, "nobody")).attempt;
    const elements = [];
    for (const username of ["nobody", "nobody", "alice", "alice"]) {
      const outcome = await start(ke1, username);
      if (outcome.type !== "challenge") throw new Error(outcome.type);
      elements.push(Buffer.from(outcome.mechanismData.subarray(0, 32)).toString("hex"));
    }
    expect(elements[0]).toBe(elements[1]);
    expect(elements[2]).toBe(elements[3]);
    expect(elements[0]).not.toBe(elements[2]);
  });

  it.each([
    ["a wrong KE3", 0],
    ["the last byte of KE3 wrong", 63],
    ["a wrong tag", 64],
    ["the last byte of the tag wrong", 95],
  ])("is refused with %s: one answer (TB-OPAQUE-12)", async (_, at) => {
    const challenged = await challenge(server, "alice");
    const { outcome } = await judge(challenged, flipped(await respond(server, challenged), at));
    expect({ ...outcome, why: undefined }).toEqual({ type: "rejected", retryAfterMs: 0, why: undefined });
  });

  it.each(["hello", "welcome", "auth", "challenge"] as const)(
    "is refused when %s arrived otherwise than it was sent",
    async (frame) => {
      const challenged = await challenge(server, "alice");
      const data = await respond(server, challenged);
      const sent = challenged.transcript[frame]!;
      const seen = { ...challenged.transcript, [frame]: flipped(sent, sent.length - 1) };
      expect((await judge(challenged, data, seen)).outcome).toMatchObject({ type: "rejected" });
    },
  );

  it("through a man in the middle, who has two channels, is refused", async () => {
    const clientChannel = new Uint8Array(randomBytes(32));
    const challenged = await challenge(server, "alice", undefined, { clientChannel });
    const { outcome } = await judge(challenged, await respond(server, challenged));
    expect(outcome).toMatchObject({ type: "rejected", why: expect.stringContaining("in the middle") });
  });

  it("takes one RESPONSE for each CHALLENGE, and none for an earlier one (TB-OPAQUE-13)", async () => {
    const first = await challenge(server, "alice");
    const data = await respond(server, first);
    expect((await judge(first, data)).outcome.type).toBe("accepted");
    expect((await judge(first, data)).outcome.type).toBe("rejected");
    const earlier = await challenge(server, "alice");
    const late = await respond(server, earlier);
    await challenge(server, "alice", undefined, { connection: earlier.connection });
    expect((await judge(earlier, late)).outcome.type).toBe("rejected");
  });

  it("is refused when KE1 holds no group elements, whatever the name (TB-OPAQUE-5)", async () => {
    const { ke1 } = (await challenge(server, "alice")).attempt;
    for (const username of ["alice", "nobody", "carol"]) {
      for (const part of [0, 64]) {
        const broken = Uint8Array.from(ke1);
        broken.fill(0xff, part, part + 32);
        expect(await start(broken, username)).toMatchObject({ type: "rejected", retryAfterMs: 0 });
      }
      expect(await start(ke1.subarray(0, 95), username)).toMatchObject({ type: "rejected" });
    }
    expect(server.unusable).toEqual([]);
  });

  it("does not hold on to the frame's bytes", async () => {
    const { attempt } = await challenge(server, "alice");
    const bytes = Uint8Array.from(attempt.ke1);
    const connection = server.login.connect(CHANNEL);
    const transcript = openingOf(server, "alice", attempt.ke1);
    const pending = connection.verify({
      mechanism: "OPAQUE",
      username: "alice",
      mechanismData: bytes,
      transcript,
    });
    bytes.fill(0);
    expect((await pending).type).toBe("challenge");
  });
});

describe("a user who changes while logging in", () => {
  it("is refused when disabled, removed or given another password before RESPONSE", async () => {
    const own = await openServer();
    const { opaque } = own.users.get("alice")!;
    const changes = [
      () => own.users.setPassword("alice", undefined, stamp(), opaque),
      () => own.users.disable("alice", stamp()),
      () => own.users.remove("only"),
    ];
    for (const [at, change] of changes.entries()) {
      const challenged = await challenge(own, at === 2 ? "only" : "alice");
      const data = await respond(own, challenged);
      expect(data).toHaveLength(96);
      change();
      expect((await judge(challenged, data)).outcome).toMatchObject({ type: "rejected", retryAfterMs: 0 });
    }
  });

  it("with a damaged record is answered like anyone, and reported", async () => {
    const own = await openServer();
    const record = new Uint8Array(192);
    own.users.setPassword("alice", undefined, stamp(), { setupId: own.setup.id, record });
    expect(await respond(own, await challenge(own, "alice"))).toHaveLength(0);
    expect(own.unusable).toEqual(["alice"]);
  });

  it("counts as not enrolled under another setup", async () => {
    const [own, next] = [await openServer(), await openServer()];
    const { opaque } = own.users.get("only")!;
    next.users.setPassword("only", undefined, stamp(), opaque);
    expect(await respond(next, await challenge(next, "only"))).toHaveLength(0);
    expect(next.unusable).toEqual([]);
  });
});
