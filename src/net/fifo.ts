// First in, first out, without the cost of Array.shift on long lines.

const COMPACT_AT = 1024;

export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Keeps the items that pass, in their order. */
  retain(passes: (item: Item) => boolean): void {
    this.#items = this.#items.slice(this.#first).filter((item) => passes(item as Item));
    this.#first = 0;
  }

  shift(): Item | undefined {
    if (this.#first === this.#items.length) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    } else if (this.#first >= COMPACT_AT && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}
