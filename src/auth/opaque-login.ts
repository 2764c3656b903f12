// The mechanism OPAQUE at the server (spec section 6.4). Unknown users, disabled ones and those without a record are
// answered from a decoy: a user with a record of a random password, made when the server starts, which takes the very
// steps of a real one, looking up the record among them. The client does the expensive part: a login costs the server
// about 2 ms, nearly all of it for the challenge.

import { randomBytes } from "node:crypto";
import { findUsableRecord } from "../credentials/opaque-record.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import { encodeStretching } from "../credentials/opaque-stretching.ts";
import { UsersDocument } from "../credentials/users-document.ts";
import type { User } from "../credentials/users-schema.ts";
import { makeDecoyPhc } from "../credentials/verifier.ts";
import { OPAQUE_BYTES, opaqueMechanism, type Mechanism } from "../protocol/mechanism.ts";
import type { Attempt, Outcome } from "../protocol/server-host.ts";
import { SESSION_ID_BYTES } from "../protocol/wire.ts";
import { areEqual, checkChannelBinding, OpaqueBinding } from "./opaque-binding.ts";
import { prepareEnrolment, recordOf } from "./opaque-enrolment.ts";
import { loadOpaque, toBytes, toText, type OpaqueLibrary } from "./opaque-library.ts";
import { stretch } from "./opaque-stretch-job.ts";
import { isRevoked, type UsersSource } from "./users-source.ts";

export interface OpaqueLoginEvents {
  /** A stored record is damaged; the user can't log in by it. */
  unusable(username: string): void;
}

export class OpaqueLogin {
  /** What WELCOME offers; on connections over TLS alone (TB-OPAQUE-1). */
  readonly mechanism: Mechanism;
  readonly #setup: OpaqueSetup;
  readonly #users: UsersSource;
  readonly #events: OpaqueLoginEvents;
  readonly #library: OpaqueLibrary;
  readonly #secret: string;
  readonly #decoy: User;

  private constructor(
    setup: OpaqueSetup,
    users: UsersSource,
    events: OpaqueLoginEvents,
    library: OpaqueLibrary,
  ) {
    this.mechanism = opaqueMechanism(encodeStretching(setup.stretching));
    this.#setup = setup;
    this.#users = users;
    this.#events = events;
    this.#library = library;
    this.#secret = toText(setup.secret);
    this.#decoy = makeDecoy(library, setup);
  }

  static async open(setup: OpaqueSetup, users: UsersSource, events: OpaqueLoginEvents): Promise<OpaqueLogin> {
    return new OpaqueLogin(setup, users, events, await loadOpaque());
  }

  /** The logins of one connection. @throws TypeError without the exporter value of its TLS channel */
  connect(channelBinding: Uint8Array): OpaqueConnection {
    return new OpaqueConnection(this, channelBinding);
  }

  /** KE2 for this KE1, and what is needed to judge the answer; undefined when KE1 holds no group elements. */
  async start(username: string, ke1: Uint8Array): Promise<Started | undefined> {
    const user = (await this.#users.current()).get(username);
    const record = user === undefined || user.disabled ? undefined : findUsableRecord(user, this.#setup.id);
    if (user === undefined || record === undefined) return this.#startDecoy(username, ke1, whyDecoy(user));
    const answer = this.#respond(username, record, ke1);
    if (answer !== undefined) {
      return { ...answer, username, credentialId: user.credentialId, why: "wrong password" };
    }
    // Either KE1 is at fault, or the record: the decoy tells.
    const decoyed = this.#startDecoy(username, ke1, "unusable OPAQUE record");
    if (decoyed !== undefined) this.#events.unusable(username);
    return decoyed;
  }

  /** The session key, if KE3 is right. */
  finish({ state }: Started, ke3: Uint8Array): Uint8Array | undefined {
    try {
      const { sessionKey } = this.#library.server.finishLogin({
        serverLoginState: state,
        finishLoginRequest: toText(ke3),
      });
      return toBytes(sessionKey);
    } catch {
      return undefined;
    }
  }

  /** Whether the user that KE2 was made for was removed, disabled or given another password since. */
  async isRevoked(username: string, credentialId: string): Promise<boolean> {
    return isRevoked(await this.#users.current(), username, credentialId);
  }

  #startDecoy(username: string, ke1: Uint8Array, why: string): Started | undefined {
    const answer = this.#respond(username, findUsableRecord(this.#decoy, this.#setup.id)!, ke1);
    return answer && { ...answer, username, credentialId: undefined, why };
  }

  #respond(
    username: string,
    record: Uint8Array,
    ke1: Uint8Array,
  ): { ke2: Uint8Array; state: string } | undefined {
    try {
      const { loginResponse, serverLoginState } = this.#library.server.startLogin({
        serverSetup: this.#secret,
        userIdentifier: username,
        registrationRecord: toText(record),
        startLoginRequest: toText(ke1),
      });
      return { ke2: toBytes(loginResponse), state: serverLoginState };
    } catch {
      return undefined;
    }
  }
}

interface Started {
  readonly ke2: Uint8Array;
  readonly state: string;
  readonly username: string;
  /** Of the user whose record KE2 was made from; undefined for a decoy. */
  readonly credentialId: string | undefined;
  /** What to log when KE3 is wrong. */
  readonly why: string;
}

const KE3_BYTES = 64;

/** Holds what a CHALLENGE leaves open until its RESPONSE, or the next AUTH. */
export class OpaqueConnection {
  readonly #login: OpaqueLogin;
  readonly #channelBinding: Uint8Array;
  #started: Started | undefined;

  constructor(login: OpaqueLogin, channelBinding: Uint8Array) {
    checkChannelBinding(channelBinding);
    this.#login = login;
    this.#channelBinding = channelBinding;
  }

  /** Either step: AUTH is answered by a challenge, RESPONSE by the outcome. */
  async verify(attempt: Attempt): Promise<Outcome> {
    const started = this.#started;
    this.#started = undefined; // one RESPONSE for each CHALLENGE (TB-OPAQUE-13)
    if (attempt.responseData === undefined) return await this.#challenge(attempt);
    if (started === undefined) return rejected("RESPONSE without its CHALLENGE");
    return await this.#judge(started, attempt, attempt.responseData);
  }

  async #challenge({ username, mechanismData }: Attempt): Promise<Outcome> {
    if (mechanismData.length !== OPAQUE_BYTES.AUTH) return rejected("a KE1 of another length");
    // A copy: the frame's bytes are the decoder's, and this waits for the users file.
    this.#started = await this.#login.start(username, mechanismData.slice());
    if (this.#started === undefined) return rejected("a KE1 without group elements");
    return { type: "challenge", mechanismData: this.#started.ke2 };
  }

  async #judge(started: Started, { transcript }: Attempt, data: Uint8Array): Promise<Outcome> {
    if (data.length !== OPAQUE_BYTES.RESPONSE) return rejected("a RESPONSE of another length");
    const ke3 = data.slice(0, KE3_BYTES);
    const clientTag = data.slice(KE3_BYTES);
    const sessionKey = this.#login.finish(started, ke3);
    const { username, credentialId } = started;
    if (sessionKey === undefined || credentialId === undefined) return rejected(started.why);
    const binding = new OpaqueBinding(sessionKey, this.#channelBinding);
    if (!areEqual(clientTag, binding.clientTag(transcript, ke3))) {
      return rejected("a login that is bound to another channel: someone is in the middle");
    }
    if (await this.#login.isRevoked(username, credentialId)) return rejected("revoked during the login");
    const sessionId = randomBytes(SESSION_ID_BYTES);
    const mechanismData = binding.serverTag(transcript, sessionId);
    return { type: "accepted", sessionId, mechanismData, credentialId };
  }
}

/** All of these are one answer on the wire. */
function rejected(why: string): Outcome {
  return { type: "rejected", retryAfterMs: 0, why };
}

function whyDecoy(user: User | undefined): string {
  if (user === undefined) return "unknown user";
  return user.disabled ? "disabled user" : "user without an OPAQUE record";
}

/** Nobody knows its password, so that it may be stretched as little as argon2id can. */
function makeDecoy(library: OpaqueLibrary, setup: OpaqueSetup): User {
  const name = "decoy";
  const password = randomBytes(32).toString("base64url");
  const cheapest = { memoryKib: 8, passes: 1, lanes: 1 };
  const record = recordOf(stretch(library, prepareEnrolment(library, setup, name, password, cheapest)));
  const stamp = { now: new Date().toISOString(), credentialId: randomBytes(16).toString("hex") };
  const users = UsersDocument.empty();
  users.add(name, makeDecoyPhc(), stamp, { setupId: setup.id, record });
  return users.get(name)!;
}
