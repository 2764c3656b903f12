// The ids that a client gives to its messages: one more each time, 0 after the last of 32 bits. Replies come in the
// same order (TB-MSG-2), so two counters say which id is due, and none is used again while it is unanswered
// (TB-MSG-4).

const LAST_ID = 0xff_ff_ff_ff;

export class MessageIds {
  #next: number;
  #oldest: number;
  #unanswered = 0;
  #answered = 0;

  constructor(first = 1) {
    this.#next = this.#oldest = first;
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  get answered(): number {
    return this.#answered;
  }

  /** The id of a further message. */
  take(): number {
    const id = this.#next;
    this.#next = following(id);
    this.#unanswered++;
    return id;
  }

  /** Takes the id of a reply; false when it is not the one that is due. */
  answer(id: number): boolean {
    if (this.#unanswered === 0 || id !== this.#oldest) return false;
    this.#oldest = following(id);
    this.#unanswered--;
    this.#answered++;
    return true;
  }
}

function following(id: number): number {
  return id === LAST_ID ? 0 : id + 1;
}
