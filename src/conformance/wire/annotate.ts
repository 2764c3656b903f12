// Frames for people: hex on the left, what the field table says of it on the right. Secrets (spec: the
// fields marked so in wire.json) are left out unless asked for, for transcripts end up in bug reports.

import { decodeUtf8, readInteger, toHex, writeInteger } from "./bytes.ts";
import { readFrame, type Fault, type FieldReading } from "./frames.ts";
import { integerWidth, prefixWidth, type Field, type WireTable } from "./wire-table.ts";

const shownBytes = 32;

export interface AnnotateOptions {
  readonly secrets?: boolean;
}

export function annotate(table: WireTable, bytes: Uint8Array, options: AnnotateOptions = {}): string[] {
  const reading = readFrame(table, bytes);
  const lines = [annotatedLine(0, toHex(bytes.subarray(0, 4)), `length ${lengthText(bytes)}`)];
  if (reading.type !== undefined) {
    const name = reading.kind?.name ?? (reading.extension ? "extension frame" : "undefined type");
    lines.push(annotatedLine(4, toHex(bytes.subarray(4, 5)), `type ${name}`));
  }
  for (const field of reading.fields) lines.push(annotateField(table, field, options.secrets === true));
  if (reading.extension || (reading.kind === undefined && reading.type !== undefined))
    lines.push(annotatedLine(5, shorten(bytes.subarray(5)), "body"));
  for (const fault of reading.faults) {
    const where = fault.path === "" ? "" : `${fault.path}: `;
    lines.push(`  ! at ${fault.offset}: ${where}${fault.problem}`);
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

function annotateField(table: WireTable, reading: FieldReading, secrets: boolean): string {
  const hidden = reading.field.secret === true && !secrets;
  const content = hidden ? "··" : shorten(reading.content);
  // With the length in front, so that no byte of the frame is left out.
  const meaning = `${reading.path} = ${valueText(table, reading, secrets)}`;
  const prefix = reading.field.type === "list8" ? undefined : prefixWidth(reading.field.type);
  if (prefix === undefined) return annotatedLine(reading.offset, content, meaning);
  const length = toHex(writeInteger(reading.content.length, prefix));
  return annotatedLine(reading.offset - prefix, `${length} ${content}`.trimEnd(), meaning);
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
