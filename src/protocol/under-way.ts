// The messages that a server has accepted and not yet answered, oldest first (spec section 7.2). Replies can
// become known in any order; they leave in this one.

/** One message under way: `reply` once it is known, `failed` when the application could not make one. */
export interface Ticket {
  readonly id: number;
  reply: Uint8Array | undefined;
  failed: boolean;
}

export class UnderWay {
  #tickets: Ticket[] = [];

  get count(): number {
    return this.#tickets.length;
  }

  get oldest(): Ticket | undefined {
    return this.#tickets[0];
  }

  has(ticket: Ticket): boolean {
    return this.#tickets.includes(ticket);
  }

  add(id: number): Ticket {
    const ticket: Ticket = { id, reply: undefined, failed: false };
    this.#tickets.push(ticket);
    return ticket;
  }

  removeOldest(): void {
    this.#tickets.shift();
  }

  /** Forgets the messages that came after this one. */
  dropAfter(ticket: Ticket): void {
    this.#tickets.length = this.#tickets.indexOf(ticket) + 1;
  }

  clear(): void {
    this.#tickets = [];
  }
}
