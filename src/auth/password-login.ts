// The mechanism PASSWORD at the server (spec section 6.3). One answer and one price for a wrong password, an
// unknown user and a disabled one: an unknown name is given a decoy hash whose parameters are drawn, by a keyed
// hash of the name, from those of the users in the file, so that asking twice costs the same twice.

import { createHmac, randomBytes } from "node:crypto";
import { CredentialError } from "../credentials/error.ts";
import { preparePassword, type PreparedPassword } from "../credentials/password.ts";
import { defaultHashParameters, parsePhc, type HashParameters } from "../credentials/phc.ts";
import type { UsersSnapshot } from "../credentials/users-file.ts";
import type { User } from "../credentials/users-schema.ts";
import { hashPassword, makeDecoyPhc, verifyPassword } from "../credentials/verifier.ts";
import { SESSION_ID_BYTES } from "../protocol/wire.ts";
import type { Attempt, Outcome } from "../protocol/server-host.ts";
import type { UsersSource } from "./users-source.ts";

export interface PasswordLoginEvents {
  /** A weak hash was replaced, or could not be. */
  rehashed(username: string, error?: unknown): void;
  /** A stored hash can't be used; the user can't log in. */
  unusable(username: string, error: CredentialError): void;
}

/** Any password that OpaqueString refuses is checked as this one, against a hash that it can't match. */
const STAND_IN = preparePassword("stand-in for a password that the profile refuses");

export class PasswordLogin {
  readonly #users: UsersSource;
  readonly #events: PasswordLoginEvents;
  readonly #decoyKey = randomBytes(32);
  #decoysOf: UsersSnapshot | undefined;
  #decoyHashes: readonly string[] = [];
  #rehashing = false;

  constructor(users: UsersSource, events: PasswordLoginEvents) {
    this.#users = users;
    this.#events = events;
  }

  async check({ username, mechanismData }: Attempt): Promise<Outcome> {
    const users = await this.#users.current();
    const user = users.get(username);
    const prepared = tryPrepare(mechanismData);
    const decoy = this.#decoyFor(username, users); // made for known names too: the same work
    const phc = user?.password ?? decoy;
    const verification = await verifyPassword(phc, prepared ?? STAND_IN);
    if (verification.outcome === "unusable") this.#events.unusable(username, verification.error);
    const known = user?.password !== undefined && !user.disabled && prepared !== undefined;
    if (verification.outcome !== "match" || !known) {
      return { type: "rejected", retryAfterMs: 0, why: whyRejected(user, verification.outcome) };
    }
    if (verification.weak) await this.#rehash(username, phc, prepared);
    return {
      type: "accepted",
      sessionId: randomBytes(SESSION_ID_BYTES),
      mechanismData: new Uint8Array(0),
      credentialId: user.credentialId,
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
   * Replaces a hash that is weaker than the policy while the password is at hand. One at a time, and without much
   * patience for the file's lock, for other logins wait meanwhile: a user who is passed over comes again.
   */
  async #rehash(username: string, oldPhc: string, password: PreparedPassword): Promise<void> {
    if (this.#rehashing) return;
    this.#rehashing = true;
    try {
      const newPhc = await hashPassword(password);
      if (await this.#users.replaceHash(username, oldPhc, newPhc)) this.#events.rehashed(username);
    } catch (error) {
      this.#events.rehashed(username, error);
    } finally {
      this.#rehashing = false;
    }
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
