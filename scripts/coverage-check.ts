// Holds the lines that c8 counted, those of spawned commands included, to what the project promises.

import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const PROMISED: Readonly<Record<string, number>> = {
  src: 90,
  "src/protocol": 95,
  "src/credentials": 95,
  "src/auth": 95,
  "src/conformance": 90,
};

interface Lines {
  readonly total: number;
  readonly covered: number;
}

const summary = JSON.parse(readFileSync(`${project}coverage/coverage-summary.json`, "utf8")) as Record<
  string,
  { readonly lines: Lines }
>;

function percentUnder(folder: string): number {
  let total = 0;
  let covered = 0;
  for (const [path, { lines }] of Object.entries(summary)) {
    if (!relative(project, path).startsWith(folder + sep)) continue;
    total += lines.total;
    covered += lines.covered;
  }
  if (total === 0) throw new Error(`no line of ${folder} was counted`);
  return (100 * covered) / total;
}

for (const [folder, promised] of Object.entries(PROMISED)) {
  const percent = percentUnder(folder);
  const verdict = percent >= promised ? "holds" : "FAILS";
  process.stdout.write(
    `coverage: ${folder} ${percent.toFixed(2)} % of lines, ${promised} promised: ${verdict}\n`,
  );
  if (percent < promised) process.exitCode = 1;
}
