// All deadlines of a process behind one timer. Entries are kept in a heap by the time at which they were last
// scheduled; an entry whose deadline has moved on meanwhile is put back when its turn comes, so that pushing a deadline
// out, which happens with every frame, costs nothing here.

/** Something with deadlines of its own, in milliseconds of `DeadlineQueue.now`. */
export interface DeadlineOwner {
  /** The earliest of its deadlines; Infinity: none. */
  readonly dueAt: number;
  expire(now: number): void;
}

interface Item {
  readonly at: number;
  readonly owner: DeadlineOwner;
}

export class DeadlineQueue {
  #heap: Item[] = [];
  readonly #scheduledAt = new Map<DeadlineOwner, number>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  /** Milliseconds of a clock that never goes back. */
  now(): number {
    return performance.now();
  }

  /** Takes note of the owner's deadline when it is earlier than the one known. */
  watch(owner: DeadlineOwner): void {
    const at = owner.dueAt;
    if (at >= (this.#scheduledAt.get(owner) ?? Infinity)) return;
    this.#schedule(owner, at);
    this.#arm();
  }

  forget(owner: DeadlineOwner): void {
    this.#scheduledAt.delete(owner);
    if (this.#scheduledAt.size > 0) return;
    this.#heap = [];
    this.#arm();
  }

  #schedule(owner: DeadlineOwner, at: number): void {
    this.#scheduledAt.set(owner, at);
    const heap = this.#heap;
    let child = heap.push({ at, owner }) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= heap[child]!.at) return;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[parent]!.at <= heap[child]!.at) return;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      parent = child;
    }
  }

  #arm(): void {
    const at = this.#heap[0]?.at ?? Infinity;
    if (at === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer =
      at === Infinity
        ? undefined
        : setTimeout(() => this.#expire(), Math.min(MAX_TIMER_MS, Math.max(1, at - this.now())));
  }

  #expire(): void {
    this.#timerAt = Infinity;
    const now = this.now();
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#removeFirst();
      if (this.#scheduledAt.get(first.owner) !== first.at) continue; // scheduled anew, or forgotten
      this.#scheduledAt.delete(first.owner);
      if (first.owner.dueAt <= now) first.owner.expire(now);
      if (first.owner.dueAt < Infinity) this.#reschedule(first.owner);
    }
    this.#arm();
  }

  #reschedule(owner: DeadlineOwner): void {
    if (owner.dueAt < (this.#scheduledAt.get(owner) ?? Infinity)) this.#schedule(owner, owner.dueAt);
  }
}

/** setTimeout takes 31 bits. */
const MAX_TIMER_MS = 2_147_483_647;
