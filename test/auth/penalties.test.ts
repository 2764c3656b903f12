// Penalties by a clock of the test: how they grow and run off, when attempts are throttled and for how long, and that
// neither eviction nor many names ever take one back.

import { describe, expect, test } from "vitest";

import { Penalties, type PenaltyLimits } from "../../src/auth/penalties.ts";

const LIMITS: PenaltyLimits = {
  failurePenaltyMs: 10_000,
  nameFailurePenaltyMs: 30_000,
  throttleAboveMs: 100_000,
  maxThrottleMs: 600_000,
  maxPenaltyEntries: 1000,
  maxPenaltyNamesPerSource: 4,
};
const A = "192.0.2.1";
const B = "192.0.2.2";

function penalise(penalties: Penalties, source: string, names: readonly string[], now = 0): void {
  for (const name of names) penalties.penalise(source, name, now);
}

const many = (count: number, prefix = "name"): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe("growing and running off", () => {
  test("a name gets a few attempts, then one each time its last penalty has run off", () => {
    const penalties = new Penalties(LIMITS);
    penalise(penalties, A, ["alice", "alice", "alice"]);
    expect(penalties.waitMs(A, "alice", 0)).toBe(0);
    penalise(penalties, A, ["alice"]);
    expect(penalties.waitMs(A, "alice", 0)).toBe(20_000);
    expect(penalties.waitMs(A, "alice", 19_999)).toBe(1);
    expect(penalties.waitMs(A, "alice", 20_000)).toBe(0);
    penalties.penalise(A, "alice", 20_000);
    expect(penalties.waitMs(A, "alice", 20_000)).toBe(30_000);
  });

  test("the source is throttled by all its failures, whatever the names", () => {
    const penalties = new Penalties(LIMITS);
    penalise(penalties, A, many(10));
    expect(penalties.waitMs(A, undefined, 0)).toBe(0);
    penalise(penalties, A, ["another"]);
    expect(penalties.waitMs(A, undefined, 0)).toBe(10_000);
    expect(penalties.waitMs(A, "fresh", 0)).toBeGreaterThanOrEqual(10_000);
  });

  test("neither other sources nor their users bear it", () => {
    const penalties = new Penalties(LIMITS);
    penalise(penalties, A, Array(50).fill("alice"));
    expect(penalties.waitMs(B, "alice", 0)).toBe(0);
    expect(penalties.waitMs(B, undefined, 0)).toBe(0);
  });

  test("other names of the source wait no longer than the source itself", () => {
    const penalties = new Penalties(LIMITS);
    penalise(penalties, A, Array(4).fill("alice"));
    expect(penalties.waitMs(A, "bob", 0)).toBe(0);
  });

  test("no wait is longer than the cap, and no time is a lockout", () => {
    const penalties = new Penalties(LIMITS);
    penalise(penalties, A, Array(10_000).fill("alice"));
    const wait = penalties.waitMs(A, "alice", 0);
    expect(wait).toBe(LIMITS.maxThrottleMs);
    expect(penalties.waitMs(A, "alice", wait)).toBe(0);
  });

  test("after the announced wait there is always one attempt, with any fraction of the clock", () => {
    const penalties = new Penalties(LIMITS);
    let now = 0.123;
    for (let round = 0; round < 50; round++) {
      penalise(penalties, A, ["alice", "alice"], now);
      const wait = penalties.waitMs(A, "alice", now);
      now += wait;
      expect(penalties.waitMs(A, "alice", now)).toBe(0);
      now += 0.37;
    }
  });

  test("what has run off is let go of", () => {
    const penalties = new Penalties(LIMITS);
    for (let index = 0; index < 100; index++) penalties.penalise(`10.0.0.${index}`, "alice", 0);
    expect(penalties.size).toBe(200);
    penalties.penalise(A, "alice", 30_000);
    expect(penalties.size).toBe(2);
  });
});

describe("forgiving", () => {
  test("takes back what one failure added, and no more", () => {
    const penalties = new Penalties(LIMITS);
    penalise(penalties, A, Array(5).fill("alice"));
    const before = penalties.waitMs(A, "alice", 0);
    penalties.penalise(A, "alice", 0);
    penalties.forgive(A, "alice", 0);
    expect(penalties.waitMs(A, "alice", 0)).toBe(before);
  });

  test("of the only failure leaves nothing, at once or later", () => {
    for (const later of [0, 5000, 40_000]) {
      const penalties = new Penalties(LIMITS);
      penalties.penalise(A, "alice", 0);
      penalties.forgive(A, "alice", later);
      penalties.penalise(B, "bob", later);
      expect(penalties.size).toBe(2);
    }
  });

  test("of what is not known changes nothing", () => {
    const penalties = new Penalties(LIMITS);
    penalties.forgive(A, "alice", 0);
    penalise(penalties, A, Array(4).fill("alice"));
    expect(penalties.waitMs(A, "alice", 0)).toBe(20_000);
  });
});

describe("bounds that forgive nothing", () => {
  test("a source's names beyond its share are counted together, and push none out", () => {
    const penalties = new Penalties(LIMITS);
    penalise(penalties, A, Array(4).fill("alice"));
    penalise(penalties, A, many(500));
    expect(penalties.size).toBe(1 + LIMITS.maxPenaltyNamesPerSource + 1);
    expect(penalties.waitMs(A, "alice", 0)).toBeGreaterThanOrEqual(20_000);
    expect(penalties.waitMs(A, "fresh", 0)).toBe(LIMITS.maxThrottleMs);
    expect(penalties.waitMs(B, "fresh", 0)).toBe(0);
  });

  test("a name that was counted with others stays so while they are, though there is room again", () => {
    const limits = { ...LIMITS, failurePenaltyMs: 0 };
    const penalties = new Penalties(limits);
    penalise(penalties, A, many(4));
    penalise(penalties, A, Array(5).fill("alice"));
    penalties.penalise(B, "bob", 31_000); // by now the four names have run off
    expect(penalties.waitMs(A, "alice", 31_000)).toBe(19_000);
  });

  test("a full map keeps the greatest penalties, however many others come", () => {
    const limits = { ...LIMITS, maxPenaltyEntries: 20 };
    const penalties = new Penalties(limits);
    penalise(penalties, A, Array(12).fill("alice"));
    const wait = penalties.waitMs(A, "alice", 0);
    for (let index = 0; index < 200; index++) penalties.penalise(`10.0.${index}.1`, "x", 0);
    expect(penalties.size).toBe(20);
    expect(penalties.waitMs(A, "alice", 0)).toBeGreaterThanOrEqual(wait);
  });

  test("what was evicted counts on as the floor of all who are not in the map", () => {
    const limits = { ...LIMITS, maxPenaltyEntries: 2, nameFailurePenaltyMs: 10_000 };
    const penalties = new Penalties(limits);
    // A is pushed out by B, which is pushed out by A, and so on: each time the penalty is taken along.
    for (let round = 0; round < 6; round++) for (const source of [A, B]) penalties.penalise(source, "x", 0);
    for (const source of [A, B]) expect(penalties.waitMs(source, "x", 0)).toBeGreaterThan(0);
  });

  test("the floor falls with the clock", () => {
    const penalties = new Penalties({ ...LIMITS, maxPenaltyEntries: 2 });
    for (let index = 0; index < 100; index++) penalties.penalise(`10.0.0.${index}`, "x", 0);
    const wait = penalties.waitMs(A, "alice", 0);
    expect(wait).toBeGreaterThan(0);
    expect(penalties.waitMs(A, "alice", wait)).toBe(0);
  });

  test("a map with bounds never lets through whom one without would throttle", () => {
    const random = pseudoRandom(7);
    const pick = (count: number): number => Math.floor(random() * count);
    let throttled = 0;
    for (let run = 0; run < 20; run++) {
      const bounded = new Penalties({ ...LIMITS, maxPenaltyEntries: 8, maxPenaltyNamesPerSource: 2 });
      const unbounded = new Penalties({ ...LIMITS, maxPenaltyEntries: 1e6, maxPenaltyNamesPerSource: 1e6 });
      for (let step = 0, now = 0; step < 500; step++, now += pick(2000)) {
        const source = `10.0.0.${pick(6)}`;
        const name = `name${pick(5)}`;
        const wait = unbounded.waitMs(source, name, now);
        if (wait > 0) throttled++;
        expect(bounded.waitMs(source, name, now)).toBeGreaterThanOrEqual(wait);
        expect(bounded.waitMs(source, undefined, now)).toBeGreaterThanOrEqual(
          unbounded.waitMs(source, undefined, now),
        );
        for (const penalties of [bounded, unbounded]) penalties.penalise(source, name, now);
        expect(bounded.size).toBeLessThanOrEqual(8);
      }
    }
    expect(throttled).toBeGreaterThan(100);
  });
});

/** Numbers from 0 up to 1, the same each time (mulberry32). */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
