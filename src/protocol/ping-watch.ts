// One's own PING that is unanswered: at most one at a time (TB-PING-2), answered by the same data (TB-PING-3).

import { breach } from "./error.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { encodePing, parsePong } from "./session-frames.ts";

export class PingWatch {
  #outstanding: Uint8Array | undefined;

  /** Sends PING; false when one is unanswered. */
  send(out: FrameWriter, data: Uint8Array): boolean {
    if (this.#outstanding !== undefined) return false;
    this.#outstanding = Uint8Array.from(data);
    out.frame(encodePing(this.#outstanding));
    return true;
  }

  /** Takes a PONG's body. @throws TalkByteError `unexpected-frame` */
  take(body: Uint8Array): void {
    const data = parsePong(body);
    const expected = this.#outstanding;
    if (expected === undefined || data.some((byte, at) => byte !== expected[at])) {
      throw breach("unexpected-frame", "PONG without its PING");
    }
    this.#outstanding = undefined;
  }
}
