// The values that an exchange gives to fields (spec/exchanges.md, section 3), parsed against the field
// table, so that a value that can't stand in its field is an error of the file and not of the peer.

import { isHex } from "../wire/bytes.ts";
import { isVariableName, variables, type Profile, type VariableName } from "./profile.ts";
import { asInteger, asList, asMap, asText, fail, isMapping, type Cursor } from "./strict-yaml.ts";
import { integerWidth, prefixWidth, type Field, type WireTable } from "../wire/wire-table.ts";

// A number that may come from the profile: `5`, `$tries`, `{ var: $tries, minus: 1 }`.
export type Amount =
  | { readonly kind: "literal"; readonly value: number }
  | { readonly kind: "variable"; readonly name: VariableName; readonly minus: number };

export type Value =
  | { readonly kind: "amount"; readonly amount: Amount }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "text-variable"; readonly name: VariableName }
  | { readonly kind: "hex"; readonly hex: string }
  | { readonly kind: "repeat"; readonly hex: string; readonly times: Amount }
  | { readonly kind: "all-bytes" }
  | { readonly kind: "any" }
  | {
      readonly kind: "capture";
      readonly name: string;
      readonly not: readonly string[];
      // How many bytes it has; undefined for as many as the field allows.
      readonly length: number | undefined;
    }
  // With the lowest bit of the byte at this offset the other way round.
  | { readonly kind: "ref"; readonly name: string; readonly flip?: number }
  | { readonly kind: "between"; readonly low: Amount; readonly high: Amount }
  | { readonly kind: "count"; readonly from: Amount }
  | { readonly kind: "computed"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly FieldValues[] };

export type FieldValues = Readonly<Partial<Record<string, Value>>>;

const namePattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

export function asName(cursor: Cursor): string {
  const text = asText(cursor);
  if (!namePattern.test(text)) fail(cursor, "must be lower-case words joined by -");
  return text;
}

export function asHex(cursor: Cursor): string {
  if (typeof cursor.value !== "string") fail(cursor, "hexadecimal must be quoted");
  if (!isHex(cursor.value)) fail(cursor, "must be hexadecimal, two digits for each byte");
  return cursor.value.replaceAll(/\s/g, "").toLowerCase();
}

export function asVariable(cursor: Cursor, type?: "text" | "number"): VariableName {
  const text = asText(cursor);
  const name = text.slice(1);
  if (!text.startsWith("$") || !isVariableName(name))
    fail(cursor, `"${text}" is no variable; section 4 of exchanges.md lists them`);
  if (type !== undefined && variables[name] !== type) fail(cursor, `${text} is not a ${type}`);
  return name;
}

export function asAmount(cursor: Cursor): Amount {
  if (typeof cursor.value === "string")
    return { kind: "variable", name: asVariable(cursor, "number"), minus: 0 };
  if (isMapping(cursor.value)) {
    const map = asMap(cursor, ["var", "minus"], ["var", "minus"]);
    return {
      kind: "variable",
      name: asVariable(map["var"] ?? cursor, "number"),
      minus: asInteger(map["minus"] ?? cursor, -0xffffffff, 0xffffffff),
    };
  }
  return { kind: "literal", value: asInteger(cursor, 0, Number.MAX_SAFE_INTEGER) };
}

export function parseFields(table: WireTable, fields: readonly Field[], cursor: Cursor): FieldValues {
  if (cursor.value === "$any") return {};
  const names = fields.map((field) => field.name);
  const map = asMap(cursor, names);
  const values: Record<string, Value> = {};
  for (const field of fields) {
    const at = map[field.name];
    if (at !== undefined) values[field.name] = parseValue(table, field, at);
  }
  return values;
}

export function parseValue(table: WireTable, field: Field, cursor: Cursor): Value {
  const { value } = cursor;
  if (value === "$any") return { kind: "any" };
  if (field.type === "list8")
    return {
      kind: "list",
      items: asList(cursor, 0).map((item) => parseFields(table, field.fields ?? [], item)),
    };
  if (isMapping(value) && !("var" in value)) return parseForm(field, cursor, value);
  return integerWidth(field.type) === undefined
    ? parseBytesValue(field, cursor)
    : parseNumberValue(table, field, cursor);
}

// A value for bytes outside any frame, as `app: { send: … }` takes it.
export function parsePayload(cursor: Cursor): Value {
  const field: Field = { name: "payload", type: "rest" };
  const value = isMapping(cursor.value)
    ? parseForm(field, cursor, cursor.value)
    : parseBytesValue(field, cursor);
  if (value.kind === "capture" || value.kind === "computed")
    fail(cursor, "an application knows no such value");
  return value;
}

function parseNumberValue(table: WireTable, field: Field, cursor: Cursor): Value {
  const { value } = cursor;
  if (field.codes !== undefined && typeof value === "string" && !value.startsWith("$")) {
    const code = table[field.codes].find((code) => code.name === value);
    if (code === undefined) {
      const names = table[field.codes].map((code) => code.name).join(", ");
      fail(cursor, `"${value}" is none of the codes ${names}`);
    }
    return { kind: "amount", amount: { kind: "literal", value: code.code } };
  }
  const amount = asAmount(cursor);
  if (amount.kind === "literal") checkWidth(field, amount.value, cursor);
  return { kind: "amount", amount };
}

function parseBytesValue(field: Field, cursor: Cursor): Value {
  const { value } = cursor;
  if (typeof value !== "string")
    fail(cursor, `${field.name} takes a quoted text, { hex: … } or another form`);
  if (value.startsWith("$")) return { kind: "text-variable", name: asVariable(cursor, "text") };
  checkLength(field, Buffer.byteLength(value), cursor);
  return { kind: "text", text: value };
}

function parseForm(field: Field, cursor: Cursor, value: Record<string, unknown>): Value {
  const isNumber = integerWidth(field.type) !== undefined;
  const only = (kind: "numbers" | "bytes"): void => {
    if ((kind === "numbers") !== isNumber) fail(cursor, `this form is for ${kind}, and ${field.name} is not`);
  };
  if ("hex" in value) {
    only("bytes");
    const hex = asHex(asMap(cursor, ["hex"])["hex"] ?? cursor);
    checkLength(field, hex.length / 2, cursor);
    return { kind: "hex", hex };
  }
  if ("repeat" in value) {
    only("bytes");
    const map = asMap(cursor, ["repeat", "times"], ["repeat", "times"]);
    const hex = asHex(map["repeat"] ?? cursor);
    const times = asAmount(map["times"] ?? cursor);
    if (hex === "") fail(cursor, "must repeat at least one byte");
    if (times.kind === "literal") checkLength(field, (hex.length / 2) * times.value, cursor);
    return { kind: "repeat", hex, times };
  }
  if ("bytes" in value) {
    only("bytes");
    const at = asMap(cursor, ["bytes"])["bytes"];
    if (at?.value !== "all") fail(at ?? cursor, 'must be "all"');
    checkLength(field, 256, cursor);
    return { kind: "all-bytes" };
  }
  if ("capture" in value) {
    const map = asMap(cursor, ["capture", "not", "length"], ["capture"]);
    const not = map["not"] === undefined ? [] : asList(map["not"], 1).map(asName);
    if (map["length"] !== undefined) only("bytes");
    const length = map["length"] === undefined ? undefined : asInteger(map["length"], 1, 0xffff);
    if (length !== undefined) checkLength(field, length, cursor);
    return { kind: "capture", name: asName(map["capture"] ?? cursor), not, length };
  }
  if ("ref" in value) return parseReference(field, cursor);
  if ("between" in value) {
    only("numbers");
    const ends = asList(asMap(cursor, ["between"])["between"] ?? cursor, 2);
    const [low, high] = ends;
    if (low === undefined || high === undefined || ends.length !== 2) fail(cursor, "must be [low, high]");
    const range = { kind: "between", low: asAmount(low), high: asAmount(high) } as const;
    if (range.low.kind === "literal" && range.high.kind === "literal" && range.low.value > range.high.value)
      fail(cursor, "low is above high");
    return range;
  }
  if ("count" in value) {
    only("numbers");
    return { kind: "count", from: asAmount(asMap(cursor, ["count"])["count"] ?? cursor) };
  }
  if ("computed" in value)
    return { kind: "computed", name: asName(asMap(cursor, ["computed"])["computed"] ?? cursor) };
  return fail(cursor, "must be one of hex, repeat, bytes, capture, ref, between, count, computed, var");
}

function parseReference(field: Field, cursor: Cursor): Value {
  const map = asMap(cursor, ["ref", "flip"], ["ref"]);
  const name = asName(map["ref"] ?? cursor);
  if (map["flip"] === undefined) return { kind: "ref", name };
  const width = integerWidth(field.type) ?? field.length;
  if (width === undefined) fail(map["flip"], `is for a fixed length, and ${field.name} has none`);
  return { kind: "ref", name, flip: asInteger(map["flip"], 0, width - 1) };
}

function checkWidth(field: Field, value: number, cursor: Cursor): void {
  const width = integerWidth(field.type) ?? 8;
  if (width < 8 && value >= 2 ** (8 * width)) fail(cursor, `does not fit a ${field.type}`);
}

function checkLength(field: Field, length: number, cursor: Cursor): void {
  const width = prefixWidth(field.type);
  if (width !== undefined && length >= 2 ** (8 * width))
    fail(cursor, `${length} bytes do not fit a ${field.type}`);
  if (field.length !== undefined && length !== field.length)
    fail(cursor, `${field.name} has ${field.length} bytes, not ${length}`);
}

export class MissingVariable extends Error {
  readonly variable: VariableName;

  constructor(variable: VariableName) {
    super(`the profile has no $${variable}`);
    this.name = "MissingVariable";
    this.variable = variable;
  }
}

export function variableOf(profile: Profile, name: VariableName): string | number {
  const value = profile.variables[name];
  if (value === undefined) throw new MissingVariable(name);
  return value;
}

export function textOf(profile: Profile, name: VariableName): string {
  return String(variableOf(profile, name));
}

export function amountOf(profile: Profile, amount: Amount): number {
  if (amount.kind === "literal") return amount.value;
  return Number(variableOf(profile, amount.name)) - amount.minus;
}
