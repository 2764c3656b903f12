// The suite's own view of the wire: spec/wire.json and nothing else. An oracle can't share the bugs of
// what it judges, so no file of this folder imports src/protocol, src/net, src/auth or src/credentials.

import { readFileSync } from "node:fs";

export type FieldType = "u8" | "u16" | "u32" | "u64" | "bytes" | "string8" | "bytes16" | "list8" | "rest";
export type CodeList = "refusals" | "goaways" | "errors";
export type Sender = "client" | "server" | "both";

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly length?: number;
  readonly value?: string;
  readonly min?: number;
  readonly max?: number;
  readonly format?: "mechanism" | "username";
  readonly codes?: CodeList;
  readonly secret?: boolean;
  readonly fields?: readonly Field[];
}

export interface FrameKind {
  readonly name: string;
  readonly type: number;
  readonly sender: Sender;
  readonly section: string;
  readonly fields: readonly Field[];
  readonly example: Readonly<Record<string, unknown>>;
}

export interface Code {
  readonly name: string;
  readonly code: number;
}

export interface WireTable {
  readonly version: number;
  readonly alpn: string;
  readonly port: number;
  readonly extension: { readonly first: number; readonly last: number };
  readonly frames: readonly FrameKind[];
  readonly refusals: readonly Code[];
  readonly goaways: readonly Code[];
  readonly errors: readonly Code[];
  readonly limits: readonly { readonly name: string; readonly value: number }[];
}

// The same relative path holds from src/conformance/wire in a checkout and from dist/conformance/wire in the package.
export const specFolder = new URL("../../../spec/", import.meta.url);

const fieldTypes: readonly FieldType[] = [
  "u8",
  "u16",
  "u32",
  "u64",
  "bytes",
  "string8",
  "bytes16",
  "list8",
  "rest",
];

let cached: WireTable | undefined;

export function wireTable(): WireTable {
  cached ??= loadWireTable(new URL("wire.json", specFolder));
  return cached;
}

export function loadWireTable(path: string | URL): WireTable {
  const table = JSON.parse(readFileSync(path, "utf8")) as WireTable;
  for (const frame of table.frames) for (const field of frame.fields) checkField(field, frame.name);
  return table;
}

export function frameNamed(table: WireTable, name: string): FrameKind | undefined {
  return table.frames.find((frame) => frame.name === name);
}

export function frameOfType(table: WireTable, type: number): FrameKind | undefined {
  return table.frames.find((frame) => frame.type === type);
}

export function isExtensionType(table: WireTable, type: number): boolean {
  return type >= table.extension.first && type <= table.extension.last;
}

export function limitNamed(table: WireTable, name: string): number {
  const limit = table.limits.find((limit) => limit.name === name);
  if (limit === undefined) throw new TypeError(`wire.json has no limit "${name}"`);
  return limit.value;
}

// Bytes of an unsigned integer; undefined for types that aren't one.
export function integerWidth(type: FieldType): number | undefined {
  switch (type) {
    case "u8":
      return 1;
    case "u16":
      return 2;
    case "u32":
      return 4;
    case "u64":
      return 8;
    case "bytes":
    case "string8":
    case "bytes16":
    case "list8":
    case "rest":
      return undefined;
  }
}

// Bytes of the length or count that precedes the content; undefined for types without one.
export function prefixWidth(type: FieldType): number | undefined {
  if (type === "string8" || type === "list8") return 1;
  return type === "bytes16" ? 2 : undefined;
}

function checkField(field: Field, where: string): void {
  if (!fieldTypes.includes(field.type))
    throw new TypeError(`wire.json: ${where}.${field.name} has the unknown type "${field.type}"`);
  if (field.type === "bytes" && field.length === undefined)
    throw new TypeError(`wire.json: ${where}.${field.name} needs a length`);
  for (const inner of field.fields ?? []) checkField(inner, `${where}.${field.name}`);
}
