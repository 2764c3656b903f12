// The mechanism PASSWORD at the server (spec section 6.3). One answer and one price for a wrong password, an
// unknown user and a disabled one: an unknown name is given a decoy hash whose parameters are drawn, by a keyed
// hash of the name, from those of the users in the file, so that asking twice costs the same twice.

import { createHmac, randomBytes } from "node:crypto";
import { CredentialError } from "../credentials/error.ts";
import { findUsableRecord } from "../credentials/opaque-record.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import { preparePassword, type PreparedPassword } from "../credentials/password.ts";
import { defaultHashParameters, parsePhc, type HashParameters } from "../credentials/phc.ts";
import type { UsersSnapshot } from "../credentials/users-file.ts";
import type { User } from "../credentials/users-schema.ts";
import { hashPassword, makeDecoyPhc, verifyPassword } from "../credentials/verifier.ts";
import { SESSION_ID_BYTES } from "../protocol/wire.ts";
import type { Attempt } from "../protocol/server-host.ts";
import { enrol } from "./opaque-enrolment.ts";
import type { UsersSource } from "./users-source.ts";
import type { Checked } from "./verification.ts";

export interface PasswordLoginEvents {
  /** A weak hash was replaced, or could not be. */
  rehashed(username: string, error?: unknown): void;
  /** A user got an OPAQUE record, or could not get one. */
  enrolled(username: string, error?: unknown): void;
  /** A stored hash can't be used; the user can't log in. */
  unusable(username: string, error: CredentialError): void;
}

/** Any password that OpaqueString refuses is checked as this one, against a hash that it can't match. */
const STAND_IN = preparePassword("stand-in for a password that the profile refuses");

export interface PasswordLoginOptions {
  /** Stored hashes and records stay as they are. */
  readonly readOnly?: boolean;
}

export class PasswordLogin {
  /** Users who have no record for this setup get one when they log in. */
  setup: OpaqueSetup | undefined;
  readonly #users: UsersSource;
  readonly #events: PasswordLoginEvents;
  readonly #readOnly: boolean;
  readonly #decoyKey = randomBytes(32);
  #decoysOf: UsersSnapshot | undefined;
  #decoyHashes: readonly string[] = [];
  #renewing = false;
  /** The users of a file that could not be written; until it changes it isn't tried again. */
  #unwritable: UsersSnapshot | undefined;

  constructor(users: UsersSource, events: PasswordLoginEvents, options: PasswordLoginOptions = {}) {
    this.#users = users;
    this.#events = events;
    this.#readOnly = options.readOnly ?? false;
  }

  async check({ username, mechanismData }: Attempt): Promise<Checked> {
    const users = await this.#users.current();
    const user = users.get(username);
    const prepared = tryPrepare(mechanismData);
    const decoy = this.#decoyFor(username, users); // made for known names too: the same work
    const phc = user?.password ?? decoy;
    const verification = await verifyPassword(phc, prepared ?? STAND_IN);
    if (verification.outcome === "unusable") this.#events.unusable(username, verification.error);
    const known = user?.password !== undefined && !user.disabled && prepared !== undefined;
    if (verification.outcome !== "match" || !known) {
      const why = whyRejected(user, verification.outcome);
      return { outcome: { type: "rejected", retryAfterMs: 0, why } };
    }
    const { weak } = verification;
    return {
      outcome: {
        type: "accepted",
        sessionId: randomBytes(SESSION_ID_BYTES),
        mechanismData: new Uint8Array(0),
        credentialId: user.credentialId,
      },
      afterwards: async () => await this.#renew(users, user, phc, prepared, weak),
    };
  }

  /** Parameters of the users' hashes, drawn by the name; gathered once for each reading of the file. */
  #decoyFor(username: string, users: UsersSnapshot): string {
    if (this.#decoysOf !== users) {
      this.#decoysOf = users;
      this.#decoyHashes = users.list().flatMap(({ password }) => (password === undefined ? [] : [password]));
    }
    const digest = createHmac("sha256", this.#decoyKey).update(username).digest();
    const drawn = this.#decoyHashes[digest.readUInt32BE(0) % Math.max(1, this.#decoyHashes.length)];
    return makeDecoyPhc(drawn === undefined ? defaultHashParameters : parametersOf(drawn));
  }

  /**
   * Brings what is stored of a user up to date while the password is at hand: a hash that is weaker than the policy, a
   * record for the server's OPAQUE setup. One at a time, and without much patience for the file's lock, for other
   * logins wait meanwhile: a user who is passed over comes again.
   */
  async #renew(
    users: UsersSnapshot,
    user: User,
    phc: string,
    password: PreparedPassword,
    weak: boolean,
  ): Promise<void> {
    if (this.#readOnly || this.#renewing || this.#unwritable === users) return;
    this.#renewing = true;
    let step: keyof Pick<PasswordLoginEvents, "rehashed" | "enrolled"> = "rehashed";
    try {
      const current = weak ? await this.#rehash(user.name, phc, password) : phc;
      step = "enrolled";
      if (current !== undefined) await this.#enrol(user, current, password);
    } catch (error) {
      this.#unwritable = users;
      this.#events[step](user.name, error);
    } finally {
      this.#renewing = false;
    }
  }

  /** The hash that is stored then; undefined if the user has another password by now. */
  async #rehash(username: string, oldPhc: string, password: PreparedPassword): Promise<string | undefined> {
    const newPhc = await hashPassword(password);
    if (!(await this.#users.replaceHash(username, oldPhc, newPhc))) return undefined;
    this.#events.rehashed(username);
    return newPhc;
  }

  async #enrol(user: User, phc: string, password: PreparedPassword): Promise<void> {
    const { setup } = this;
    if (setup === undefined || this.#users.enrol === undefined) return;
    if (findUsableRecord(user, setup.id) !== undefined) return; // it has gone along with a new hash
    const enrolment = await enrol(setup, user.name, password);
    if (await this.#users.enrol(user.name, phc, enrolment)) this.#events.enrolled(user.name);
  }
}

/** For the server's own log: all of these are one answer on the wire. */
function whyRejected(user: User | undefined, outcome: "match" | "mismatch" | "unusable"): string {
  if (user === undefined) return "unknown user";
  if (user.disabled) return "disabled user";
  if (user.password === undefined) return "user without a password";
  return outcome === "unusable" ? "unusable hash" : "wrong password";
}

function tryPrepare(bytes: Uint8Array): PreparedPassword | undefined {
  try {
    return preparePassword(bytes);
  } catch (error) {
    if (error instanceof CredentialError) return undefined;
    throw error;
  }
}

function parametersOf(phc: string): HashParameters {
  try {
    return parsePhc(phc);
  } catch {
    return defaultHashParameters;
  }
}
