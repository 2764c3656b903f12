// At most so many verifications at once, the rest in bounded lines with a deadline. Each argon2 run takes memory and a
// thread of libuv's pool, so without this bound a crowd of logins starves every file read and name look-up of
// the process, and with it the sessions that are logged in.
//
// Every source has a line of its own, and the lines take turns: who floods waits behind itself. When there
// is no place left at all, the newest of the longest line gives way to a source that has fewer waiting.

/** Why a job did not run. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

export interface VerifyQueueLimits {
  readonly verifyConcurrency: number;
  readonly verifyQueueLength: number;
  readonly verifyQueuePerSource: number;
  readonly verifyQueueMs: number;
}

interface Waiting {
  readonly source: string;
  readonly start: () => void;
  readonly leave: (reason: unknown) => void;
}

export class VerifyQueue {
  readonly #limits: VerifyQueueLimits;
  /** The lines in the order of their turns; none is empty. */
  readonly #lines = new Map<string, Set<Waiting>>();
  #waiting = 0;
  #running = 0;

  constructor(limits: VerifyQueueLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs the job of this source when there is room and its turn has come.
   * @throws QueueFullError when its line is full, or the wait too long
   * @throws the signal's reason when it aborts before the job has begun
   */
  async run<Result>(source: string, job: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    if (this.#running < this.#limits.verifyConcurrency) this.#running++;
    else await this.#wait(source, signal);
    try {
      signal.throwIfAborted();
      return await job();
    } finally {
      this.#next();
    }
  }

  async #wait(source: string, signal: AbortSignal): Promise<void> {
    this.#makeRoom(source);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Out of the line at once, or its place would go to a job that no longer waits and be lost.
    const leave = (reason: unknown): void => {
      this.#take(waiting);
      reject(reason);
    };
    const waiting: Waiting = { source, start: resolve, leave };
    const abort = (): void => leave(signal.reason);
    const timer = setTimeout(
      () => leave(new QueueFullError("the wait was too long")),
      this.#limits.verifyQueueMs,
    );
    this.#join(waiting);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  #makeRoom(source: string): void {
    const own = this.#lines.get(source)?.size ?? 0;
    if (own >= this.#limits.verifyQueuePerSource) throw new QueueFullError("the source's line is full");
    if (this.#waiting < this.#limits.verifyQueueLength) return;
    let longest: Set<Waiting> = new Set();
    for (const line of this.#lines.values()) if (line.size > longest.size) longest = line;
    if (longest.size <= own + 1) throw new QueueFullError("the lines are full");
    [...longest].at(-1)!.leave(new QueueFullError("it gave way to a source with fewer"));
  }

  #join(waiting: Waiting): void {
    const line = this.#lines.get(waiting.source);
    if (line === undefined) this.#lines.set(waiting.source, new Set([waiting]));
    else line.add(waiting);
    this.#waiting++;
  }

  #take(waiting: Waiting): void {
    const line = this.#lines.get(waiting.source);
    if (line?.delete(waiting) !== true) return;
    this.#waiting--;
    if (line.size === 0) this.#lines.delete(waiting.source);
  }

  /** Hands the place of a job that is done to the first of the line whose turn it is. */
  #next(): void {
    const [turn] = this.#lines;
    if (turn === undefined) {
      this.#running--;
      return;
    }
    const [source, line] = turn;
    const [first] = line;
    this.#take(first!);
    if (line.size > 0) {
      this.#lines.delete(source);
      this.#lines.set(source, line);
    }
    first!.start();
  }
}
