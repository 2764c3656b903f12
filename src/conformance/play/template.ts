// Byte templates: what a frame looks like once the profile is known, from its first byte to its last
// (spec/exchanges.md, section 3). A template is plain JSON, so that it can be published and replayed by
// someone who has no codec. `materialize` fills it in; `match` holds a received frame against it.

import {
  concat,
  equalBytes,
  flipBit,
  fromHex,
  readInteger,
  repeatBytes,
  toHex,
  writeInteger,
} from "../wire/bytes.ts";

interface Named {
  // Path of the field, such as `mechanisms[0].name`.
  readonly field: string;
  readonly secret?: true;
}

export type Part =
  // These bytes; with a stride, an integer that grows by it with each repetition.
  | (Named & { readonly kind: "fixed"; readonly hex: string; readonly stride?: number })
  // These bytes, so many times.
  | (Named & { readonly kind: "fill"; readonly hex: string; readonly times: number })
  // An integer of `width` bytes from low to high.
  | (Named & {
      readonly kind: "range";
      readonly width: number;
      readonly low: string;
      readonly high: string;
      readonly default: string;
      readonly stride?: number;
      readonly capture?: string;
      readonly not?: readonly string[];
    })
  // min to max bytes, whatever they are.
  | (Named & {
      readonly kind: "bytes";
      readonly min: number;
      readonly max: number;
      readonly default: string;
      readonly capture?: string;
      readonly not?: readonly string[];
    })
  // What was captured; with `flip`, but for the lowest bit of the byte at this offset.
  | (Named & { readonly kind: "ref"; readonly name: string; readonly flip?: number })
  | (Named & { readonly kind: "computed"; readonly name: string })
  // A length of `width` bytes, and that many bytes.
  | (Named & { readonly kind: "sized"; readonly width: number; readonly parts: readonly Part[] })
  // A count of one byte, and that many items of whatever values.
  | (Named & {
      readonly kind: "list";
      readonly min: number;
      readonly max: number;
      readonly item: readonly Part[];
      readonly default: string;
    });

export interface FrameTemplate {
  readonly frame: string;
  readonly root: Part;
}

export type Captures = ReadonlyMap<string, Uint8Array>;

export interface Filling {
  readonly captures: Captures;
  // How many times the template has been used before in its `repeat`.
  readonly repetition?: number;
  readonly compute?: (name: string) => Uint8Array;
}

export interface Mismatch {
  // Of the frame. What is quoted of exact bytes, expected and received, begins there.
  readonly offset: number;
  // How many bytes of a part with exact bytes were right.
  readonly same?: number;
  readonly field: string;
  readonly expected: string;
  readonly received: string;
  // The field holds a password. How much of it was right, and how long it should be, is told to nobody.
  readonly secret?: true;
}

export type MatchResult =
  | { readonly ok: true; readonly captures: Captures }
  | { readonly ok: false; readonly mismatch: Mismatch };

export function materialize(template: FrameTemplate, filling: Filling): Uint8Array {
  return fill(template.root, filling);
}

function fill(part: Part, filling: Filling): Uint8Array {
  const repetition = filling.repetition ?? 0;
  switch (part.kind) {
    case "fixed":
      return advance(fromHex(part.hex), part.stride, repetition);
    case "fill":
      return repeatBytes(fromHex(part.hex), part.times);
    case "range": {
      const taken = (part.not ?? []).map((name) => captured(filling.captures, name));
      return otherThan(taken, advance(fromHex(part.default), part.stride, repetition));
    }
    case "bytes": {
      const taken = (part.not ?? []).map((name) => captured(filling.captures, name));
      return otherThan(taken, fromHex(part.default));
    }
    case "list":
      return fromHex(part.default);
    case "ref":
      return referred(filling.captures, part);
    case "computed":
      return computed(filling, part.name);
    case "sized": {
      const content = concat(part.parts.map((inner) => fill(inner, filling)));
      return concat([writeInteger(content.length, part.width), content]);
    }
  }
}

// What the speaker said is remembered whoever it was: the runner's own captures come from its own bytes.
export function match(template: FrameTemplate, frame: Uint8Array, filling: Filling): MatchResult {
  const matcher: Matcher = { frame, filling, offset: 0, captures: new Map(filling.captures) };
  const mismatch =
    matchPart(matcher, template.root, frame.length) ?? leftover(matcher, "frame", frame.length);
  return mismatch === undefined ? { ok: true, captures: matcher.captures } : { ok: false, mismatch };
}

interface Matcher {
  readonly frame: Uint8Array;
  readonly filling: Filling;
  readonly captures: Map<string, Uint8Array>;
  offset: number;
}

function matchPart(matcher: Matcher, part: Part, end: number): Mismatch | undefined {
  switch (part.kind) {
    case "fixed":
      return matchExact(
        matcher,
        part,
        end,
        advance(fromHex(part.hex), part.stride, matcher.filling.repetition ?? 0),
      );
    case "fill":
      return matchExact(matcher, part, end, repeatBytes(fromHex(part.hex), part.times));
    case "ref":
      return matchExact(matcher, part, end, referred(matcher.captures, part));
    case "computed":
      return matchExact(matcher, part, end, computed(matcher.filling, part.name));
    case "range":
    case "bytes":
      return matchOpen(matcher, part, end);
    case "sized":
      return matchSized(matcher, part, end);
    case "list":
      return matchList(matcher, part, end);
  }
}

function matchExact(matcher: Matcher, part: Part, end: number, expected: Uint8Array): Mismatch | undefined {
  const { offset } = matcher;
  const received = matcher.frame.subarray(offset, Math.min(end, offset + expected.length));
  if (equalBytes(received, expected)) {
    matcher.offset += expected.length;
    return undefined;
  }
  if (part.secret === true) return secretMismatch(part, offset);
  let same = 0;
  while (same < received.length && received[same] === expected[same]) same++;
  return {
    offset: offset + same,
    same,
    field: part.field,
    expected: shown(expected.subarray(same)),
    received: shown(received.subarray(same)),
  };
}

function secretMismatch({ field }: Part, offset: number): Mismatch {
  return { offset, field, expected: "a secret", received: "another", secret: true };
}

function matchOpen(
  matcher: Matcher,
  part: Extract<Part, { kind: "range" | "bytes" }>,
  end: number,
): Mismatch | undefined {
  const { offset, captures } = matcher;
  const room = end - offset;
  const min = part.kind === "range" ? part.width : part.min;
  const max = part.kind === "range" ? part.width : part.max;
  const length = Math.min(room, max);
  if (length < min)
    return { offset, field: part.field, expected: `at least ${min} bytes`, received: `${room} bytes` };
  const content = matcher.frame.subarray(offset, offset + length);
  if (part.kind === "range") {
    const hex = toHex(content);
    if (hex < part.low || hex > part.high)
      return {
        offset,
        field: part.field,
        expected: `a number from ${readInteger(fromHex(part.low))} to ${readInteger(fromHex(part.high))}`,
        received: String(readInteger(content)),
      };
  }
  for (const name of part.not ?? [])
    if (equalBytes(content, captured(captures, name)))
      return {
        offset,
        field: part.field,
        expected: `other than ${name}`,
        received: part.secret === true ? "a secret" : shown(content),
      };
  if (part.capture !== undefined) captures.set(part.capture, content);
  matcher.offset += length;
  return undefined;
}

function matchSized(
  matcher: Matcher,
  part: Extract<Part, { kind: "sized" }>,
  end: number,
): Mismatch | undefined {
  const { offset } = matcher;
  const field = part.field === "" ? "length" : part.field;
  if (end - offset < part.width)
    return { offset, field, expected: `a length of ${part.width} bytes`, received: `${end - offset} bytes` };
  const length = Number(readInteger(matcher.frame.subarray(offset, offset + part.width)));
  matcher.offset += part.width;
  const inner = matcher.offset + length;
  if (inner > end)
    return { offset, field, expected: `a length up to ${end - matcher.offset}`, received: String(length) };
  for (const piece of part.parts) {
    const mismatch = matchPart(matcher, piece, inner);
    if (mismatch !== undefined) return mismatch;
  }
  const start = offset + part.width;
  if (part.secret === true && matcher.offset !== inner) return secretMismatch(part, start);
  return leftover(matcher, field, inner);
}

function matchList(
  matcher: Matcher,
  part: Extract<Part, { kind: "list" }>,
  end: number,
): Mismatch | undefined {
  const { offset, frame } = matcher;
  const count = frame[offset];
  if (offset >= end || count === undefined || count < part.min || count > part.max)
    return {
      offset,
      field: part.field,
      expected: `a count from ${part.min} to ${part.max}`,
      received: offset >= end || count === undefined ? "nothing" : String(count),
    };
  matcher.offset += 1;
  for (let index = 0; index < count; index++)
    for (const piece of part.item) {
      const mismatch = matchPart(matcher, piece, end);
      if (mismatch !== undefined) return mismatch;
    }
  return undefined;
}

function leftover(matcher: Matcher, field: string, end: number): Mismatch | undefined {
  if (matcher.offset === end) return undefined;
  const rest = matcher.frame.subarray(matcher.offset, end);
  return { offset: matcher.offset, field, expected: "nothing more", received: shown(rest) };
}

// An integer that has grown by `stride` for each repetition; it wraps, as ids may.
function advance(bytes: Uint8Array, stride: number | undefined, repetition: number): Uint8Array {
  if (stride === undefined || repetition === 0) return bytes;
  const size = 1n << BigInt(8 * bytes.length);
  return writeInteger((readInteger(bytes) + BigInt(stride * repetition)) % size, bytes.length);
}

// An integer, one more for as long as it is one of those that are taken.
export function otherThan(taken: readonly Uint8Array[], integer: Uint8Array): Uint8Array {
  let chosen = integer;
  while (taken.some((bytes) => equalBytes(bytes, chosen))) chosen = advance(chosen, 1, 1);
  return chosen;
}

function captured(captures: Captures, name: string): Uint8Array {
  const bytes = captures.get(name);
  if (bytes === undefined) throw new TypeError(`"${name}" has not been captured`);
  return bytes;
}

export function referred(captures: Captures, { name, flip }: Extract<Part, { kind: "ref" }>): Uint8Array {
  const bytes = captured(captures, name);
  return flip === undefined ? bytes : flipBit(bytes, flip);
}

function computed(filling: Filling, name: string): Uint8Array {
  if (filling.compute === undefined) throw new TypeError(`nothing computes "${name}"`);
  return filling.compute(name);
}

function shown(bytes: Uint8Array): string {
  if (bytes.length === 0) return "nothing";
  return bytes.length <= 16 ? toHex(bytes) : `${toHex(bytes.subarray(0, 16))}…`;
}
