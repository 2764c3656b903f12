import { describe, expect, it } from "vitest";

import { encodeJson, JsonNumber, parseJson, pathStep } from "../../src/credentials/json.ts";

describe("parseJson", () => {
  it.each([
    ["null"],
    ["true"],
    ["false"],
    ['"a\\"b\\\\c\\u0001é🐎"'],
    ["-12.5"],
    ["[]"],
    ["{}"],
    ['[\n  1,\n  "x",\n  []\n]'],
    ['{\n  "b": 1,\n  "10": {\n    "2": null\n  },\n  "1": []\n}'],
    ['{\n  "__proto__": {\n    "constructor": true\n  }\n}'],
    ["12345678901234567890"],
    ["1.0"],
    ["-0"],
    ["1E+400"],
    ['"\\ud800"'],
  ])("gives back %s as it was", (text) => {
    expect(encodeJson(parseJson(text))).toBe(text);
  });

  it("keeps the text of numbers that it can't hold, and only of those", () => {
    expect(parseJson("1e3")).toEqual(new JsonNumber("1e3"));
    expect(parseJson("1000")).toBe(1000);
  });

  it("reads all escapes and white space as JSON.parse does", () => {
    const text = '\t{ "a" :\r\n[ "\\b\\f\\n\\r\\t\\/\\"\\\\\\u00e9\\uD83D\\uDC0E" , 1 ] } ';
    expect(parseJson(text)).toEqual(new Map(Object.entries(JSON.parse(text) as Record<string, never>)));
  });

  it("reads a string of two megabytes", () => {
    const text = JSON.stringify("a\n".repeat(1_000_000));
    expect(parseJson(text)).toBe(JSON.parse(text));
  });

  it.each([
    ["", "line 1, column 1: expected a value"],
    ["{", "line 1, column 2: expected a key in double quotes at $"],
    ['{"a": 1,}', "line 1, column 9: expected a key in double quotes at $"],
    ['{\n  "a" 1}', 'line 2, column 7: expected ":" at $.a'],
    ['{\n  "a": {"b c": [1, 2}\n}', 'line 2, column 21: expected "," or "]" at $.a["b c"]'],
    ['{"a": 1 "b": 2}', 'line 1, column 9: expected "," or "}" at $'],
    ['{"a": {"b": 1, "b": 2}}', "line 1, column 19: the key $.a.b occurs twice"],
    ['{"a": 1, "\\u0061": 2}', "line 1, column 18: the key $.a occurs twice"],
    ["[1, 2,]", "line 1, column 7: expected a value"],
    ["01", "line 1, column 2: expected the end of the file"],
    ["1 2", "line 1, column 3: expected the end of the file"],
    ["nul", "line 1, column 1: expected a value"],
    ["'a'", "line 1, column 1: expected a value"],
    ["\ufeff{}", "line 1, column 1: expected a value"],
    ['"abc', "line 1, column 5: this string is not closed, or holds what must be escaped"],
    ['"a\nb"', "line 1, column 3: this string is not closed, or holds what must be escaped"],
    ['"a\\x"', "line 1, column 3: this string is not closed, or holds what must be escaped"],
    ["[".repeat(40), "line 1, column 34: more than 32 levels at $"],
  ])("refuses %j", (text, message) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: "json-invalid" }));
    expect(() => parseJson(text)).toThrow(message);
  });
});

describe("pathStep", () => {
  it.each([
    ["a", ".a"],
    ["__proto__", ".__proto__"],
    ["a.b", '["a.b"]'],
    ['"', '["\\""]'],
    ["\u001b[2J\u009b\u202e", '["\\u001b[2J\\u009b\\u202e"]'],
    [3, "[3]"],
  ])("writes %j in printable ASCII", (key, step) => {
    expect(pathStep(key)).toBe(step);
  });
});
