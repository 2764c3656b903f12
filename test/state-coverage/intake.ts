// Stands between the wire and a watched session: cuts what arrives into frames and hands them over one at a time, so
// that the state in which each is processed can be seen from outside. A session that processes nothing for now is
// either waited for, or, straight, given the bytes all the same: then what it holds can't be told apart any more.

import { frameName } from "../../src/protocol/states.ts";
import { concat } from "../protocol/bytes.ts";
import type { CoverageRole } from "./pairs.ts";
import { rowsOf } from "./pairs.ts";

export interface IntakePort {
  readonly role: CoverageRole;
  state(): string;
  /** Whether a frame that is fed now is processed now. */
  reads(): boolean;
  limit(): number;
  /** Gives these bytes to the session; true when it refused them. */
  feed(bytes: Uint8Array): boolean;
  feedEnd(): void;
  report(state: string, input: string): void;
}

const LENGTH_BYTES = 4;
const NOTHING = new Uint8Array(0);

export class Intake {
  readonly #port: IntakePort;
  readonly #straight: boolean;
  /** What the session has of a frame that is not whole yet. */
  #begun: Uint8Array = NOTHING;
  #pending: Uint8Array = NOTHING;
  #endPending = false;
  #lost = false;

  constructor(port: IntakePort, straight: boolean) {
    this.#port = port;
    this.#straight = straight;
  }

  get insideFrame(): boolean {
    return this.#begun.length > 0;
  }

  receive(bytes: Uint8Array): void {
    this.#pending = concat(this.#pending, bytes);
    this.pump();
  }

  receiveEnd(): void {
    this.#endPending = true;
    this.pump();
  }

  /** Hands over as much as the session processes. */
  pump(): void {
    while (this.#pending.length > 0 && this.#handOver());
    if (!this.#endPending || (this.#pending.length > 0 && this.#input() !== "holds")) return;
    this.#endPending = false;
    this.#port.report(this.#port.state(), "end of stream");
    this.#port.feedEnd();
  }

  #input(): "holds" | "discards" | undefined {
    return rowsOf[this.#port.role][this.#port.state()]!.input;
  }

  /** Gives the session the next frame, or what there is of it; false when it must wait. */
  #handOver(): boolean {
    const port = this.#port;
    const input = this.#input();
    if (input === "discards" || (input === "holds" && this.#straight)) {
      port.report(port.state(), "bytes");
      this.#feedAll();
      this.#lost = input === "holds";
      return true;
    }
    if (this.#lost || (this.#straight && !port.reads())) {
      this.#lost = true;
      this.#feedAll();
      return true;
    }
    if (!port.reads()) return false;
    this.#feedFrame();
    return true;
  }

  #feedAll(): boolean {
    const bytes = this.#pending;
    this.#pending = this.#begun = NOTHING;
    return this.#port.feed(bytes);
  }

  #feedFrame(): void {
    const port = this.#port;
    const whole = concat(this.#begun, this.#pending);
    const found = recognise(whole, port.limit());
    if (found === undefined) {
      this.#feedAll();
      this.#begun = whole;
      return;
    }
    const state = port.state();
    const bytes = this.#pending.subarray(0, found.size - this.#begun.length);
    this.#pending = this.#pending.subarray(bytes.length);
    this.#begun = NOTHING;
    const refused = port.feed(bytes);
    port.report(state, judge(port.role, state, found.name, refused));
  }
}

interface Found {
  readonly name: string;
  readonly size: number;
}

/** What the bytes begin with; undefined as long as that can't be said. */
function recognise(bytes: Uint8Array, limit: number): Found | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const length = Buffer.from(bytes).readUInt32BE(0);
  if (length === 0) return { name: "length 0", size: LENGTH_BYTES };
  if (length > limit) return { name: "oversize", size: bytes.length };
  const size = LENGTH_BYTES + length;
  if (bytes.length < size) return undefined;
  return { name: frameName(bytes[LENGTH_BYTES]!) ?? "undefined type", size };
}

/** What the session made of it must be what its table says. */
function judge(role: CoverageRole, state: string, name: string, refused: boolean): string {
  const step = rowsOf[role][state]!.frames[name as "HELLO"];
  const allowed = step !== undefined;
  if (!allowed && !refused)
    throw new Error(`a ${role} in ${state} took ${name}, which its table does not name`);
  if (name === "ERROR" || !allowed || !refused) return name;
  if (step.do === "skip") throw new Error(`a ${role} in ${state} refused ${name}, which it should skip`);
  return `${name}, faulty`;
}
