// The way of an attempt from AUTH to its outcome, the same for every mechanism: it is admitted or throttled, waits for
// its turn in the queue of its mechanism, is asked about again, and only then does the mechanism work.
//
// A RESPONSE takes no turn. It is cheap to judge, each CHALLENGE lets in one, and a source that could have its RESPONSE
// refused as busy, by filling its own line, would be given back the penalty of the CHALLENGE that told it what it wanted.

import type { Attempt, Outcome } from "../protocol/server-host.ts";
import type { Admission } from "./admission.ts";
import type { Source } from "./source.ts";
import { QueueFullError, type VerifyQueue } from "./verify-queue.ts";

/** What a mechanism made of an attempt. */
export interface Checked {
  readonly outcome: Outcome;
  /** Work that the client does not wait for, but those behind it in the queue do. It never fails. */
  readonly afterwards?: () => Promise<void>;
}

/** What a mechanism does with the attempts of one connection. */
export type Check = (attempt: Attempt) => Promise<Checked>;

/** The exporter value of a connection's TLS channel, made when it is asked for. */
export type ChannelBinding = () => Uint8Array;

/** A mechanism at the server. */
export interface LoginMechanism {
  readonly queue: VerifyQueue;
  connect(channelBinding: ChannelBinding): Check;
}

export class Verification {
  /** By the name of the mechanism. */
  readonly #mechanisms: ReadonlyMap<string, LoginMechanism>;
  readonly #admission: Admission;
  readonly #busyRetryAfterMs: number;

  constructor(
    mechanisms: ReadonlyMap<string, LoginMechanism>,
    admission: Admission,
    busyRetryAfterMs: number,
  ) {
    this.#mechanisms = mechanisms;
    this.#admission = admission;
    this.#busyRetryAfterMs = busyRetryAfterMs;
  }

  connect(source: Source, channelBinding: ChannelBinding): ConnectionVerification {
    return new ConnectionVerification(this, source, channelBinding);
  }

  /** @throws the signal's reason when it aborts before the mechanism's work has begun */
  async verify(
    attempt: Attempt,
    source: Source,
    check: (mechanism: LoginMechanism) => Check,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const mechanism = this.#mechanisms.get(attempt.mechanism)!; // the session lets no other through
    if (attempt.responseData !== undefined) return (await check(mechanism)(attempt)).outcome;
    const refused = await this.#refusal(attempt, source);
    if (refused !== undefined) return refused;
    // Many attempts of one source can be in line before the first has failed.
    const job = async (): Promise<Checked> => {
      const late = await this.#refusal(attempt, source);
      return late === undefined ? await check(mechanism)(attempt) : { outcome: late };
    };
    try {
      return await inTurn(mechanism.queue, source.key, job, signal);
    } catch (error) {
      if (error instanceof QueueFullError) return { type: "busy", retryAfterMs: this.#busyRetryAfterMs };
      throw error;
    }
  }

  async #refusal({ username }: Attempt, source: Source): Promise<Outcome | undefined> {
    const verdict = await this.#admission.admit(source, username);
    return verdict.type === "admitted" ? undefined : verdict;
  }
}

/** The attempts of one connection, one after the other; what a CHALLENGE leaves open is kept from one to the next. */
export class ConnectionVerification {
  readonly #verification: Verification;
  readonly #source: Source;
  readonly #channelBinding: ChannelBinding;
  readonly #checks = new Map<LoginMechanism, Check>();

  constructor(verification: Verification, source: Source, channelBinding: ChannelBinding) {
    this.#verification = verification;
    this.#source = source;
    this.#channelBinding = channelBinding;
  }

  /** @throws the signal's reason when it aborts before the mechanism's work has begun */
  async verify(attempt: Attempt, signal: AbortSignal): Promise<Outcome> {
    const check = (mechanism: LoginMechanism): Check => this.#check(mechanism);
    return await this.#verification.verify(attempt, this.#source, check, signal);
  }

  #check(mechanism: LoginMechanism): Check {
    let check = this.#checks.get(mechanism);
    if (check === undefined) this.#checks.set(mechanism, (check = mechanism.connect(this.#channelBinding)));
    return check;
  }
}

/** The outcome as soon as it is there; the place in the queue is kept until what comes afterwards is done. */
async function inTurn(
  queue: VerifyQueue,
  source: string,
  job: () => Promise<Checked>,
  signal: AbortSignal,
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const whole = async (): Promise<void> => {
    const { outcome, afterwards } = await job();
    resolve(outcome);
    await afterwards?.();
  };
  queue.run(source, whole, signal).catch(reject);
  return await promise;
}
