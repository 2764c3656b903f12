// The fields of a frame's body as lines for a person, read by the field tables of the specification. It goes as
// far as the body fits its table, and says where it doesn't.

import { parseStretching } from "../credentials/opaque-stretching.ts";
import type { HashParameters } from "../credentials/phc.ts";
import { decodeUtf8 } from "../protocol/body.ts";
import { codeName } from "../protocol/codes.ts";
import { OPAQUE_NAME } from "../protocol/mechanism.ts";
import { ERROR_CODE, GOAWAY_REASON, REFUSAL_REASON, type FieldShape } from "../protocol/wire.ts";
import { escapeText } from "./display.ts";

export interface FieldLine {
  readonly name: string;
  readonly value: string;
  readonly secret?: boolean;
}

const SHOWN_TEXT = 56;
const SHOWN_BYTES = 16;
const CODES: Readonly<Record<NonNullable<FieldShape["codes"]>, Readonly<Record<string, number>>>> = {
  errors: ERROR_CODE,
  refusals: REFUSAL_REASON,
  goaways: GOAWAY_REASON,
};
const FIXED_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;

/** Turns a body into lines by its field table, as far as it fits. */
export class FieldReader {
  readonly lines: FieldLine[] = [];
  readonly #body: Uint8Array;
  readonly #bodyBytes: number;
  #mechanism: string | undefined;
  #at = 0;
  #broken = false;

  /** `body` may be the head of a longer one; `mechanism` is that of the AUTH before. */
  constructor(body: Uint8Array, bodyBytes: number, mechanism?: string) {
    this.#mechanism = mechanism;
    this.#body = body;
    this.#bodyBytes = bodyBytes;
  }

  /** What the frame names, or the AUTH before it. */
  get mechanism(): string | undefined {
    return this.#mechanism;
  }

  read(fields: readonly FieldShape[], prefix: string): void {
    for (const field of fields) {
      if (this.#broken) return;
      if (field.type === "list8") this.#readList(field, prefix);
      else this.#readField(field, `${prefix}${field.name}`);
    }
  }

  /** What the field table has no place for. */
  rest(): FieldLine[] {
    const left = this.#bodyBytes - this.#at;
    return this.#broken || left === 0
      ? []
      : [{ name: "malformed", value: `${bytesText(left)} after the last field` }];
  }

  #readList(field: FieldShape, prefix: string): void {
    const count = this.#number(field.name, 1);
    if (count === undefined) return;
    this.lines.push({ name: `${prefix}${field.name}`, value: String(count) });
    for (let index = 0; index < count && !this.#broken; index++) this.read(field.fields ?? [], `${prefix}– `);
  }

  #readField(field: FieldShape, name: string): void {
    switch (field.type) {
      case "u8":
      case "u16":
      case "u32":
      case "u64": {
        const value = this.#number(name, FIXED_BYTES[field.type]);
        if (value === undefined) return;
        const code = field.codes === undefined ? undefined : codeName(CODES[field.codes], value);
        this.lines.push({ name, value: code === undefined ? String(value) : `${code} (${value})` });
        return;
      }
      case "rest":
        this.#show(field, name, this.#take(name, this.#bodyBytes - this.#at));
        return;
      default: {
        const size = this.#sizeOf(field, name);
        if (size !== undefined) this.#show(field, name, this.#take(name, size));
      }
    }
  }

  #sizeOf(field: FieldShape, name: string): number | undefined {
    if (field.type === "bytes") return field.length ?? 0;
    return this.#number(name, field.type === "string8" ? 1 : 2);
  }

  #show(field: FieldShape, name: string, taken: Taken | undefined): void {
    if (taken === undefined) return;
    const { bytes, size } = taken;
    if (MECHANISM_NAMES.has(name)) this.#mechanism = decodeUtf8(bytes);
    // What OPAQUE says can be shown to anyone.
    if (field.secret === true && this.#mechanism !== OPAQUE_NAME) {
      this.lines.push({ name, value: `•••• (${bytesText(size)})`, secret: true });
      return;
    }
    const stretching =
      name === "– parameters" && this.#mechanism === OPAQUE_NAME ? parseStretching(bytes) : undefined;
    if (stretching !== undefined) {
      this.lines.push({ name, value: `${hex(bytes)}  ${describeStretching(stretching)}` });
      return;
    }
    this.lines.push({ name, value: field.type === "bytes" ? showFixed(bytes) : showBytes(bytes, size) });
  }

  #number(name: string, size: number): number | undefined {
    const taken = this.#take(name, size);
    return taken?.bytes.reduce((value, byte) => value * 0x100 + byte, 0);
  }

  #take(name: string, size: number): Taken | undefined {
    const field = name.replace("– ", "");
    if (this.#at + size > this.#bodyBytes) return this.#break("malformed", `cut short in ${field}`);
    if (size > 0 && this.#at >= this.#body.length) return this.#break("…", `${field} is not shown`);
    const bytes = this.#body.subarray(this.#at, this.#at + size);
    this.#at += size;
    return { bytes, size };
  }

  #break(name: string, value: string): undefined {
    this.#broken = true;
    this.lines.push({ name, value });
  }
}

/** Of AUTH, and of WELCOME's offers. */
const MECHANISM_NAMES: ReadonlySet<string> = new Set(["mechanism", "– name"]);

function describeStretching({ memoryKib, passes, lanes }: HashParameters): string {
  return `argon2id of ${memoryKib} KiB, ${passes} ${passes === 1 ? "pass" : "passes"}, ${lanes} ${lanes === 1 ? "lane" : "lanes"}`;
}

interface Taken {
  /** The head of the field, as much as was kept. */
  readonly bytes: Uint8Array;
  readonly size: number;
}

function showFixed(bytes: Uint8Array): string {
  const text = bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? `  ${quoteText(decodeUtf8(bytes) ?? "")}`
    : "";
  return `${hex(bytes)}${text}`;
}

/** Text where it is text, else hexadecimal; shortened. */
function showBytes(bytes: Uint8Array, size: number): string {
  if (size === 0) return "empty";
  const head = bytes.subarray(0, wholeCharacters(bytes, size));
  const text = decodeUtf8(head);
  if (text !== undefined) {
    const characters = Array.from(text);
    if (size === bytes.length && characters.length <= SHOWN_TEXT) return quoteText(text);
    return `${quoteText(characters.slice(0, SHOWN_TEXT).join(""))}… (${bytesText(size)})`;
  }
  const more = size > SHOWN_BYTES ? " …" : "";
  return `${hex(bytes.subarray(0, SHOWN_BYTES))}${more} (${bytesText(size)})`;
}

/** Where the kept head of a longer text ends with a whole character. */
function wholeCharacters(bytes: Uint8Array, size: number): number {
  const end = bytes.length;
  if (size === end) return end;
  for (let back = 1; back <= 4 && back <= end; back++) {
    if (bytes[end - back]! >= 0xc0) return end - back;
  }
  return end;
}

function quoteText(text: string): string {
  return `"${escapeText(text)}"`;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

export function bytesText(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}
