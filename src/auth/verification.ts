// The way of an attempt from AUTH to its outcome, the same for every mechanism: it is admitted or throttled, waits for
// its turn, is asked about again, and only then does the mechanism work.

import type { Attempt, Outcome } from "../protocol/server-host.ts";
import type { Admission } from "./admission.ts";
import type { Source } from "./source.ts";
import { QueueFullError, type VerifyQueue } from "./verify-queue.ts";

/** What a mechanism does with an attempt. */
export type Check = (attempt: Attempt) => Promise<Outcome>;

export class Verification {
  /** By the name of the mechanism. */
  readonly #checks: ReadonlyMap<string, Check>;
  readonly #admission: Admission;
  readonly #queue: VerifyQueue;
  readonly #busyRetryAfterMs: number;

  constructor(
    checks: ReadonlyMap<string, Check>,
    admission: Admission,
    queue: VerifyQueue,
    busyRetryAfterMs: number,
  ) {
    this.#checks = checks;
    this.#admission = admission;
    this.#queue = queue;
    this.#busyRetryAfterMs = busyRetryAfterMs;
  }

  /** @throws the signal's reason when it aborts before the mechanism's work has begun */
  async verify(attempt: Attempt, source: Source, signal: AbortSignal): Promise<Outcome> {
    const check = this.#checks.get(attempt.mechanism)!; // the session lets no other through
    const refused = await this.#refusal(attempt, source);
    if (refused !== undefined) return refused;
    // Many attempts of one source can be in line before the first has failed.
    const job = async (): Promise<Outcome> =>
      (await this.#refusal(attempt, source)) ?? (await check(attempt));
    try {
      return await this.#queue.run(source.key, job, signal);
    } catch (error) {
      if (error instanceof QueueFullError) return { type: "busy", retryAfterMs: this.#busyRetryAfterMs };
      throw error;
    }
  }

  /** A RESPONSE belongs to an attempt that has been admitted, and penalised with its CHALLENGE. */
  async #refusal({ username, responseData }: Attempt, source: Source): Promise<Outcome | undefined> {
    if (responseData !== undefined) return undefined;
    const verdict = await this.#admission.admit(source, username);
    return verdict.type === "admitted" ? undefined : verdict;
  }
}
