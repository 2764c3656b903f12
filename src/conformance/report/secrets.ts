// What no report may hold: the profile's passwords, overwritten by asterisks wherever they stand. Bytes keep their
// length, so that frames stay frames. A case may cut a password short, and a process may say it among its last words:
// a beginning or an end of half its length counts as well, and so do its hexadecimal digits in a text.

import { toHex, utf8 } from "../wire/bytes.ts";

const asterisk = 0x2a;
const leastPart = 4;

export function maskBytes(bytes: Uint8Array, needles: readonly Uint8Array[]): Uint8Array {
  const source = Buffer.from(bytes);
  // Found in what was there at first: one secret may be a part of another.
  const masked = Buffer.from(bytes);
  for (const needle of needles)
    for (const [start, end] of partsOf(Buffer.from(needle), source)) masked.fill(asterisk, start, end);
  return new Uint8Array(masked);
}

export function maskText(text: string, secrets: readonly string[]): string {
  const needles = secrets.filter((secret) => secret.length >= leastPart).flatMap(spellingsOf);
  if (needles.length === 0) return text;
  return new TextDecoder().decode(maskBytes(utf8(text), needles.map(utf8)));
}

// Every text inside a value of plain data.
export function maskTexts<Value>(value: Value, secrets: readonly string[]): Value {
  const mask = (inner: unknown): unknown => {
    if (typeof inner === "string") return maskText(inner, secrets);
    if (Array.isArray(inner)) return inner.map(mask);
    if (typeof inner !== "object" || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, mask(item)]));
  };
  return mask(value) as Value;
}

// As it is, as JSON and many logs write it, and in hexadecimal.
function spellingsOf(secret: string): string[] {
  const hex = toHex(utf8(secret));
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), hex, hex.toUpperCase()])];
}

function* partsOf(needle: Buffer, source: Buffer): Generator<readonly [start: number, end: number]> {
  if (needle.length === 0) return;
  const least = Math.min(needle.length, Math.max(leastPart, Math.ceil(needle.length / 2)));
  const first = needle.subarray(0, least);
  for (let at = source.indexOf(first); at !== -1; at = source.indexOf(first, at + 1)) {
    let length = least;
    while (length < needle.length && source[at + length] === needle[length]) length++;
    yield [at, at + length];
  }
  const last = needle.subarray(-least);
  for (let at = source.indexOf(last); at !== -1; at = source.indexOf(last, at + 1)) {
    let length = least;
    while (length < needle.length && source[at + least - length - 1] === needle.at(-length - 1)) length++;
    yield [at + least - length, at + least];
  }
}
