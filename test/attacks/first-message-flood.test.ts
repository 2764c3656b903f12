// One source asks for challenges of OPAQUE as fast as it can, and answers none; another logs in meanwhile by both
// mechanisms, each time at the first attempt, and a session that had logged in before echoes all along.

import { describe, expect, test } from "vitest";

import { Attack } from "./attacker.ts";
import type { Tally } from "./lane.ts";
import { describeMemory, memoryOf } from "./process-status.ts";
import {
  connectHonest,
  describeTally,
  describeTimes,
  report,
  startTarget,
  timeEchoesDuring,
  timeLogins,
  timePasswordLogins,
} from "./target.ts";

const FLOODER = "127.0.0.2";
/** More than one source may have waiting for their challenge, fewer than it may have connections before login. */
const LANES = 100;
const LOGINS = 5;
/**
 * A hundred connections at 60 KiB (scripts/bench-idle.ts), and 50 MiB by which a server grows when its first users log in, flood or not, argon2's
 * 19 MiB among them. The rest is the collector's, which lets a busy process grow by tens of MiB before it works.
 */
const MEMORY_MIB = 150;

interface Beside {
  readonly byPassword: number[];
  readonly byOpaque: number[];
}

async function flood(pressed: string, ...options: string[]): Promise<Tally> {
  const target = await startTarget(...options);
  const session = await connectHonest(target);
  const before = memoryOf(target);
  await using attack = new Attack({
    kind: "first-messages",
    port: target.port,
    from: [FLOODER],
    lanes: LANES,
  });
  await attack.seen(pressed, 100);
  const logIn = async (): Promise<Beside> => ({
    byPassword: await timePasswordLogins(target, LOGINS),
    byOpaque: await timeLogins(target, LOGINS),
  });
  const logins = logIn();
  const echoes = await timeEchoesDuring(session, logins);
  const { byPassword, byOpaque } = await logins;
  const memory = memoryOf(target);
  const { tally } = attack;
  await session.stop();
  report(
    ["flood of first messages of OPAQUE", ...options].join(" "),
    describeTimes("honest logins by PASSWORD", byPassword),
    describeTimes("by OPAQUE", byOpaque),
    describeTimes("echoes", echoes),
    describeTally(tally),
    describeMemory(before, memory),
  );
  expect([byPassword.length, byOpaque.length]).toEqual([LOGINS, LOGINS]);
  expect(echoes.length).toBeGreaterThan(LOGINS);
  expect(memory.peak - before.now).toBeLessThan(MEMORY_MIB);
  return tally;
}

describe.skipIf(process.platform !== "linux")("a flood of first messages of OPAQUE from one source", () => {
  test("is throttled, and honest logins and a session go on", async () => {
    const answers = await flood("throttled");
    // Each challenge is ten seconds of penalty, whatever becomes of it.
    expect(answers["challenge"]).toBeLessThan(30);
  });

  // The line is as long as this source may fill alone: who comes from elsewhere gets in because the flood gives way.
  test("that costs no penalty fills the line, and gives way to others", async () => {
    const line = ["--challenge-queue-length", "64", "--challenge-queue-per-source", "64"];
    const answers = await flood("busy", "--penalty-exempt", FLOODER, ...line);
    expect(answers["throttled"]).toBeUndefined();
    expect(answers["challenge"]).toBeGreaterThan(0);
  });
});
