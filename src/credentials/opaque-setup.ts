// A server's OPAQUE setup: the secret behind all of its records, and the key stretching that they were made with.
// The setup's id is a hash of both, so that a setup whose parameters were edited is another setup: records name
// the id that they belong to, and none fits by mistake.

import { createHash } from "node:crypto";
import * as v from "valibot";
import { encodeBase64url, parseBase64url } from "./base64url.ts";
import { CredentialError } from "./error.ts";
import { encodeJson, parseJson } from "./json.ts";
import { opaqueSecretBytes } from "./limits.ts";
import { checkStretching, encodeStretching } from "./opaque-stretching.ts";
import type { HashParameters } from "./phc.ts";

export interface OpaqueSetup {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Seed, private key and a key for absent users, as the OPAQUE library lays them out. */
  readonly secret: Uint8Array;
  readonly stretching: HashParameters;
}

/** @throws CredentialError `hash-out-of-bounds` */
export function makeOpaqueSetup(
  secret: Uint8Array,
  stretching: HashParameters,
  createdAt: string,
): OpaqueSetup {
  if (secret.length !== opaqueSecretBytes) throw new RangeError("not the secret of an OPAQUE setup");
  const hash = createHash("sha256").update("TalkByte/1 OPAQUE setup").update(secret);
  const id = hash.update(encodeStretching(stretching)).digest("hex").slice(0, 32);
  return { id, createdAt, secret, stretching };
}

export function encodeOpaqueSetup({ createdAt, secret, stretching }: OpaqueSetup): string {
  const { memoryKib, passes, lanes } = stretching;
  const document = new Map<string, string | number | Map<string, number>>([
    ["version", 1],
    ["createdAt", createdAt],
    ["stretching", new Map(Object.entries({ memoryKib, passes, lanes }))],
    ["secret", encodeBase64url(secret)],
  ]);
  return `${encodeJson(document)}\n`;
}

/** @throws CredentialError `opaque-setup-invalid`, which says where, and repeats nothing of the text */
export function parseOpaqueSetup(text: string): OpaqueSetup {
  const result = v.safeParse(setupSchema, parseDocument(text), { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const path = issue.path?.map(({ key }) => `.${String(key)}`).join("") ?? "";
    throw invalid(`$${path}: ${issue.message}`);
  }
  const { createdAt, secret, stretching } = result.output;
  const bytes = parseBase64url(secret, opaqueSecretBytes);
  if (bytes === undefined) {
    throw invalid(`$.secret: must be ${opaqueSecretBytes} bytes in base64url without padding`);
  }
  try {
    checkStretching(stretching);
  } catch (error) {
    throw error instanceof CredentialError ? invalid(`$.stretching: ${error.message}`) : error;
  }
  return makeOpaqueSetup(bytes, stretching, createdAt);
}

/** The standard messages quote what they found, which may be the secret. */
const MISFIT = "is missing, unknown, or no object";
const number = v.number("must be a number");

/** Strict: this file is ours alone, and a field that we don't know may change what the others mean. */
const setupSchema = v.strictObject(
  {
    version: v.literal(1, "must be 1, the only version that this TalkByte reads"),
    createdAt: v.pipe(
      v.string("must be a string"),
      v.isoTimestamp("must be a time such as 2026-01-31T12:00:00.000Z"),
    ),
    stretching: v.strictObject({ memoryKib: number, passes: number, lanes: number }, MISFIT),
    secret: v.string("must be a string"),
  },
  MISFIT,
);

function parseDocument(text: string): unknown {
  try {
    return plain(parseJson(text));
  } catch (error) {
    throw error instanceof CredentialError ? invalid(error.message) : error;
  }
}

function plain(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  return Object.fromEntries(Array.from(value, ([key, item]) => [key, plain(item)]));
}

function invalid(reason: string): CredentialError {
  return new CredentialError("opaque-setup-invalid", reason);
}
