// The parts of a published template (spec/cases.md, section 3): bytes of known value, holes, and lengths around
// them. They are read from left to right. A length stands there as plain bytes wherever it can be known, so that
// a consumer needs to work one out only around a hole of open length, and needs no field table at all.

import { toHex, writeInteger } from "../wire/bytes.ts";

export type CasePart =
  // These bytes, in hexadecimal.
  | string
  | AnyPart
  | NumberPart
  // A number that grows by one with each repetition, from this one on.
  | { readonly count: string }
  // What was captured; with `flip`, but for the lowest bit of the byte at this offset.
  | { readonly ref: string; readonly flip?: number }
  | { readonly computed: string }
  // A length of so many bytes, and the parts that it counts.
  | { readonly length: number; readonly of: readonly CasePart[] }
  // A count of one byte, and so many groups of parts.
  | { readonly list: readonly [number, number]; readonly of: readonly CasePart[] }
  | { readonly repeat: readonly CasePart[]; readonly times: number }
  // The bytes of the parts from one offset to another; negative ones count from the end.
  | { readonly slice: readonly CasePart[]; readonly from: number; readonly to?: number };

// So many bytes, at least and at most.
export interface AnyPart {
  readonly any: readonly [number, number];
  readonly utf8?: true;
  // Each byte lies in one of these ranges.
  readonly each?: readonly (readonly [string, string])[];
  // In a list: differs from the same hole of the groups before.
  readonly distinct?: true;
  readonly capture?: string;
  readonly not?: readonly CasePart[];
}

// A number as wide as its two bounds.
export interface NumberPart {
  readonly low: string;
  readonly high: string;
  readonly codes?: readonly string[];
  readonly capture?: string;
  readonly not?: readonly CasePart[];
  readonly "not-below"?: CasePart;
}

// Repetitions of fewer bytes are written out.
const shortestRepeatBytes = 17;

// How long captured values are, by name, as far as that is fixed.
export type Widths = ReadonlyMap<string, number>;

export function joinParts(parts: readonly CasePart[]): CasePart[] {
  const joined: CasePart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part === "") continue;
    if (typeof part === "string" && typeof last === "string") joined[joined.length - 1] = last + part;
    else joined.push(part);
  }
  return joined;
}

// The length in bytes of whatever the parts stand for; undefined where it is open.
export function widthOf(parts: readonly CasePart[], widths: Widths): number | undefined {
  let whole = 0;
  for (const part of parts) {
    const width = widthOfPart(part, widths);
    if (width === undefined) return undefined;
    whole += width;
  }
  return whole;
}

function widthOfPart(part: CasePart, widths: Widths): number | undefined {
  if (typeof part === "string") return part.length / 2;
  if ("any" in part) return part.any[0] === part.any[1] ? part.any[0] : undefined;
  if ("count" in part) return part.count.length / 2;
  if ("ref" in part) return widths.get(part.ref);
  if ("repeat" in part) {
    const width = widthOf(part.repeat, widths);
    return width === undefined ? undefined : width * part.times;
  }
  if ("computed" in part || "length" in part || "list" in part || "slice" in part) return undefined;
  return part.low.length / 2;
}

// A length and what it counts: as bytes if it can be known.
export function lengthPart(prefixBytes: number, parts: readonly CasePart[], widths: Widths): CasePart[] {
  const width = widthOf(parts, widths);
  if (width === undefined) return [{ length: prefixBytes, of: joinParts(parts) }];
  return [toHex(writeInteger(width, prefixBytes)), ...parts];
}

export function repeatPart(unit: readonly CasePart[], times: number): CasePart[] {
  if (times === 0) return [];
  const [only] = unit;
  if (unit.length === 1 && typeof only === "string" && (only.length / 2) * times < shortestRepeatBytes)
    return [only.repeat(times)];
  return times === 1 && unit.every((part) => typeof part === "string")
    ? [...unit]
    : [{ repeat: unit, times }];
}

// Cuts at once what consists of known bytes, so that the consumer has nothing left to do.
export function slicePart(parts: readonly CasePart[], from: number, to: number | undefined): CasePart[] {
  const joined = joinParts(parts);
  const width = isLiteral(joined) ? widthOf(joined, new Map()) : undefined;
  if (width === undefined) return [{ slice: joined, from, ...(to === undefined ? {} : { to }) }];
  const end = to === undefined ? width : to < 0 ? Math.max(0, width + to) : Math.min(to, width);
  return sliceLiteral(joined, Math.min(from, end), end);
}

function isLiteral(parts: readonly CasePart[]): boolean {
  return parts.every(
    (part) =>
      typeof part === "string" || (typeof part === "object" && "repeat" in part && isText(part.repeat)),
  );
}

function isText(unit: readonly CasePart[]): boolean {
  return unit.length === 1 && typeof unit[0] === "string";
}

function sliceLiteral(parts: readonly CasePart[], from: number, to: number): CasePart[] {
  const taken: CasePart[] = [];
  let offset = 0;
  for (const part of parts) {
    const width = widthOfPart(part, new Map()) ?? 0;
    const start = Math.max(0, from - offset);
    const end = Math.min(width, to - offset);
    offset += width;
    if (start >= end) continue;
    const unit = typeof part === "object" && "repeat" in part ? part.repeat[0] : undefined;
    if (typeof part === "string") taken.push(part.slice(2 * start, 2 * end));
    else if (typeof unit === "string") taken.push(...sliceRepeat(unit, start, end));
  }
  return joinParts(taken);
}

// A part of a repetition is a repetition of the unit turned round, and what is left over.
function sliceRepeat(unit: string, from: number, to: number): CasePart[] {
  const width = unit.length / 2;
  const turned = unit.slice(2 * (from % width)) + unit.slice(0, 2 * (from % width));
  const times = Math.floor((to - from) / width);
  return [...repeatPart([turned], times), turned.slice(0, 2 * ((to - from) % width))];
}
