// Entries with a time, of which the earliest is at hand. An entry knows its place, so that its time can change.

export interface Timed {
  until: number;
  /** Its place in the heap; the heap's alone to write. */
  index: number;
}

export class ExpiryHeap<Entry extends Timed> {
  readonly #entries: Entry[] = [];

  get earliest(): Entry | undefined {
    return this.#entries[0];
  }

  add(entry: Entry): void {
    this.#put(entry, this.#entries.length);
    this.#settle(entry);
  }

  move(entry: Entry, until: number): void {
    entry.until = until;
    this.#settle(entry);
  }

  remove(entry: Entry): void {
    const last = this.#entries.pop()!;
    if (last === entry) return;
    this.#put(last, entry.index);
    this.#settle(last);
  }

  #settle(entry: Entry): void {
    for (let up = this.#parent(entry); up !== undefined && up.until > entry.until; up = this.#parent(entry))
      this.#swap(entry, up);
    for (let down = this.#child(entry); down !== undefined && down.until < entry.until;) {
      this.#swap(entry, down);
      down = this.#child(entry);
    }
  }

  #parent({ index }: Entry): Entry | undefined {
    return index === 0 ? undefined : this.#entries[(index - 1) >> 1];
  }

  /** The earlier of the two. */
  #child({ index }: Entry): Entry | undefined {
    const left = this.#entries[2 * index + 1];
    const right = this.#entries[2 * index + 2];
    return right !== undefined && right.until < left!.until ? right : left;
  }

  #swap(one: Entry, other: Entry): void {
    const { index } = one;
    this.#put(one, other.index);
    this.#put(other, index);
  }

  #put(entry: Entry, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }
}
