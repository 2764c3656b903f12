// The messages that a server has accepted and not yet answered, oldest first (spec section 7.2). Replies can
// become known in any order; they leave in this one.

/** One message under way: `reply` once it is known, `failed` when the application could not make one. */
export interface Ticket {
  readonly id: number;
  /** Length of the message. */
  readonly bytes: number;
  reply: Uint8Array | undefined;
  failed: boolean;
}

export class UnderWay {
  #tickets: Ticket[] = [];
  #bytes = 0;

  get count(): number {
    return this.#tickets.length;
  }

  /** Bytes of the messages under way. */
  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): Ticket | undefined {
    return this.#tickets[0];
  }

  has(ticket: Ticket): boolean {
    return this.#tickets.includes(ticket);
  }

  add(id: number, bytes: number): Ticket {
    const ticket: Ticket = { id, bytes, reply: undefined, failed: false };
    this.#bytes += bytes;
    this.#tickets.push(ticket);
    return ticket;
  }

  removeOldest(): void {
    this.#bytes -= this.#tickets.shift()?.bytes ?? 0;
  }

  /** Forgets the messages that came after this one. */
  dropAfter(ticket: Ticket): void {
    this.#tickets.length = this.#tickets.indexOf(ticket) + 1;
  }

  clear(): void {
    this.#tickets = [];
    this.#bytes = 0;
  }
}
