// How many connections there may be before their login: a cap for each source, and for all an early random drop that
// grows from a start to a full mark, as OpenSSH's MaxStartups does. What is dropped is a connection of
// the heaviest source, be it the new one or one that is open: so sources that crowd the server drop their own, and who
// comes with one connection gets in. Dropped means without a byte, before TLS where it is the new one.

export interface GateLimits {
  readonly maxConnectionsBeforeLogin: number;
  readonly maxConnectionsBeforeLoginPerSource: number;
  readonly earlyDropFrom: number;
  readonly earlyDropPercent: number;
}

/** A connection that has not logged in. */
export interface Place {
  readonly source: string;
  drop(): void;
  /** Its verification is under way: it isn't dropped for another. */
  readonly busy: boolean;
}

export class ConnectionGate {
  readonly #limits: GateLimits;
  readonly #random: () => number;
  readonly #places = new Map<string, Set<Place>>();
  /** The sources that have so many connections, by that number. */
  readonly #sources: Set<string>[] = [];
  #count = 0;
  #heaviest = 0;

  /** `random` returns numbers from 0 up to 1, as Math.random does. */
  constructor(limits: GateLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a new connection in, or says false; may drop another for it. */
  enter(place: Place): boolean {
    const own = this.#places.get(place.source)?.size ?? 0;
    if (own >= this.#limits.maxConnectionsBeforeLoginPerSource) return false;
    if (this.#random() < this.#dropShare() && !this.#dropHeavier(own + 1)) return false;
    const places = this.#places.get(place.source) ?? new Set();
    this.#places.set(place.source, places.add(place));
    this.#count++;
    this.#weigh(place.source, places.size - 1, places.size);
    return true;
  }

  /** It has logged in or ended. */
  leave(place: Place): void {
    const places = this.#places.get(place.source);
    if (places?.delete(place) !== true) return;
    this.#count--;
    if (places.size === 0) this.#places.delete(place.source);
    this.#weigh(place.source, places.size + 1, places.size);
  }

  #dropShare(): number {
    const { maxConnectionsBeforeLogin: full, earlyDropFrom: start, earlyDropPercent } = this.#limits;
    if (this.#count >= full) return 1;
    if (this.#count < start) return 0;
    const rate = earlyDropPercent / 100;
    return rate + ((1 - rate) * (this.#count - start)) / (full - start);
  }

  /** Drops a connection of a source that has more than this; false when there is none. */
  #dropHeavier(than: number): boolean {
    if (this.#heaviest <= than) return false;
    const source = this.#pick([...this.#sources[this.#heaviest]!])!;
    const victim = this.#pick([...this.#places.get(source)!].filter(({ busy }) => !busy));
    if (victim === undefined) return false;
    this.leave(victim);
    victim.drop();
    return true;
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #weigh(source: string, before: number, after: number): void {
    this.#sources[before]?.delete(source);
    if (after > 0) (this.#sources[after] ??= new Set()).add(source);
    if (after > this.#heaviest) this.#heaviest = after;
    else if (before === this.#heaviest && this.#sources[before]!.size === 0) this.#heaviest = after;
  }
}
