// What users.json must hold. Unknown fields are welcome at every level (a newer version's, an operator's
// notes); the known ones must be right, since the file decides who gets in.
//
// Two traps shaped this file: valibot's `record` skips the keys "__proto__", "constructor" and "prototype",
// which are legal usernames, so that the users are walked here and validated one by one; and its standard
// messages quote the value received, which may be a secret, so that every check has its own text.

import * as v from "valibot";

import { CredentialError } from "./error.ts";
import { pathStep, type JsonObject, type JsonValue } from "./json.ts";
import { parseOpaqueRecord, type OpaqueRecord } from "./opaque-record.ts";
import { parsePhc } from "./phc.ts";
import { fault, isUsername } from "./username.ts";

export interface User {
  readonly name: string;
  /** An argon2id PHC string that parsePhc accepts; undefined for a user who has no password hash. */
  readonly password: string | undefined;
  /** As it stands in the file: `findUsableRecord` says whether it still holds. */
  readonly opaque?: OpaqueRecord | undefined;
  readonly disabled: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Random; whoever logged in under another one is to be logged out. */
  readonly credentialId: string;
}

const timestamp = v.pipe(
  v.string("must be a string"),
  v.isoTimestamp("must be a time such as 2026-01-31T12:00:00.000Z"),
);

const phc = v.pipe(
  v.string("must be a string"),
  v.rawCheck(({ dataset, addIssue }) => {
    const reason = dataset.typed ? phcFault(dataset.value) : undefined;
    if (reason !== undefined) addIssue({ message: reason });
  }),
);

const userSchema = v.looseObject(
  {
    password: v.optional(phc),
    disabled: v.optional(v.boolean("must be true or false"), false),
    createdAt: timestamp,
    updatedAt: timestamp,
    credentialId: v.pipe(
      v.string("must be a string"),
      v.regex(/^[0-9a-f]{32}$/, "must be 32 lowercase hex digits"),
    ),
  },
  "is missing",
);

const fileSchema = v.looseObject(
  { version: v.literal(1, "must be 1, the only version that this TalkByte reads") },
  "is missing",
);

/** The tree of a whole valid file, and the part of it that holds the users, by name. */
export interface UsersTree {
  readonly root: JsonObject;
  readonly users: Map<string, JsonObject>;
}

export function parseUsersTree(root: JsonValue): UsersTree {
  if (!(root instanceof Map)) throw invalid("$", "must be an object");
  validate(fileSchema, root, "$");
  const entries = root.get("users");
  if (!(entries instanceof Map)) throw invalid("$.users", "must be an object of users by name");
  const users = new Map<string, JsonObject>();
  for (const [name, entry] of entries) {
    const path = `$.users${pathStep(name)}`;
    if (!isUsername(name)) throw invalid(path, `invalid username: ${fault(name)}`);
    if (!(entry instanceof Map)) throw invalid(path, "must be an object");
    parseUser(name, entry);
    users.set(name, entry);
  }
  root.set("users", users);
  return { root, users };
}

export function parseUser(name: string, entry: JsonObject): User {
  const path = `$.users${pathStep(name)}`;
  const { password, disabled, createdAt, updatedAt, credentialId } = validate(userSchema, entry, path);
  const record = entry.get("opaque");
  const opaque = record === undefined ? undefined : parseOpaqueRecord(record, `${path}.opaque`);
  return { name, password, opaque, disabled, createdAt, updatedAt, credentialId };
}

function validate<Schema extends typeof userSchema | typeof fileSchema>(
  schema: Schema,
  object: JsonObject,
  path: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, Object.fromEntries(object), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = issue.path?.[0].key;
  throw invalid(typeof key === "string" ? `${path}${pathStep(key)}` : path, issue.message);
}

function phcFault(text: string): string | undefined {
  try {
    parsePhc(text);
    return undefined;
  } catch (error) {
    if (error instanceof CredentialError) return error.message;
    throw error;
  }
}

function invalid(path: string, reason: string): CredentialError {
  return new CredentialError("users-file-invalid", `${path}: ${reason}`);
}
