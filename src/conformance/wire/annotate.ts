// Frames for people: hex on the left, what the field table says of it on the right. Secrets (spec: the
// fields marked so in wire.json) are left out unless asked for, for transcripts end up in bug reports.

import { decodeUtf8, readInteger, toHex, writeInteger } from "./bytes.ts";
import { readFrame, type Fault, type FieldReading } from "./frames.ts";
import { integerWidth, prefixWidth, type Field, type WireTable } from "./wire-table.ts";

const shownBytes = 32;
const shownBefore = 8;

export interface AnnotateOptions {
  readonly secrets?: boolean;
  // An offset whose bytes must be shown, however long the field around it is.
  readonly differsAt?: number;
}

export function annotate(table: WireTable, bytes: Uint8Array, options: AnnotateOptions = {}): string[] {
  const reading = readFrame(table, bytes);
  const lines = [annotatedLine(0, toHex(bytes.subarray(0, 4)), `length ${lengthText(bytes)}`)];
  if (reading.type !== undefined) {
    const name = reading.kind?.name ?? (reading.extension ? "extension frame" : "undefined type");
    lines.push(annotatedLine(4, toHex(bytes.subarray(4, 5)), `type ${name}`));
  }
  for (const field of reading.fields) lines.push(annotateField(table, field, options));
  if (reading.extension || (reading.kind === undefined && reading.type !== undefined))
    lines.push(annotatedLine(5, shorten(bytes.subarray(5)), "body"));
  for (const fault of reading.faults) {
    const where = fault.path === "" ? "" : `${fault.path}: `;
    lines.push(`  ! at offset ${fault.offset}: ${where}${fault.problem}`);
  }
  return lines;
}

// One line for logs: REFUSED reason=bad-credentials retry-after-ms=0 tries-left=2
export function summarize(table: WireTable, bytes: Uint8Array): string {
  const reading = readFrame(table, bytes);
  if (reading.type === undefined) return `frame of length ${lengthText(bytes)}`;
  if (reading.extension) return `extension frame 0x${reading.type.toString(16)} of ${bytes.length - 5} bytes`;
  const name = reading.kind?.name ?? `undefined type 0x${reading.type.toString(16).padStart(2, "0")}`;
  const fields = reading.fields.map((field) => `${field.path}=${valueText(table, field, false)}`);
  const faults = [...new Set(reading.faults.map(faultWord))];
  return [name, ...fields, ...faults.filter((word) => word !== "")].join(" ");
}

// A type that isn't defined is named so already.
function faultWord({ undefined: what }: Fault): string {
  if (what === undefined) return "(malformed)";
  return what === "code" ? "(unknown code)" : "";
}

export function shorten(bytes: Uint8Array): string {
  if (bytes.length <= shownBytes) return toHex(bytes);
  return `${toHex(bytes.subarray(0, shownBytes))}… (${bytes.length} bytes)`;
}

// What a line shows of a long content: its beginning, and the bytes around the one that differs.
export function excerpt(
  content: Uint8Array,
  { start, differsAt }: { readonly start: number; readonly differsAt?: number | undefined } = { start: 0 },
): string {
  if (content.length <= shownBytes) return toHex(content);
  const at = (differsAt ?? 0) - start;
  if (at < shownBytes || at > content.length) return `${toHex(content.subarray(0, shownBytes))}…`;
  const from = at - shownBefore;
  const end = at + shownBefore;
  return `${toHex(content.subarray(0, shownBefore))}… from offset ${start + from}: ${toHex(content.subarray(from, end))}${end < content.length ? "…" : ""}`;
}

// For a line that shows the bytes themselves beside it.
export function contentMeaning(
  table: WireTable,
  field: Field | undefined,
  content: Uint8Array,
  secrets = false,
): string {
  const meaning = field === undefined ? shorten(content) : meaningOf(table, field, content, secrets);
  if (meaning !== shorten(content)) return meaning;
  return `${content.length} ${content.length === 1 ? "byte" : "bytes"}`;
}

function annotateField(
  table: WireTable,
  { field, path, offset, content }: FieldReading,
  { secrets = false, differsAt }: AnnotateOptions,
): string {
  const hidden = field.secret === true && !secrets;
  const hex = hidden ? "··" : excerpt(content, { start: offset, differsAt });
  const meaning = `${path} = ${contentMeaning(table, field, content, secrets)}`;
  const prefix = field.type === "list8" ? undefined : prefixWidth(field.type);
  if (prefix === undefined) return annotatedLine(offset, hex, meaning);
  // With the length in front, so that no byte of the frame is left out.
  const length = toHex(writeInteger(content.length, prefix));
  return annotatedLine(offset - prefix, `${length} ${hex}`.trimEnd(), meaning);
}

function valueText(table: WireTable, { field, content }: FieldReading, secrets: boolean): string {
  return meaningOf(table, field, content, secrets);
}

// A field's content for people: a code by its name, a number, a text, or else hexadecimal.
export function meaningOf(table: WireTable, field: Field, content: Uint8Array, secrets = false): string {
  if (field.secret === true && !secrets) return `(secret, ${content.length} bytes)`;
  if (integerWidth(field.type) !== undefined || field.type === "list8") {
    const value = readInteger(content);
    const codes = field.codes === undefined ? [] : table[field.codes];
    return codes.find((code) => BigInt(code.code) === value)?.name ?? String(value);
  }
  const text = decodeUtf8(content);
  // Only text without control characters is shown as text: this ends up on terminals.
  if (text !== undefined && text.length <= shownBytes && /^[\p{L}\p{N}\p{P}\p{S} ]*$/u.test(text))
    return JSON.stringify(text);
  return shorten(content);
}

function lengthText(bytes: Uint8Array): string {
  return bytes.length < 4 ? "cut short" : String(readInteger(bytes.subarray(0, 4)));
}

export function annotatedLine(offset: number | "", hex: string, meaning: string): string {
  return `${String(offset).padStart(6)}  ${hex.padEnd(20)}  ${meaning}`;
}
