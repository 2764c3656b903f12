// The figures of a bench: medians with their spread, ratios of what was measured in the same round, and the histogram
// of latencies that the load generators count in, 32 buckets for each power of two of nanoseconds.

import { median } from "../bench-figures.ts";

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Sparse: a bucket and how many fell into it, in rising order. */
export type Histogram = readonly (readonly [bucket: number, count: number])[];

const BUCKETS_PER_DOUBLING = 32;

/** @throws RangeError when there are none */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("a spread of no values");
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** Round by round, for the machine of one round is not that of another. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length) throw new RangeError("ratios are of the same rounds");
  return ours.map((each, round) => each / theirs[round]!);
}

export function bucketOf(ns: number): number {
  if (ns < BUCKETS_PER_DOUBLING) return Math.floor(ns);
  const exponent = Math.floor(Math.log2(ns));
  return (exponent - 5) * BUCKETS_PER_DOUBLING + Math.floor(ns / 2 ** (exponent - 5));
}

/** The middle of a bucket, in nanoseconds. */
export function valueOf(bucket: number): number {
  if (bucket < BUCKETS_PER_DOUBLING) return bucket;
  const exponent = Math.floor(bucket / BUCKETS_PER_DOUBLING) + 4;
  const width = 2 ** (exponent - 5);
  return ((bucket % BUCKETS_PER_DOUBLING) + BUCKETS_PER_DOUBLING + 0.5) * width;
}

export function mergeHistograms(histograms: readonly Histogram[]): Histogram {
  const counts = new Map<number, number>();
  for (const [bucket, count] of histograms.flat()) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  return Array.from(counts).toSorted(([a], [b]) => a - b);
}

/** The nanoseconds within which this share was answered; NaN when nothing was. */
export function latencyAt(histogram: Histogram, share: number): number {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of histogram) {
    seen += count;
    if (seen >= total * share) return valueOf(bucket);
  }
  return Number.NaN;
}
