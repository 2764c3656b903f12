// The steps of an exchange (spec/exchanges.md, section 2): what each speaker does, in order.

import {
  asInteger,
  asList,
  asMap,
  asText,
  asTrue,
  fail,
  isMapping,
  lineOf,
  type Cursor,
} from "./strict-yaml.ts";
import { asAmount, asHex, asName, asVariable, parseFields, parsePayload } from "./values.ts";
import type { Amount, FieldValues, Value } from "./values.ts";
import { frameNamed, type FrameKind, type WireTable } from "../wire/wire-table.ts";

export type Speaker = "C" | "S";

export interface FrameAct {
  readonly kind: "frame";
  readonly frame: FrameKind;
  readonly values: FieldValues;
}

export type Act =
  | FrameAct
  | { readonly kind: "raw"; readonly hex: string }
  | { readonly kind: "cut"; readonly of: FrameAct; readonly from: number; readonly to: number | undefined }
  | { readonly kind: "altered"; readonly of: FrameAct; readonly add: string; readonly drop: number }
  | { readonly kind: "repeat"; readonly of: FrameAct; readonly times: Amount }
  | { readonly kind: "extension"; readonly type: number; readonly length: Amount }
  | { readonly kind: "closes"; readonly code: string }
  | { readonly kind: "end" | "reset" | "closed" | "quiet" };

export type AppCall =
  | { readonly kind: "login"; readonly username: Value; readonly password: Value }
  | { readonly kind: "send"; readonly payload: Value }
  | { readonly kind: "ping" | "stop" | "end" };

// This amount of milliseconds times this share.
export interface Span {
  readonly amount: Amount;
  readonly share: number;
}

export interface WireStep {
  readonly kind: "wire";
  readonly speaker: Speaker;
  // What is written at once; a peer's frames are expected one after another.
  readonly acts: readonly Act[];
  readonly illegal: boolean;
  readonly free: boolean;
  // The side under test may leave it out.
  readonly optional: boolean;
  readonly at: Span | undefined;
  readonly since: string | undefined;
  readonly mark: string | undefined;
  // How long `quiet` lasts.
  readonly lasts: Span | undefined;
  readonly line: number;
}

export interface AppStep {
  readonly kind: "app";
  readonly call: AppCall;
  readonly line: number;
}

// Whoever runs the server does something to it.
export interface OperatorStep {
  readonly kind: "operator";
  readonly call: "stop";
  readonly line: number;
}

// A step that doesn't branch.
export type PlainStep = WireStep | AppStep | OperatorStep;

export interface Branch {
  readonly name: string;
  readonly steps: readonly PlainStep[];
  readonly advisedAgainst: boolean;
}

export interface ForkStep {
  readonly kind: "one-of";
  readonly branches: readonly Branch[];
  readonly line: number;
}

export type Step = PlainStep | ForkStep;

const wireKeys = ["illegal", "free", "optional", "at", "since", "mark", "for", "share"];

// All steps of a file in the order of its lines, those of every branch among them.
export function plainSteps(steps: readonly Step[]): PlainStep[] {
  return steps.flatMap((step) =>
    step.kind === "one-of" ? step.branches.flatMap((branch) => branch.steps) : [step],
  );
}

export function parseSteps(table: WireTable, cursor: Cursor): Step[] {
  return asList(cursor, 1).map((step) => parseStep(table, step));
}

function parseStep(table: WireTable, cursor: Cursor): Step {
  if (!isMapping(cursor.value))
    fail(cursor, "a step must be a map with one of C, S, app, operator and one-of");
  const kinds = ["C", "S", "app", "operator", "one-of"].filter((key) =>
    Object.hasOwn(cursor.value as object, key),
  );
  if (kinds.length !== 1) fail(cursor, "a step must have exactly one of C, S, app, operator and one-of");
  if (kinds[0] === "app") return parseAppStep(cursor);
  if (kinds[0] === "operator") return parseOperatorStep(cursor);
  if (kinds[0] === "one-of") return parseFork(table, cursor);
  return parseWireStep(table, cursor, kinds[0] === "C" ? "C" : "S");
}

function parseFork(table: WireTable, cursor: Cursor): ForkStep {
  const map = asMap(cursor, ["one-of", "advised-against"], ["one-of"]);
  const fork = map["one-of"] ?? cursor;
  if (!isMapping(fork.value)) fail(fork, "must be a map of branches by name");
  const names = Object.keys(fork.value);
  if (names.length < 2) fail(fork, "must have at least two branches");
  const advised = map["advised-against"];
  const against = advised === undefined ? [] : asList(advised, 1).map(asName);
  for (const name of against)
    if (!names.includes(name)) fail(advised ?? cursor, `there is no branch "${name}"`);
  if (against.length === names.length)
    fail(advised ?? cursor, "one branch at least must not be advised against");
  const entries = asMap(fork, names);
  const branches = names.map((name): Branch => {
    const at = entries[name] ?? fork;
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
      fail(at, "a branch's name is lower-case words joined by -");
    const steps = asList(at, 1).map((step) => {
      const parsed = parseStep(table, step);
      if (parsed.kind === "one-of") fail(step, "a branch can't branch again");
      return parsed;
    });
    return { name, steps, advisedAgainst: against.includes(name) };
  });
  return { kind: "one-of", branches, line: lineOf(cursor) };
}

function parseAppStep(cursor: Cursor): AppStep {
  const call = asMap(cursor, ["app"], ["app"])["app"] ?? cursor;
  return { kind: "app", call: parseCall(call), line: lineOf(cursor) };
}

function parseOperatorStep(cursor: Cursor): OperatorStep {
  const call = asMap(cursor, ["operator"], ["operator"])["operator"] ?? cursor;
  if (call.value !== "stop") fail(call, "must be stop");
  return { kind: "operator", call: "stop", line: lineOf(cursor) };
}

function parseCall(cursor: Cursor): AppCall {
  if (cursor.value === "ping" || cursor.value === "stop" || cursor.value === "end")
    return { kind: cursor.value };
  const map = asMap(cursor, ["login", "send"]);
  if (map["login"] !== undefined && map["send"] === undefined) {
    const login = asMap(map["login"], ["username", "password"], ["username", "password"]);
    return {
      kind: "login",
      username: parseCredential(login["username"] ?? cursor),
      password: parseCredential(login["password"] ?? cursor),
    };
  }
  if (map["send"] !== undefined && map["login"] === undefined)
    return { kind: "send", payload: parsePayload(map["send"]) };
  return fail(cursor, "must be ping, stop, end, { login: … } or { send: … }");
}

function parseCredential(cursor: Cursor): Value {
  const text = asText(cursor);
  return text.startsWith("$")
    ? { kind: "text-variable", name: asVariable(cursor, "text") }
    : { kind: "text", text };
}

function parseWireStep(table: WireTable, cursor: Cursor, speaker: Speaker): WireStep {
  const map = asMap(cursor, [speaker, ...wireKeys], [speaker]);
  const content = map[speaker] ?? cursor;
  const acts = Array.isArray(content.value)
    ? asList(content, 1).map((item) => parseAct(table, item, true))
    : [parseAct(table, content, false)];
  const quiet = acts.some((act) => act.kind === "quiet");
  if (quiet && map["for"] === undefined) fail(cursor, 'quiet needs "for": how long');
  if (!quiet && map["for"] !== undefined) fail(map["for"], 'only quiet takes "for"');
  if (map["share"] !== undefined && map["for"] === undefined && map["at"] === undefined)
    fail(map["share"], 'is a share of "for" or "at", and both are missing');
  if (map["since"] !== undefined && map["at"] === undefined)
    fail(map["since"], 'goes with "at", which is missing');
  if (map["illegal"] !== undefined && map["free"] !== undefined)
    fail(map["free"], "what is illegal is not free");
  if (map["optional"] !== undefined) {
    if (acts.length !== 1 || acts[0]?.kind !== "frame")
      fail(map["optional"], "only a step of one frame is optional");
    for (const key of ["illegal", "free", "at", "mark"] as const)
      if (map[key] !== undefined) fail(map[key], "does not go with optional");
  }
  const ending = acts.findIndex((act) => act.kind === "end" || act.kind === "reset");
  if (ending !== -1 && ending !== acts.length - 1)
    fail(content, "nothing can follow end or reset in one write");
  return {
    kind: "wire",
    speaker,
    acts,
    illegal: map["illegal"] !== undefined && asTrue(map["illegal"]),
    free: map["free"] !== undefined && asTrue(map["free"]),
    optional: map["optional"] !== undefined && asTrue(map["optional"]),
    at:
      map["at"] === undefined
        ? undefined
        : {
            amount: asAmount(map["at"]),
            share: map["share"] === undefined ? 1 : parseShare(map["share"], map["at"]),
          },
    since: map["since"] === undefined ? undefined : asName(map["since"]),
    mark: map["mark"] === undefined ? undefined : asName(map["mark"]),
    lasts:
      map["for"] === undefined
        ? undefined
        : { amount: asAmount(map["for"]), share: parseShare(map["share"], map["for"]) },
    line: lineOf(cursor),
  };
}

// A variable stands for a deadline, so the usual share of it is half; a number stands for itself.
function parseShare(cursor: Cursor | undefined, lasts: Cursor): number {
  if (cursor === undefined) return typeof lasts.value === "number" ? 1 : 0.5;
  return asShare(cursor);
}

export function asShare(cursor: Cursor): number {
  const { value } = cursor;
  if (typeof value !== "number" || value <= 0 || value > 1) fail(cursor, "must be a number above 0, up to 1");
  return value;
}

function parseAct(table: WireTable, cursor: Cursor, inList: boolean): Act {
  const { value } = cursor;
  if (value === "end" || value === "reset") return { kind: value };
  if (value === "closed" || value === "quiet") {
    if (inList) fail(cursor, `${value} can't stand in a list`);
    return { kind: value };
  }
  if (!isMapping(value)) fail(cursor, "must be end, reset, closed, quiet, or a map such as { PING: $any }");
  if ("raw" in value) {
    const hex = asHex(asMap(cursor, ["raw"])["raw"] ?? cursor);
    if (hex === "") fail(cursor, "raw must have at least one byte");
    return { kind: "raw", hex };
  }
  if ("cut" in value) return parseCut(table, cursor);
  if ("altered" in value) return parseAltered(table, cursor);
  if ("repeat" in value) {
    if (!inList) fail(cursor, "repeat stands in a list: [{ repeat: 3, of: … }]");
    const map = asMap(cursor, ["repeat", "of"], ["repeat", "of"]);
    return {
      kind: "repeat",
      times: asAmount(map["repeat"] ?? cursor),
      of: parseFrame(table, map["of"] ?? cursor),
    };
  }
  if ("extension" in value) {
    const at = asMap(cursor, ["extension"])["extension"] ?? cursor;
    const map = asMap(at, ["type", "length"], ["type", "length"]);
    const { first, last } = table.extension;
    const length = asAmount(map["length"] ?? at);
    if (length.kind === "literal" && length.value < 1)
      fail(at, "length counts the type, so it is at least 1");
    return { kind: "extension", type: asInteger(map["type"] ?? at, first, last), length };
  }
  if ("closes" in value) {
    if (inList) fail(cursor, "closes can't stand in a list");
    const code = asText(asMap(cursor, ["closes"])["closes"] ?? cursor);
    if (!table.errors.some((error) => error.name === code))
      fail(cursor, `"${code}" is none of the codes ${table.errors.map((error) => error.name).join(", ")}`);
    return { kind: "closes", code };
  }
  return parseFrame(table, cursor);
}

function parseFrame(table: WireTable, cursor: Cursor): FrameAct {
  const names = table.frames.map((frame) => frame.name);
  const map = asMap(cursor, names);
  const [name, ...more] = Object.keys(map);
  if (name === undefined || more.length > 0) fail(cursor, "must name exactly one frame");
  const frame = frameNamed(table, name);
  const fields = map[name];
  if (frame === undefined || fields === undefined) fail(cursor, `there is no frame ${name}`);
  return { kind: "frame", frame, values: parseFields(table, frame.fields, fields) };
}

function parseCut(table: WireTable, cursor: Cursor): Act {
  const map = asMap(cursor, ["cut", "bytes", "from"], ["cut"]);
  const of = parseFrame(table, map["cut"] ?? cursor);
  if (map["bytes"] === undefined && map["from"] === undefined) fail(cursor, 'cut needs "bytes" or "from"');
  const limit = 0xffffffff;
  const from = map["from"] === undefined ? 0 : asInteger(map["from"], 1, limit);
  if (map["bytes"] === undefined) return { kind: "cut", of, from, to: undefined };
  const bytes = asInteger(map["bytes"], -limit, limit);
  if (bytes === 0) fail(map["bytes"], "0 bytes are nothing to send");
  if (bytes < 0 && from > 0) fail(map["bytes"], 'must be above 0 beside "from"');
  return { kind: "cut", of, from, to: bytes < 0 ? bytes : from + bytes };
}

function parseAltered(table: WireTable, cursor: Cursor): Act {
  const map = asMap(cursor, ["altered", "add", "drop"], ["altered"]);
  if ((map["add"] === undefined) === (map["drop"] === undefined))
    fail(cursor, 'altered needs either "add" or "drop"');
  const add = map["add"] === undefined ? "" : asHex(map["add"]);
  if (map["add"] !== undefined && add === "") fail(map["add"], "must add at least one byte");
  return {
    kind: "altered",
    of: parseFrame(table, map["altered"] ?? cursor),
    add,
    drop: map["drop"] === undefined ? 0 : asInteger(map["drop"], 1, 0xffff),
  };
}
