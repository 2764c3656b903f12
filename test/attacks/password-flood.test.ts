// One source guesses passwords as fast as it can; another logs in meanwhile, each time at the first attempt. How
// long that took is printed; on a machine with other work it says little.

import { describe, expect, test } from "vitest";

import { Attack } from "./attacker.ts";
import { report, startTarget, timeLogins } from "./target.ts";

const FLOODER = "127.0.0.2";
const LANES = 64;
const LOGINS = 20;

describe.skipIf(process.platform !== "linux")("a flood of wrong passwords from one source", () => {
  test("is throttled, and an honest login from elsewhere succeeds", async () => {
    const target = await startTarget();
    await using flood = new Attack({
      kind: "wrong-passwords",
      port: target.port,
      from: FLOODER,
      lanes: LANES,
    });
    await flood.seen("throttled", 100);
    const times = await timeLogins(target, LOGINS);
    report("flood of wrong passwords", times, flood.tally);
    expect(times).toHaveLength(LOGINS);
    // It has been told of about a dozen guesses, then of one each ten seconds.
    expect(flood.tally["bad-credentials"]).toBeLessThan(30);
  });

  test("that costs no penalty fills its own share of the line alone", async () => {
    const target = await startTarget("--penalty-exempt", FLOODER);
    await using flood = new Attack({
      kind: "wrong-passwords",
      port: target.port,
      from: FLOODER,
      lanes: LANES,
    });
    await flood.seen("busy", 100);
    const times = await timeLogins(target, LOGINS);
    report("flood of wrong passwords without penalties", times, flood.tally);
    expect(times).toHaveLength(LOGINS);
    expect(flood.tally["throttled"]).toBeUndefined();
  });
});
