// The figures of a list of measurements.

/** The value below which this share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Two-sided 95 % of the normal distribution. */
const Z = 1.96;

/**
 * Between which of the values the median of what they were drawn from lies, at 95 %. Each value lies below that median
 * with probability 1/2, so how many do is binomial, here taken as normal; nothing is assumed of their distribution.
 */
export function medianInterval(values: readonly number[]): readonly [low: number, high: number] {
  const rank = Math.floor((values.length - Z * Math.sqrt(values.length)) / 2);
  if (rank < 1) throw new RangeError(`${values.length} values are too few for an interval`);
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[rank - 1]!, sorted[sorted.length - rank]!];
}

/** In random order. */
export function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** The whole number from `min` to `max` that an option of the command line gives. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`--${name} takes a whole number from ${min} to ${max}`);
}
