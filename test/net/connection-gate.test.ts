// Which connections are dropped before their login: the randomness is the test's.

import { describe, expect, test } from "vitest";

import { ConnectionGate, type GateLimits, type Place } from "../../src/net/connection-gate.ts";

const LIMITS: GateLimits = {
  maxConnectionsBeforeLogin: 20,
  maxConnectionsBeforeLoginPerSource: 8,
  earlyDropFrom: 10,
  earlyDropPercent: 30,
};

class FakePlace implements Place {
  readonly source: string;
  busy = false;
  dropped = false;

  constructor(source: string) {
    this.source = source;
  }

  drop(): void {
    this.dropped = true;
  }
}

class Crowd {
  readonly gate: ConnectionGate;
  readonly places: FakePlace[] = [];

  constructor(random: () => number, limits: Partial<GateLimits> = {}) {
    this.gate = new ConnectionGate({ ...LIMITS, ...limits }, random);
  }

  /** Returns how many of them came in. */
  enter(source: string, count = 1): number {
    let entered = 0;
    for (let index = 0; index < count; index++) {
      const place = new FakePlace(source);
      if (!this.gate.enter(place)) continue;
      this.places.push(place);
      entered++;
    }
    return entered;
  }

  open(source: string): number {
    return this.places.filter((place) => place.source === source && !place.dropped).length;
  }

  leave(source: string): void {
    const index = this.places.findIndex((place) => place.source === source && !place.dropped);
    this.gate.leave(this.places.splice(index, 1)[0]!);
  }
}

const NEVER = (): number => 0.999_999;
const ALWAYS = (): number => 0;

describe("the caps", () => {
  test("one source gets its share; what leaves makes room, once", () => {
    const crowd = new Crowd(NEVER);
    expect(crowd.enter("a", 12)).toBe(8);
    const [first] = crowd.places;
    crowd.gate.leave(first!);
    crowd.gate.leave(first!);
    expect(crowd.gate.count).toBe(7);
    expect(crowd.enter("a", 3)).toBe(1);
  });

  test("below the start nothing is dropped, at the full mark one for each that comes", () => {
    const crowd = new Crowd(NEVER);
    for (const source of ["a", "b"]) expect(crowd.enter(source, 8)).toBe(8);
    expect(crowd.enter("c", 4)).toBe(4);
    expect(crowd.gate.count).toBe(20);
    expect(crowd.enter("d")).toBe(1);
    expect(crowd.gate.count).toBe(20);
    expect(crowd.open("a") + crowd.open("b")).toBe(15);
    const quiet = new Crowd(ALWAYS);
    expect(quiet.enter("a", 8) + quiet.enter("b", 2)).toBe(10);
    expect(quiet.places.every(({ dropped }) => !dropped)).toBe(true);
  });

  test("with nothing but single connections the one that comes is dropped", () => {
    const crowd = new Crowd(NEVER);
    for (let index = 0; index < 20; index++) expect(crowd.enter(`source ${index}`)).toBe(1);
    expect(crowd.enter("a")).toBe(0);
    expect(crowd.places.some(({ dropped }) => dropped)).toBe(false);
  });

  test("a start beyond the full mark leaves the full mark alone", () => {
    const crowd = new Crowd(ALWAYS, { maxConnectionsBeforeLogin: 2, earlyDropFrom: 500 });
    expect(crowd.enter("a", 5)).toBe(2);
  });
});

describe("the early drop", () => {
  test.each([
    [10, 0.3],
    [15, 0.65],
    [19, 0.93],
  ])("with %d connections it comes with a chance of %d", (count, chance) => {
    for (const [random, dropped] of [
      [chance - 0.001, true],
      [chance + 0.001, false],
    ] as const) {
      let decides = NEVER;
      const crowd = new Crowd(() => decides());
      for (let index = 0; index < count - 1; index++) crowd.enter(`source ${index}`);
      crowd.enter("heavy");
      decides = () => random;
      expect(crowd.enter("heavy")).toBe(dropped ? 0 : 1);
    }
  });

  test("falls on the heaviest source, whoever comes, and never on one whose verification is under way", () => {
    let decides = NEVER;
    const crowd = new Crowd(() => decides());
    crowd.enter("heavy", 7);
    crowd.enter("light", 4);
    for (const place of crowd.places.slice(1)) place.busy = true;
    decides = ALWAYS;
    expect(crowd.enter("light")).toBe(1);
    expect(crowd.places[0]!.dropped).toBe(true);
    expect(crowd.enter("light")).toBe(0); // all others of the heaviest are busy
    expect(crowd.open("heavy")).toBe(6);
    expect(crowd.enter("heavy")).toBe(0);
  });

  test("keeps its count of the heaviest through any coming and going", () => {
    let state = 1;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const crowd = new Crowd(random);
    const sources = ["a", "b", "c", "d", "e"];
    for (let step = 0; step < 5000; step++) {
      const source = sources[Math.floor(random() * sources.length)]!;
      const before = new Map(sources.map((name) => [name, crowd.open(name)]));
      const alive = new Set(crowd.places.filter((place) => !place.dropped));
      if (random() < 0.6) crowd.enter(source);
      else if (crowd.open(source) > 0) crowd.leave(source);
      const victims = crowd.places.filter((place) => place.dropped && alive.has(place));
      for (const { source: victim } of victims) {
        expect(before.get(victim)).toBe(Math.max(...before.values()));
        expect(before.get(victim)).toBeGreaterThan(before.get(source)! + 1);
      }
      expect(crowd.gate.count).toBe(crowd.places.filter((place) => !place.dropped).length);
      expect(crowd.gate.count).toBeLessThanOrEqual(20);
    }
    expect(crowd.places.filter((place) => place.dropped).length).toBeGreaterThan(20);
  });
});
