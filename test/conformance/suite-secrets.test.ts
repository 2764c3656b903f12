// The profile's passwords, wherever a report could let them out.

import { describe, expect, it } from "vitest";
import type { TranscriptEntry } from "../../src/conformance/play/result.ts";
import { bytesFrom } from "../../src/conformance/play/stage.ts";
import { maskText, maskTexts } from "../../src/conformance/report/secrets.ts";
import { withoutSecrets } from "../../src/conformance/report/transcript.ts";
import { concat, utf8 } from "../../src/conformance/wire/bytes.ts";
import { bytes16, frame, string8 } from "./fakes.ts";

const secret = "correct horse battery";
const auth = frame("AUTH", string8("PASSWORD"), string8("alice"), bytes16(utf8(secret)));

function sent(from: "C" | "S", bytes: Uint8Array, at = 0): TranscriptEntry {
  return { at, from, kind: "bytes", bytes };
}

function cutInto(bytes: Uint8Array, size: number): TranscriptEntry[] {
  const pieces = Math.ceil(bytes.length / size);
  return Array.from({ length: pieces }, (_piece, index) =>
    sent("C", bytes.subarray(index * size, (index + 1) * size), index),
  );
}

describe("withoutSecrets", () => {
  it.each([1, 2, 7, 1000])("finds a secret in writes of %i bytes, and keeps their lengths", (size) => {
    const before = cutInto(concat([utf8("x"), auth, auth]), size);
    const after = withoutSecrets(before, [secret]);
    const lengths = (entries: readonly TranscriptEntry[]): number[] =>
      entries.map((entry) => (entry.kind === "bytes" ? entry.bytes.length : -1));
    expect(lengths(after)).toEqual(lengths(before));
    const text = Buffer.from(bytesFrom(after, "C")).toString("latin1");
    expect(text).not.toMatch(/horse|corr|tery/);
    expect(text.match(/\*{21}/g)).toHaveLength(2);
  });

  it("finds it in both directions, but not across them", () => {
    const before = [
      sent("S", utf8("correct horse ")),
      sent("C", utf8("<correct horse battery>")),
      sent("S", utf8("battery")),
    ];
    const after = withoutSecrets(before, [secret]);
    expect(Buffer.from(bytesFrom(after, "C")).toString()).toBe(`<${"*".repeat(21)}>`);
    expect(Buffer.from(bytesFrom(after, "S")).toString()).toBe("*".repeat(21));
  });

  it("finds one that is cut short, at either end", () => {
    const short = [sent("C", utf8("..correct horse batter")), sent("S", utf8("orrect horse battery.."))];
    const after = withoutSecrets(short, [secret]);
    expect(Buffer.from(bytesFrom(after, "C")).toString()).toBe(`..${"*".repeat(20)}`);
    expect(Buffer.from(bytesFrom(after, "S")).toString()).toBe(`${"*".repeat(20)}..`);
  });

  it("finds one inside another, and one that overlaps itself", () => {
    const of = (text: string, ...secrets: string[]): string =>
      Buffer.from(bytesFrom(withoutSecrets([sent("C", utf8(text))], secrets), "C")).toString();
    expect(of("<secretive>", "secret", "secretive")).toBe("<*********>");
    expect(of("<aaaaaa>", "aaaa")).toBe("<******>");
    expect(of("ab", "ab")).toBe("**");
    expect(of("nothing of it", "elsewhere")).toBe("nothing of it");
  });

  it("leaves what is no bytes alone", () => {
    const before: TranscriptEntry[] = [
      { at: 0, from: "app", kind: "call", text: "login" },
      sent("C", utf8(secret), 1),
      { at: 2, from: "C", kind: "end" },
    ];
    expect(withoutSecrets(before, [secret]).map(({ kind }) => kind)).toEqual(["call", "bytes", "end"]);
  });
});

describe("maskText", () => {
  it.each([
    [`no ${secret}!`, `no ${"*".repeat(21)}!`],
    ["wrong password", "wrong password"],
    [`hex ${Buffer.from(secret).toString("hex")}`, `hex ${"*".repeat(42)}`],
    [`HEX ${Buffer.from(secret).toString("hex").toUpperCase()}`, `HEX ${"*".repeat(42)}`],
    [`cut ${Buffer.from(secret).toString("hex").slice(0, 30)}…`, `cut ${"*".repeat(30)}…`],
  ])("%s", (text, masked) => {
    expect(maskText(text, [secret])).toBe(masked);
  });

  it("knows how JSON spells a secret, and passes over one that is too short to be told from words", () => {
    const awkward = 'a "quoted" word';
    expect(maskText(JSON.stringify({ awkward }), [awkward])).toBe(`{"awkward":"${"*".repeat(17)}"}`);
    expect(maskText("a an the", ["a"])).toBe("a an the");
  });

  it("reaches every text of plain data", () => {
    expect(maskTexts({ a: [secret, 1, null], b: { c: undefined, d: true, e: secret } }, [secret])).toEqual({
      a: ["*".repeat(21), 1, null],
      b: { c: undefined, d: true, e: "*".repeat(21) },
    });
  });
});
