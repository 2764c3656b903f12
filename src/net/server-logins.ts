// The mechanisms of a server and the queues before them. A PASSWORD takes a thread and 19 MiB for 25 ms, so few run at
// once. An OPAQUE challenge takes 2 ms of the event loop itself: one is made in each turn of it, so that sessions which
// are logged in wait for one challenge at the most, however many are asked for. Both queues are fair between sources.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Admission } from "../auth/admission.ts";
import { OpaqueLogin, type OpaqueConnection } from "../auth/opaque-login.ts";
import { PasswordLogin } from "../auth/password-login.ts";
import type { UsersSource } from "../auth/users-source.ts";
import { Verification, type ChannelBinding, type Check, type LoginMechanism } from "../auth/verification.ts";
import { VerifyQueue } from "../auth/verify-queue.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import { encodeStretching } from "../credentials/opaque-stretching.ts";
import { OPAQUE_NAME, opaqueMechanism, PASSWORD, type Mechanism } from "../protocol/mechanism.ts";
import type { ServerStats } from "./counters.ts";
import type { ServerLimits } from "./limits.ts";
import type { Log } from "./server-context.ts";

export interface ServerLoginsOptions {
  readonly users: UsersSource;
  /** Undefined: OPAQUE is not offered. */
  readonly opaque: OpaqueSetup | undefined;
  readonly readOnly: boolean;
  readonly admission: Admission;
  readonly limits: ServerLimits;
  readonly log: Log;
}

export class ServerLogins {
  /** What WELCOME offers. */
  readonly mechanisms: readonly Mechanism[];
  readonly verification: Verification;
  readonly #options: ServerLoginsOptions;
  readonly #passwords: VerifyQueue;
  readonly #challenges: VerifyQueue;
  #opaqueLogin: Promise<OpaqueLogin> | undefined;

  constructor(options: ServerLoginsOptions) {
    const { opaque, admission, limits } = options;
    this.#options = options;
    this.#passwords = new VerifyQueue(limits);
    this.#challenges = new VerifyQueue({
      verifyConcurrency: 1,
      verifyQueueLength: limits.challengeQueueLength,
      verifyQueuePerSource: limits.challengeQueuePerSource,
      verifyQueueMs: limits.verifyQueueMs,
    });
    const logins = new Map([[PASSWORD.name, this.#password()]]);
    if (opaque === undefined) this.mechanisms = [PASSWORD];
    else {
      this.mechanisms = [opaqueMechanism(encodeStretching(opaque.stretching)), PASSWORD];
      logins.set(OPAQUE_NAME, this.#opaque(opaque));
    }
    this.verification = new Verification(logins, admission, limits.busyRetryAfterMs);
  }

  /** Loads what the first login would have to wait for. */
  async open(): Promise<void> {
    const { opaque } = this.#options;
    if (opaque !== undefined) await this.#openOpaque(opaque);
  }

  stats(): Pick<ServerStats, "verifying" | "waitingToVerify" | "waitingForChallenge"> {
    return {
      verifying: this.#passwords.running,
      waitingToVerify: this.#passwords.waiting,
      waitingForChallenge: this.#challenges.waiting,
    };
  }

  #password(): LoginMechanism {
    const { users, opaque, readOnly, log } = this.#options;
    const login = new PasswordLogin(
      users,
      {
        rehashed: (user, error) =>
          error === undefined
            ? log.info({ event: "rehashed", user }, "a weak hash was replaced")
            : log.warn({ event: "rehash-failed", user, err: error }, "a weak hash could not be replaced"),
        enrolled: (user, error) =>
          error === undefined
            ? log.info({ event: "enrolled", user }, "the user can log in by OPAQUE from now on")
            : log.warn({ event: "enrol-failed", user, err: error }, "an OPAQUE record could not be stored"),
        unusable: (user, error) =>
          log.warn(
            { event: "hash-unusable", user, code: error.code },
            "the user's stored hash can't be used",
          ),
      },
      { opaque, readOnly },
    );
    const check: Check = async (attempt) => await login.check(attempt);
    return { queue: this.#passwords, connect: () => check };
  }

  #opaque(setup: OpaqueSetup): LoginMechanism {
    const connect = (channelBinding: ChannelBinding): Check => {
      let connection: OpaqueConnection | undefined;
      return async (attempt) => {
        connection ??= (await this.#openOpaque(setup)).connect(channelBinding());
        const outcome = await connection.verify(attempt);
        return { outcome, afterwards: async () => await nextTurn() };
      };
    };
    return { queue: this.#challenges, connect };
  }

  async #openOpaque(setup: OpaqueSetup): Promise<OpaqueLogin> {
    const { users, log } = this.#options;
    const unusable = (user: string): void =>
      log.warn({ event: "record-unusable", user }, "the user's stored OPAQUE record can't be used");
    return await (this.#opaqueLogin ??= OpaqueLogin.open(setup, users, { unusable }));
  }
}
