// Fuzzes the core, and a running server: `node scripts/fuzz.ts [--all | server | client | net] [count] [first seed]`.
// Without a seed it begins where no run has begun before; a failure names the seed that repeats it. The count is the
// core's; a running server gets 64 MiB of random bytes, and each exchange with each bit of each field flipped.

import { FuzzFailure, fuzzCore, TARGETS, type Target } from "./fuzz-core.ts";
import { fuzzNet } from "./fuzz-net.ts";

const DEFAULT_COUNT = 20_000;

const [which = "--all", count = String(DEFAULT_COUNT), seed = String(Date.now() % 1_000_000_000)] =
  process.argv.slice(2);
const targets = which === "--all" ? TARGETS : TARGETS.filter((target) => target === which);
const net = which === "--all" || which === "net";
if ((targets.length === 0 && !net) || !/^\d+$/.test(count) || !/^\d+$/.test(seed)) {
  console.error(`usage: node scripts/fuzz.ts [--all | ${TARGETS.join(" | ")} | net] [count] [first seed]`);
  process.exit(2);
}

for (const target of targets) run(target);
if (net) await runNet();

async function runNet(): Promise<void> {
  const report = await fuzzNet({ seed: Number(seed), randomBytes: 67_108_864, everyBit: true });
  const { randomBytes, randomSeconds, flips, flipSeconds, grownBytes, problems } = report;
  console.log(
    `net: ${randomBytes} random bytes in ${randomSeconds.toFixed(1)} s and ${flips} flips in ${flipSeconds.toFixed(1)} s ` +
      `from seed ${seed}; the server has grown by ${Math.round(grownBytes / 1024)} KiB`,
  );
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
}

function run(target: Target): void {
  const startedAt = performance.now();
  try {
    fuzzCore(target, Number(count), Number(seed));
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    console.error(error.message);
    if (error.cause instanceof Error) console.error(error.cause.stack);
    process.exit(1);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${target}: ${count} cases from seed ${seed} in ${seconds} s, no failure`);
}
