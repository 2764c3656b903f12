// The OPAQUE record of a user, beside the hash in users.json:
//
//   "opaque": { "setup": "…", "passwordSha256": "…", "record": "…" }
//
// It holds for one setup of the server and one PHC string, and counts as absent when either is another by now: a
// password that was changed by a tool which knows nothing of OPAQUE must not leave the old one working. A user
// with a record alone has no passwordSha256.

import { createHash } from "node:crypto";
import { encodeBase64url, parseBase64url } from "./base64url.ts";
import { CredentialError } from "./error.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { opaqueRecordBytes } from "./limits.ts";

/** A record as it was made, for one setup. */
export interface Enrolment {
  readonly setupId: string;
  readonly record: Uint8Array;
}

export interface OpaqueRecord extends Enrolment {
  /** Lower-case hexadecimal SHA-256 of the PHC string that it accompanies; undefined where there is none. */
  readonly passwordSha256: string | undefined;
}

/**
 * The record of this user that a server with this setup can use. A user without a hash costs the hashing too, or time
 * would tell who has none.
 */
export function findUsableRecord(
  user: { readonly password: string | undefined; readonly opaque?: OpaqueRecord | undefined },
  setupId: string,
): Uint8Array | undefined {
  const { opaque } = user;
  if (opaque === undefined || opaque.setupId !== setupId) return undefined;
  const passwordSha256 = sha256(user.password ?? "");
  const holdsFor = user.password === undefined ? undefined : passwordSha256;
  return opaque.passwordSha256 === holdsFor ? opaque.record : undefined;
}

/** What accompanies this PHC string, or stands alone. */
export function encodeOpaqueRecord({ setupId, record }: Enrolment, phc: string | undefined): JsonObject {
  if (record.length !== opaqueRecordBytes) throw new RangeError("not an OPAQUE record");
  if (!SETUP_ID.test(setupId)) throw new RangeError("not the id of an OPAQUE setup");
  const passwordSha256 = hashOf(phc);
  return new Map([
    ["setup", setupId],
    ...(passwordSha256 === undefined ? [] : [["passwordSha256", passwordSha256] as const]),
    ["record", encodeBase64url(record)],
  ]);
}

/** @throws CredentialError `users-file-invalid`, with the JSON path */
export function parseOpaqueRecord(value: JsonValue, path: string): OpaqueRecord {
  if (!(value instanceof Map)) throw invalid(path, "must be an object");
  const setupId = value.get("setup");
  if (typeof setupId !== "string" || !SETUP_ID.test(setupId)) {
    throw invalid(`${path}.setup`, "must be 32 lowercase hex digits");
  }
  const passwordSha256 = value.get("passwordSha256");
  if (passwordSha256 !== undefined && !(typeof passwordSha256 === "string" && SHA256.test(passwordSha256))) {
    throw invalid(`${path}.passwordSha256`, "must be 64 lowercase hex digits");
  }
  const text = value.get("record");
  const record = typeof text === "string" ? parseBase64url(text, opaqueRecordBytes) : undefined;
  if (record === undefined) {
    throw invalid(`${path}.record`, `must be ${opaqueRecordBytes} bytes in base64url without padding`);
  }
  return { setupId, passwordSha256, record };
}

/** Lets a record go along with the next hash of the same password; any other stays as it is. */
export function followRehash(entry: JsonObject, oldPhc: string, newPhc: string): void {
  const opaque = entry.get("opaque");
  if (!(opaque instanceof Map) || opaque.get("passwordSha256") !== hashOf(oldPhc)) return;
  opaque.set("passwordSha256", hashOf(newPhc)!);
}

const SETUP_ID = /^[0-9a-f]{32}$/;
const SHA256 = /^[0-9a-f]{64}$/;

function hashOf(phc: string | undefined): string | undefined {
  return phc === undefined ? undefined : sha256(phc);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function invalid(path: string, reason: string): CredentialError {
  return new CredentialError("users-file-invalid", `${path}: ${reason}`);
}
