// A second encoder, driven by the field tables of spec/wire.json and sharing nothing with src/protocol: what the
// core's encoders are held against, and what builds bodies that break a bound.

import wire from "../../spec/wire.json" with { type: "json" };
import { concat, frame, hex, unsigned, utf8 } from "./bytes.ts";

export interface Field {
  readonly name: string;
  readonly type: string;
  readonly length?: number;
  readonly min?: number;
  readonly max?: number;
  readonly value?: string;
  readonly codes?: string;
  readonly fields?: readonly Field[];
}

export type FieldValue = number | string | Uint8Array | { readonly hex: string } | readonly FieldValues[];
export interface FieldValues {
  readonly [field: string]: FieldValue;
}

/** A stretch of a body: which field it belongs to. */
export interface Stretch {
  readonly field: string;
  readonly bytes: Uint8Array;
}

export const FRAMES = wire.frames as unknown as readonly {
  readonly name: string;
  readonly type: number;
  readonly fields: readonly Field[];
  readonly example: FieldValues;
}[];

export function shapeOf(name: string): (typeof FRAMES)[number] {
  return FRAMES.find((shape) => shape.name === name)!;
}

const SIZES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

/** The body of a frame, field by field; bounds are not checked. */
export function layOut(fields: readonly Field[], values: FieldValues): Stretch[] {
  return fields.flatMap((field) => {
    const value = field.value === undefined ? values[field.name]! : { hex: field.value };
    const one = (...bytes: Uint8Array[]): Stretch[] => [{ field: field.name, bytes: concat(...bytes) }];
    switch (field.type) {
      case "u8":
      case "u16":
      case "u32":
      case "u64":
        return one(unsigned(numberOf(field, value), SIZES[field.type]!));
      case "string8": {
        const bytes = bytesOf(value);
        return one(unsigned(bytes.length, 1), bytes);
      }
      case "bytes16": {
        const bytes = bytesOf(value);
        return one(unsigned(bytes.length, 2), bytes);
      }
      case "list8": {
        const groups = value as readonly FieldValues[];
        return [
          ...one(unsigned(groups.length, 1)),
          ...groups.flatMap((group) => layOut(field.fields!, group)),
        ];
      }
      default:
        return one(bytesOf(value));
    }
  });
}

export function encodeByTable(name: string, values: FieldValues): Uint8Array {
  const shape = shapeOf(name);
  return frame(shape.type, ...layOut(shape.fields, values).map(({ bytes }) => bytes));
}

export function bytesOf(value: FieldValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return typeof value === "string" ? utf8(value) : hex((value as { hex: string }).hex);
}

function numberOf(field: Field, value: FieldValue): number {
  if (typeof value === "number") return value;
  const codes = wire[field.codes as "errors" | "refusals" | "goaways"];
  return codes.find(({ name }) => name === value)!.code;
}
