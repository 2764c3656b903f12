// Reading frames by the wire table: an incremental splitter for what a peer sends, and a reader that
// finds every fault of a single frame (spec sections 3.1 and 3.2).

import { concat, decodeUtf8, readInteger, toHex } from "./bytes.ts";
import {
  frameOfType,
  integerWidth,
  isExtensionType,
  prefixWidth,
  type Field,
  type FrameKind,
  type WireTable,
} from "./wire-table.ts";

export type Split =
  | { readonly kind: "frame"; readonly bytes: Uint8Array; readonly at: number }
  | { readonly kind: "oversize"; readonly length: number; readonly bytes: Uint8Array; readonly at: number };

export interface FrameSplitter {
  // The most that the next length field may say; whoever watches the session moves it.
  limitBytes: number;
  push(bytes: Uint8Array, at: number): void;
  next(): Split | undefined;
  // What has arrived of a frame that isn't complete.
  partial(): Uint8Array;
}

export function createSplitter(limitBytes: number): FrameSplitter {
  let chunks: { bytes: Uint8Array; at: number }[] = [];
  let length = 0;

  function take(count: number): { bytes: Uint8Array; at: number } {
    const taken: Uint8Array[] = [];
    let missing = count;
    let used = 0;
    let at = 0;
    while (missing > 0) {
      const chunk = chunks[used];
      if (chunk === undefined) throw new RangeError("take past the end");
      at = chunk.at;
      if (chunk.bytes.length > missing) {
        taken.push(chunk.bytes.subarray(0, missing));
        chunks[used] = { bytes: chunk.bytes.subarray(missing), at };
        missing = 0;
      } else {
        taken.push(chunk.bytes);
        missing -= chunk.bytes.length;
        used++;
      }
    }
    chunks = used > 0 ? chunks.slice(used) : chunks;
    length -= count;
    return { bytes: concat(taken), at };
  }

  function untake(piece: { bytes: Uint8Array; at: number }): void {
    chunks.unshift(piece);
    length += piece.bytes.length;
  }

  // The length field is taken once and kept here until its frame is complete.
  let header: { bytes: Uint8Array; at: number } | undefined;

  return {
    limitBytes,
    push(bytes, at) {
      if (bytes.length === 0) return;
      chunks.push({ bytes, at });
      length += bytes.length;
    },
    next() {
      if (header === undefined) {
        if (length < 4) return undefined;
        header = take(4);
      }
      const declared = Number(readInteger(header.bytes));
      if (declared > this.limitBytes)
        return { kind: "oversize", length: declared, bytes: header.bytes, at: header.at };
      if (length < declared) return undefined;
      const body = declared === 0 ? { bytes: new Uint8Array(), at: header.at } : take(declared);
      const bytes = concat([header.bytes, body.bytes]);
      header = undefined;
      return { kind: "frame", bytes, at: body.at };
    },
    partial() {
      const start = header?.bytes ?? new Uint8Array();
      if (length === 0) return start;
      const rest = take(length);
      untake(rest);
      return concat([start, rest.bytes]);
    },
  };
}

export interface FieldReading {
  readonly path: string;
  readonly field: Field;
  // Where the field's content lies in the frame, a length prefix not included.
  readonly offset: number;
  readonly content: Uint8Array;
}

export interface Fault {
  readonly offset: number;
  readonly path: string;
  readonly problem: string;
  // What version 1 doesn't define: a code, which later versions may, or a type.
  readonly undefined?: "code" | "type";
}

export interface FrameReading {
  readonly kind: FrameKind | undefined;
  readonly type: number | undefined;
  readonly extension: boolean;
  readonly fields: readonly FieldReading[];
  readonly faults: readonly Fault[];
}

// Reads one whole frame, header included, and notes every fault that a receiver would call malformed,
// and codes that version 1 does not define.
export function readFrame(table: WireTable, bytes: Uint8Array): FrameReading {
  const fields: FieldReading[] = [];
  const faults: Fault[] = [];
  const type = bytes[4];
  if (bytes.length < 5 || type === undefined) {
    faults.push({ offset: 0, path: "length", problem: "shorter than a length and a type" });
    return { kind: undefined, type, extension: false, fields, faults };
  }
  const declared = Number(readInteger(bytes.subarray(0, 4)));
  if (declared !== bytes.length - 4)
    faults.push({ offset: 0, path: "length", problem: `says ${declared}, but ${bytes.length - 4} follow` });
  if (isExtensionType(table, type)) return { kind: undefined, type, extension: true, fields, faults };
  const kind = frameOfType(table, type);
  if (kind === undefined) {
    const problem = `0x${toHex(bytes.subarray(4, 5))} is not defined`;
    faults.push({ offset: 4, path: "type", problem, undefined: "type" });
    return { kind, type, extension: false, fields, faults };
  }
  const reader = { table, bytes, offset: 5, fields, faults };
  if (readFields(reader, kind.fields, "") && reader.offset < bytes.length)
    faults.push({ offset: reader.offset, path: "", problem: "bytes after the last field" });
  checkVersions(reader);
  return { kind, type, extension: false, fields, faults };
}

export function fieldContent(reading: FrameReading, path: string): Uint8Array | undefined {
  return reading.fields.find((field) => field.path === path)?.content;
}

export function numberAt(reading: FrameReading, path: string): number | undefined {
  const content = fieldContent(reading, path);
  return content === undefined ? undefined : Number(readInteger(content));
}

interface Reader {
  readonly table: WireTable;
  readonly bytes: Uint8Array;
  readonly fields: FieldReading[];
  readonly faults: Fault[];
  offset: number;
}

function readFields(reader: Reader, fields: readonly Field[], prefix: string): boolean {
  return fields.every((field) => readField(reader, field, prefix + field.name));
}

function readField(reader: Reader, field: Field, path: string): boolean {
  if (field.type === "list8") return readList(reader, field, path);
  const start = reader.offset;
  const prefix = prefixWidth(field.type);
  let length = integerWidth(field.type) ?? field.length ?? reader.bytes.length - reader.offset;
  if (prefix !== undefined) {
    const size = takeBytes(reader, prefix, path);
    if (size === undefined) return false;
    length = Number(readInteger(size));
  }
  const offset = reader.offset;
  const content = takeBytes(reader, length, path);
  if (content === undefined) return false;
  reader.fields.push({ path, field, offset, content });
  const problem = faultOf(reader.table, field, content);
  const unknown = isUnknownCode(reader.table, field, content) ? ({ undefined: "code" } as const) : {};
  if (problem !== undefined) reader.faults.push({ offset: start, path, problem, ...unknown });
  return true;
}

function isUnknownCode(table: WireTable, { codes }: Field, content: Uint8Array): boolean {
  return codes !== undefined && !table[codes].some(({ code }) => BigInt(code) === readInteger(content));
}

function readList(reader: Reader, field: Field, path: string): boolean {
  const start = reader.offset;
  const size = takeBytes(reader, 1, path);
  if (size === undefined) return false;
  const count = Number(readInteger(size));
  reader.fields.push({ path, field, offset: start, content: size });
  const problem = boundsFault(field, BigInt(count), "a count of ");
  if (problem !== undefined) reader.faults.push({ offset: start, path, problem });
  const seen = new Set<string>();
  for (let index = 0; index < count; index++) {
    const before = reader.fields.length;
    if (!readFields(reader, field.fields ?? [], `${path}[${index}].`)) return false;
    const name = reader.fields.slice(before).find((reading) => reading.field.name === "name");
    const key = name === undefined ? "" : toHex(name.content);
    if (name !== undefined && seen.has(key))
      reader.faults.push({ offset: name.offset, path: name.path, problem: "a name that came before" });
    seen.add(key);
  }
  return true;
}

function takeBytes(reader: Reader, length: number, path: string): Uint8Array | undefined {
  if (reader.offset + length > reader.bytes.length) {
    reader.faults.push({ offset: reader.offset, path, problem: "the body ends inside this field" });
    return undefined;
  }
  const taken = reader.bytes.subarray(reader.offset, reader.offset + length);
  reader.offset += length;
  return taken;
}

function faultOf(table: WireTable, field: Field, content: Uint8Array): string | undefined {
  if (integerWidth(field.type) !== undefined) {
    const value = readInteger(content);
    if (isUnknownCode(table, field, content)) return `${value} is no code of "${field.codes}"`;
    return boundsFault(field, value, "");
  }
  if (field.value !== undefined && toHex(content) !== field.value) return `is not ${field.value}`;
  if (field.type === "string8" && decodeUtf8(content) === undefined) return "is not valid UTF-8";
  const bounds = boundsFault(field, BigInt(content.length), "a length of ");
  return bounds ?? formatFault(field, content);
}

function boundsFault(field: Field, value: bigint, what: string): string | undefined {
  if (field.min !== undefined && value < BigInt(field.min)) return `${what}${value} is below ${field.min}`;
  if (field.max !== undefined && value > BigInt(field.max)) return `${what}${value} is above ${field.max}`;
  return undefined;
}

function formatFault(field: Field, content: Uint8Array): string | undefined {
  if (field.format === "username" && !content.every((byte) => byte >= 0x21 && byte <= 0x7e))
    return "has a byte outside 0x21 to 0x7E";
  if (field.format === "mechanism" && !/^[A-Z0-9-]*$/.test(decodeUtf8(content) ?? " "))
    return "has a byte outside A-Z, 0-9 and -";
  return undefined;
}

function checkVersions(reader: Reader): void {
  const low = reader.fields.find((reading) => reading.path === "min-version");
  const high = reader.fields.find((reading) => reading.path === "max-version");
  if (low === undefined || high === undefined) return;
  if (readInteger(low.content) > readInteger(high.content))
    reader.faults.push({ offset: low.offset, path: "min-version", problem: "is above max-version" });
}
