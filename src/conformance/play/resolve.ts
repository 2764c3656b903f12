// From a frame of an exchange to its byte template: the profile's values are put in, and every field that
// the file leaves open gets the range that the field table allows and the default of section 3.1.

import { concat, fromHex, repeatBytes, toHex, utf8, writeInteger } from "../wire/bytes.ts";
import type { Profile, VariableName } from "../exchange/profile.ts";
import type { FrameAct } from "../exchange/steps.ts";
import type { FrameTemplate, Part } from "./template.ts";
import { amountOf, textOf, type FieldValues, type Value } from "../exchange/values.ts";
import { integerWidth, prefixWidth, type Field, type WireTable } from "../wire/wire-table.ts";

export interface ResolveContext {
  readonly table: WireTable;
  readonly profile: Profile;
  // How many MESSAGE and REPLY frames came before: ids that the file leaves open count up from 1.
  readonly messagesBefore: number;
  readonly repeated: boolean;
}

export function resolveFrame(context: ResolveContext, act: FrameAct): FrameTemplate {
  const { frame, values } = act;
  const body = frame.fields.flatMap((field) => {
    const fallback = defaultOf(context, field, frame.example[field.name]);
    return resolveField(context, field, values[field.name], fallback, field.name);
  });
  const type: Part = { kind: "fixed", field: "type", hex: toHex(writeInteger(frame.type, 1)) };
  return { frame: frame.name, root: { kind: "sized", field: "", width: 4, parts: [type, ...body] } };
}

function resolveField(
  context: ResolveContext,
  field: Field,
  value: Value | undefined,
  fallback: unknown,
  path: string,
): Part[] {
  if (field.type === "list8") return resolveList(context, field, value, fallback, path);
  const secret = field.secret === true ? ({ secret: true } as const) : {};
  const named = { field: path, ...secret };
  const width = integerWidth(field.type);
  if (width !== undefined) return [resolveNumber(context, field, value, fallback, named, width)];
  const content = resolveBytes(context, field, value, fallback, named);
  const prefix = prefixWidth(field.type);
  return prefix === undefined ? [content] : [{ kind: "sized", ...named, width: prefix, parts: [content] }];
}

type RangePart = Extract<Part, { kind: "range" }>;
type BytesPart = Extract<Part, { kind: "bytes" }>;
type Naming = { readonly field: string; readonly secret?: true };

function resolveNumber(
  context: ResolveContext,
  field: Field,
  value: Value | undefined,
  fallback: unknown,
  named: Naming,
  width: number,
): Part {
  const hex = (number: number | bigint): string => toHex(writeInteger(number, width));
  const { profile } = context;
  const stride = field.name === "id" && context.repeated ? { stride: 1 } : {};
  const open = (low: number | bigint, high: number | bigint, chosen: unknown): RangePart => ({
    kind: "range",
    ...named,
    width,
    low: hex(low),
    high: hex(high),
    default: hex(Number(chosen)),
    ...stride,
  });
  const lowest = field.min ?? 0;
  const highest = field.max ?? (1n << BigInt(8 * width)) - 1n;
  switch (value?.kind) {
    case undefined:
    case "any":
      return open(lowest, highest, fallback);
    case "capture":
      return { ...open(lowest, highest, fallback), ...capturing(value) };
    case "amount":
      return { kind: "fixed", ...named, hex: hex(amountOf(profile, value.amount)) };
    case "count":
      return { kind: "fixed", ...named, hex: hex(amountOf(profile, value.from)), stride: 1 };
    case "between": {
      const low = amountOf(profile, value.low);
      return { ...open(low, amountOf(profile, value.high), low), kind: "range" };
    }
    case "ref":
      return { ...value, ...named };
    case "computed":
      return { kind: value.kind, ...named, name: value.name };
    case "text":
    case "text-variable":
    case "hex":
    case "repeat":
    case "all-bytes":
    case "list":
      throw new TypeError(`${named.field} is a number`);
  }
}

function resolveBytes(
  context: ResolveContext,
  field: Field,
  value: Value | undefined,
  fallback: unknown,
  named: Naming,
): Part {
  const fixedValue = field.value;
  if (fixedValue !== undefined && (value === undefined || value.kind === "any"))
    return { kind: "fixed", ...named, hex: fixedValue };
  const most = { string8: 0xff, bytes16: 0xffff, bytes: field.length ?? 0 } as Record<string, number>;
  const open: BytesPart = {
    kind: "bytes",
    ...named,
    min: field.length ?? field.min ?? 0,
    max: field.length ?? field.max ?? most[field.type] ?? 0xffffffff,
    default: toHex(exampleBytes(fallback)),
  };
  switch (value?.kind) {
    case undefined:
    case "any":
      return open;
    case "capture":
      return { ...open, ...ofLength(value.length), ...capturing(value) };
    case "repeat":
      return { kind: "fill", ...named, hex: value.hex, times: amountOf(context.profile, value.times) };
    case "text":
    case "text-variable":
    case "hex":
    case "all-bytes":
      return { kind: "fixed", ...named, hex: toHex(literalBytes(context.profile, value)) };
    case "ref":
      return { ...value, ...named };
    case "computed":
      return { kind: value.kind, ...named, name: value.name };
    case "amount":
    case "between":
    case "count":
    case "list":
      throw new TypeError(`${named.field} is bytes`);
  }
}

// So many bytes, whatever they are; the runner's are zero.
function ofLength(length: number | undefined): Partial<BytesPart> {
  return length === undefined ? {} : { min: length, max: length, default: "00".repeat(length) };
}

function capturing(value: Extract<Value, { kind: "capture" }>): { capture: string; not?: readonly string[] } {
  return value.not.length === 0 ? { capture: value.name } : { capture: value.name, not: value.not };
}

// Bytes that need nothing but the profile: literals, as frames and applications use them.
export function literalBytes(profile: Profile, value: Value): Uint8Array {
  switch (value.kind) {
    case "text":
      return utf8(value.text);
    case "text-variable":
      return utf8(textOf(profile, value.name));
    case "hex":
      return fromHex(value.hex);
    case "all-bytes":
      return Uint8Array.from({ length: 256 }, (_byte, index) => index);
    case "repeat":
      return repeatBytes(fromHex(value.hex), amountOf(profile, value.times));
    case "amount":
    case "any":
    case "capture":
    case "ref":
    case "between":
    case "count":
    case "computed":
    case "list":
      throw new TypeError(`${value.kind} is no literal`);
  }
}

function resolveList(
  context: ResolveContext,
  field: Field,
  value: Value | undefined,
  fallback: unknown,
  path: string,
): Part[] {
  const inner = field.fields ?? [];
  const itemParts = (values: FieldValues, example: unknown, at: string): Part[] =>
    inner.flatMap((one) =>
      resolveField(context, one, values[one.name], exampleField(example, one), `${at}.${one.name}`),
    );
  const [firstExample] = Array.isArray(fallback) ? (fallback as unknown[]) : [];
  if (value?.kind === "list") {
    const count: Part = { kind: "fixed", field: path, hex: toHex(writeInteger(value.items.length, 1)) };
    return [
      count,
      ...value.items.flatMap((item, index) => itemParts(item, firstExample, `${path}[${index}]`)),
    ];
  }
  return [
    {
      kind: "list",
      field: path,
      min: field.min ?? 0,
      max: field.max ?? 0xff,
      item: itemParts({}, firstExample, `${path}[]`),
      default: toHex(exampleList(inner, fallback)),
    },
  ];
}

function exampleField(example: unknown, field: Field): unknown {
  return typeof example === "object" && example !== null
    ? (example as Record<string, unknown>)[field.name]
    : undefined;
}

function exampleList(fields: readonly Field[], example: unknown): Uint8Array {
  const items = Array.isArray(example) ? (example as unknown[]) : [];
  const encoded = items.flatMap((item) =>
    fields.map((field) => encodeExample(field, exampleField(item, field))),
  );
  return concat([writeInteger(items.length, 1), ...encoded]);
}

function encodeExample(field: Field, example: unknown): Uint8Array {
  const width = integerWidth(field.type);
  if (width !== undefined) return writeInteger(Number(example), width);
  const content = exampleBytes(example);
  const prefix = prefixWidth(field.type);
  return prefix === undefined ? content : concat([writeInteger(content.length, prefix), content]);
}

function exampleBytes(example: unknown): Uint8Array {
  if (typeof example === "string") return utf8(example);
  const hex =
    typeof example === "object" && example !== null ? (example as { hex?: unknown }).hex : undefined;
  return typeof hex === "string" ? fromHex(hex) : new Uint8Array();
}

// Section 3.1: what a runner sends where the file leaves a field open.
function defaultOf(context: ResolveContext, field: Field, example: unknown): unknown {
  const { table, profile } = context;
  const known = (name: VariableName): unknown => profile.variables[name] ?? example;
  if (field.codes !== undefined) return table[field.codes].find((code) => code.name === example)?.code;
  switch (field.name) {
    case "agent":
      return "conformance";
    case "id":
      return context.messagesBefore + 1;
    case "retry-after-ms":
      return 0;
    case "detail":
      return "";
    case "data":
      return { hex: "00".repeat(8) };
    case "max-frame-bytes":
      return known("max-frame-bytes");
    case "max-under-way":
      return known("max-under-way");
    case "idle-timeout-ms":
      return known("idle-ms");
    default:
      return example;
  }
}
