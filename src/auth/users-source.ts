// Where a running server finds its users: the file, read again when it has changed, so that `talkbyte-users add`
// needs no restart. A file that has become unreadable or invalid keeps the users that were read last.

import { CredentialError } from "../credentials/error.ts";
import { fileFingerprint, FileWatch, MISSING_FILE } from "../credentials/file-watch.ts";
import { usersDifference, type UsersDifference } from "../credentials/users-difference.ts";
import type { Enrolment } from "../credentials/opaque-record.ts";
import { enrolUser, readUsers, replaceHash, type UsersSnapshot } from "../credentials/users-file.ts";

/** What a server asks of its users. */
export interface UsersSource {
  /** The users as they are now. */
  current(): Promise<UsersSnapshot>;
  /** Stores a stronger hash in place of this one, if it is still there. */
  replaceHash(name: string, oldPhc: string, newPhc: string): Promise<boolean>;
  /**
   * Stores the OPAQUE record of the password that this hash is of, if it is still there.
   * Left out where nothing can be stored.
   */
  enrol?(name: string, phc: string, enrolment: Enrolment): Promise<boolean>;
  /**
   * Calls back with the users whenever they have changed, until it is closed. Sessions of users who were revoked end
   * then; without it they go on.
   */
  watch?(changed: (users: UsersSnapshot) => void): UsersWatch;
  /** Reads the users anew, whether or not they seem to have changed. */
  reload?(): Promise<void>;
}

export interface UsersWatch {
  close(): Promise<void>;
}

/** Whether a session may go on that logged in as this user by this credential. */
export function isRevoked(users: UsersSnapshot, name: string, credentialId: string): boolean {
  const user = users.get(name);
  return user === undefined || user.disabled || user.credentialId !== credentialId;
}

const NO_USERS: UsersSnapshot = { get: () => undefined, list: () => [], warnings: [] };

export interface UsersFileEvents {
  /** The file was read anew; `difference` is to the reading before. */
  reloaded(users: UsersSnapshot, difference: UsersDifference): void;
  /** The file could not be read; the users of before stay. */
  kept(error: CredentialError): void;
}

export class UsersFile implements UsersSource {
  readonly #path: string;
  readonly #events: UsersFileEvents;
  #users: UsersSnapshot = NO_USERS;
  readonly #watchers = new Set<(users: UsersSnapshot) => void>();
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
    this.#seen = await fileFingerprint(this.#path);
    if (this.#seen !== MISSING_FILE) this.#users = await readUsers(this.#path);
    return this.#users;
  }

  async current(): Promise<UsersSnapshot> {
    this.#reading ??= this.#refresh().finally(() => (this.#reading = undefined));
    return await this.#reading;
  }

  async replaceHash(name: string, oldPhc: string, newPhc: string): Promise<boolean> {
    return await replaceHash(this.#path, name, oldPhc, newPhc, { waitMs: REHASH_LOCK_WAIT_MS });
  }

  async enrol(name: string, phc: string, enrolment: Enrolment): Promise<boolean> {
    return await enrolUser(this.#path, name, phc, enrolment, { waitMs: REHASH_LOCK_WAIT_MS });
  }

  watch(changed: (users: UsersSnapshot) => void): UsersWatch {
    const watch = new FileWatch([this.#path], async () => void (await this.current()));
    this.#watchers.add(changed);
    return {
      close: async () => {
        this.#watchers.delete(changed);
        await watch.close();
      },
    };
  }

  async reload(): Promise<void> {
    await this.#reading; // which may have begun before the change that this is called for
    this.#seen = "";
    await this.current();
  }

  async #refresh(): Promise<UsersSnapshot> {
    const seen = await fileFingerprint(this.#path);
    if (seen === this.#seen) return this.#users;
    try {
      const before = this.#users;
      this.#users = await readUsers(this.#path);
      this.#seen = seen;
      this.#events.reloaded(this.#users, usersDifference(before, this.#users));
      for (const changed of this.#watchers) changed(this.#users);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      // What can't be read now is tried again at the next login; what is wrong stays wrong until it changes.
      if (error.code === "users-file-invalid" || error.code === "users-file-missing") this.#seen = seen;
      this.#events.kept(error);
    }
    return this.#users;
  }
}

/** A login waits for this, and others behind it. */
const REHASH_LOCK_WAIT_MS = 250;
