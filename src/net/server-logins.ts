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
import { OPAQUE_NAME, PASSWORD, type Mechanism } from "../protocol/mechanism.ts";
import type { BoundedLog } from "./bounded-log.ts";
import type { ServerStats } from "./counters.ts";
import type { ServerLimits } from "./limits.ts";
import type { Log } from "./server-context.ts";

export interface ServerLoginsOptions {
  readonly users: UsersSource;
  readonly readOnly: boolean;
  readonly admission: Admission;
  readonly limits: ServerLimits;
  readonly log: Log;
  readonly boundedLog: BoundedLog;
}

/** What a connection is offered for as long as it lives: where there is OPAQUE, of one setup (TB-OPAQUE-19). */
export interface LoginOffer {
  /** What WELCOME says. */
  readonly mechanisms: readonly Mechanism[];
  readonly verification: Verification;
}

export class ServerLogins {
  readonly #options: ServerLoginsOptions;
  readonly #passwords: VerifyQueue;
  readonly #challenges: VerifyQueue;
  readonly #passwordLogin: PasswordLogin;

  constructor(options: ServerLoginsOptions) {
    const { limits } = options;
    this.#options = options;
    this.#passwords = new VerifyQueue(limits);
    this.#challenges = new VerifyQueue({
      verifyConcurrency: 1,
      verifyQueueLength: limits.challengeQueueLength,
      verifyQueuePerSource: limits.challengeQueuePerSource,
      verifyQueueMs: limits.verifyQueueMs,
    });
    this.#passwordLogin = this.#makePasswordLogin();
  }

  offerPassword(): LoginOffer {
    return this.#offer([PASSWORD], new Map([[PASSWORD.name, this.#password()]]));
  }

  /** And PASSWORD, behind which users get their records for this setup from now on, whatever their connection was offered. */
  async offerOpaque(setup: OpaqueSetup): Promise<LoginOffer> {
    const { users, boundedLog } = this.#options;
    this.#passwordLogin.setup = setup;
    const login = await OpaqueLogin.open(setup, users, {
      unusable: (user) =>
        boundedLog.warn({ event: "record-unusable", user }, "the user's stored OPAQUE record can't be used"),
    });
    const logins = new Map([
      [OPAQUE_NAME, this.#opaque(login)],
      [PASSWORD.name, this.#password()],
    ]);
    return this.#offer([login.mechanism, PASSWORD], logins);
  }

  stats(): Pick<ServerStats, "verifying" | "waitingToVerify" | "waitingForChallenge"> {
    return {
      verifying: this.#passwords.running,
      waitingToVerify: this.#passwords.waiting,
      waitingForChallenge: this.#challenges.waiting,
    };
  }

  #offer(mechanisms: readonly Mechanism[], logins: ReadonlyMap<string, LoginMechanism>): LoginOffer {
    const { admission, limits } = this.#options;
    return { mechanisms, verification: new Verification(logins, admission, limits.busyRetryAfterMs) };
  }

  #password(): LoginMechanism {
    const check: Check = async (attempt) => await this.#passwordLogin.check(attempt);
    return { queue: this.#passwords, connect: () => check };
  }

  #opaque(login: OpaqueLogin): LoginMechanism {
    const connect = (channelBinding: ChannelBinding): Check => {
      let connection: OpaqueConnection | undefined;
      return async (attempt) => {
        connection ??= login.connect(channelBinding());
        const outcome = await connection.verify(attempt);
        return { outcome, afterwards: async () => await nextTurn() };
      };
    };
    return { queue: this.#challenges, connect };
  }

  #makePasswordLogin(): PasswordLogin {
    const { users, readOnly, log, boundedLog } = this.#options;
    return new PasswordLogin(
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
          boundedLog.warn(
            { event: "hash-unusable", user, code: error.code },
            "the user's stored hash can't be used",
          ),
      },
      { readOnly },
    );
  }
}
