// Which pairs of state and input the exchanges bring about, which are excused, and which are left open. What calls this
// decides what to make of it: the test fails by it, `npm run state-coverage` prints it.

import { excuses, type Excuse } from "./excuses.ts";
import { keyOf, pairsOf, type CoverageRole, type Pair } from "./pairs.ts";
import { collectSightings, type Sighting } from "./sightings.ts";

export interface CoverageFigures {
  readonly total: number;
  readonly covered: number;
  readonly excused: number;
  readonly open: number;
}

export interface RoleCoverage {
  readonly legal: CoverageFigures;
  readonly illegal: CoverageFigures;
  /** Pairs that are neither covered nor excused, by their keys. */
  readonly open: readonly string[];
  readonly excused: readonly { readonly excuse: Excuse; readonly keys: readonly string[] }[];
  /** Excuses that no pair needs, pairs that are excused twice, inputs that no pair names, plays that did not pass. */
  readonly problems: readonly string[];
}

export interface StateCoverage {
  readonly server: RoleCoverage;
  readonly client: RoleCoverage;
}

export async function stateCoverage(): Promise<StateCoverage> {
  return judgeCoverage(await collectSightings());
}

export function judgeCoverage(
  sightings: readonly Sighting[],
  excused: readonly Excuse[] = excuses,
): StateCoverage {
  const judge = (role: CoverageRole): RoleCoverage =>
    judgeRole(
      pairsOf(role),
      sightings.filter((sighting) => sighting.role === role),
      excused.filter((excuse) => excuse.role === role),
    );
  return { server: judge("server"), client: judge("client") };
}

function judgeRole(
  pairs: readonly Pair[],
  sightings: readonly Sighting[],
  excused: readonly Excuse[],
): RoleCoverage {
  const seen = new Set(sightings.flatMap(({ keys }) => [...keys]));
  const excusedKeys = excused.flatMap((excuse) => excuse.pairs.map(keyOf));
  const left = new Set(excusedKeys);
  const isOpen = (pair: Pair): boolean => !seen.has(keyOf(pair)) && !left.has(keyOf(pair));
  const figures = (legal: boolean): CoverageFigures => {
    const all = pairs.filter((pair) => pair.legal === legal);
    const covered = all.filter((pair) => seen.has(keyOf(pair))).length;
    const open = all.filter(isOpen).length;
    return { total: all.length, covered, excused: all.length - covered - open, open };
  };
  return {
    legal: figures(true),
    illegal: figures(false),
    open: pairs.filter(isOpen).map(keyOf),
    excused: excused.map((excuse) => ({ excuse, keys: excuse.pairs.map(keyOf) })),
    problems: [
      ...sightings.flatMap(({ failure }) => (failure === undefined ? [] : [failure])),
      ...unlisted(pairs, seen),
      ...staleExcuses(excused, seen),
      ...excusedKeys
        .filter((key, index) => excusedKeys.indexOf(key) !== index)
        .map((key) => `excused twice: ${key}`),
    ],
  };
}

function unlisted(pairs: readonly Pair[], seen: ReadonlySet<string>): string[] {
  const known = new Set(pairs.map(keyOf));
  return [...seen].filter((key) => !known.has(key)).map((key) => `no pair is called: ${key}`);
}

function staleExcuses(excused: readonly Excuse[], seen: ReadonlySet<string>): string[] {
  return excused.flatMap(({ reason, pairs }) => {
    if (pairs.length === 0) return [`stale excuse, it fits no pair: ${reason}`];
    return pairs
      .filter((pair) => seen.has(keyOf(pair)))
      .map((pair) => `excused, but covered: ${keyOf(pair)}`);
  });
}
