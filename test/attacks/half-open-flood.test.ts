// Sources open connections and say nothing on them, as many and as fast as they can; another logs in meanwhile, each time
// at the first attempt. How long that took is printed; on a machine with other work it says little.

import { describe, expect, test } from "vitest";

import { Attack, type Orders } from "./attacker.ts";
import type { Tally } from "./lane.ts";
import { describeMemory, memoryOf, openFilesOf } from "./process-status.ts";
import { describeTally, describeTimes, report, startTarget, timeLogins } from "./target.ts";

const LOGINS = 5;
const CROWD = 10_000;
const BEFORE_LOGIN = 1000; // the default of --max-connections-before-login
/** Of the process itself, and of the honest login. */
const OTHER_FILES = 100;
/**
 * A thousand connections that wait for their handshake, at no more than the 60 KiB of a session over TLS (scripts/bench-idle.ts), are 60 MiB. A
 * server grows by 50 MiB when its first users log in, whatever else happens. Ten thousand connections would be 600 MiB.
 */
const CROWD_MEMORY_MIB = 150;

/** So many addresses of 127/8. */
function addresses(net: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `127.0.${net}.${index + 1}`);
}

function total(attacks: readonly Attack[], answer: string): number {
  return attacks.reduce((sum, { tally }) => sum + (tally[answer] ?? 0), 0);
}

describe.skipIf(process.platform !== "linux")("a flood of half-open connections", () => {
  test("from one source gets the share of a source, and an honest login succeeds", async () => {
    const target = await startTarget();
    const orders: Orders = { kind: "half-open", port: target.port, from: ["127.0.0.2"], lanes: 400 };
    await using flood = new Attack(orders);
    await flood.seen("dropped", 1000);
    const times = await timeLogins(target, LOGINS);
    const honest = describeTimes("honest logins", times);
    report("flood of half-open connections", honest, describeTally(flood.tally));
    expect(times).toHaveLength(LOGINS);
  });

  test("from many sources that fill the server makes room for a source with fewer", async () => {
    const target = await startTarget("--max-connections-before-login", "200", "--early-drop-from", "100");
    await using floods = new AsyncDisposableStack();
    const attacks = addresses(1, 5).map((address) =>
      floods.use(new Attack({ kind: "half-open", port: target.port, from: [address], lanes: 60 })),
    );
    for (const attack of attacks) await attack.seen("dropped", 50);
    const times = await timeLogins(target, LOGINS);
    const honest = describeTimes("honest logins", times);
    report(
      "half-open connections from five sources that fill the server",
      honest,
      describeTally(attacks[0]!.tally),
    );
    expect(times).toHaveLength(LOGINS);
  });

  test(`of ${CROWD} connections at once, from a hundred sources, leaves no more than the cap before login`, async () => {
    const target = await startTarget("--tls-ms", "120000"); // the caps are to end them, not their deadline
    const before = memoryOf(target);
    await using floods = new AsyncDisposableStack();
    const attacks = [2, 3].map((net) =>
      floods.use(
        new Attack({
          kind: "crowd",
          port: target.port,
          from: addresses(net, 50),
          lanes: 50,
          connections: CROWD / 2,
        }),
      ),
    );
    for (const attack of attacks) await attack.seen("begun", CROWD / 2);
    while (total(attacks, "dropped") < CROWD - BEFORE_LOGIN) await attacks[0]!.reported();
    const held = openFilesOf(target);
    const times = await timeLogins(target, LOGINS);
    const memory = memoryOf(target);
    const tally: Tally = { begun: total(attacks, "begun"), dropped: total(attacks, "dropped") };
    report(
      `${CROWD} connections before login`,
      describeTimes("honest logins", times),
      describeTally(tally),
      `${held} files open at the server`,
      describeMemory(before, memory),
    );
    expect(times).toHaveLength(LOGINS);
    expect(held).toBeLessThan(BEFORE_LOGIN + OTHER_FILES);
    expect(held).toBeGreaterThan(BEFORE_LOGIN / 4); // or it was no crowd
    expect(memory.peak - before.now).toBeLessThan(CROWD_MEMORY_MIB);
  });
});
