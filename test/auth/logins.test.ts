// PASSWORD at a running server: what is accepted, what refused and how alike, what it costs, what is logged.

import { expect, test } from "vitest";

import { preparePassword } from "../../src/credentials/password.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import { encodeUtf8 } from "../../src/protocol/body.ts";
import {
  auth,
  errorFrame,
  hello,
  MemoryUsers,
  PASSWORD,
  phcOfPassword,
  rawConnect,
  startServer,
  usersWithAlice,
  type RawPeer,
  type RunningServer,
} from "../net/harness.ts";
import { toHex, type Split } from "../protocol/bytes.ts";

async function answerTo(running: RunningServer, attempt: Uint8Array): Promise<Split | undefined> {
  const client = await rawConnect(running);
  expect(await client.send(hello(), attempt).line()).toBe("WELCOME");
  const answer = await client.next();
  client.end();
  return answer;
}

test("a wrong password, an unknown user and a disabled user get the same bytes", async () => {
  const phc = await phcOfPassword();
  const users = new MemoryUsers().add("alice", phc).add("dora", phc, true).add("nohash", undefined);
  const running = await startServer({ users });
  const answers = await Promise.all(
    [
      auth("alice", "wrong"),
      auth("nobody", PASSWORD),
      auth("dora", PASSWORD),
      auth("dora", "wrong"),
      auth("nohash", PASSWORD),
      auth("Alice", PASSWORD),
      auth("alice", Uint8Array.of(0x07)), // OpaqueString refuses controls
      auth("__proto__", PASSWORD),
      auth("constructor", PASSWORD),
    ].map(async (attempt) => await answerTo(running, attempt)),
  );
  for (const answer of answers) {
    expect(answer?.name).toBe("REFUSED");
    expect(toHex(answer!.body)).toBe("010000000002");
  }
  expect((await answerTo(running, auth()))?.name).toBe("AUTHENTICATED");
});

test("tries count down to 0, and the connection is closed then", async () => {
  const client = await rawConnect(await startServer({ limits: { tries: 2 } }));
  client.send(hello(), auth("alice", "wrong"));
  expect(await client.lines(2)).toEqual(["WELCOME", "REFUSED bad-credentials after 0 left 1"]);
  client.send(auth("nobody"));
  expect(await client.rest()).toEqual(["REFUSED bad-credentials after 0 left 0", "end"]);
});

test("TB-PASSWORD-3: the server prepares what it receives, and refuses what the profile refuses as wrong", async () => {
  const composed = "caf\u00e9 au lait \u{1f600}";
  const users = new MemoryUsers().add("alice", await hashPassword(preparePassword(composed)));
  const running = await startServer({ users });
  for (const spelling of [composed, "cafe\u0301\u3000au\u00a0lait \u{1f600}"]) {
    expect((await answerTo(running, auth("alice", spelling)))?.name).toBe("AUTHENTICATED");
  }
  for (const wrong of [
    `${composed} `,
    "\u0000",
    "caf\u00e9\u0000",
    "\u202e",
    composed.toUpperCase(),
    "\ufeffx",
  ]) {
    const answer = await answerTo(running, auth("alice", wrong));
    expect(answer?.name, `for ${JSON.stringify(wrong)}`).toBe("REFUSED");
  }
});

/** The least time of so many attempts: what disturbs a measurement only ever adds to it. */
async function costMs(running: RunningServer, attempt: Uint8Array, rounds = 3): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await answerTo(running, attempt);
    least = Math.min(least, performance.now() - startedAt);
  }
  return least;
}

test("TB-AUTH-7: an unknown and a disabled user cost what a wrong password costs", { retry: 2 }, async () => {
  const heavy = await hashPassword(preparePassword(PASSWORD), { memoryKib: 65_536, passes: 2, lanes: 1 });
  const users = new MemoryUsers().add("alice", heavy).add("dora", heavy, true);
  const running = await startServer({ users, limits: { verifyConcurrency: 1 } });
  const attempts = [
    auth("alice", "wrong"),
    auth("nobody"),
    auth("dora"),
    auth("dora", "wrong"),
    auth("alice", Uint8Array.of(7)),
  ];
  const costs = attempts.map(() => Infinity);
  // In turn, so that what else the machine does disturbs all alike.
  for (let round = 0; round < 5; round++) {
    for (const [index, attempt] of attempts.entries())
      costs[index] = Math.min(costs[index]!, await costMs(running, attempt, 1));
  }
  const [wrong, ...others] = costs;
  for (const cost of others) {
    expect(cost / wrong!).toBeGreaterThan(0.6);
    expect(cost / wrong!).toBeLessThan(1.7);
  }
});

test(
  "TB-AUTH-7: unknown names cost like some user of the file, each name the same each time",
  { retry: 2 },
  async () => {
    const cheap = await hashPassword(preparePassword(PASSWORD), { memoryKib: 1024, passes: 1, lanes: 1 });
    const heavy = await hashPassword(preparePassword(PASSWORD), { memoryKib: 65_536, passes: 2, lanes: 1 });
    const users = new MemoryUsers().add("cheap", cheap).add("heavy", heavy);
    const running = await startServer({ users, limits: { verifyConcurrency: 1 } });
    const between = Math.sqrt(
      (await costMs(running, auth("cheap", "wrong"))) * (await costMs(running, auth("heavy", "wrong"))),
    );
    const kinds = new Set<string>();
    for (let name = 0; name < 40 && (name < 6 || kinds.size < 2); name++) {
      const kindOf = async (): Promise<string> =>
        (await costMs(running, auth(`nobody${name}`))) > between ? "heavy" : "cheap";
      const kind = await kindOf();
      expect(await kindOf()).toBe(kind);
      kinds.add(kind);
    }
    expect(kinds).toEqual(new Set(["cheap", "heavy"]));
  },
);

test("TB-AUTH-11: a verification whose client has left while it waited is not begun", async () => {
  const users = await usersWithAlice();
  const gate = Promise.withResolvers<void>();
  const source = {
    replaceHash: async () => false,
    current: async () => {
      const snapshot = await users.current();
      await gate.promise;
      return snapshot;
    },
  };
  const running = await startServer({ users: source, limits: { verifyConcurrency: 1 } });
  const first = await rawConnect(running);
  first.send(hello(), auth());
  await expect.poll(() => users.reads).toBe(1);
  const leaving: RawPeer[] = [];
  for (const leave of ["end", "reset"] as const) {
    const client = await rawConnect(running);
    expect(await client.send(hello(), auth()).line()).toBe("WELCOME");
    if (leave === "end") client.end();
    else client.socket.resetAndDestroy();
    leaving.push(client);
  }
  expect(await leaving[0]!.line()).toBe("end");
  await running.log.wait("closed", 2);
  const last = await rawConnect(running);
  last.send(hello(), auth());
  gate.resolve();
  expect(await first.lines(2)).toEqual(["WELCOME", "AUTHENTICATED"]);
  expect(await last.lines(2)).toEqual(["WELCOME", "AUTHENTICATED"]);
  expect(users.reads).toBe(2);
  expect(running.log.of("login")).toHaveLength(2);
});

test("over its bounds the queue refuses as busy, uncounted, with retry-after, and the connection lives on", async () => {
  const users = await usersWithAlice();
  const gate = Promise.withResolvers<void>();
  const source = {
    replaceHash: async () => false,
    current: async () => (await gate.promise, await users.current()),
  };
  const limits = {
    verifyConcurrency: 1,
    verifyQueueLength: 1,
    busyRetryAfterMs: 1234,
    verifyQueueMs: 60_000,
  };
  const running = await startServer({ users: source, limits });
  const clients = [await rawConnect(running), await rawConnect(running), await rawConnect(running)];
  for (const client of clients) expect(await client.send(hello(), auth()).line()).toBe("WELCOME");
  const [first, second, third] = clients;
  expect(await third!.line()).toBe("REFUSED busy after 1234 left 3");
  gate.resolve();
  expect(await first!.line()).toBe("AUTHENTICATED");
  expect(await second!.line()).toBe("AUTHENTICATED");
  expect(await third!.send(auth()).line()).toBe("AUTHENTICATED");
  expect(running.log.of("login").map((line) => line["outcome"])).toEqual([
    "busy",
    ...Array(3).fill("accepted"),
  ]);
});

test("a wait for verification that is too long is refused as busy", async () => {
  const gate = Promise.withResolvers<never>();
  const source = { replaceHash: async () => false, current: async () => await gate.promise };
  const limits = { verifyConcurrency: 1, verifyQueueMs: 50, busyRetryAfterMs: 10 };
  const running = await startServer({ users: source, limits });
  const blocking = await rawConnect(running);
  expect(await blocking.send(hello(), auth()).line()).toBe("WELCOME");
  const waiting = await rawConnect(running);
  expect(await waiting.send(hello(), auth()).lines(2)).toEqual(["WELCOME", "REFUSED busy after 10 left 3"]);
});

test("users that can't be read end that session alone, with ERROR internal", async () => {
  const users = await usersWithAlice();
  let broken = true;
  const source = {
    replaceHash: async () => false,
    current: async () => (broken ? Promise.reject(new Error("disk on fire")) : await users.current()),
  };
  const running = await startServer({ users: source });
  const client = await rawConnect(running);
  client.send(hello(), auth());
  expect(await client.rest()).toEqual(["WELCOME", "ERROR internal", "end"]);
  expect(running.log.of("verification-failed")).toHaveLength(1);
  broken = false;
  expect((await answerTo(running, auth()))?.name).toBe("AUTHENTICATED");
});

test("one line for each attempt: who, whence, how, what came of it and how long it took; never the password", async () => {
  const running = await startServer({ limits: { tries: 5 } });
  const client = await rawConnect(running);
  client.send(hello("agent"), auth("alice", "wrong-secret-1"), auth("nobody", "wrong-secret-2"));
  await client.lines(3);
  client.send(auth("alice", "wrong-secret-3", "OPAQUE"));
  expect(await client.line()).toBe("REFUSED mechanism-unavailable after 0 left 3");
  client.send(auth());
  expect(await client.line()).toBe("AUTHENTICATED");
  client.send(errorFrame(1, "\u001b[31mred\nline\u009b2J"));
  await running.log.wait("closed");

  const common = { level: "info", source: "127.0.0.1", mechanism: "PASSWORD", ms: expect.any(Number) };
  expect(running.log.of("login")).toMatchObject([
    { ...common, outcome: "bad-credentials", user: "alice" },
    { ...common, outcome: "bad-credentials", user: "nobody" },
    { outcome: "mechanism-unavailable", user: "alice", source: "127.0.0.1", ms: 0 },
    { ...common, outcome: "accepted", user: "alice", session: expect.stringMatching(/^[0-9a-f]{32}$/) },
  ]);
  for (const line of running.log.of("login")) expect(line["ms"]).toBeLessThan(5000);

  const all = JSON.stringify(running.log.lines);
  for (const secret of [PASSWORD, "wrong-secret"]) {
    for (const spelling of [
      secret,
      toHex(encodeUtf8(secret)),
      Buffer.from(secret).toString("base64").slice(0, -3),
    ]) {
      expect(all).not.toContain(spelling);
    }
  }
  // TB-FRAME-8
  expect(running.log.of("failed")[0]?.["detail"]).toMatch(/\\x1b\[31mred\\x0aline\\x9b2J/);
});
