// The content of users.json and every change to it, without I/O: text in, text out. Time and randomness come
// in as a Stamp. The tree that was read is changed in place, so that whatever this version doesn't know
// survives a rewrite, in its order.
//
// credentialId is what revokes: it is renewed when a user is added, enabled, or given a new password, and
// kept when the same password gets a stronger hash.

import { CredentialError } from "./error.ts";
import { encodeJson, parseJson, type JsonObject } from "./json.ts";
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

  add(name: string, password: string, stamp: Stamp): void {
    checkUsername(name);
    parsePhc(password);
    if (this.#entries.has(name)) {
      const message = `the user ${name} already exists: use passwd to give it another password`;
      throw new CredentialError("user-exists", message);
    }
    const entry: JsonObject = new Map([
      ["password", password],
      ["createdAt", stamp.now],
      ["updatedAt", stamp.now],
      ["credentialId", stamp.credentialId],
    ]);
    this.#entries.set(name, entry);
    this.#changed = true;
  }

  setPassword(name: string, password: string, stamp: Stamp): void {
    parsePhc(password);
    const entry = this.#find(name);
    entry.set("password", password);
    entry.set("credentialId", stamp.credentialId);
    this.#touch(entry, stamp.now);
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
   * is there no longer: then someone changed the password meanwhile, and theirs stands.
   */
  replaceHash(name: string, oldPhc: string, newPhc: string, stamp: Stamp): boolean {
    parsePhc(newPhc);
    const entry = this.#entries.get(name);
    if (entry?.get("password") !== oldPhc) return false;
    entry.set("password", newPhc);
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
