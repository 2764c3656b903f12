// `npm run state-coverage`: which pairs of state and input (spec section 5) the exchanges bring about, for each role,
// legal and illegal apart; then what is excused, and why. Fails when a pair is neither, or an excuse is stale.

import {
  stateCoverage,
  type CoverageFigures,
  type RoleCoverage,
} from "../test/state-coverage/state-coverage.ts";

const coverage = await stateCoverage();
for (const role of ["server", "client"] as const) {
  const { legal, illegal, open, problems } = coverage[role];
  console.log(figuresLine(role, "legal", legal));
  console.log(figuresLine(role, "illegal", illegal));
  for (const key of open) console.log(`  open: ${key}`);
  for (const problem of problems) console.log(`  ${problem}`);
  if (open.length > 0 || problems.length > 0) process.exitCode = 1;
}
for (const role of ["server", "client"] as const) printExcuses(role, coverage[role]);

function figuresLine(role: string, kind: string, { total, covered, excused, open }: CoverageFigures): string {
  const figures = `${total} pairs, ${covered} covered, ${excused} excused, ${open} open`;
  return `${role}, ${kind}: ${figures}`;
}

function printExcuses(role: string, { excused }: RoleCoverage): void {
  console.log(`\nexcused for the ${role}:`);
  for (const { excuse, keys } of excused) {
    const shown = Object.entries(excuse.shownBy).map(([file, title]) => `test/${file} ("${title}")`);
    console.log(`- ${excuse.reason}; shown by ${shown.join(" and ")}`);
    for (const [state, inputs] of byState(keys)) console.log(`    ${state}: ${inputs.join(", ")}`);
  }
}

function byState(keys: readonly string[]): Map<string, string[]> {
  const states = new Map<string, string[]>();
  for (const key of keys) {
    const [state = "", input = ""] = key.split(" × ");
    states.set(state, [...(states.get(state) ?? []), input]);
  }
  return states;
}
