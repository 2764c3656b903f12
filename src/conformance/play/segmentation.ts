// How the bytes that the runner sends are cut into writes. The verdict must not depend on it (TB-FRAME-4).

export const segmentations = ["whole", "every-byte", "random-cuts"] as const;
export type Segmentation = (typeof segmentations)[number];

// A step of a megabyte is cut byte by byte only at its start, where the fields are: a million writes of
// one byte would test nothing more.
const singleBytes = 1024;
const largestCut = 65_536;

export type Random = () => number;

// Mulberry32: small, seeded, and the same everywhere, so that a failure can be replayed from its seed.
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export function* cutWrites(
  bytes: Uint8Array,
  segmentation: Segmentation,
  random: Random,
): Generator<Uint8Array> {
  if (bytes.length === 0) return;
  if (segmentation === "whole") {
    yield bytes;
    return;
  }
  let offset = 0;
  while (offset < bytes.length) {
    const size = segmentation === "every-byte" ? byteSize(offset) : randomSize(offset, random);
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

function byteSize(offset: number): number {
  return offset < singleBytes ? 1 : largestCut;
}

// Mostly a few bytes, so that cuts fall inside fields; large once the step's first kilobytes are past.
function randomSize(offset: number, random: Random): number {
  const most = offset < singleBytes * 4 ? 2 ** (1 + Math.floor(random() * 7)) : largestCut;
  return 1 + Math.floor(random() * most);
}
