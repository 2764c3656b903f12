import { randomBytes } from "node:crypto";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CredentialError, type CredentialErrorCode } from "../../src/credentials/error.ts";
import {
  ensureOpaqueSetup,
  readOpaqueSetup,
  replaceOpaqueSetup,
} from "../../src/credentials/opaque-setup-file.ts";
import {
  encodeOpaqueSetup,
  makeOpaqueSetup,
  parseOpaqueSetup,
  type OpaqueSetup,
} from "../../src/credentials/opaque-setup.ts";
import {
  checkStretching,
  defaultStretching,
  encodeStretching,
  parseStretching,
} from "../../src/credentials/opaque-stretching.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const now = "2026-01-02T03:04:05.678Z";
const make = (): OpaqueSetup => makeOpaqueSetup(new Uint8Array(randomBytes(128)), defaultStretching, now);

async function codeOf(promise: Promise<unknown>): Promise<CredentialErrorCode | undefined> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof CredentialError ? error.code : undefined;
}

describe("key stretching", () => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

  it("has seven bytes in WELCOME", () => {
    expect(hex(encodeStretching({ memoryKib: 65_536, passes: 3, lanes: 4 }))).toBe("00010000000304");
    expect(parseStretching(encodeStretching(defaultStretching))).toEqual(defaultStretching);
  });

  it.each([
    ["the lowest", 19_456, 2, 1],
    ["the least work in one pass", 38_912, 1, 1],
    ["the most memory", 262_144, 4, 16],
    ["the most work", 65_536, 16, 4],
  ])("takes %s", (_, memoryKib, passes, lanes) => {
    const stretching = { memoryKib, passes, lanes };
    expect(parseStretching(encodeStretching(stretching))).toEqual(stretching);
  });

  it.each([
    ["too little memory", 19_455, 53, 1],
    ["too little work", 38_911, 1, 1],
    ["too much memory", 262_145, 1, 1],
    ["4 GiB", 4_194_304, 1, 1],
    ["too much work", 65_536, 17, 1],
    ["no pass", 65_536, 0, 1],
    ["no lane", 65_536, 1, 0],
    ["too many lanes", 65_536, 1, 17],
  ])("refuses %s, to announce (TB-OPAQUE-8) and to run (TB-OPAQUE-9)", (_, memoryKib, passes, lanes) => {
    const stretching = { memoryKib, passes, lanes };
    expect(() => checkStretching(stretching)).toThrow("OPAQUE's key stretching");
    expect(() => encodeStretching(stretching)).toThrow(CredentialError);
    const bytes = Buffer.alloc(7);
    bytes.writeUInt32BE(memoryKib, 0);
    bytes.writeUInt16BE(passes, 4);
    bytes.writeUInt8(lanes, 6);
    expect(parseStretching(bytes)).toBeUndefined();
  });

  it("refuses fractions, and other lengths", () => {
    expect(() => checkStretching({ ...defaultStretching, passes: 2.5 })).toThrow(CredentialError);
    const bytes = encodeStretching(defaultStretching);
    expect(parseStretching(bytes.subarray(0, 6))).toBeUndefined();
    expect(parseStretching(Uint8Array.of(...bytes, 0))).toBeUndefined();
    expect(parseStretching(new Uint8Array(0))).toBeUndefined();
  });
});

describe("an OPAQUE setup", () => {
  it("survives its file", () => {
    const setup = make();
    expect(parseOpaqueSetup(encodeOpaqueSetup(setup))).toEqual(setup);
  });

  it("has an id that changes with the secret and with the stretching", () => {
    const secret = new Uint8Array(128).fill(1);
    const ids = [
      makeOpaqueSetup(secret, defaultStretching, now),
      makeOpaqueSetup(secret, { ...defaultStretching, passes: 3 }, now),
      makeOpaqueSetup(secret.with(127, 2), defaultStretching, now),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
    expect(makeOpaqueSetup(secret, defaultStretching, "2027-01-01T00:00:00Z").id).toBe(ids[0]);
  });

  const setup = make();
  const text = encodeOpaqueSetup(setup);
  const secret = Buffer.from(setup.secret).toString("base64url");
  it.each([
    ["another version", text.replace('"version": 1', '"version": 2'), "$.version"],
    ["a field too many", text.replace("{", '{"note": "",'), "$.note"],
    ["a field too few", text.replace(/"createdAt": .*\n/, ""), "$.createdAt"],
    ["no time", text.replace(now, "yesterday"), "$.createdAt: must be a time"],
    ["a short secret", text.replace(secret, secret.slice(4)), "$.secret: must be 128 bytes"],
    ["a secret of another kind", text.replace(`"${secret}"`, "7"), "$.secret"],
    ["weak stretching", text.replace('"passes": 2', '"passes": 1'), "$.stretching: "],
    ["a parameter that is text", text.replace('"passes": 2', '"passes": "2"'), "$.stretching.passes"],
    ["a parameter too many", text.replace('"passes": 2', '"passes": 2, "x": 1'), "$.stretching.x"],
    ["a key twice", text.replace('"version": 1', '"version": 1, "version": 1'), "occurs twice"],
    ["no object", "[]", "$.version"],
    ["no JSON", "{", "line 1"],
  ])("refuses a file with %s, without quoting the secret", (_, wrong, message) => {
    const parse = () => parseOpaqueSetup(wrong);
    expect(parse).toThrow(message);
    expect(parse).toThrow(CredentialError);
    expect(parse).not.toThrow(secret.slice(8, 24));
  });
});

describe("the setup file", () => {
  const fresh = () => join(makeTemporaryFolder(), "opaque-setup.json");

  it("is made once, with mode 0600, however many ask at once", async () => {
    const path = fresh();
    let made = 0;
    const ensure = () =>
      ensureOpaqueSetup(path, async () => {
        made++;
        return await Promise.resolve(make());
      });
    const setups = await Promise.all(Array.from({ length: 5 }, ensure));
    expect(made).toBe(1);
    expect(new Set(setups.map(({ id }) => id)).size).toBe(1);
    expect(await readOpaqueSetup(path)).toEqual(setups[0]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("can be replaced by the next setup", async () => {
    const path = fresh();
    const [first, second] = [make(), make()];
    await replaceOpaqueSetup(path, first);
    await replaceOpaqueSetup(path, second);
    expect(await readOpaqueSetup(path)).toEqual(second);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("that is missing, damaged, open to others or no file has an error of its own, and is not replaced", async () => {
    expect(await codeOf(readOpaqueSetup(fresh()))).toBe("opaque-setup-missing");
    const [damaged, open, large, directory] = [fresh(), fresh(), fresh(), fresh()];
    await writeFile(damaged, "{}", { mode: 0o600 });
    await replaceOpaqueSetup(open, make());
    await chmod(open, 0o604);
    await writeFile(large, " ".repeat(5_000), { mode: 0o600 });
    await mkdir(directory);
    const cases = [
      [damaged, "opaque-setup-invalid"],
      [open, "opaque-setup-not-readable"],
      [large, "opaque-setup-not-readable"],
      [directory, "opaque-setup-not-readable"],
    ] as const;
    for (const [path, code] of cases) {
      expect(await codeOf(readOpaqueSetup(path))).toBe(code);
      expect(await codeOf(ensureOpaqueSetup(path, async () => await Promise.resolve(make())))).toBe(code);
    }
  });

  it("may be read by a group that the operator let in", async () => {
    const path = fresh();
    const setup = make();
    await replaceOpaqueSetup(path, setup);
    await chmod(path, 0o640);
    expect(await readOpaqueSetup(path)).toEqual(setup);
  });
});
