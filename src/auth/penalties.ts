// What failed attempts cost those who made them. A failure adds milliseconds of penalty to its source, and to the
// name that it submitted from there; penalties run off with the clock, one millisecond each millisecond. Above a
// threshold attempts are throttled, for exactly as long as it takes to come down to it: nobody is locked out. The name
// counts as it was submitted, whether such a user exists or not, and never for other sources: no stranger can keep a
// user out.
//
// The map is bounded, and losing an entry forgives nothing. The entry with the least left makes room, and what it had
// left is the floor from which every entry starts that is not in the map. The floor falls with the clock, and rises by one
// failure's penalty only when as many failures have come as the map has entries. The names of a source beyond its share
// are counted together.

import { ExpiryHeap } from "./expiry-heap.ts";

export interface PenaltyLimits {
  readonly failurePenaltyMs: number;
  readonly nameFailurePenaltyMs: number;
  readonly throttleAboveMs: number;
  readonly maxThrottleMs: number;
  readonly maxPenaltyEntries: number;
  readonly maxPenaltyNamesPerSource: number;
}

interface Entry {
  readonly key: string;
  /** The source whose share of names it takes from; undefined if none. */
  readonly nameOf: string | undefined;
  /** When the penalty will have run off. */
  until: number;
  index: number;
}

/** Times are milliseconds of any clock that never goes back. */
export class Penalties {
  readonly #limits: PenaltyLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #byExpiry = new ExpiryHeap<Entry>();
  /** Names with an entry, by source. */
  readonly #names = new Map<string, number>();
  #floorUntil = -Infinity;

  constructor(limits: PenaltyLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How long this source must wait before it may try, with this name if one is given; 0: it may try now. */
  waitMs(source: string, username: string | undefined, now: number): number {
    const keys = username === undefined ? [source] : [source, this.#nameKey(source, username)];
    const until = Math.max(...keys.map((key) => this.#untilOf(key)));
    return Math.max(0, Math.ceil(until - now - this.#limits.throttleAboveMs));
  }

  /** An attempt has failed. */
  penalise(source: string, username: string, now: number): void {
    const { failurePenaltyMs, nameFailurePenaltyMs } = this.#limits;
    const key = this.#nameKey(source, username);
    const nameOf = key === restKey(source) ? undefined : source;
    this.#add(source, undefined, failurePenaltyMs, now);
    this.#add(key, nameOf, nameFailurePenaltyMs, now);
  }

  /** Takes back what one `penalise` added. */
  forgive(source: string, username: string, now: number): void {
    const { failurePenaltyMs, nameFailurePenaltyMs } = this.#limits;
    this.#add(source, undefined, -failurePenaltyMs, now);
    this.#add(this.#nameKey(source, username), undefined, -nameFailurePenaltyMs, now);
  }

  #add(key: string, nameOf: string | undefined, ms: number, now: number): void {
    const known = this.#entries.get(key);
    if (known === undefined && ms <= 0) return;
    if (known === undefined) this.#makeRoom(now);
    const highest = now + this.#limits.throttleAboveMs + this.#limits.maxThrottleMs;
    const until = Math.min(Math.max(this.#untilOf(key), now) + ms, highest);
    if (known !== undefined) {
      if (until <= now) this.#remove(known);
      else this.#byExpiry.move(known, until);
      return;
    }
    const entry: Entry = { key, nameOf, until, index: 0 };
    this.#entries.set(key, entry);
    this.#byExpiry.add(entry);
    if (nameOf !== undefined) this.#names.set(nameOf, (this.#names.get(nameOf) ?? 0) + 1);
  }

  /** Lets go of what has run off, and of the least if the map is full then. */
  #makeRoom(now: number): void {
    for (let entry = this.#byExpiry.earliest; entry !== undefined; entry = this.#byExpiry.earliest) {
      if (entry.until > now && this.#entries.size < this.#limits.maxPenaltyEntries) return;
      this.#floorUntil = Math.max(this.#floorUntil, entry.until);
      this.#remove(entry);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#byExpiry.remove(entry);
    if (entry.nameOf === undefined) return;
    const left = this.#names.get(entry.nameOf)! - 1;
    if (left === 0) this.#names.delete(entry.nameOf);
    else this.#names.set(entry.nameOf, left);
  }

  /** Who is not in the map may have been. */
  #untilOf(key: string): number {
    return this.#entries.get(key)?.until ?? this.#floorUntil;
  }

  /** Under which a name of this source is counted: while some are counted together, every new one is. */
  #nameKey(source: string, username: string): string {
    const key = `${source} ${username}`;
    if (this.#entries.has(key)) return key;
    const rest = restKey(source);
    const full = (this.#names.get(source) ?? 0) >= this.#limits.maxPenaltyNamesPerSource;
    return full || this.#entries.has(rest) ? rest : key;
  }
}

/** Usernames are not empty, and hold no space. */
function restKey(source: string): string {
  return `${source} `;
}
