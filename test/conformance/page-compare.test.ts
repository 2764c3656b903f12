// Expected and received lines side by side: which belong together, and which the page marks.

import { describe, expect, it } from "vitest";
import { pairLines, parseLine } from "../../src/conformance/report/page-compare.ts";
import { annotate, annotatedLine } from "../../src/conformance/wire/annotate.ts";
import { fromHex } from "../../src/conformance/wire/bytes.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";

describe("annotated lines", () => {
  const shown = (expected: readonly string[], received: readonly string[]): string[][] =>
    pairLines(expected, received).map((pair) => [
      (pair.missing ? "- " : "") + (pair.expected?.meaning ?? ""),
      (pair.extra ? "+ " : "") + (pair.received?.meaning ?? ""),
    ]);

  it("are read as they are written", () => {
    expect(parseLine(annotatedLine(5, "01", "code = malformed"))).toEqual({
      offset: "5",
      hex: "01",
      meaning: "code = malformed",
    });
    expect(parseLine(annotatedLine("", "any", "length"))).toEqual({
      offset: "",
      hex: "any",
      meaning: "length",
    });
    expect(parseLine(annotatedLine(46, "", `x = ""`)).offset).toBe("46");
    const long = `${"61".repeat(32)}… (40 bytes)`;
    expect(parseLine(annotatedLine(9, long, "payload = x"))).toEqual({
      offset: "9",
      hex: long,
      meaning: "payload = x",
    });
    expect(parseLine("then end of stream").hex).toBeUndefined();
    for (const line of annotate(wireTable(), fromHex("0000000a100000000768656c6c6f")))
      expect(parseLine(line).hex).toMatch(/^[0-9a-f]+( [0-9a-f]+)?$/);
    expect(parseLine(annotatedLine(5, "0b 636f6e666f726d616e6365", "agent = x")).hex).toBe(
      "0b 636f6e666f726d616e6365",
    );
  });

  it("stand beside those of the same field, and differ where their bytes do", () => {
    const expected = [
      annotatedLine("", "07", "type REFUSED"),
      annotatedLine("", "any", "retry-after-ms = any"),
      annotatedLine("", "02", "tries-left = 2"),
    ];
    const received = [
      annotatedLine(4, "07", "type REFUSED"),
      annotatedLine(6, "00000000", "retry-after-ms = 0"),
      annotatedLine(10, "01", "tries-left = 1"),
    ];
    expect(shown(expected, received)).toEqual([
      ["type REFUSED", "type REFUSED"],
      ["retry-after-ms = any", "retry-after-ms = 0"],
      ["- tries-left = 2", "+ tries-left = 1"],
    ]);
    expect(shown(["end of stream"], received)).toEqual([
      ["- end of stream", "+ type REFUSED"],
      ["", "+ retry-after-ms = 0"],
      ["", "+ tries-left = 1"],
    ]);
  });

  it("are marked as received where what may be anything is another field", () => {
    const expected = [
      annotatedLine("", "07", "type REFUSED"),
      annotatedLine("", "any", "retry-after-ms = any"),
    ];
    const received = [annotatedLine(4, "23", "type ERROR"), annotatedLine(6, "01", "min-version = 1")];
    expect(shown(expected, received)).toEqual([
      ["- type REFUSED", "+ type ERROR"],
      ["retry-after-ms = any", "+ min-version = 1"],
    ]);
  });

  it("are not marked for the same bytes in another field, nor for what may be anything", () => {
    const pong = [annotatedLine("", "13", "type PONG"), annotatedLine("", "00000000", "data = 0")];
    const stopped = [annotatedLine(4, "21", "type STOPPED"), annotatedLine(5, "00000000", "accepted = 0")];
    expect(shown(pong, stopped)).toEqual([
      ["- type PONG", "+ type STOPPED"],
      ["data = 0", "accepted = 0"],
    ]);
    const error = [
      annotatedLine("", "any", "length"),
      annotatedLine("", "08", "code = timeout"),
      annotatedLine("", "any", "detail = any bytes"),
      "then end of stream",
    ];
    expect(shown(error, ["nothing in time"])).toEqual([
      ["length", "+ nothing in time"],
      ["- code = timeout", ""],
      ["detail = any bytes", ""],
      ["then end of stream", ""],
    ]);
  });
});
