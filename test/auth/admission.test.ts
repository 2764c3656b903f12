// Penalties at a running server: when a source is throttled, what it is told, what it is told alike, and who else asks.

import { describe, expect, test } from "vitest";

import type { Admission, Verdict } from "../../src/auth/admission.ts";
import type { Source } from "../../src/auth/source.ts";
import {
  auth,
  hello,
  LOOPBACK,
  rawConnect,
  startServer,
  STOP,
  usersWithAlice,
  type RunningServer,
} from "../net/harness.ts";

const ELSEWHERE = "127.0.0.2";

/** The lines that answer HELLO and these attempts, each on the same connection. */
async function attempt(running: RunningServer, from: string, ...attempts: Uint8Array[]): Promise<string[]> {
  const peer = await rawConnect(running, { localAddress: from });
  const lines = await peer.send(hello()).lines(1);
  for (const next of attempts) lines.push(await peer.send(next).line());
  peer.socket.destroy();
  return lines.slice(1);
}

const THROTTLED = /^REFUSED throttled after (\d+) left 0$/;

describe("by default", () => {
  test("wrong passwords for a name are throttled before long, though the source may go on with others", async () => {
    const running = await startServer({ penaltyExempt: [] });
    for (let round = 0; round < 2; round++) {
      await attempt(running, LOOPBACK, auth("alice", "wrong"), auth("alice", "wrong"));
    }
    const [refused] = await attempt(running, LOOPBACK, auth("alice"));
    const wait = Number(THROTTLED.exec(refused!)?.[1]);
    expect(wait).toBeGreaterThan(10_000);
    expect(wait).toBeLessThanOrEqual(20_000);
    expect(await attempt(running, LOOPBACK, auth("bob"))).toEqual(["REFUSED bad-credentials after 0 left 2"]);
    expect(await attempt(running, ELSEWHERE, auth("alice"))).toEqual(["AUTHENTICATED"]);
    expect(running.server.stats()).toMatchObject({
      loggedIn: 1,
      refused: { "bad-credentials": 5, throttled: 1 },
      penalties: 3,
    });
  });

  test("a source with many failures is refused behind its HELLO, whatever its AUTH says", async () => {
    const running = await startServer({ penaltyExempt: [], limits: { tries: 20 } });
    const guesses = Array.from({ length: 11 }, (_, index) => auth(`user${index}`, "wrong"));
    expect(await attempt(running, LOOPBACK, ...guesses)).toHaveLength(11);
    const peer = await rawConnect(running);
    const lines = await peer.send(hello(), auth()).rest();
    expect(lines.slice(0, 2)).toEqual(["WELCOME", expect.stringMatching(THROTTLED)]);
    expect(running.log.of("login").at(-1)).toMatchObject({ outcome: "throttled", source: LOOPBACK });
    expect(await attempt(running, ELSEWHERE, auth("alice"))).toEqual(["AUTHENTICATED"]);
  });

  test("a login that succeeds takes nothing off: an account of one's own buys no guesses", async () => {
    const running = await startServer({ penaltyExempt: [] });
    for (let round = 0; round < 4; round++) {
      await attempt(running, LOOPBACK, auth("bob", "wrong"));
      await attempt(running, LOOPBACK, auth("alice"));
    }
    expect(await attempt(running, LOOPBACK, auth("bob", "wrong"))).toEqual([
      expect.stringMatching(THROTTLED),
    ]);
  });
});

describe("with limits of its own", () => {
  const limits = { failurePenaltyMs: 0, nameFailurePenaltyMs: 60_000, throttleAboveMs: 60_000 };

  test("a known, an unknown and a disabled name are throttled alike", async () => {
    const users = (await usersWithAlice()).add("dora", undefined, true);
    const running = await startServer({ penaltyExempt: [], users, limits });
    const answers = await Promise.all(
      ["alice", "nobody", "dora"].map(async (name) => {
        const lines = await attempt(running, LOOPBACK, auth(name, "wrong"), auth(name, "wrong"), auth(name));
        return lines.map((line) => line.replace(/after \d{5} /, "after some "));
      }),
    );
    expect(answers[0]).toEqual([
      "REFUSED bad-credentials after 0 left 2",
      "REFUSED bad-credentials after 0 left 1",
      "REFUSED throttled after some left 0",
    ]);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  test("after the announced wait an honest login gets through", async () => {
    const short = { failurePenaltyMs: 300, nameFailurePenaltyMs: 300, throttleAboveMs: 300 };
    const running = await startServer({ penaltyExempt: [], limits: short });
    await attempt(running, LOOPBACK, auth("alice", "wrong"), auth("alice", "wrong"), auth("alice", "wrong"));
    const peer = await rawConnect(running);
    const [, refused] = await peer.send(hello(), auth()).rest();
    const wait = Number(THROTTLED.exec(refused!)?.[1]);
    expect(wait).toBeGreaterThan(0);
    const until = performance.now() + wait;
    await expect.poll(() => performance.now()).toBeGreaterThan(until);
    expect(await attempt(running, LOOPBACK, auth("alice"))).toEqual(["AUTHENTICATED"]);
  });

  test("attempts that wait in line while others of the source fail are throttled when their turn comes", async () => {
    const users = await usersWithAlice();
    const gate = Promise.withResolvers<void>();
    let reads = 0;
    const source = {
      replaceHash: async () => false,
      current: async () => {
        reads++;
        await gate.promise;
        return await users.current();
      },
    };
    const running = await startServer({
      penaltyExempt: [],
      users: source,
      limits: { failurePenaltyMs: 60_000, throttleAboveMs: 60_000, verifyConcurrency: 1 },
    });
    const peers = await Promise.all(Array.from({ length: 10 }, async () => await rawConnect(running)));
    for (const peer of peers) expect(await peer.send(hello()).line()).toBe("WELCOME");
    for (const peer of peers) peer.send(auth("alice", "wrong"));
    await expect.poll(() => running.server.stats()).toMatchObject({ verifying: 1, waitingToVerify: 9 });
    gate.resolve();
    const answers = await Promise.all(peers.map(async (peer) => await peer.line()));
    const wrong = answers.filter((line) => line.startsWith("REFUSED bad-credentials")).length;
    expect(wrong).toBeGreaterThanOrEqual(2);
    expect(wrong).toBeLessThanOrEqual(4);
    expect(answers.filter((line) => THROTTLED.test(line))).toHaveLength(10 - wrong);
    expect(reads).toBe(wrong);
  });

  test("who leaves while its password is verified is penalised", async () => {
    const running = await startServer({ penaltyExempt: [], limits });
    for (const leave of ["end", "reset"] as const) {
      const peer = await rawConnect(running);
      expect(await peer.send(hello(), auth("alice", "wrong")).line()).toBe("WELCOME");
      if (leave === "end") peer.end();
      else peer.socket.resetAndDestroy();
    }
    await running.log.wait("closed", 2);
    expect(await attempt(running, LOOPBACK, auth("alice"))).toEqual([expect.stringMatching(THROTTLED)]);
    expect(await attempt(running, ELSEWHERE, auth("alice"))).toEqual(["AUTHENTICATED"]);
  });

  test("exempt sources are not penalised, and others are", async () => {
    const running = await startServer({ penaltyExempt: [`${ELSEWHERE}/32`], limits });
    const wrong = [auth("alice", "wrong"), auth("alice", "wrong")];
    await attempt(running, ELSEWHERE, ...wrong);
    expect(await attempt(running, ELSEWHERE, auth())).toEqual(["AUTHENTICATED"]);
    await attempt(running, LOOPBACK, ...wrong);
    expect(await attempt(running, LOOPBACK, auth())).toEqual([expect.stringMatching(THROTTLED)]);
  });
});

/** Says what it is told to, when it is told to. */
class DistantAdmission implements Admission {
  readonly calls: string[] = [];
  readonly #verdicts: Promise<Verdict>[];

  constructor(...verdicts: Promise<Verdict>[]) {
    this.#verdicts = verdicts;
  }

  async admit({ key }: Source, username = "-"): Promise<Verdict> {
    this.calls.push(`admit ${key} ${username}`);
    return await (this.#verdicts.shift() ?? Promise.resolve({ type: "admitted" as const }));
  }

  penalise({ key }: Source, username: string): void {
    this.calls.push(`penalise ${key} ${username}`);
  }

  forgive({ key }: Source, username: string): void {
    this.calls.push(`forgive ${key} ${username}`);
  }
}

describe("an admission elsewhere", () => {
  test("is asked of the connection, of the attempt, and again in its turn; HELLO waits for it", async () => {
    const verdict = Promise.withResolvers<Verdict>();
    const admission = new DistantAdmission(verdict.promise);
    const running = await startServer({ admission });
    const peer = await rawConnect(running);
    peer.send(hello(), auth("alice", "wrong"));
    await expect.poll(() => admission.calls).toEqual([`admit ${LOOPBACK} -`]);
    expect(peer.bytesReceived).toBe(0);
    verdict.resolve({ type: "admitted" });
    expect(await peer.lines(2)).toEqual(["WELCOME", "REFUSED bad-credentials after 0 left 2"]);
    expect(admission.calls.slice(1)).toEqual([
      `admit ${LOOPBACK} alice`,
      `admit ${LOOPBACK} alice`,
      `penalise ${LOOPBACK} alice`,
    ]);
    expect(running.server.stats().penalties).toBeUndefined();
  });

  test.each(["busy", "throttled"] as const)(
    "can say %s, of the connection and of the attempt",
    async (type) => {
      const no = Promise.resolve({ type, retryAfterMs: 77 });
      const yes = Promise.resolve({ type: "admitted" as const });
      const ofConnection = await rawConnect(await startServer({ admission: new DistantAdmission(no) }));
      expect((await ofConnection.send(hello(), auth()).rest()).slice(0, 2)).toEqual([
        "WELCOME",
        `REFUSED ${type} after 77 left 0`,
      ]);
      const ofAttempt = await rawConnect(await startServer({ admission: new DistantAdmission(yes, no) }));
      const left = type === "busy" ? 3 : 0;
      expect(await ofAttempt.send(hello(), auth()).lines(2)).toEqual([
        "WELCOME",
        `REFUSED ${type} after 77 left ${left}`,
      ]);
    },
  );

  test("that fails ends the session with ERROR internal, and one that is late meets nobody", async () => {
    const answer = Promise.withResolvers<Verdict>();
    const failing = new DistantAdmission(answer.promise);
    const running = await startServer({ admission: failing });
    const refused = (await rawConnect(running)).send(hello());
    await expect.poll(() => failing.calls).toHaveLength(1);
    answer.reject(new Error("the owner is gone"));
    expect(await refused.line()).toBe("ERROR internal");
    expect(running.log.of("admission-failed")).toHaveLength(1);

    const verdict = Promise.withResolvers<Verdict>();
    const late = await startServer({ admission: new DistantAdmission(verdict.promise) });
    const peer = await rawConnect(late);
    peer.send(hello()).socket.resetAndDestroy();
    await late.log.wait("closed");
    verdict.resolve({ type: "admitted" });
    const other = await (await rawConnect(late)).logIn();
    expect(await other.send(STOP).line()).toBe("STOPPED 0");
    expect(late.log.of("internal")).toEqual([]);
  });
});
