// The configuration ristretto255-SHA512 of RFC 9807, section 7: its sizes, its hash, and what is built on it.

import { expand as hkdfExpand, extract as hkdfExtract } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import type { Bytes } from "./encoding.ts";

export const NONCE_BYTES = 32; // Nn
export const SEED_BYTES = 32; // Nseed
export const MAC_BYTES = 64; // Nm
export const HASH_BYTES = 64; // Nh
export const SECRET_BYTES = 64; // Nx
export const ELEMENT_BYTES = 32; // Noe and Npk
export const SCALAR_BYTES = 32; // Nok and Nsk
export const ENVELOPE_BYTES = NONCE_BYTES + MAC_BYTES;

/** A key stretching function: as many bytes out as a hash has. The vectors use the identity. */
export type Stretch = (input: Bytes) => Bytes | Promise<Bytes>;

export const hash = (input: Bytes): Bytes => sha512(input);
export const mac = (key: Bytes, input: Bytes): Bytes => hmac(sha512, key, input);
export const extract = (input: Bytes): Bytes => hkdfExtract(sha512, input);
export const expand = (key: Bytes, info: Bytes, length: number): Bytes =>
  hkdfExpand(sha512, key, info, length);
