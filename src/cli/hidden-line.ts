// The line that is typed unseen, byte by byte, with the terminal in raw mode: the editing that the terminal
// itself would otherwise do. Control characters with no meaning here stay in the line, since dropping them
// would store another password than the one that was pasted: it is refused later, with a reason. Arrow keys
// and the like (CSI and SS3 sequences) are dropped whole.

/** `more`: the line goes on. */
export type LineProgress = "more" | "entered" | "ended" | "interrupted" | "too-long";

const maxLineBytes = 4_096;

const ctrlC = 0x03;
const ctrlD = 0x04;
const backspace = 0x08;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const ctrlU = 0x15;
const ctrlW = 0x17;
const escape = 0x1b;
const rubout = 0x7f;

export class HiddenLine {
  #bytes: number[] = [];
  #sequence: "none" | "escape" | "csi" | "ss3" = "none";

  feed(byte: number): LineProgress {
    if (this.#swallow(byte)) return "more";
    switch (byte) {
      case carriageReturn:
      case lineFeed:
        return "entered";
      case ctrlC:
        return "interrupted";
      case ctrlD:
        return this.#bytes.length === 0 ? "ended" : "more";
      case backspace:
      case rubout:
        this.#eraseCharacter();
        return "more";
      case ctrlU:
      case ctrlW: // Words can't be seen, so a word is everything.
        this.#bytes = [];
        return "more";
      default:
        if (this.#bytes.length >= maxLineBytes) return "too-long";
        this.#bytes.push(byte);
        return "more";
    }
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  /** Whether the byte belongs to an escape sequence. */
  #swallow(byte: number): boolean {
    const sequence = this.#sequence;
    this.#sequence = "none";
    if (byte === escape) {
      this.#sequence = "escape";
      return true;
    }
    if (sequence === "none") return false;
    if (sequence === "ss3") return true;
    if (sequence === "csi") {
      // Parameters go on until a final byte, 0x40 to 0x7e.
      const inside = byte >= 0x20 && byte < 0x40;
      if (inside) this.#sequence = "csi";
      return inside || (byte >= 0x40 && byte < 0x7f);
    }
    if (byte === 0x5b) this.#sequence = "csi";
    else if (byte === 0x4f) this.#sequence = "ss3";
    return this.#sequence !== "none";
  }

  #eraseCharacter(): void {
    let last = this.#bytes.pop();
    // The bytes of a UTF-8 sequence after its first are 10xxxxxx.
    while (last !== undefined && (last & 0xc0) === 0x80) last = this.#bytes.pop();
  }
}
