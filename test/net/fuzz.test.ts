import { expect, test } from "vitest";

import { fuzzNet } from "../../scripts/fuzz-net.ts";

test("64 MiB of random bytes and every exchange with a bit flipped in every field leave a running server unharmed", async () => {
  const report = await fuzzNet({ seed: 20_260_727, randomBytes: 67_108_864, everyBit: false });
  expect(report.problems).toEqual([]);
  expect(report.randomBytes).toBeGreaterThanOrEqual(67_108_864);
  expect(report.flips).toBeGreaterThan(400);
}, 180_000);
