import { describe, expect, it } from "vitest";

import { preparePassword } from "../../src/credentials/password.ts";
import { parsePhc } from "../../src/credentials/phc.ts";
import { hashPassword, makeDecoyPhc, verifyPassword } from "../../src/credentials/verifier.ts";
import { foreignHashes, refusedForeignHashes } from "./foreign-hashes.ts";

const light = { memoryKib: 64, passes: 1, lanes: 1 };
const right = preparePassword("correct horse battery staple");
const wrong = preparePassword("correct horse battery staplf");

describe("hashPassword", () => {
  it("writes m,t,p with the default policy, a new salt each time", async () => {
    const [first, second] = await Promise.all([hashPassword(right), hashPassword(right)]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword(first, right)).toEqual({ outcome: "match", weak: false });
    expect(await verifyPassword(first, wrong)).toEqual({ outcome: "mismatch" });
  });

  it("refuses parameters out of bounds before it computes", async () => {
    await expect(hashPassword(right, { ...light, memoryKib: 2 ** 31 })).rejects.toMatchObject({
      code: "hash-out-of-bounds",
    });
  });
});

describe("verifyPassword", () => {
  it.each(foreignHashes)("verifies what $command printed", async ({ phc, password }) => {
    const stored = phc.replace("{ARGON2ID}", "");
    expect(await verifyPassword(stored, preparePassword(password))).toMatchObject({ outcome: "match" });
    expect(await verifyPassword(stored, wrong)).toEqual({ outcome: "mismatch" });
  });

  it.each([
    ...refusedForeignHashes.map(({ phc }) => phc),
    "",
    "hunter2",
    "$argon2id$",
    "$argon2id$v=19$m=64",
  ])("finds %s unusable without throwing", async (phc) => {
    expect(await verifyPassword(phc, right)).toMatchObject({
      outcome: "unusable",
      error: { code: "hash-invalid" },
    });
  });

  it("doesn't run parameters that would take minutes", async () => {
    const phc = (await hashPassword(right, light)).replace("m=64,t=1", "m=1048576,t=64");
    expect(await verifyPassword(phc, right)).toMatchObject({
      outcome: "unusable",
      error: { code: "hash-out-of-bounds" },
    });
  });

  it("says which hashes to replace", async () => {
    const phc = await hashPassword(right, light);
    expect(await verifyPassword(phc, right)).toEqual({ outcome: "match", weak: true });
    expect(await verifyPassword(phc, right, light)).toEqual({ outcome: "match", weak: false });
  });

  it("tells apart passwords that differ only in normalisation before preparing", async () => {
    const phc = await hashPassword(preparePassword("A\u030angstro\u0308m"), light);
    expect(await verifyPassword(phc, preparePassword("\u00c5ngstr\u00f6m"), light)).toMatchObject({
      outcome: "match",
    });
  });

  it("reports a failure of argon2 itself, without the password", async () => {
    // Not a prepared password, as only a bug could make one: argon2 can't read it.
    const broken = Object.assign(Object(Symbol("s")) as object, {}) as unknown as typeof right;
    const failure = verifyPassword(await hashPassword(right, light), broken);
    await expect(failure).rejects.toMatchObject({ code: "hash-failed" });
  });
});

describe("makeDecoyPhc", () => {
  it("has the cost asked for and matches nothing", async () => {
    const decoy = makeDecoyPhc(light);
    expect(parsePhc(decoy)).toMatchObject(light);
    expect(decoy).not.toBe(makeDecoyPhc(light));
    expect(await verifyPassword(decoy, right)).toEqual({ outcome: "mismatch" });
  });
});
