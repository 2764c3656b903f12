// What a step asks for, written like a received frame (wire/annotate.ts), so that the two can be read side by side.

import { fromHex, readInteger, repeatBytes, toHex } from "../wire/bytes.ts";
import { annotate, annotatedLine, contentMeaning, excerpt } from "../wire/annotate.ts";
import type { Comparison } from "./result.ts";
import { errorTemplate, fillingOf, templateOf, type Scene } from "./scene.ts";
import type { Act, Branch } from "../exchange/steps.ts";
import { materialize, referred, type FrameTemplate, type Mismatch, type Part } from "./template.ts";
import type { Field, FrameKind } from "../wire/wire-table.ts";

export function compare(scene: Scene, act: Act, received: readonly string[]): Comparison {
  return { expected: expectedOf(scene, act), received };
}

// What did not hold, in which repetition of the template.
interface Unlike extends Mismatch {
  readonly repetition: number;
}

// The right kind of frame with a wrong byte: both sides show the bytes around it, however far into the frame it is.
export function compareFrames(
  scene: Scene,
  kind: FrameKind,
  template: FrameTemplate,
  frame: Uint8Array,
  unlike: Unlike,
): Comparison {
  const { offset } = unlike;
  return {
    expected: templateLines(scene, kind, template, unlike),
    received: annotate(scene.table, frame, { differsAt: offset }),
    difference: { frame, offset },
  };
}

// A step of the side under test may go on in several ways.
export function compareFork(
  scene: Scene,
  branches: readonly Branch[],
  received: readonly string[],
): Comparison {
  const expected = branches.flatMap(({ name, steps: [first] }) => {
    const act = first?.kind === "wire" ? first.acts[0] : undefined;
    return act === undefined ? [] : [`branch "${name}":`, ...expectedOf(scene, act)];
  });
  return { expected, received };
}

function expectedOf(scene: Scene, act: Act): string[] {
  switch (act.kind) {
    case "frame":
      return templateLines(scene, act.frame, templateOf(scene, act));
    case "repeat":
      return templateLines(scene, act.of.frame, templateOf(scene, act.of, true));
    case "closes": {
      const code = scene.table.errors.find((error) => error.name === act.code)?.code ?? 0;
      const frame = scene.table.frames.find((kind) => kind.name === "ERROR");
      const template = errorTemplate(scene, code);
      const lines = frame === undefined ? [] : templateLines(scene, frame, template);
      return [
        ...lines,
        "then end of stream or a reset;",
        "or, not as advised, such an end without the ERROR",
      ];
    }
    case "end":
      return ["end of stream"];
    case "reset":
      return ["a reset"];
    case "closed":
      return ["end of stream or a reset"];
    case "quiet":
      return ["nothing"];
    case "raw":
    case "cut":
    case "altered":
    case "extension":
      return [act.kind];
  }
}

function templateLines(scene: Scene, frame: FrameKind, template: FrameTemplate, unlike?: Unlike): string[] {
  const { root } = template;
  const parts = root.kind === "sized" ? root.parts : [];
  const known = parts.every(isClosed);
  const length = known ? materialize(template, fillingOf(scene)).subarray(0, 4) : undefined;
  return [
    length === undefined
      ? annotatedLine("", "any", "length")
      : annotatedLine("", toHex(length), `length ${readInteger(length)}`),
    ...parts.flatMap((part) => partLines({ scene, frame, unlike }, part)),
  ];
}

// Whether its length is known beforehand.
function isClosed(part: Part): boolean {
  if (part.kind === "sized") return part.parts.every(isClosed);
  return part.kind === "fixed" || part.kind === "fill" || part.kind === "range" || part.kind === "ref";
}

interface Expectation {
  readonly scene: Scene;
  readonly frame: FrameKind;
  readonly unlike: Unlike | undefined;
}

function partLines(expectation: Expectation, part: Part, prefix = ""): string[] {
  const { scene } = expectation;
  switch (part.kind) {
    case "sized":
      return part.parts.flatMap((inner) => partLines(expectation, inner, prefixOf(scene, part)));
    case "fixed":
      return [valueLine(expectation, part, contentOf(expectation, part), prefix)];
    case "fill":
      return [valueLine(expectation, part, repeatBytes(fromHex(part.hex), part.times), prefix)];
    case "ref": {
      return scene.captures.has(part.name)
        ? [valueLine(expectation, part, referred(scene.captures, part), prefix)]
        : [openLine(part, "as before")];
    }
    case "computed":
      return [openLine(part, `computed: ${part.name}`)];
    case "range": {
      const low = readInteger(fromHex(part.low));
      const high = readInteger(fromHex(part.high));
      return [
        low === high
          ? valueLine(expectation, part, fromHex(part.low), prefix)
          : openLine(part, `${low} to ${high}`),
      ];
    }
    case "bytes":
      return [openLine(part, part.min === part.max ? `any ${part.min} bytes` : "any bytes")];
    case "list":
      return [openLine(part, `${part.min} to ${part.max} of any kind`)];
  }
}

function openLine(part: Part, meaning: string): string {
  return annotatedLine("", "any", `${part.field} = ${meaning}`);
}

// The length in front of a field's content, as it stands in front of a received one.
function prefixOf(scene: Scene, part: Extract<Part, { kind: "sized" }>): string {
  if (!isClosed(part)) return "";
  return toHex(materialize({ frame: "", root: part }, fillingOf(scene)).subarray(0, part.width));
}

// An integer may have grown with each repetition.
function contentOf({ scene, unlike }: Expectation, part: Part): Uint8Array {
  return materialize({ frame: "", root: part }, fillingOf(scene, unlike?.repetition ?? 0));
}

function valueLine(
  { scene, frame, unlike }: Expectation,
  part: Part,
  content: Uint8Array,
  prefix: string,
): string {
  if (part.field === "type") return annotatedLine("", toHex(content), `type ${frame.name}`);
  const field = fieldAt(frame.fields, part.field);
  const same = unlike?.field === part.field ? unlike.same : undefined;
  const place =
    same === undefined ? undefined : { start: (unlike?.offset ?? 0) - same, differsAt: unlike?.offset };
  const hex = `${prefix} ${part.secret === true ? "··" : excerpt(content, place)}`.trim();
  return annotatedLine("", hex, `${part.field} = ${contentMeaning(scene.table, field, content)}`);
}

// The field at a path such as `mechanisms[0].name`.
function fieldAt(fields: readonly Field[], path: string): Field | undefined {
  const [name, ...rest] = path.replaceAll(/\[[0-9]+\]/g, "").split(".");
  const field = fields.find((candidate) => candidate.name === name);
  return rest.length === 0 ? field : fieldAt(field?.fields ?? [], rest.join("."));
}
