// At most so many verifications at once, the rest in a bounded line with a deadline. Each argon2 run takes memory and a
// thread of libuv's pool, so without this bound a crowd of logins starves every file read and name look-up of
// the process, and with it the sessions that are logged in.

/** Why a job did not run. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

export interface VerifyQueueLimits {
  readonly verifyConcurrency: number;
  readonly verifyQueueLength: number;
  readonly verifyQueueMs: number;
}

interface Waiting {
  readonly start: () => void;
}

export class VerifyQueue {
  readonly #limits: VerifyQueueLimits;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(limits: VerifyQueueLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs the job when there is room.
   * @throws QueueFullError when the line is full, or the wait too long
   * @throws the signal's reason when it aborts before the job has begun
   */
  async run<Result>(job: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    if (this.#running < this.#limits.verifyConcurrency) this.#running++;
    else await this.#wait(signal);
    try {
      signal.throwIfAborted();
      return await job();
    } finally {
      this.#next();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#limits.verifyQueueLength) throw new QueueFullError("the line is full");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { start: resolve };
    // Out of the line at once, or the next place would go to a job that no longer waits and be lost.
    const leave = (reason: unknown): void => {
      this.#waiting.delete(waiting);
      reject(reason);
    };
    const abort = (): void => leave(signal.reason);
    const timer = setTimeout(
      () => leave(new QueueFullError("the wait was too long")),
      this.#limits.verifyQueueMs,
    );
    this.#waiting.add(waiting);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Hands the place of a job that is done to the first in line. */
  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(first);
    first.start();
  }
}
