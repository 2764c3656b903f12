// The oblivious function of RFC 9497 in its base mode, over ristretto255 with SHA-512: the client learns
// F(key, password), the server learns nothing. Where the RFC draws a blind at random, here the caller gives it.

import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { ascii, concat, integer, prefixed, type Bytes } from "./encoding.ts";
import { hash, SCALAR_BYTES } from "./suite.ts";

export interface KeyPair {
  readonly privateKey: Bytes;
  readonly publicKey: Bytes;
}

const { Point } = ristretto255;
type Element = InstanceType<typeof Point>;

const MODE_BASE = 0;
const contextString = concat(ascii("OPRFV1-"), integer(MODE_BASE, 1), ascii("-ristretto255-SHA512"));

/** RFC 9497, section 3.3.1: the input as a group element, hidden by the blind. */
export function blindInput(input: Bytes, blind: Bytes): Bytes {
  const DST = concat(ascii("HashToGroup-"), contextString);
  return ristretto255_hasher.hashToCurve(input, { DST }).multiply(parseScalar(blind)).toBytes();
}

export function evaluate(privateKey: Bytes, blinded: Bytes): Bytes {
  return multiply(blinded, privateKey);
}

/** Takes the blind off, and hashes. */
export function finalize(input: Bytes, blind: Bytes, evaluated: Bytes): Bytes {
  const unblinded = parseElement(evaluated)
    .multiply(Point.Fn.inv(parseScalar(blind)))
    .toBytes();
  return hash(concat(prefixed(input), prefixed(unblinded), ascii("Finalize")));
}

/** RFC 9497, section 3.2.1. */
export function deriveKeyPair(seed: Bytes, info: string): KeyPair {
  const DST = concat(ascii("DeriveKeyPair"), contextString);
  const input = concat(seed, prefixed(ascii(info)));
  for (let counter = 0; counter <= 255; counter++) {
    const scalar = ristretto255_hasher.hashToScalar(concat(input, integer(counter, 1)), { DST });
    if (scalar !== 0n) {
      return { privateKey: Point.Fn.toBytes(scalar), publicKey: Point.BASE.multiply(scalar).toBytes() };
    }
  }
  throw new Error("DeriveKeyPairError");
}

/** Scalar multiplication of an encoded element; also the Diffie-Hellman function of RFC 9807, section 6.4.1.1. */
export function multiply(element: Bytes, scalar: Bytes): Bytes {
  return parseElement(element).multiply(parseScalar(scalar)).toBytes();
}

/** @throws when the bytes are no canonical element, or the identity */
export function parseElement(bytes: Bytes): Element {
  const element = Point.fromBytes(bytes);
  if (element.is0()) throw new RangeError("the identity is not a legal element");
  return element;
}

/** A blind for a run whose outcome need not repeat. */
export function randomScalar(random: Bytes): Bytes {
  if (random.length !== SCALAR_BYTES) throw new RangeError(`a seed has ${SCALAR_BYTES} bytes`);
  return deriveKeyPair(random, "blind").privateKey;
}

function parseScalar(bytes: Bytes): bigint {
  return Point.Fn.fromBytes(bytes);
}
