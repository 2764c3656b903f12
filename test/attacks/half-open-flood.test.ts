// One source opens connections and says nothing on them, as many and as fast as it can; another logs in meanwhile, each time at the first attempt. How
// long that took is printed; on a machine with other work it says little.

import { describe, expect, test } from "vitest";

import { Attack } from "./attacker.ts";
import { report, startTarget, timeLogins } from "./target.ts";

const LOGINS = 20;

describe.skipIf(process.platform !== "linux")("a flood of half-open connections", () => {
  test("from one source gets the share of a source, and an honest login succeeds", async () => {
    const target = await startTarget();
    await using flood = new Attack({ kind: "half-open", port: target.port, from: "127.0.0.2", lanes: 400 });
    await flood.seen("dropped", 1000);
    const times = await timeLogins(target, LOGINS);
    report("flood of half-open connections", times, flood.tally);
    expect(times).toHaveLength(LOGINS);
  });

  test("from many sources that fill the server makes room for a source with fewer", async () => {
    const target = await startTarget("--max-connections-before-login", "200", "--early-drop-from", "100");
    const from = Array.from({ length: 5 }, (_, index) => `127.0.1.${index + 1}`);
    await using floods = new AsyncDisposableStack();
    const attacks = from.map((address) =>
      floods.use(new Attack({ kind: "half-open", port: target.port, from: address, lanes: 60 })),
    );
    for (const attack of attacks) await attack.seen("dropped", 50);
    const times = await timeLogins(target, LOGINS);
    report("half-open connections from five sources that fill the server", times, attacks[0]!.tally);
    expect(times).toHaveLength(LOGINS);
  });
});
