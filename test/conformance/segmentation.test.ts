import { describe, expect, it } from "vitest";
import { concat, toHex } from "../../src/conformance/wire/bytes.ts";
import { createRandom, cutWrites, segmentations } from "../../src/conformance/play/segmentation.ts";

const bytes = Uint8Array.from({ length: 100_000 }, (_byte, index) => index & 0xff);
const cut = (segmentation: (typeof segmentations)[number], seed = 1, of = bytes): Uint8Array[] => [
  ...cutWrites(of, segmentation, createRandom(seed)),
];

describe("cutWrites", () => {
  it.each(segmentations)("loses and adds nothing: %s", (segmentation) => {
    expect(toHex(concat(cut(segmentation)))).toBe(toHex(bytes));
    expect(cut(segmentation, 1, new Uint8Array())).toEqual([]);
  });

  it("cuts every byte where the fields are, and not a megabyte of payload", () => {
    const sizes = cut("every-byte").map((piece) => piece.length);
    expect(sizes.slice(0, 1024).every((size) => size === 1)).toBe(true);
    expect(sizes.length).toBeLessThan(1030);
  });

  it("cuts at random, and the same way from the same seed", () => {
    const sizes = (seed: number): number[] => cut("random-cuts", seed).map((piece) => piece.length);
    expect(sizes(7)).toEqual(sizes(7));
    expect(sizes(7)).not.toEqual(sizes(8));
    expect(new Set(sizes(7)).size).toBeGreaterThan(5);
  });
});
