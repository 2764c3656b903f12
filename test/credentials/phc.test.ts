import { describe, expect, it } from "vitest";

import {
  checkHashParameters,
  defaultHashParameters,
  encodePhc,
  importPhc,
  isWeakerThan,
  parsePhc,
} from "../../src/credentials/phc.ts";
import { foreignHashes, refusedForeignHashes } from "./foreign-hashes.ts";

const salt = "c2l4dGVlbiBieXRlIHNsdA";
const hash = "k81ovk8fkH1PorA/36zCkEKia28tQyMQYijfaS5RQy4";

function phc(parameters: string, saltText = salt, hashText = hash): string {
  return `$argon2id$v=19$${parameters}$${saltText}$${hashText}`;
}

function base64(bytes: number): string {
  return Buffer.alloc(bytes, 1).toString("base64").replaceAll("=", "");
}

function sized(saltBytes: number, hashBytes: number): string {
  return phc("m=64,t=1,p=1", base64(saltBytes), base64(hashBytes));
}

describe("parsePhc", () => {
  it("reads the parts", () => {
    const parsed = parsePhc(phc("m=19456,t=2,p=1"));
    expect(parsed).toMatchObject({ memoryKib: 19_456, passes: 2, lanes: 1 });
    expect(Buffer.from(parsed.salt).toString()).toBe("sixteen byte slt");
    expect(parsed.hash).toHaveLength(32);
  });

  it.each(["m=64,p=2,t=3", "p=2,t=3,m=64", "t=3,m=64,p=2"])("reads %s and writes m,t,p", (parameters) => {
    expect(encodePhc(parsePhc(phc(parameters)))).toBe(phc("m=64,t=3,p=2"));
  });

  it.each([
    ["nothing", ""],
    ["a plain password", "hunter2"],
    ["text before", ` ${phc("m=64,t=1,p=1")}`],
    ["a line feed after", `${phc("m=64,t=1,p=1")}\n`],
    ["bcrypt", "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"],
    ["an unknown algorithm", phc("m=64,t=1,p=1").replace("argon2id", "argon3")],
    ["no version", phc("m=64,t=1,p=1").replace("$v=19", "")],
    ["version 16", phc("m=64,t=1,p=1").replace("v=19", "v=16")],
    ["no hash", `$argon2id$v=19$m=64,t=1,p=1$${salt}`],
    ["a sixth part", `${phc("m=64,t=1,p=1")}$`],
    ["a missing parameter", phc("m=64,t=1")],
    ["a parameter twice", phc("m=64,t=1,p=1,m=64")],
    ["associated data", phc("m=64,t=1,p=1,data=AAAA")],
    ["a leading zero", phc("m=064,t=1,p=1")],
    ["a sign", phc("m=+64,t=1,p=1")],
    ["hexadecimal", phc("m=0x40,t=1,p=1")],
    ["a space", phc("m=64, t=1,p=1")],
    ["eleven digits", phc("m=64000000000,t=1,p=1")],
    ["padding", phc("m=64,t=1,p=1", `${salt}==`)],
    ["base64url", phc("m=64,t=1,p=1", "__________________________8".slice(0, 22))],
    ["stray bits at the end", phc("m=64,t=1,p=1", `${salt.slice(0, -1)}B`)],
    ["a length that base64 can't have", phc("m=64,t=1,p=1", `${salt}AAA`)],
    ["white space in the hash", phc("m=64,t=1,p=1", salt, `${hash.slice(0, 20)} ${hash.slice(20)}`)],
    ["endless text", phc("m=64,t=1,p=1", "A".repeat(300))],
  ])("refuses %s", (_, text) => {
    expect(() => parsePhc(text)).toThrow(expect.objectContaining({ code: "hash-invalid" }));
  });

  it("repeats nothing of what it refuses", () => {
    const texts = ["hunter2", "$hunter2$", phc("m=64,t=1,p=1", "hunter2!"), phc("m=64,t=1,hunter2=1")];
    for (const text of texts) expect(() => parsePhc(text)).not.toThrow("hunter2");
  });

  it.each([
    ["argon2i", "argon2i"],
    ["argon2d", "argon2d"],
    ["scrypt", "scrypt"],
    ["2b", "bcrypt"],
    ["y", "yescrypt"],
    ["6", "SHA-512-crypt"],
    ["hunter2", "another algorithm"],
  ])("calls %s by the name %s", (id, name) => {
    expect(() => parsePhc(`$${id}$v=19$m=64,t=1,p=1$${salt}$${hash}`)).toThrow(
      `it is ${name}, and only argon2id`,
    );
  });

  it.each([
    phc("m=8,t=1,p=1"),
    phc("m=1048576,t=4,p=1"),
    phc("m=65536,t=64,p=1"),
    phc("m=64,t=64,p=1"),
    phc("m=128,t=1,p=16"),
    sized(8, 32),
    sized(64, 64),
    sized(16, 16),
  ])("takes %s, at a bound", (text) => {
    expect(encodePhc(parsePhc(text))).toBe(text);
  });

  it.each([
    phc("m=7,t=1,p=1"),
    phc("m=1048577,t=1,p=1"),
    phc("m=4294967295,t=1,p=1"),
    phc("m=1048576,t=5,p=1"),
    phc("m=65537,t=64,p=1"),
    phc("m=64,t=0,p=1"),
    phc("m=64,t=65,p=1"),
    phc("m=128,t=1,p=0"),
    phc("m=127,t=1,p=16"),
    phc("m=1024,t=1,p=17"),
    sized(7, 32),
    sized(65, 32),
    sized(16, 15),
    sized(16, 65),
  ])("refuses %s, beyond a bound", (text) => {
    expect(() => parsePhc(text)).toThrow(expect.objectContaining({ code: "hash-out-of-bounds" }));
  });

  it("bounds what is written, too", () => {
    const parsed = parsePhc(phc("m=64,t=1,p=1"));
    expect(() => encodePhc({ ...parsed, memoryKib: 64.5 })).toThrow("from 8 to");
    expect(() => encodePhc({ ...parsed, salt: new Uint8Array(4) })).toThrow("salt");
    expect(() => checkHashParameters({ memoryKib: Number.NaN, passes: 1, lanes: 1 })).toThrow("memory");
  });
});

describe("hashes of other programs", () => {
  it.each(foreignHashes)("imports what $command printed", ({ phc }) => {
    expect(importPhc(phc)).toBe(phc.replace("{ARGON2ID}", ""));
  });

  it.each(refusedForeignHashes)("refuses what $command printed", ({ phc }) => {
    expect(() => importPhc(phc)).toThrow(expect.objectContaining({ code: "hash-invalid" }));
  });
});

describe("isWeakerThan", () => {
  it.each([
    ["m=19456,t=2,p=1", false],
    ["m=19456,t=3,p=1", false],
    ["m=65536,t=3,p=4", false],
    ["m=47104,t=1,p=1", false],
    ["m=19456,t=1,p=1", true],
    ["m=19455,t=2,p=1", true],
    ["m=12288,t=64,p=1", true],
    ["m=38911,t=1,p=1", true],
    ["m=38912,t=1,p=1", false],
  ])("of %s is %s", (parameters, weaker) => {
    expect(isWeakerThan(parsePhc(phc(parameters)), defaultHashParameters)).toBe(weaker);
  });

  it("minds a short salt, but not a hash of 128 bits", () => {
    const strong = "m=65536,t=3,p=1";
    expect(isWeakerThan(parsePhc(phc(strong, base64(15))), defaultHashParameters)).toBe(true);
    expect(isWeakerThan(parsePhc(phc(strong, base64(16))), defaultHashParameters)).toBe(false);
    expect(isWeakerThan(parsePhc(phc(strong, salt, base64(16))), defaultHashParameters)).toBe(false);
  });
});
