// What a step asks for, written like a received frame (wire/annotate.ts), so that the two can be read side by side.

import { fromHex, readInteger, repeatBytes, toHex } from "../wire/bytes.ts";
import { annotate, annotatedLine, contentMeaning, excerpt } from "../wire/annotate.ts";
import type { Comparison } from "./result.ts";
import { errorTemplate, fillingOf, templateOf, type Scene } from "./scene.ts";
import type { Act, Branch, FrameAct } from "../exchange/steps.ts";
import { materialize, referred, type FrameTemplate, type Mismatch, type Part } from "./template.ts";
import type { Field, FrameKind } from "../wire/wire-table.ts";

export function compare(scene: Scene, act: Act, received: readonly string[]): Comparison {
  return { expected: expectedOf(scene, act), received };
}

// The right kind of frame with a wrong byte: both sides show the bytes around it, however far into the frame it is.
export function compareFrames(
  scene: Scene,
  act: FrameAct,
  frame: Uint8Array,
  mismatch: Mismatch,
): Comparison {
  const { offset } = mismatch;
  return {
    expected: templateLines(scene, act, templateOf(scene, act), mismatch),
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
      return templateLines(scene, act, templateOf(scene, act));
    case "repeat":
      return templateLines(scene, act.of, templateOf(scene, act.of, true));
    case "closes": {
      const code = scene.table.errors.find((error) => error.name === act.code)?.code ?? 0;
      const frame = scene.table.frames.find((kind) => kind.name === "ERROR");
      const template = errorTemplate(scene, code);
      const lines =
        frame === undefined ? [] : templateLines(scene, { kind: "frame", frame, values: {} }, template);
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

function templateLines(scene: Scene, act: FrameAct, template: FrameTemplate, mismatch?: Mismatch): string[] {
  const { root } = template;
  const parts = root.kind === "sized" ? root.parts : [];
  const known = parts.every(isClosed);
  const length = known ? materialize(template, fillingOf(scene)).subarray(0, 4) : undefined;
  return [
    length === undefined
      ? annotatedLine("", "any", "length")
      : annotatedLine("", toHex(length), `length ${readInteger(length)}`),
    ...parts.flatMap((part) => partLines({ scene, frame: act.frame, mismatch }, part)),
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
  readonly mismatch: Mismatch | undefined;
}

function partLines(expectation: Expectation, part: Part, prefix = ""): string[] {
  const { scene } = expectation;
  switch (part.kind) {
    case "sized":
      return part.parts.flatMap((inner) => partLines(expectation, inner, prefixOf(scene, part)));
    case "fixed":
      return [valueLine(expectation, part, fromHex(part.hex), prefix)];
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

function valueLine(
  { scene, frame, mismatch }: Expectation,
  part: Part,
  content: Uint8Array,
  prefix: string,
): string {
  if (part.field === "type") return annotatedLine("", toHex(content), `type ${frame.name}`);
  const field = fieldAt(frame.fields, part.field);
  const same = mismatch?.field === part.field ? mismatch.same : undefined;
  const place =
    same === undefined ? undefined : { start: (mismatch?.offset ?? 0) - same, differsAt: mismatch?.offset };
  const hex = `${prefix} ${part.secret === true ? "··" : excerpt(content, place)}`.trim();
  return annotatedLine("", hex, `${part.field} = ${contentMeaning(scene.table, field, content)}`);
}

// The field at a path such as `mechanisms[0].name`.
function fieldAt(fields: readonly Field[], path: string): Field | undefined {
  const [name, ...rest] = path.replaceAll(/\[[0-9]+\]/g, "").split(".");
  const field = fields.find((candidate) => candidate.name === name);
  return rest.length === 0 ? field : fieldAt(field?.fields ?? [], rest.join("."));
}
