// The small parts of the edge: lines, text on terminals, limits, identities.

import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { displayHost, escapeBytes, escapeText } from "../../src/net/display.ts";
import { Fifo } from "../../src/net/fifo.ts";
import { grease } from "../../src/net/grease.ts";
import { makeIdentity, openIdentity, parseIdentity, readIdentity } from "../../src/net/identity.ts";
import { SERVER_LIMITS, serverLimits } from "../../src/net/limits.ts";
import { createServer } from "../../src/net/server.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { split } from "../protocol/bytes.ts";
import { concat, MemoryUsers } from "./harness.ts";

test("a line gives back what it was given, in order, through every compaction", () => {
  const line = new Fifo<number>();
  const expected: number[] = [];
  let next = 0;
  for (let round = 0; round < 20_000; round++) {
    for (let count = (round * 7) % 5; count > 0; count--) {
      line.push(next);
      expected.push(next++);
    }
    const [taken, due] = round % 3 > 0 ? [line.shift(), expected.shift()] : [];
    expect(taken).toBe(due);
    if (round % 4999 === 0) {
      line.retain((item) => item % 3 > 0);
      expected.splice(0, expected.length, ...expected.filter((item) => item % 3 > 0));
    }
    expect(line.length).toBe(expected.length);
  }
  expect(line.length).toBeGreaterThan(5000);
  while (expected.length > 0) expect(line.shift()).toBe(expected.shift());
  expect(line.shift()).toBeUndefined();
  expect(line.length).toBe(0);
});

test("TB-FRAME-8: every control character is escaped, C1 too, and what turns or breaks lines", () => {
  for (let code = 0; code < 0xa0; code++) {
    const character = String.fromCodePoint(code);
    const unsafe = code < 0x20 || code >= 0x7f;
    expect(escapeText(`a${character}b`), `U+${code.toString(16)}`).toBe(
      unsafe ? `a\\x${code.toString(16).padStart(2, "0")}b` : `a${character}b`,
    );
  }
  for (const code of [0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0x200e, 0x200f, 0x061c, 0xfeff]) {
    expect(escapeText(String.fromCodePoint(code))).toBe(`\\u{${code.toString(16)}}`);
  }
  for (const fine of ["", "käse", "日本語", "\u{1f600}", "a\\x1b"]) expect(escapeText(fine)).toBe(fine);
  expect(escapeBytes(Uint8Array.of(0x1b, 0x5b, 0xff, 0x41))).toBe("\\x1b[\ufffdA");
  expect(escapeBytes(Uint8Array.of(0xc2, 0x9b))).toBe("\\x9b");
  expect(displayHost("::1")).toBe("[::1]");
  expect(displayHost("a\u001b[0mb")).toBe("a\\x1b[0mb");
  expect(displayHost("example.org")).toBe("example.org");
});

test("limits have their defaults, and bounds that are held", () => {
  const defaults = serverLimits();
  for (const [name, { min, max, default: value }] of Object.entries(SERVER_LIMITS)) {
    expect(defaults[name as keyof typeof defaults]).toBe(value);
    expect(value).toBeGreaterThanOrEqual(min);
    expect(value).toBeLessThanOrEqual(max);
    for (const allowed of [min, max])
      expect(serverLimits({ [name]: allowed })).toMatchObject({ [name]: allowed });
    for (const wrong of [min - 1, max + 1, min + 0.5, Number.NaN, Infinity, "1" as unknown as number]) {
      expect(() => serverLimits({ [name]: wrong }), `${name} ${wrong}`).toThrow(RangeError);
    }
  }
  const options = { users: new MemoryUsers(), identity: "plaintext", limits: { tries: 0 } } as const;
  expect(() => createServer(options)).toThrow(/tries must be a whole number from 1 to 255/);
});

test("grease is a whole extension frame, always at rate 1 and never at 0", () => {
  for (const [rate, count] of [
    [1, 100],
    [0, 0],
  ] as const) {
    const out = new FrameWriter();
    for (let round = 0; round < 100; round++) grease(out, rate);
    const frames = split(concat(...out.take()));
    expect(frames).toHaveLength(count);
    for (const { type } of frames) expect(type).toBeGreaterThanOrEqual(0x80);
  }
});

test("an identity is made once, kept private, and read again", async () => {
  const path = join(makeTemporaryFolder(), "identity.pem");
  const first = await openIdentity(path);
  expect(first).toMatchObject({ made: true, openToOthers: false });
  expect(first.identity.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const second = await openIdentity(path);
  expect(second).toMatchObject({
    made: false,
    openToOthers: false,
    identity: { fingerprint: first.identity.fingerprint },
  });
  chmodSync(path, 0o644);
  expect(await openIdentity(path)).toMatchObject({ openToOthers: true });
});

test("keys and certificates that can't be used are named, and nothing is made in their place", async () => {
  const folder = makeTemporaryFolder();
  const path = join(folder, "identity.pem");
  const [one, other] = [await makeIdentity(), await makeIdentity()];
  expect(() => parseIdentity(one.key, other.cert)).toThrow("the key does not belong to the certificate");
  expect(() => parseIdentity("nonsense", one.cert)).toThrow(/key/);
  expect(() => parseIdentity(one.key, "nonsense")).toThrow(/certificate/);
  for (const text of ["", "nonsense", one.cert, one.key, one.key + other.cert]) {
    writeFileSync(path, text);
    await expect(openIdentity(path)).rejects.toMatchObject({
      name: "IdentityError",
      message: expect.stringContaining(path),
    });
    expect(readFileSync(path, "utf8")).toBe(text);
  }
  await expect(readIdentity(join(folder, "no.crt"), join(folder, "no.key"))).rejects.toThrow(
    /no\.key.*ENOENT/,
  );
});
