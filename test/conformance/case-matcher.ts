// A consumer of published templates, written from spec/cases.md and not from the engine: what parts stand for, and
// whether a frame fits them. The tests hold the two against each other.

import type { CasePart } from "../../src/conformance/cases/case-part.ts";

export type Kept = Map<string, string>;

/** The bytes of parts without holes, in hexadecimal. */
export function spell(parts: readonly CasePart[], kept: Kept, repetition = 0): string {
  return parts.map((part) => spellPart(part, kept, repetition)).join("");
}

function spellPart(part: CasePart, kept: Kept, repetition: number): string {
  if (typeof part === "string") return part;
  if ("count" in part) {
    const digits = part.count.length;
    const number = (BigInt(`0x${part.count}`) + BigInt(repetition)) % 16n ** BigInt(digits);
    return number.toString(16).padStart(digits, "0");
  }
  if ("ref" in part) {
    const text = kept.get(part.ref) ?? "??";
    if (part.flip === undefined) return text;
    const value = Buffer.from(text, "hex");
    value.writeUInt8(value.readUInt8(part.flip) ^ 1, part.flip);
    return value.toString("hex");
  }
  if ("length" in part) {
    const inner = spell(part.of, kept, repetition);
    return (inner.length / 2).toString(16).padStart(2 * part.length, "0") + inner;
  }
  if ("slice" in part) {
    const to = part.to === undefined ? undefined : 2 * part.to;
    return spell(part.slice, kept, repetition).slice(2 * part.from, to);
  }
  if ("repeat" in part)
    return part.repeat.every((inner) => typeof inner === "string")
      ? part.repeat.join("").repeat(part.times)
      : Array.from({ length: part.times }, (_, index) => spell(part.repeat, kept, index)).join("");
  throw new TypeError(`a hole in what is sent: ${JSON.stringify(part)}`);
}

/** Whether a frame fits; what it captures is kept only if it does. */
export function fits(parts: readonly CasePart[], frame: string, kept: Kept, repetition = 0): boolean {
  const tried: Kept = new Map(kept);
  const rest = consume(parts, frame, { kept: tried, repetition, names: new Set() });
  if (rest !== "") return false;
  for (const [name, value] of tried) kept.set(name, value);
  return true;
}

interface Matching {
  readonly kept: Kept;
  readonly repetition: number;
  readonly names: Set<string>;
}

/** What is left behind the parts; undefined if they do not fit. */
function consume(parts: readonly CasePart[], text: string, matching: Matching): string | undefined {
  let rest: string | undefined = text;
  for (const part of parts) {
    rest = consumePart(part, rest, matching);
    if (rest === undefined) return undefined;
  }
  return rest;
}

function consumePart(part: CasePart, text: string, matching: Matching): string | undefined {
  if (typeof part === "object" && ("any" in part || "low" in part)) {
    const [low, high] = "any" in part ? part.any : [part.low.length / 2, part.low.length / 2];
    const value = text.slice(0, 2 * high);
    if (value.length < 2 * low || !fills(part, value, matching)) return undefined;
    if (part.capture !== undefined) matching.kept.set(part.capture, value);
    return text.slice(value.length);
  }
  if (typeof part === "object" && "length" in part) {
    const start = 2 * part.length;
    const end = start + 2 * Number.parseInt(text.slice(0, start) || "0", 16);
    if (text.length < Math.max(start, end)) return undefined;
    return consume(part.of, text.slice(start, end), matching) === "" ? text.slice(end) : undefined;
  }
  if (typeof part === "object" && "list" in part) {
    const count = Number.parseInt(text.slice(0, 2) || "-1", 16);
    if (count < part.list[0] || count > part.list[1]) return undefined;
    const names = new Set<string>();
    let rest: string | undefined = text.slice(2);
    for (let index = 0; index < count && rest !== undefined; index++)
      rest = consume(part.of, rest, { ...matching, names });
    return rest;
  }
  const wanted = spellPart(part, matching.kept, matching.repetition);
  return text.startsWith(wanted) ? text.slice(wanted.length) : undefined;
}

type Hole = Extract<CasePart, { any: unknown } | { low: unknown }>;

function fills(part: Hole, value: string, { kept, names }: Matching): boolean {
  for (const other of part.not ?? []) if (spell([other], kept) === value) return false;
  if ("low" in part) {
    const floor = part["not-below"] === undefined ? part.low : spell([part["not-below"]], kept);
    return value >= part.low && value >= floor && value <= part.high && (part.codes?.includes(value) ?? true);
  }
  const bytes = Buffer.from(value, "hex");
  if (part.utf8 === true && !isUtf8(bytes)) return false;
  const { each } = part;
  const within = (byte: number): boolean =>
    each?.some(([low, high]) => byte >= Number.parseInt(low, 16) && byte <= Number.parseInt(high, 16)) ??
    true;
  if (!bytes.every(within)) return false;
  if (part.distinct !== true) return true;
  const fresh = !names.has(value);
  names.add(value);
  return fresh;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
