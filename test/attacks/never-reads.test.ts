// One account logs in many times over, sends as much as it is let, and reads none of the replies. What the server holds for
// it is bounded, it is dropped at the write-stall deadline, and others notice neither.

import { describe, expect, test } from "vitest";

import { Attack } from "./attacker.ts";
import { describeMemory, memoryOf } from "./process-status.ts";
import {
  ACCOUNT,
  connectHonest,
  describeTally,
  describeTimes,
  report,
  startTarget,
  timeEchoesDuring,
  timeLogins,
} from "./target.ts";

const LANES = 10;
const LOGINS = 3;
const WRITE_STALL_MS = 4000;
/** Half of the default of the write-stall deadline, which is not to be what ends them. */
const IN_TIME_MS = 15_000;
/**
 * For each connection 256 KiB of replies, the message of 1 MiB that brought them there, and what TLS makes of the 256 KiB that
 * were handed to it: 2 MiB, twenty in all. 50 MiB by which a server grows when its first users log in. The rest is the
 * collector's, for whom a hundred MiB have come and gone. A server that goes on writing to sockets that are full
 * grows by 300 MiB here, and would go on.
 */
const MEMORY_MIB = 200;

describe.skipIf(process.platform !== "linux")("an account that never reads", () => {
  test("costs bounded memory, and is dropped at the write-stall deadline", async () => {
    const target = await startTarget("--write-stall-ms", String(WRITE_STALL_MS));
    const session = await connectHonest(target);
    const before = memoryOf(target);
    await using attack = new Attack({
      kind: "never-reads",
      port: target.port,
      from: ["127.0.0.2"],
      lanes: LANES,
      account: ACCOUNT,
    });
    const work = (async () => {
      await attack.seen("loggedIn", LANES);
      const times = await timeLogins(target, LOGINS);
      await attack.seen("ended", LANES);
      return times;
    })();
    const echoes = await timeEchoesDuring(session, work);
    const times = await work;
    const memory = memoryOf(target);
    await session.stop();
    const { tally } = attack;
    report(
      `${LANES} sessions that never read`,
      describeTimes("honest logins", times),
      describeTimes("echoes", echoes),
      describeTally(tally),
      describeMemory(before, memory),
    );
    expect(times).toHaveLength(LOGINS);
    expect(tally["shortestMs"]).toBeGreaterThanOrEqual(WRITE_STALL_MS - 1);
    expect(tally["longestMs"]).toBeLessThan(IN_TIME_MS);
    expect(memory.peak - before.now).toBeLessThan(MEMORY_MIB);
  });
});
