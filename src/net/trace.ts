// Shows a conversation to people as it happens: each frame of both directions with its time, the section of the
// specification that defines it, its header in hexadecimal, and its fields by name. Fields that hold secrets are
// never shown.

import { frameName } from "../protocol/states.ts";
import { FRAME_SHAPE } from "../protocol/wire.ts";
import { bytesText, FieldReader, hex, type FieldLine } from "./trace-fields.ts";
import { FrameCutter, HEADER_BYTES, LENGTH_BYTES, type CutFrame } from "./trace-cutter.ts";
import type { Tap } from "./transport.ts";

export interface TraceOptions {
  /** Takes whole lines. */
  readonly write: (text: string) => void;
  /** With the colours of a terminal; default false. */
  readonly colors?: boolean;
  /** Milliseconds of any clock; default: `performance.now`. */
  readonly now?: () => number;
}

export class Trace implements Tap {
  readonly #write: (text: string) => void;
  readonly #paint: Paint;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #client: FrameCutter;
  readonly #server: FrameCutter;
  /** That of the last AUTH. */
  #mechanism: string | undefined;

  constructor(options: TraceOptions) {
    const now = options.now ?? (() => performance.now());
    this.#write = options.write;
    this.#paint = options.colors
      ? (color, text) => `\u001b[${COLORS[color]}m${text}\u001b[0m`
      : (_, text) => text;
    this.#now = now;
    this.#startedAt = now();
    this.#client = new FrameCutter((frame) => this.#show("client", frame));
    this.#server = new FrameCutter((frame) => this.#show("server", frame));
  }

  sent(chunk: Uint8Array): void {
    this.#client.push(chunk);
  }

  received(chunk: Uint8Array): void {
    this.#server.push(chunk);
  }

  /** Shows what began and never became a whole frame. */
  end(): void {
    this.#client.end();
    this.#server.end();
  }

  #show(from: "client" | "server", frame: CutFrame): void {
    const paint = this.#paint;
    const time = `${(this.#now() - this.#startedAt).toFixed(1)} ms`.padStart(TIME_COLUMNS);
    const { title, section, note, fields, mechanism } = describe(frame, this.#mechanism);
    if (title === "AUTH") this.#mechanism = mechanism;
    const name = paint(FAULTS.has(title) ? "fault" : from, title.padEnd(NAME_COLUMNS));
    const head = [
      paint("faint", time),
      paint(from, from === "client" ? "→" : "←"),
      `${name} ${section.padEnd(4)}`,
      paint("faint", `${hex(frame.header).padEnd(HEADER_COLUMNS)}${note}`),
    ].join("  ");
    const lines = fields.map(
      ({ name, value, secret }) =>
        `${INDENT}${name.padEnd(FIELD_COLUMNS)} ${secret ? paint("secret", value) : value}`,
    );
    this.#write([head, ...lines, ""].join("\n"));
  }
}

const COLORS = { client: "1;36", server: "1;32", fault: "1;31", faint: "2", secret: "33" } as const;
type Paint = (color: keyof typeof COLORS, text: string) => string;

const TIME_COLUMNS = 11;
const NAME_COLUMNS = 13;
const HEADER_COLUMNS = 16;
const FIELD_COLUMNS = 17;
const INDENT = " ".repeat(TIME_COLUMNS + 5);

interface Description {
  readonly title: string;
  readonly section: string;
  readonly note: string;
  readonly fields: readonly FieldLine[];
  readonly mechanism?: string | undefined;
}

const FAULTS: ReadonlySet<string> = new Set(["ERROR", "REFUSED", "unknown", "no frame"]);

function describe(frame: CutFrame, mechanism: string | undefined): Description {
  const { header, bodyBytes, body, missing } = frame;
  if (header.length < HEADER_BYTES) {
    const zero = header.length === LENGTH_BYTES && header.every((byte) => byte === 0);
    const note = zero ? "a frame of length 0: what follows can't be read" : "the stream ended in a header";
    return { title: "no frame", section: "3.1", note, fields: [] };
  }
  const type = header[LENGTH_BYTES]!;
  const typeText = `0x${type.toString(16).padStart(2, "0")}`;
  const note = `length ${bodyBytes + 1}, type ${typeText}`;
  const cut: FieldLine[] =
    missing === 0 ? [] : [{ name: "unfinished", value: `${bytesText(missing)} never came` }];
  const name = frameName(type);
  if (name === undefined) return { title: "unknown", section: "3.3", note, fields: cut };
  if (name === "EXTENSION") {
    const skipped = { name: "skipped", value: bytesText(bodyBytes) };
    return { title: "extension", section: "3.4", note, fields: [skipped, ...cut] };
  }
  const { section, fields } = FRAME_SHAPE[name];
  const reader = new FieldReader(body, bodyBytes, name === "RESPONSE" ? mechanism : undefined);
  reader.read(fields, "");
  const lines = [...reader.lines, ...(missing === 0 ? reader.rest() : cut)];
  return { title: name, section, note, fields: lines, mechanism: reader.mechanism };
}
