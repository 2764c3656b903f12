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
  /** Undefined: forgotten, or scheduled anew. */
  owner: DeadlineOwner | undefined;
}

/** Fewer items than this without an owner are left until their turn comes. */
const SWEEP_AT = 1024;

export class DeadlineQueue {
  #heap: Item[] = [];
  readonly #items = new Map<DeadlineOwner, Item>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  /** Milliseconds of a clock that never goes back. */
  now(): number {
    return performance.now();
  }

  /** Takes note of the owner's deadline when it is earlier than the one known. */
  watch(owner: DeadlineOwner): void {
    if (this.#schedule(owner)) this.#arm();
  }

  /** Lets go of the owner at once: its deadline may be far away. */
  forget(owner: DeadlineOwner): void {
    this.#release(owner);
    if (this.#items.size === 0) this.#heap = [];
    else if (this.#heap.length > SWEEP_AT && this.#heap.length > 2 * this.#items.size) this.#sweep();
    this.#arm();
  }

  #release(owner: DeadlineOwner): void {
    const item = this.#items.get(owner);
    if (item === undefined) return;
    item.owner = undefined;
    this.#items.delete(owner);
  }

  #sweep(): void {
    const left = this.#heap.filter(({ owner }) => owner !== undefined);
    this.#heap = left.toSorted((a, b) => a.at - b.at); // a sorted array is a heap
  }

  /** False when the owner is due no earlier than is known. */
  #schedule(owner: DeadlineOwner): boolean {
    const at = owner.dueAt;
    if (at >= (this.#items.get(owner)?.at ?? Infinity)) return false;
    this.#release(owner);
    const item = { at, owner };
    this.#items.set(owner, item);
    const heap = this.#heap;
    let child = heap.push(item) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= heap[child]!.at) break;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
    return true;
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
      const { owner } = first;
      if (owner === undefined) continue;
      this.#items.delete(owner);
      if (owner.dueAt <= now) owner.expire(now);
      this.#schedule(owner);
    }
    this.#arm();
  }
}

/** setTimeout takes 31 bits. */
const MAX_TIMER_MS = 2_147_483_647;
