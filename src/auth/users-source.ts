// Where a running server finds its users: the file, read again when it has changed, so that `talkbyte-users add`
// needs no restart. A file that has become unreadable or invalid keeps the users that were read last.

import { stat } from "node:fs/promises";
import { CredentialError } from "../credentials/error.ts";
import { readUsers, replaceHash, type UsersSnapshot } from "../credentials/users-file.ts";

/** What a server asks of its users. */
export interface UsersSource {
  /** The users as they are now. */
  current(): Promise<UsersSnapshot>;
  /** Stores a stronger hash in place of this one, if it is still there. */
  replaceHash(name: string, oldPhc: string, newPhc: string): Promise<boolean>;
}

const NO_USERS: UsersSnapshot = { get: () => undefined, list: () => [], warnings: [] };

export interface UsersFileEvents {
  /** The file was read anew. */
  reloaded(users: UsersSnapshot): void;
  /** The file could not be read; the users of before stay. */
  kept(error: CredentialError): void;
}

export class UsersFile implements UsersSource {
  readonly #path: string;
  readonly #events: UsersFileEvents;
  #users: UsersSnapshot = NO_USERS;
  #seen = "";
  #reading: Promise<UsersSnapshot> | undefined;

  constructor(path: string, events: UsersFileEvents) {
    this.#path = path;
    this.#events = events;
  }

  /**
   * Reads the file for the first time. A missing file is a server without users.
   * @throws CredentialError when the file is there and can't be used
   */
  async open(): Promise<UsersSnapshot> {
    this.#seen = await this.#fingerprint();
    if (this.#seen !== MISSING) this.#users = await readUsers(this.#path);
    return this.#users;
  }

  async current(): Promise<UsersSnapshot> {
    this.#reading ??= this.#refresh().finally(() => (this.#reading = undefined));
    return await this.#reading;
  }

  async replaceHash(name: string, oldPhc: string, newPhc: string): Promise<boolean> {
    return await replaceHash(this.#path, name, oldPhc, newPhc, { waitMs: REHASH_LOCK_WAIT_MS });
  }

  async #refresh(): Promise<UsersSnapshot> {
    const seen = await this.#fingerprint();
    if (seen === this.#seen) return this.#users;
    try {
      this.#users = await readUsers(this.#path);
      this.#seen = seen;
      this.#events.reloaded(this.#users);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      // What can't be read now is tried again at the next login; what is wrong stays wrong until it changes.
      if (error.code === "users-file-invalid" || error.code === "users-file-missing") this.#seen = seen;
      this.#events.kept(error);
    }
    return this.#users;
  }

  /** Changes whenever the file is replaced or written. */
  async #fingerprint(): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(":");
    } catch {
      return MISSING;
    }
  }
}

const MISSING = "missing";
/** A login waits for this, and others behind it. */
const REHASH_LOCK_WAIT_MS = 250;
