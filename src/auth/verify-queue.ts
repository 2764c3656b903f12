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
  readonly cancel: (reason: unknown) => void;
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
    signal.throwIfAborted();
    if (this.#running < this.#limits.verifyConcurrency) this.#running++;
    else await this.#wait(signal);
    try {
      return await job();
    } finally {
      this.#next();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#limits.verifyQueueLength) throw new QueueFullError("the line is full");
    let waiting: Waiting | undefined;
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiting = { start: resolve, cancel: reject };
        this.#waiting.add(waiting);
        timer = setTimeout(
          () => reject(new QueueFullError("the wait was too long")),
          this.#limits.verifyQueueMs,
        );
        abort = () => reject(signal.reason);
        signal.addEventListener("abort", abort, { once: true });
      });
    } finally {
      clearTimeout(timer);
      if (waiting !== undefined) this.#waiting.delete(waiting);
      if (abort !== undefined) signal.removeEventListener("abort", abort);
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
