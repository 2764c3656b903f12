// The examples of RFC 8265 section 4.3, and the class and contexts of RFC 8264 and RFC 5892. The contextual
// cases agree with precis_i18n (Python), against which all code points and 60,000 random strings were run.

import { describe, expect, it } from "vitest";

import { checkNewPassword, generatePassword, preparePassword } from "../../src/credentials/password.ts";

function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
  return undefined;
}

describe("preparePassword", () => {
  it.each([
    ["12", "correct horse battery staple", "correct horse battery staple"],
    ["13", "Correct Horse Battery Staple", "Correct Horse Battery Staple"],
    ["14", "πßå", "πßå"],
    ["15", "Jack of ♦s", "Jack of ♦s"],
    ["16", "foo\u1680bar", "foo bar"],
  ])("takes example %s of RFC 8265", (_, input, output) => {
    expect(preparePassword(input)).toBe(output);
    expect(preparePassword(output)).toBe(output);
  });

  it.each([
    ["17", ""],
    ["18", "my cat is a \tby"],
  ])("refuses example %s of RFC 8265", (_, input) => {
    expect(codeOf(() => preparePassword(input))).toBe("password-invalid");
  });

  it.each([
    ["composes to NFC", "A\u030angstro\u0308m", "\u00c5ngstr\u00f6m"],
    ["composes the Hangul that macOS decomposes", "\u1112\u1161\u11ab", "\ud55c"],
    ["maps every other space", "a\u00a0b\u2003c\u202fd\u205fe\u3000f", "a b c d e f"],
    ["keeps fullwidth letters", "\uff21", "\uff21"],
    ["keeps compatibility characters", "\ufb01\u00b2", "\ufb01\u00b2"],
    ["keeps case", "aA", "aA"],
    ["keeps leading and trailing spaces", "  a ", "  a "],
    ["takes characters beyond the first plane", "🐎🔋", "🐎🔋"],
    ["takes the excepted sharp s and final sigma", "\u00df\u03c2\u3007", "\u00df\u03c2\u3007"],
    ["takes a middle dot between two l", "col\u00b7lapse", "col\u00b7lapse"],
    ["takes a keraia before Greek", "\u0375\u03b1", "\u0375\u03b1"],
    ["takes geresh and gershayim after Hebrew", "\u05d0\u05f3\u05d0\u05f4", "\u05d0\u05f3\u05d0\u05f4"],
    ["takes a middle dot with Katakana", "a\u30fb\u30a2", "a\u30fb\u30a2"],
    ["takes one series of Arabic digits", "\u0660\u0669", "\u0660\u0669"],
    ["takes the other series too", "\u06f0\u06f9", "\u06f0\u06f9"],
    [
      "takes both joiners after a virama",
      "\u0915\u094d\u200d\u0915\u094d\u200c",
      "\u0915\u094d\u200d\u0915\u094d\u200c",
    ],
    ["takes the non-joiner of Persian", "\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"],
    ["looks through marks for joining", "\u0628\u064b\u200c\u064b\u0627", "\u0628\u064b\u200c\u064b\u0627"],
  ])("%s", (_, input, output) => {
    expect(preparePassword(input)).toBe(output);
  });

  it.each([
    ["NUL", "pass\u0000word", "control"],
    ["C1 controls", "pass\u0085word", "control"],
    ["old Hangul jamo", "\u1140", "jamo"],
    ["extended jamo", "\ua960", "jamo"],
    ["a soft hyphen", "pass\u00adword", "invisible"],
    ["a byte order mark", "\ufeffpassword", "invisible"],
    ["a Hangul filler", "\u3164", "invisible"],
    ["a noncharacter", "\ufdd0", "invisible"],
    ["a tag character", "\u{e0041}", "invisible"],
    ["an unassigned code point", "\u0378", "not assigned"],
    ["a private-use code point", "\ue000", "PRECIS"],
    ["a line separator", "\u2028", "PRECIS"],
    ["a directional override", "\u202e", "invisible"],
    ["an Arabic tatweel, by exception", "\u0640", "PRECIS"],
    ["a middle dot elsewhere", "a\u00b7b", "context"],
    ["a middle dot at the end", "l\u00b7", "context"],
    ["a keraia before Latin", "\u0375a", "context"],
    ["a geresh after Latin", "a\u05f3", "context"],
    ["a katakana middle dot alone", "a\u30fbb", "context"],
    ["two series of Arabic digits", "\u0660\u06f0", "context"],
    ["a joiner after no virama", "a\u200db", "context"],
    ["a joiner at the start", "\u200dab", "context"],
    ["a joiner after U+3099, of class 8", "\u30ab\u3042\u3099\u200d", "context"],
    ["a joiner after U+05B0, of class 10", "\u05d0\u05b0\u200d", "context"],
    ["a non-joiner at the start", "\u200c\u0627", "context"],
    ["a non-joiner after alef, which doesn't join on", "\u0627\u200c\u0628", "context"],
    ["a non-joiner before Latin", "\u0628\u200ca", "context"],
    ["a lone surrogate", "pass\ud800word", "surrogate"],
  ])("refuses %s", (_, input, reason) => {
    expect(codeOf(() => preparePassword(input))).toBe("password-invalid");
    expect(() => preparePassword(input)).toThrow(reason);
  });

  it("reads bytes as strict UTF-8", () => {
    expect(preparePassword(Buffer.from("A\u030a"))).toBe("\u00c5");
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]]) {
      expect(codeOf(() => preparePassword(Uint8Array.from(bytes)))).toBe("password-invalid");
    }
    expect(() => preparePassword(Buffer.from("\ufeffabc"))).toThrow("invisible");
  });

  it("counts the limit in bytes, after preparation", () => {
    expect(preparePassword("x".repeat(1_024))).toHaveLength(1_024);
    expect(codeOf(() => preparePassword("x".repeat(1_025)))).toBe("password-too-long");
    expect(codeOf(() => preparePassword("ß".repeat(513)))).toBe("password-too-long");
    expect(preparePassword(Buffer.from("\u3000".repeat(1_024)))).toBe(" ".repeat(1_024));
    // Not even looked at.
    expect(codeOf(() => preparePassword("\ud800".repeat(4_097)))).toBe("password-too-long");
  });
});

describe("checkNewPassword", () => {
  it("wants eight characters, counted as code points", () => {
    expect(codeOf(() => checkNewPassword("dgh4k9z"))).toBe("password-too-short");
    expect(codeOf(() => checkNewPassword("🐎🔋🐎🔋"))).toBe("password-too-short");
    expect(checkNewPassword("🐎🔋🐎🔋🐎🔋🐎🔋").password).toHaveLength(16);
  });

  it("warns below fifteen characters", () => {
    expect(checkNewPassword("dgh4k9zvbnq2wx").warnings).toMatchObject([{ code: "password-short" }]);
    expect(checkNewPassword("dgh4k9zvbnq2wxy").warnings).toEqual([]);
  });

  it.each(["password", "PassWord", "12345678", "iloveyou", "QWERTYUIOP", "talkbyte123"])(
    "refuses %s",
    (password) => {
      expect(codeOf(() => checkNewPassword(password))).toBe("password-common");
    },
  );

  it("refuses the username, in any case", () => {
    expect(codeOf(() => checkNewPassword("Margaret.H", "margaret.h"))).toBe("password-is-username");
    expect(checkNewPassword("Margaret.H", "alice").password).toBe("Margaret.H");
  });

  it("says nothing of the password in its errors", () => {
    for (const secret of ["zq8vkw", "zq8vkw\u0000zq8vkw", "zq8vkw".repeat(200)]) {
      expect(() => checkNewPassword(secret)).not.toThrow("zq8vkw");
    }
  });
});

describe("generatePassword", () => {
  it("makes legal passwords of more than 100 bits that never repeat", () => {
    const passwords = Array.from({ length: 200 }, generatePassword);
    for (const password of passwords) {
      expect(password).toMatch(/^[a-hjkmnp-z2-9]{6}(?:-[a-hjkmnp-z2-9]{6}){3}$/);
      expect(checkNewPassword(password)).toEqual({ password, warnings: [] });
    }
    expect(new Set(passwords).size).toBe(200);
    // Every letter of the alphabet comes up: 24 * log2(31) = 118.9 bits.
    expect(new Set(passwords.join("").replaceAll("-", "")).size).toBe(31);
  });
});
