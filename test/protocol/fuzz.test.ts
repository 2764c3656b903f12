// A short, fixed run of the fuzzer; `npm run fuzz` runs on.

import { describe, expect, test } from "vitest";
import { FuzzFailure, fuzzCore, TARGETS } from "../../scripts/fuzz-core.ts";

describe.each(TARGETS)("the %s's session", (target) => {
  test.each([0, 1, 2, 3])("throws nothing and does not care for cuts: cases from %i000", (thousand) => {
    expect(() => fuzzCore(target, 250, thousand * 1000)).not.toThrow(FuzzFailure);
  });
});
