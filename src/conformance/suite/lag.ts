// How late the runner itself is: a timer that should fire every few milliseconds, and by how much it didn't. A verdict
// that rests on a time is worth nothing if the clock's reader was asleep.

const everyMs = 20;

export interface LagWatch {
  // The longest lag since the watch began, in milliseconds; ends the watch.
  end(): number;
}

export class LagMeter {
  readonly #watches = new Set<{ longestMs: number }>();
  #dueAt = performance.now() + everyMs;
  #timer: NodeJS.Timeout | undefined;

  watch(): LagWatch {
    const watch = { longestMs: 0 };
    this.#watches.add(watch);
    if (this.#timer === undefined) this.#schedule();
    return {
      end: () => {
        this.#note();
        this.#watches.delete(watch);
        if (this.#watches.size === 0) this.#rest();
        return watch.longestMs;
      },
    };
  }

  #schedule(): void {
    this.#dueAt = performance.now() + everyMs;
    this.#timer = setTimeout(() => {
      this.#note();
      this.#schedule();
    }, everyMs);
  }

  #note(): void {
    const lagMs = performance.now() - this.#dueAt;
    for (const watch of this.#watches) watch.longestMs = Math.max(watch.longestMs, lagMs);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
