// Makes and checks argon2id hashes with npm argon2, whose own `verify` we don't use: it throws on malformed
// strings and runs whatever parameters they hold. Here a stored string is parsed and bounded first, and an
// unusable one is an outcome, so that a damaged entry can't be told from a crash.
//
// argon2 is loaded on first use: commands that hash nothing (list, disable, --help) don't pay for the native
// module. Each call takes one thread of the libuv pool for its whole time: who calls it for strangers must
// limit how many run at once.

import { randomBytes, timingSafeEqual } from "node:crypto";

import { CredentialError } from "./error.ts";
import type { PreparedPassword } from "./password.ts";
import {
  checkHashParameters,
  defaultHashBytes,
  defaultHashParameters,
  defaultSaltBytes,
  encodePhc,
  isWeakerThan,
  parsePhc,
  type HashParameters,
  type Phc,
} from "./phc.ts";

export type Verification =
  | { readonly outcome: "match"; readonly weak: boolean }
  | { readonly outcome: "mismatch" }
  | { readonly outcome: "unusable"; readonly error: CredentialError };

export async function hashPassword(
  password: PreparedPassword,
  parameters: HashParameters = defaultHashParameters,
): Promise<string> {
  checkHashParameters(parameters);
  const salt = randomBytes(defaultSaltBytes);
  return encodePhc({ ...parameters, salt, hash: await derive(password, parameters, salt, defaultHashBytes) });
}

/**
 * Compares in constant time. `weak` says that the hash is weaker than the policy and should be replaced, now
 * that the password is at hand. Rejects (`hash-failed`) only when argon2 itself fails, as for lack of memory.
 */
export async function verifyPassword(
  phc: string,
  password: PreparedPassword,
  policy: HashParameters = defaultHashParameters,
): Promise<Verification> {
  const stored = tryParse(phc);
  if (stored instanceof CredentialError) return { outcome: "unusable", error: stored };
  const computed = await derive(password, stored, stored.salt, stored.hash.length);
  if (!timingSafeEqual(computed, stored.hash)) return { outcome: "mismatch" };
  return { outcome: "match", weak: isWeakerThan(stored, policy) };
}

/** A hash that no password matches, to spend on unknown users the time that a known one would take. */
export function makeDecoyPhc(parameters: HashParameters = defaultHashParameters): string {
  const { memoryKib, passes, lanes } = parameters;
  const salt = randomBytes(defaultSaltBytes);
  return encodePhc({ memoryKib, passes, lanes, salt, hash: randomBytes(defaultHashBytes) });
}

function tryParse(phc: string): Phc | CredentialError {
  try {
    return parsePhc(phc);
  } catch (error) {
    if (error instanceof CredentialError) return error;
    throw error;
  }
}

async function derive(
  password: PreparedPassword,
  parameters: HashParameters,
  salt: Uint8Array,
  hashLength: number,
): Promise<Uint8Array> {
  const argon2 = await import("argon2");
  try {
    return await argon2.hash(password, {
      raw: true,
      type: argon2.argon2id,
      version: 0x13,
      memoryCost: parameters.memoryKib,
      timeCost: parameters.passes,
      parallelism: parameters.lanes,
      salt: Buffer.from(salt),
      hashLength,
    });
  } catch (cause) {
    throw new CredentialError("hash-failed", "argon2 failed: is there memory enough?", { cause });
  }
}
