// The derived texts: the TypeScript module of wire constants, and the tables, examples and diagrams of the
// specification.

import { readFileSync } from "node:fs";
import { opaqueExample } from "./opaque-example.ts";

interface Field {
  name: string;
  type: string;
  length?: number;
  value?: string;
  min?: number;
  max?: number;
  format?: string;
  codes?: string;
  secret?: boolean;
  meaning: string;
  fields?: Field[];
}
interface Frame {
  name: string;
  type: number;
  sender: string;
  section: string;
  purpose: string;
  fields: Field[];
  example: Record<string, unknown>;
}
interface Code {
  name: string;
  code: number;
  meaning: string;
  sender?: string;
  counts?: boolean;
  triesLeft?: string;
  retryable?: boolean;
}
interface Wire {
  version: number;
  alpn: string;
  port: number;
  extension: { first: number; last: number };
  frames: Frame[];
  refusals: Code[];
  goaways: Code[];
  errors: Code[];
  limits: { name: string; value: number; unit: string; meaning: string }[];
  deadlines: {
    name: string;
    defaultMs: number;
    starts: string;
    stops: string;
    resets: string;
    expiry: string;
  }[];
}

const wire = JSON.parse(readFileSync(new URL("../spec/wire.json", import.meta.url), "utf8")) as Wire;

const camel = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
const hex = (value: number) => `0x${value.toString(16).padStart(2, "0")}`;

/** The text of src/protocol/wire.ts. */
export function wireModule(): string {
  const magic = wire.frames[0]!.fields[0]!.value!.match(/../g)!.map((byte) => `0x${byte}`);
  const codes = (list: Code[]) =>
    list.map(({ name, code }) => `  ${JSON.stringify(name)}: ${code},`).join("\n");
  const sessionId = wire.frames.find(({ name }) => name === "AUTHENTICATED")!.fields[0]!.length;
  const pingBytes = wire.frames.find(({ name }) => name === "PING")!.fields[0]!.length;
  return `// Generated from spec/wire.json by \`npm run generate\`. Do not edit.

export const PROTOCOL_VERSION = ${wire.version};
export const ALPN = ${JSON.stringify(wire.alpn)};
export const DEFAULT_PORT = ${wire.port};
export const MAGIC = Uint8Array.of(${magic.join(", ")});
export const SESSION_ID_BYTES = ${sessionId};
export const PING_BYTES = ${pingBytes};
export const EXTENSION_FIRST_TYPE = ${hex(wire.extension.first)};

export const FRAME_TYPE = {
${wire.frames.map(({ name, type }) => `  ${name}: ${hex(type)},`).join("\n")}
} as const;
export type FrameName = keyof typeof FRAME_TYPE;

export const ERROR_CODE = {
${codes(wire.errors)}
} as const;
export type WireErrorCode = keyof typeof ERROR_CODE;

export const REFUSAL_REASON = {
${codes(wire.refusals)}
} as const;
export type RefusalReason = keyof typeof REFUSAL_REASON;

export const GOAWAY_REASON = {
${codes(wire.goaways)}
} as const;
export type GoawayReason = keyof typeof GOAWAY_REASON;

/** Spec section 8.1. */
export const LIMIT = {
${wire.limits.map(({ name, value }) => `  ${camel(name)}: ${value},`).join("\n")}
} as const;

/** Defaults of spec section 8.2, in milliseconds. */
export const DEADLINE_MS = {
${wire.deadlines.map(({ name, defaultMs }) => `  ${camel(name)}: ${defaultMs},`).join("\n")}
} as const;

export interface FieldShape {
  readonly name: string;
  readonly type: "u8" | "u16" | "u32" | "u64" | "bytes" | "string8" | "bytes16" | "list8" | "rest";
  readonly length?: number;
  readonly codes?: "errors" | "refusals" | "goaways";
  readonly secret?: true;
  readonly fields?: readonly FieldShape[];
}

/** Each frame's layout, for programs that show frames to people. */
export const FRAME_SHAPE: Readonly<
  Record<FrameName, { readonly section: string; readonly fields: readonly FieldShape[] }>
> = {
${wire.frames.map(({ name, section, fields }) => `  ${name}: ${JSON.stringify({ section, fields: fields.map(shape) })},`).join("\n")}
};
`;
}

function shape({ name, type, length, codes, secret, fields }: Field): object {
  return {
    name,
    type,
    ...(length === undefined ? {} : { length }),
    ...(codes === undefined ? {} : { codes }),
    ...(secret === undefined ? {} : { secret }),
    ...(fields === undefined ? {} : { fields: fields.map(shape) }),
  };
}

/** The specification with every generated part filled in. */
export function fillSpecification(markdown: string): string {
  return markdown.replace(
    /<!-- generated: (.+?) -->\n[\s\S]*?<!-- end -->/g,
    (_, part: string) => `<!-- generated: ${part} -->\n${part_(part)}\n<!-- end -->`,
  );
}

function part_(part: string): string {
  const [kind, name] = part.split(" ");
  switch (kind) {
    case "frame-list":
      return frameList();
    case "frame":
      return framePart(wire.frames.find((frame) => frame.name === name)!);
    case "refusals":
      return table(
        ["code", "reason", "meaning", "counts", "tries-left", "try again unchanged"],
        wire.refusals.map((row) => [
          String(row.code),
          `\`${row.name}\``,
          row.meaning,
          yes(row.counts),
          row.triesLeft!,
          yes(row.retryable),
        ]),
      );
    case "goaways":
      return table(
        ["code", "reason", "meaning"],
        wire.goaways.map((row) => [String(row.code), `\`${row.name}\``, row.meaning]),
      );
    case "errors":
      return table(
        ["code", "name", "meaning", "sent by", "try again unchanged"],
        wire.errors.map((row) => [
          String(row.code),
          `\`${row.name}\``,
          row.meaning,
          row.sender === "both" ? "either" : row.sender!,
          yes(row.retryable),
        ]),
      );
    case "limits":
      return table(
        ["limit", "value", "meaning"],
        wire.limits.map((row) => [
          `\`${row.name}\``,
          `${row.value.toLocaleString("en-US")} ${row.unit}`.trim(),
          row.meaning,
        ]),
      );
    case "deadlines":
      return table(
        ["deadline", "default", "starts when", "stops when", "starts again when", "at expiry"],
        wire.deadlines.map((row) => [
          row.name,
          `${row.defaultMs / 1000} s`,
          row.starts,
          row.stops,
          row.resets,
          row.expiry,
        ]),
      );
    case "server-states":
      return statePart("server");
    case "client-states":
      return statePart("client");
    case "opaque-example":
      return opaqueExample();
    default:
      throw new Error(`unknown generated part: ${part}`);
  }
}

const yes = (value: boolean | undefined) => (value ? "yes" : "no");

export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function frameList(): string {
  return table(
    ["type", "frame", "sender", "section", "purpose"],
    wire.frames.map((frame) => [
      `\`${hex(frame.type)}\``,
      frame.name,
      frame.sender === "both" ? "either" : frame.sender,
      frame.section,
      frame.purpose,
    ]),
  );
}

function framePart(frame: Frame): string {
  const sender = frame.sender === "both" ? "either peer" : `the ${frame.sender}`;
  const head = `Type \`${hex(frame.type)}\`, sent by ${sender}. ${frame.purpose}`;
  const fields =
    frame.fields.length === 0
      ? "The body is empty."
      : table(
          ["field", "type", "meaning"],
          frame.fields.flatMap((field) => fieldRows(field, "")),
        );
  return `${head}\n\n${fields}\n\n${example(frame)}`;
}

function fieldRows(field: Field, indent: string): string[][] {
  const row = [`${indent}${field.name}`, fieldType(field), fieldMeaning(field)];
  return [row, ...(field.fields ?? []).flatMap((inner) => fieldRows(inner, `${indent}– `))];
}

const FORMATS: Readonly<Record<string, string>> = {
  mechanism: "`A`–`Z`, `0`–`9`, `-`",
  username: "0x21–0x7E",
};

function fieldType(field: Field): string {
  const type = field.length === undefined ? `\`${field.type}\`` : `\`bytes\`, ${field.length}`;
  const number = (value: number) => value.toLocaleString("en-US");
  const unit = field.type === "string8" ? " bytes" : "";
  const format = field.format === undefined ? "" : ` of ${FORMATS[field.format]!}`;
  if (field.min === undefined) return type;
  if (field.max === undefined) return `${type}, at least ${number(field.min)}`;
  return `${type}, ${number(field.min)} to ${number(field.max)}${unit}${format}`;
}

function fieldMeaning(field: Field): string {
  return field.value === undefined ? field.meaning : `${field.meaning}: \`${field.value}\``;
}

// A frame's example, laid out field by field. Written apart from src/protocol on purpose: a test holds our
// encoder against these bytes.
function example(frame: Frame): string {
  const lines: [string, string][] = [];
  for (const field of frame.fields) lines.push(...fieldBytes(field, frame.example[field.name]));
  const length = lines.reduce((sum, [bytes]) => sum + bytes.length / 2, 1);
  const all: [string, string][] = [
    [length.toString(16).padStart(8, "0"), `length ${length}`],
    [frame.type.toString(16).padStart(2, "0"), `type ${frame.name}`],
    ...lines,
  ];
  const spaced = all.map(([bytes, note]) => [bytes.replace(/(..)(?=.)/g, "$1 "), note] as const);
  const width = Math.max(...spaced.map(([bytes]) => bytes.length));
  return `\`\`\`\n${spaced.map(([bytes, note]) => `${bytes.padEnd(width)}  ${note}`).join("\n")}\n\`\`\``;
}

function fieldBytes(field: Field, value: unknown): [string, string][] {
  const uint = (number: number, bytes: number) => number.toString(16).padStart(bytes * 2, "0");
  const bytesOf = (input: unknown): string => {
    if (typeof input === "string") return Buffer.from(input, "utf8").toString("hex");
    return ((input ?? { hex: field.value ?? "" }) as { hex: string }).hex.replace(/ /g, "");
  };
  switch (field.type) {
    case "u8":
    case "u16":
    case "u32":
    case "u64": {
      const number = typeof value === "string" ? codeOf(field.codes!, value) : (value as number);
      return [
        [
          uint(number, Number(field.type.slice(1)) / 8),
          `${field.name} ${typeof value === "string" ? `${value} (${number})` : number}`,
        ],
      ];
    }
    case "string8":
    case "bytes16": {
      const bytes = bytesOf(value);
      const count = bytes.length / 2;
      const head: [string, string] = [
        uint(count, field.type === "string8" ? 1 : 2),
        `${field.name}: ${count} bytes`,
      ];
      return count === 0 ? [head] : [head, [bytes, typeof value === "string" ? `"${value}"` : field.name]];
    }
    case "list8": {
      const items = value as Record<string, unknown>[];
      return [
        [uint(items.length, 1), `${field.name}: ${items.length}`],
        ...items.flatMap((item) => field.fields!.flatMap((inner) => fieldBytes(inner, item[inner.name]))),
      ];
    }
    default: {
      const bytes = bytesOf(value);
      return bytes === ""
        ? []
        : [[bytes, typeof value === "string" ? `${field.name} "${value}"` : field.name]];
    }
  }
}

function codeOf(list: string, name: string): number {
  const codes = { errors: wire.errors, refusals: wire.refusals, goaways: wire.goaways }[list]!;
  return codes.find((code) => code.name === name)!.code;
}

// The state tables are read from the code that runs them.
const { SERVER_STATES, CLIENT_STATES } = await import("../src/protocol/states.ts");

interface Step {
  readonly to: readonly string[];
  readonly sends?: string;
}
interface Row {
  readonly waits: string;
  readonly input?: string;
  readonly frames: Readonly<Record<string, Step>>;
  readonly events: Readonly<Record<string, Step>>;
}

function statePart(side: "server" | "client"): string {
  const table_: Readonly<Record<string, Row>> = side === "server" ? SERVER_STATES : CLIENT_STATES;
  const states = Object.entries(table_);
  const rows = states.flatMap(([name, row]) => [
    [`**${name}**`, `waits for ${row.waits}`, "", row.input === undefined ? "" : `*${row.input}*`],
    ...Object.entries(row.frames).map(([frame, step]) =>
      stepRow(frame === "EXTENSION" ? "extension" : frame, step, name),
    ),
    ...Object.entries(row.events).map(([event, step]) => stepRow(`*${event}*`, step, name)),
  ]);
  return `${table(["state", "frame or *event*", "sends", "next state"], rows)}\n\n${diagram(states)}`;
}

function stepRow(input: string, step: Step, state: string): string[] {
  return ["", input, step.sends ?? "", step.to.length === 0 ? state : step.to.join(" or ")];
}

function diagram(states: [string, Row][]): string {
  const labels = new Map<string, string[]>();
  for (const [from, row] of states) {
    const edges = [...Object.entries(row.frames), ...Object.entries(row.events)].map(
      ([label, { to }]) => [label, to] as const,
    );
    for (const [label, to] of edges) {
      for (const target of to) {
        if (target === "closing" && label !== "STOP" && label !== "STOPPED" && label !== "last reply")
          continue;
        const key = `${from} ${target}`;
        labels.set(key, [...(labels.get(key) ?? []), label]);
      }
    }
  }
  const id = (name: string) => name.replace(/-/g, "_");
  const lines = [
    `  [*] --> ${id(states[0]![0])}`,
    ...states.filter(([name]) => name.includes("-")).map(([name]) => `  state "${name}" as ${id(name)}`),
    ...[...labels].map(([key, names]) => {
      const [from, to] = key.split(" ") as [string, string];
      return `  ${id(from)} --> ${id(to)} : ${names.join(", ")}`;
    }),
    "  closing --> [*]",
  ];
  return `Every state also goes to *closing* when the session fails; the diagram leaves those arrows out.\n\n\`\`\`mermaid\nstateDiagram-v2\n${lines.join("\n")}\n\`\`\``;
}
