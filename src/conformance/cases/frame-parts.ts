// From a frame's byte template to its published parts. What the runner sends has no hole but for what it captured
// from its peer; what it expects says, for each hole, everything that the suite holds a frame to, so that nobody
// has to look into wire.json.

import { flipBit, fromHex, toHex, writeInteger } from "../wire/bytes.ts";
import { otherThan, type FrameTemplate, type Part } from "../play/template.ts";
import { frameNamed, type CodeList, type Field, type FrameKind, type WireTable } from "../wire/wire-table.ts";
import {
  joinParts,
  lengthPart,
  repeatPart,
  widthOf,
  type AnyPart,
  type CasePart,
  type NumberPart,
} from "./case-part.ts";

export interface PartsContext {
  readonly table: WireTable;
  readonly mode: "send" | "expect";
  readonly repeated: boolean;
  // What the runner said itself under a name, in hexadecimal.
  readonly known: ReadonlyMap<string, string>;
  // How long the values are that the peer said under a name.
  readonly widths: Map<string, number>;
  // The limit on the length field.
  readonly limitBytes: number;
}

type RangePart = Extract<Part, { kind: "range" }>;
type BytesPart = Extract<Part, { kind: "bytes" }>;
type Open = RangePart | BytesPart;

// A name that no file can use: the lower of the two versions in a frame.
const lowerVersion = ".min-version";

export function frameParts(context: PartsContext, template: FrameTemplate): CasePart[] {
  const frame = frameNamed(context.table, template.frame);
  if (frame === undefined) throw new TypeError(`wire.json has no ${template.frame}`);
  const { root } = template;
  const named = (name: string): Part | undefined =>
    root.kind === "sized" ? root.parts.find((part) => part.field === name) : undefined;
  const versions = { lower: named("min-version"), higher: named("max-version") };
  return joinParts(partsOf({ ...context, ...versions, frame }, root));
}

interface FrameContext extends PartsContext {
  readonly frame: FrameKind;
  readonly lower: Part | undefined;
  readonly higher: Part | undefined;
}

function partsOf(context: FrameContext, part: Part): CasePart[] {
  switch (part.kind) {
    case "fixed":
      return [part.stride !== undefined && context.repeated ? { count: part.hex } : part.hex];
    case "fill":
      return repeatPart([part.hex], part.times);
    case "range":
    case "bytes":
      return [context.mode === "send" ? spoken(context, part) : hole(context, part)];
    case "ref":
      return [refPart(context, part)];
    case "computed":
      return [{ computed: part.name }];
    case "sized": {
      const parts = joinParts(part.parts.flatMap((inner) => partsOf(context, inner)));
      return lengthPart(part.width, parts, context.widths);
    }
    case "list":
      if (context.mode === "send") return [part.default];
      return [
        { list: [part.min, part.max], of: joinParts(part.item.flatMap((inner) => partsOf(context, inner))) },
      ];
  }
}

export function refPart(
  { known }: Pick<PartsContext, "known">,
  { name, flip }: { readonly name: string; readonly flip?: number },
): CasePart {
  const hex = known.get(name);
  if (flip === undefined) return hex ?? { ref: name };
  return hex === undefined ? { ref: name, flip } : toHex(flipBit(fromHex(hex), flip));
}

function spoken(context: FrameContext, part: Open): CasePart {
  if (part.kind === "range" && part.stride !== undefined && context.repeated) return { count: part.default };
  const taken = (part.not ?? []).flatMap((name) => context.known.get(name) ?? []);
  return toHex(otherThan(taken.map(fromHex), fromHex(part.default)));
}

function hole(context: FrameContext, part: Open): CasePart {
  const field = fieldAt(context.frame, part.field);
  const named = {
    ...(part.capture === undefined ? {} : { capture: part.capture }),
    ...(part.not === undefined ? {} : { not: part.not.map((name) => refPart(context, { name })) }),
  };
  const made: AnyPart | NumberPart =
    part.kind === "range"
      ? { ...numberHole(context, part, field), ...named, ...versionOrder(context, part) }
      : { ...bytesHole(context, part, field), ...named };
  const width = widthOf([made], context.widths);
  if (part.capture !== undefined && width !== undefined) context.widths.set(part.capture, width);
  return made;
}

function numberHole(context: FrameContext, part: RangePart, field: Field | undefined): NumberPart {
  const codes = field?.codes === undefined ? {} : { codes: codesOf(context.table, field.codes, part.width) };
  return { low: part.low, high: part.high, ...codes };
}

function codesOf(table: WireTable, list: CodeList, width: number): string[] {
  return table[list].map(({ code }) => toHex(writeInteger(code, width)));
}

const ranges = {
  username: [["21", "7e"]],
  mechanism: [
    ["2d", "2d"],
    ["30", "39"],
    ["41", "5a"],
  ],
} as const satisfies Record<string, AnyPart["each"]>;

function bytesHole(context: FrameContext, part: BytesPart, field: Field | undefined): AnyPart {
  // No frame goes past the limit in force, and its type is counted too.
  const max = Math.min(part.max, context.limitBytes - 1);
  const inList = part.field.includes("[");
  return {
    any: [part.min, max],
    ...(field?.type === "string8" && field.format === undefined ? { utf8: true } : {}),
    ...(field?.format === undefined ? {} : { each: ranges[field.format] }),
    ...(inList && field?.name === "name" ? { distinct: true } : {}),
  };
}

// `mechanisms[0].name` and `mechanisms[].name` are the field `name` of the list `mechanisms`.
function fieldAt(frame: FrameKind, path: string): Field | undefined {
  let fields: readonly Field[] = frame.fields;
  let found: Field | undefined;
  for (const name of path.replaceAll(/\[\d*\]/g, "").split(".")) {
    found = fields.find((field) => field.name === name);
    fields = found?.fields ?? [];
  }
  return found;
}

// A frame with two versions is well-formed only if the second is not below the first.
function versionOrder(context: FrameContext, part: RangePart): Partial<NumberPart> {
  const { lower, higher } = context;
  if (part === lower) {
    if (higher?.kind === "fixed") return { high: higher.hex < part.high ? higher.hex : part.high };
    if (higher?.kind === "range") return { capture: part.capture ?? lowerVersion };
  }
  if (part === higher) {
    if (lower?.kind === "fixed") return { low: lower.hex > part.low ? lower.hex : part.low };
    if (lower?.kind === "range") return { "not-below": { ref: lower.capture ?? lowerVersion } };
  }
  return {};
}
