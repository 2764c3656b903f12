// argon2id hashes as PHC strings: $argon2id$v=19$m=19456,t=2,p=1$salt$hash, with unpadded base64.
//
// Reading is strict, and bounded before anything is computed: what this accepts, verifier.ts can run. The
// parameters may come in any order (npm argon2 writes m,p,t), but are always written as m,t,p, the order that
// the reference implementation insists on. Messages never repeat the string, which is a secret.

import { CredentialError } from "./error.ts";
import {
  maxHashBytes,
  maxHashLanes,
  maxHashMemoryKib,
  maxHashPasses,
  maxHashWorkKibPasses,
  maxPhcChars,
  maxSaltBytes,
  minHashBytes,
  minHashLanes,
  minHashMemoryKib,
  minHashMemoryKibPerLane,
  minHashPasses,
  minSaltBytes,
} from "./limits.ts";

export interface HashParameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export interface Phc extends HashParameters {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** OWASP's first recommendation for argon2id (Password Storage Cheat Sheet), as of 2025. */
export const defaultHashParameters: HashParameters = { memoryKib: 19_456, passes: 2, lanes: 1 };
export const defaultSaltBytes = 16;
export const defaultHashBytes = 32;

export function parsePhc(text: string): Phc {
  if (text.length > maxPhcChars) throw invalid(`it has more than ${maxPhcChars} characters`);
  const [empty, algorithm, version, parameters, salt, hash, ...rest] = text.split("$");
  if (empty !== "" || algorithm === undefined) throw invalid("it doesn't begin with $argon2id$");
  if (algorithm !== "argon2id") throw invalid(algorithmFault(algorithm));
  if (version === undefined || !/^v=\d{1,3}$/.test(version)) {
    throw invalid("the version is missing: v=19 is expected (argon2 of before 2016 is not supported)");
  }
  if (version !== "v=19") throw invalid("only version 19 (0x13) of argon2 is supported");
  if (parameters === undefined || salt === undefined || hash === undefined || rest.length > 0) {
    throw invalid("it doesn't have the five parts $argon2id$v=19$m=…,t=…,p=…$salt$hash");
  }
  const phc = {
    ...parseParameters(parameters),
    salt: parseBase64(salt, "salt"),
    hash: parseBase64(hash, "hash"),
  };
  checkPhcBounds(phc);
  return phc;
}

export function encodePhc(phc: Phc): string {
  checkPhcBounds(phc);
  const parameters = `m=${phc.memoryKib},t=${phc.passes},p=${phc.lanes}`;
  return `$argon2id$v=19$${parameters}$${encodeBase64(phc.salt)}$${encodeBase64(phc.hash)}`;
}

/**
 * A hash that another tool made, in our spelling. Dovecot's scheme tag {ARGON2ID} is taken off; a salt or
 * hash of any other make-up is refused by parsePhc.
 */
export function importPhc(text: string): string {
  return encodePhc(parsePhc(text.replace(/^\{ARGON2ID\}/, "")));
}

/** Throws `hash-out-of-bounds`, which names the parameter and the bound. */
export function checkHashParameters(parameters: HashParameters): void {
  const { memoryKib, passes, lanes } = parameters;
  checkBound("memory (m, KiB)", memoryKib, minHashMemoryKib, maxHashMemoryKib);
  checkBound("passes (t)", passes, minHashPasses, maxHashPasses);
  checkBound("lanes (p)", lanes, minHashLanes, maxHashLanes);
  if (memoryKib < minHashMemoryKibPerLane * lanes) {
    throw outOfBounds(`memory (m) is below ${minHashMemoryKibPerLane} KiB for each lane (p)`);
  }
  if (memoryKib * passes > maxHashWorkKibPasses) {
    throw outOfBounds(`memory times passes (m × t) is over ${maxHashWorkKibPasses}`);
  }
}

/**
 * Whether a login should replace this hash by one under the policy. A hash that costs an attacker as much or
 * more is left alone, also when its parameters differ: more memory with fewer passes isn't weaker as long as
 * the product holds, whereas passes don't make up for memory, which is what dedicated hardware lacks. Lanes
 * spread the work and don't change it. A salt of under 16 bytes is weaker too; a hash of 16 is not.
 */
export function isWeakerThan(phc: Phc, policy: HashParameters): boolean {
  return (
    phc.memoryKib < policy.memoryKib ||
    phc.memoryKib * phc.passes < policy.memoryKib * policy.passes ||
    phc.salt.length < defaultSaltBytes
  );
}

function checkPhcBounds(phc: Phc): void {
  checkHashParameters(phc);
  checkBound("the salt's length in bytes", phc.salt.length, minSaltBytes, maxSaltBytes);
  checkBound("the hash's length in bytes", phc.hash.length, minHashBytes, maxHashBytes);
}

function checkBound(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw outOfBounds(`${what} must be from ${min} to ${max}`);
}

function parseParameters(text: string): HashParameters {
  const values = new Map<string, number>();
  for (const part of text.split(",")) {
    // Canonical decimals only. Up to 2^32 - 1 they are exact; the bounds are checked afterwards.
    const match = /^([mtp])=(0|[1-9]\d{0,9})$/.exec(part);
    if (match === null) throw invalid("the parameters must be m=…,t=…,p=… in decimal, and no others");
    const [, key = "", value = ""] = match;
    if (values.has(key)) throw invalid(`the parameter ${key} occurs twice`);
    values.set(key, Number(value));
  }
  const [memoryKib, passes, lanes] = ["m", "t", "p"].map((key) => values.get(key));
  if (memoryKib === undefined || passes === undefined || lanes === undefined) {
    throw invalid("one of the parameters m, t and p is missing");
  }
  return { memoryKib, passes, lanes };
}

function parseBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  // Node's decoder forgives nearly everything: only what encodes back to the same text is accepted.
  if (encodeBase64(bytes) !== text) throw invalid(`the ${what} isn't base64 without padding`);
  return new Uint8Array(bytes);
}

function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}

function algorithmFault(algorithm: string): string {
  const known = /^(?:argon2i|argon2d|scrypt|pbkdf2[a-z0-9-]*|2[abxy]|5|6|y|1)$/.exec(algorithm)?.[0];
  const named = known === undefined ? "another algorithm" : (cryptNames.get(known) ?? known);
  return `it is ${named}, and only argon2id is supported`;
}

/** The identifiers of crypt(3) that say nothing to most readers. */
const cryptNames: ReadonlyMap<string, string> = new Map([
  ["1", "MD5-crypt"],
  ["2a", "bcrypt"],
  ["2b", "bcrypt"],
  ["2x", "bcrypt"],
  ["2y", "bcrypt"],
  ["5", "SHA-256-crypt"],
  ["6", "SHA-512-crypt"],
  ["y", "yescrypt"],
]);

function invalid(reason: string): CredentialError {
  return new CredentialError("hash-invalid", `invalid password hash: ${reason}`);
}

function outOfBounds(reason: string): CredentialError {
  return new CredentialError("hash-out-of-bounds", `password hash out of bounds: ${reason}`);
}
