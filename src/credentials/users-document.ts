// The content of users.json and every change to it, without I/O: text in, text out. Time and randomness come
// in as a Stamp. The tree that was read is changed in place, so that whatever this version doesn't know
// survives a rewrite, in its order.
//
// credentialId is what revokes: it is renewed when a user is added, enabled, or given a new password, and
// kept when the same password gets a stronger hash.

import { CredentialError } from "./error.ts";
import { encodeJson, parseJson, type JsonObject, type JsonValue } from "./json.ts";
import { encodeOpaqueRecord, findUsableRecord, followRehash, type Enrolment } from "./opaque-record.ts";
import { parsePhc } from "./phc.ts";
import { checkUsername } from "./username.ts";
import { parseUser, parseUsersTree, type User, type UsersTree } from "./users-schema.ts";

export interface Stamp {
  /** ISO 8601, UTC. */
  readonly now: string;
  /** 128 random bits as lowercase hex. */
  readonly credentialId: string;
}

const emptyFile = '{ "version": 1, "users": {} }';

export class UsersDocument {
  readonly #root: JsonObject;
  readonly #entries: Map<string, JsonObject>;
  #changed = false;

  private constructor({ root, users }: UsersTree) {
    this.#root = root;
    this.#entries = users;
  }

  static empty(): UsersDocument {
    return UsersDocument.parse(emptyFile);
  }

  /** Throws `json-invalid` with line and column, or `users-file-invalid` with the JSON path. */
  static parse(text: string): UsersDocument {
    return new UsersDocument(parseUsersTree(parseJson(text)));
  }

  get changed(): boolean {
    return this.#changed;
  }

  get(name: string): User | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined ? undefined : parseUser(name, entry);
  }

  /** In the order of the file. */
  list(): readonly User[] {
    return Array.from(this.#entries, ([name, entry]) => parseUser(name, entry));
  }

  /** Without a hash the user logs in by OPAQUE alone, without an enrolment by PASSWORD alone. */
  add(name: string, password: string | undefined, stamp: Stamp, enrolment?: Enrolment): void {
    checkUsername(name);
    if (this.#entries.has(name)) {
      const message = `the user ${name} already exists: use passwd to give it another password`;
      throw new CredentialError("user-exists", message);
    }
    const entry: JsonObject = new Map();
    setCredentials(entry, password, enrolment);
    entry.set("createdAt", stamp.now);
    entry.set("updatedAt", stamp.now);
    entry.set("credentialId", stamp.credentialId);
    this.#entries.set(name, entry);
    this.#changed = true;
  }

  /** Replaces the hash and the OPAQUE record together: one of before never stays beside a new one. */
  setPassword(name: string, password: string | undefined, stamp: Stamp, enrolment?: Enrolment): void {
    const entry = this.#find(name);
    setCredentials(entry, password, enrolment);
    entry.set("credentialId", stamp.credentialId);
    this.#touch(entry, stamp.now);
  }

  /**
   * Adds the OPAQUE record of a password that was just verified against this hash, and keeps the credentialId. False
   * if another hash, or no user, is there by now, or if a record for the same setup holds already.
   */
  enrol(name: string, phc: string, enrolment: Enrolment, stamp: Stamp): boolean {
    const user = this.get(name);
    if (user?.password !== phc || findUsableRecord(user, enrolment.setupId) !== undefined) return false;
    const entry = this.#find(name);
    entry.set("opaque", encodeOpaqueRecord(enrolment, phc));
    this.#touch(entry, stamp.now);
    return true;
  }

  /** Returns false, and changes nothing, for a user who is disabled already. */
  disable(name: string, stamp: Stamp): boolean {
    const entry = this.#find(name);
    if (entry.get("disabled") === true) return false;
    entry.set("disabled", true);
    this.#touch(entry, stamp.now);
    return true;
  }

  /** Returns false, and changes nothing, for a user who isn't disabled. */
  enable(name: string, stamp: Stamp): boolean {
    const entry = this.#find(name);
    if (entry.get("disabled") !== true) return false;
    entry.delete("disabled");
    entry.set("credentialId", stamp.credentialId);
    this.#touch(entry, stamp.now);
    return true;
  }

  remove(name: string): void {
    this.#find(name);
    this.#entries.delete(name);
    this.#changed = true;
  }

  /**
   * Puts a stronger hash of the same password in the place of the one that was just verified, unless that one
   * is there no longer: then someone changed the password meanwhile, and theirs stands. An OPAQUE record that went
   * with the old hash goes with the new one, for it is of the same password.
   */
  replaceHash(name: string, oldPhc: string, newPhc: string, stamp: Stamp): boolean {
    parsePhc(newPhc);
    const entry = this.#entries.get(name);
    if (entry?.get("password") !== oldPhc) return false;
    entry.set("password", newPhc);
    followRehash(entry, oldPhc, newPhc);
    this.#touch(entry, stamp.now);
    return true;
  }

  toText(): string {
    return `${encodeJson(this.#root)}\n`;
  }

  #find(name: string): JsonObject {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      checkUsername(name);
      throw new CredentialError("no-such-user", `there is no user ${name}`);
    }
    return entry;
  }

  #touch(entry: JsonObject, now: string): void {
    entry.set("updatedAt", now);
    this.#changed = true;
  }
}

function setCredentials(
  entry: JsonObject,
  password: string | undefined,
  enrolment: Enrolment | undefined,
): void {
  if (password === undefined && enrolment === undefined) throw new TypeError("a user needs a credential");
  if (password !== undefined) parsePhc(password);
  replace(entry, "password", password);
  replace(entry, "opaque", enrolment && encodeOpaqueRecord(enrolment, password));
}

function replace(entry: JsonObject, key: string, value: JsonValue | undefined): void {
  if (value === undefined) entry.delete(key);
  else entry.set(key, value);
}
