// The notation of RFC 9807, section 1.2: strings of bytes, their lengths in front, exclusive or.

import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export type Bytes = Uint8Array;

export const concat: (...parts: Bytes[]) => Bytes = concatBytes;
export const ascii: (text: string) => Bytes = utf8ToBytes;

/** I2OSP: an unsigned integer, big-endian, in so many bytes. */
export function integer(value: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, at) => Math.floor(value / 256 ** (length - 1 - at)) % 256);
}

/** A string behind its length in two bytes. */
export function prefixed(bytes: Bytes): Bytes {
  return concat(integer(bytes.length, 2), bytes);
}

export function xor(a: Bytes, b: Bytes): Bytes {
  if (a.length !== b.length) throw new RangeError("exclusive or of strings of two lengths");
  return a.map((byte, at) => byte ^ b[at]!);
}

/** Not in constant time: this is an oracle for tests, never a login. */
export function areEqual(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Cuts a string into parts of these lengths, which must use it up. */
export function split(bytes: Bytes, ...lengths: number[]): Bytes[] {
  if (bytes.length !== lengths.reduce((sum, length) => sum + length, 0)) {
    throw new RangeError(`${bytes.length} bytes are not ${lengths.join(" + ")}`);
  }
  let at = 0;
  return lengths.map((length) => bytes.subarray(at, (at += length)));
}
