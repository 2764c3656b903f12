// Every pair of a state and an input is brought about by an exchange, or excused with a reason and a test; and the
// check that says so can fail.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { excuses } from "./state-coverage/excuses.ts";
import { keyOf, pairsOf, type CoverageRole } from "./state-coverage/pairs.ts";
import { collectSightings, type Sighting } from "./state-coverage/sightings.ts";
import { judgeCoverage } from "./state-coverage/state-coverage.ts";

const roles: readonly CoverageRole[] = ["server", "client"];
let sightings: readonly Sighting[] = [];

beforeAll(async () => {
  sightings = await collectSightings();
}, 120_000);

describe.each(roles)("the states of a %s", (role) => {
  it("are covered by the exchanges, but for the pairs that are excused", () => {
    const { open, problems } = judgeCoverage(sightings)[role];
    expect({ open, problems }).toEqual({ open: [], problems: [] });
  });

  it("have pairs of each kind, each once, and most of them are covered", () => {
    const { legal, illegal } = judgeCoverage(sightings)[role];
    const keys = pairsOf(role).map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { total, covered, excused, open } of [legal, illegal]) {
      expect(covered + excused + open).toBe(total);
      expect(covered).toBeGreaterThan(40);
    }
  });

  it("leave open what one exchange alone covers, if that is missing", () => {
    const coveringOf = new Map<string, string[]>();
    for (const { exchange, keys } of sightings.filter((sighting) => sighting.role === role))
      for (const key of keys) coveringOf.set(key, [...(coveringOf.get(key) ?? []), exchange]);
    const alone = [...coveringOf].filter(([, covering]) => covering.length === 1);
    expect(alone.length).toBeGreaterThan(40);
    for (const [key, [exchange]] of alone) {
      const rest = sightings.filter((sighting) => sighting.exchange !== exchange);
      expect(judgeCoverage(rest)[role].open).toContain(key);
    }
  });
});

describe("the check", () => {
  it.each([
    ["goaway-then-welcome", "client", "draining × WELCOME"],
    ["stop-with-reply-due-then-hello", "server", "stopping × HELLO"],
    ["end-behind-hello", "server", "admitting × end of stream"],
  ] as const)("without %s finds that of a %s: %s", (exchange, role, key) => {
    const rest = sightings.filter((sighting) => sighting.exchange !== exchange);
    expect(judgeCoverage(rest)[role].open).toEqual([key]);
  });

  it("finds an excuse for what is covered, one that fits nothing, and a second one", () => {
    const [first] = excuses;
    const covered = pairsOf("server").filter((pair) => keyOf(pair) === "ready × MESSAGE");
    const made = [
      { ...first!, pairs: covered },
      { ...first!, pairs: [] },
    ];
    const { problems } = judgeCoverage(sightings, [...excuses, ...made, first!]).server;
    expect(problems).toContain("excused, but covered: ready × MESSAGE");
    expect(problems).toContain(`stale excuse, it fits no pair: ${first!.reason}`);
    expect(problems).toContain(`excused twice: ${keyOf(first!.pairs[0]!)}`);
  });

  it("finds a pair that loses its excuse, a play that fails, and an input that no pair names", () => {
    const { server } = judgeCoverage(sightings, excuses.slice(1));
    expect(server.open).toEqual(excuses[0]!.pairs.map(keyOf));
    const odd = {
      role: "server",
      exchange: "odd",
      keys: new Set(["ready × TEA"]),
      failure: "odd: fail",
    } as const;
    const { problems } = judgeCoverage([...sightings, odd]).server;
    expect(problems).toEqual(["odd: fail", "no pair is called: ready × TEA"]);
  });
});

describe("an excuse", () => {
  it.each(excuses.flatMap(({ shownBy }) => Object.entries(shownBy)))("cites %s: %s", (file, title) => {
    const text = readFileSync(new URL(file, import.meta.url), "utf8");
    const titles = Array.from(
      text.matchAll(/(?:test|it|describe|\))\(\s*"((?:[^"\\]|\\.)*)"/g),
      ([, found]) => found!,
    );
    expect(titles.filter((found) => found.includes(title))).not.toEqual([]);
  });
});
