// Does the clock tell which names exist? An attacker tries a name of the file and one that nobody has, in turns, with a wrong
// password, and compares the answers' times. He learns nothing of an ordinary user; the same attacker does see the user whose
// hash was made elsewhere with other parameters, which SECURITY.md owns up to. The bound is a share of what the work
// behind an answer takes: a machine with other work slows both of a pair.

import { describe, expect, test } from "vitest";

import { preparePassword } from "../../src/credentials/password.ts";
import { addUser } from "../../src/credentials/users-file.ts";
import { hashPassword } from "../../src/credentials/verifier.ts";
import { PASSWORD, phcOfPassword } from "../net/harness.ts";
import { Attack, type Orders } from "./attacker.ts";
import { report, startTarget, type Target } from "./target.ts";

const PAIRS = 60;
/** Leaving out OPAQUE's work shows as 40 % and more, an argon2id of another price as much more. */
const SEEN_SHARE = 0.2;
const FROM = "127.0.0.2";
/** Beside those whom every target has: absent names draw the parameters of their decoy from all hashes in the file. */
const OTHERS = 18;

async function startCrowded(): Promise<Target> {
  const target = await startTarget("--penalty-exempt", FROM, "--tries", "255");
  const phc = await phcOfPassword();
  for (let index = 0; index < OTHERS; index++) await addUser(target.users, `user-${index}`, phc);
  const imported = await hashPassword(preparePassword(PASSWORD), { memoryKib: 4096, passes: 1, lanes: 1 });
  await addUser(target.users, "imported", imported);
  return target;
}

/** By how much longer the answer took for this name than for absent ones, as a share of what it took. */
async function enumerate(kind: Orders["kind"], { port }: Target, username: string): Promise<number> {
  const account = { username, password: "" };
  await using attack = new Attack({ kind, port, from: [FROM], lanes: 1, account });
  await attack.seen("pairs", PAIRS);
  const { medianMs, differenceMs } = attack.tally;
  const share = differenceMs! / (medianMs! - Math.min(0, differenceMs!)); // of the longer one's time
  const figures = `median ${medianMs!.toFixed(2)} ms, difference of pairs ${differenceMs!.toFixed(3)} ms`;
  report(`${kind} of ${username}`, `${PAIRS} pairs`, `${figures} (${(100 * share).toFixed(1)} %)`);
  return share;
}

describe.skipIf(process.platform !== "linux")("enumeration by time", () => {
  test("by PASSWORD does not tell a user from nobody, and would", async () => {
    const target = await startCrowded();
    expect(Math.abs(await enumerate("enumerate-by-password", target, "alice"))).toBeLessThan(SEEN_SHARE);
    expect(await enumerate("enumerate-by-password", target, "imported")).toBeLessThan(-SEEN_SHARE);
  });

  test("by OPAQUE tells neither a user with a record nor one without, and would", async () => {
    const target = await startCrowded();
    for (const name of ["alice", "user-1"])
      expect(Math.abs(await enumerate("enumerate-by-challenge", target, name))).toBeLessThan(SEEN_SHARE);
    expect(await enumerate("compare-challenge-with-none", target, "alice")).toBeGreaterThan(SEEN_SHARE);
  });
});
