// One source holds connections with as little as it can: a byte now and then of what is never whole, frames that mean
// nothing, or silence. Each is ended at the deadline that is there for it, which alone is short here: the others, at their
// defaults of ten seconds and more, could not have done it in time. Honest logins go on meanwhile.

import { describe, expect, test } from "vitest";

import { Attack, type Orders } from "./attacker.ts";
import { ACCOUNT, describeTally, describeTimes, report, startTarget, timeLogins } from "./target.ts";

const LANES = 30; // as many as may wait for their verification in the line of one source
const LOGINS = 2;
/** Half of the shortest default, and several times what the deadline takes here: a busy machine ends late. */
const IN_TIME_MS = 5000;

describe.skipIf(process.platform !== "linux")("a source that sends as little as it can", () => {
  test.each<[Orders["kind"], string, number]>([
    ["slow-handshake", "--tls-ms", 1000],
    // An honest login has to come through within it, on a busy machine too.
    ["slow-hello", "--login-ms", 2000],
    ["slow-auth", "--frame-ms", 1000],
    ["extensions-before-login", "--login-ms", 2000],
    ["slow-message", "--frame-ms", 1000],
    ["extensions-after-login", "--idle-ms", 1000],
  ])("by %s is ended at the deadline %s", async (kind, deadline, ms) => {
    const target = await startTarget(deadline, String(ms));
    const { port } = target;
    await using attack = new Attack({ kind, port, from: ["127.0.0.2"], lanes: LANES, account: ACCOUNT });
    const times = await timeLogins(target, LOGINS);
    await attack.seen("ended", LANES);
    const { tally } = attack;
    report(`${kind}, ${deadline} ${ms}`, describeTimes("honest logins", times), describeTally(tally));
    expect(times).toHaveLength(LOGINS);
    expect(tally["shortestMs"]).toBeGreaterThanOrEqual(ms - 1); // the clocks' grain
    expect(tally["longestMs"]).toBeLessThan(IN_TIME_MS);
    // Before there is a channel nothing can be said; then each is told.
    expect(tally["timeout"]).toBe(kind === "slow-handshake" ? undefined : tally["ended"]);
  });
});
