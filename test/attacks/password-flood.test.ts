// One source guesses passwords as fast as it can; another logs in meanwhile, each time at the first attempt. How
// long that took is printed; on a machine with other work it says little.

import { describe, expect, test } from "vitest";

import { Attack } from "./attacker.ts";
import type { Tally } from "./lane.ts";
import { describeTally, describeTimes, report, startTarget, timePasswordLogins } from "./target.ts";

const FLOODER = "127.0.0.2";
const LANES = 64;
const LOGINS = 10;

/** Logs in by PASSWORD beside a flood that has been told `pressed` a hundred times; returns what it was told in all. */
async function flood(pressed: string, ...options: string[]): Promise<Tally> {
  const target = await startTarget(...options);
  await using attack = new Attack({
    kind: "wrong-passwords",
    port: target.port,
    from: [FLOODER],
    lanes: LANES,
  });
  await attack.seen(pressed, 100);
  const times = await timePasswordLogins(target, LOGINS);
  const what = ["flood of wrong passwords", ...options].join(" ");
  report(what, describeTimes("honest logins by PASSWORD", times), describeTally(attack.tally));
  expect(times).toHaveLength(LOGINS);
  return attack.tally;
}

describe.skipIf(process.platform !== "linux")("a flood of wrong passwords from one source", () => {
  test("is throttled, and an honest login from elsewhere succeeds", async () => {
    const answers = await flood("throttled");
    // It has been told of about a dozen guesses, then of one each ten seconds.
    expect(answers["bad-credentials"]).toBeLessThan(30);
  });

  test("that costs no penalty fills its own share of the line alone", async () => {
    const answers = await flood("busy", "--penalty-exempt", FLOODER);
    expect(answers["throttled"]).toBeUndefined();
  });
});
