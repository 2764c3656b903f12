// Who may try to log in now. A server asks through this interface alone, and takes the answer whenever it comes, so that
// the state behind it can live in another process that several servers share.

import { Penalties, type PenaltyLimits } from "./penalties.ts";
import type { Source } from "./source.ts";

export type Verdict =
  | { readonly type: "admitted" }
  | { readonly type: "busy" | "throttled"; readonly retryAfterMs: number };

export interface Admission {
  /**
   * May this source try to log in? Asked of a connection as it opens, without a name; of each attempt, with the name
   * as it was submitted, when the attempt comes and again when its turn to be verified has come.
   */
  admit(source: Source, username?: string): Verdict | Promise<Verdict>;
  /** An attempt counts as failed. Neither this nor `forgive` waits or throws. */
  penalise(source: Source, username: string): void;
  /** Takes back one `penalise`. */
  forgive(source: Source, username: string): void;
}

const ADMITTED: Verdict = { type: "admitted" };

/** Penalties kept in this process. */
export class PenaltyAdmission implements Admission {
  readonly #penalties: Penalties;
  readonly #now: () => number;

  constructor(limits: PenaltyLimits, now: () => number) {
    this.#penalties = new Penalties(limits);
    this.#now = now;
  }

  /** Sources, and names at a source, that have a penalty. */
  get size(): number {
    return this.#penalties.size;
  }

  admit(source: Source, username?: string): Verdict {
    if (source.exempt) return ADMITTED;
    const retryAfterMs = this.#penalties.waitMs(source.key, username, this.#now());
    return retryAfterMs === 0 ? ADMITTED : { type: "throttled", retryAfterMs };
  }

  penalise(source: Source, username: string): void {
    if (!source.exempt) this.#penalties.penalise(source.key, username, this.#now());
  }

  forgive(source: Source, username: string): void {
    if (!source.exempt) this.#penalties.forgive(source.key, username, this.#now());
  }
}
