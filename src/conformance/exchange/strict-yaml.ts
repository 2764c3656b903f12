// YAML as the exchanges are written in: version 1.2, no duplicate keys, anchors, aliases, tags or unknown
// keys. Values come as cursors, which know where they stand, so that an error says file, line and path.

import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";

export class ExchangeError extends Error {
  readonly file: string;
  readonly line: number | undefined;
  readonly path: string;

  constructor(file: string, line: number | undefined, path: string, problem: string) {
    const place = line === undefined ? file : `${file}:${line}`;
    super(path === "" ? `${place}: ${problem}` : `${place}: ${path}: ${problem}`);
    this.name = "ExchangeError";
    this.file = file;
    this.line = line;
    this.path = path;
  }
}

type Path = readonly (string | number)[];

export interface Cursor {
  readonly value: unknown;
  readonly path: Path;
  readonly source: { readonly file: string; readonly lineOf: (path: Path) => number | undefined };
}

export function parseStrictYaml(text: string, file: string): Cursor {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    strict: true,
    uniqueKeys: true,
    merge: false,
    prettyErrors: false,
    lineCounter: counter,
  });
  const lineAt = (offset: number | undefined): number | undefined =>
    offset === undefined ? undefined : counter.linePos(offset).line;
  const refuse = (offset: number | undefined, problem: string): never => {
    throw new ExchangeError(file, lineAt(offset), "", problem);
  };
  const [complaint] = [...document.errors, ...document.warnings];
  if (complaint !== undefined) refuse(complaint.pos[0], complaint.message);
  if (document.directives?.docStart === true && document.directives.yaml.explicit === true)
    if (document.directives.yaml.version !== "1.2") refuse(0, "write YAML 1.2");
  visit(document, {
    Node(_key, node) {
      const offset = node.range?.[0];
      if (isAlias(node)) refuse(offset, "aliases are not allowed; write the value out");
      if ("anchor" in node && node.anchor !== undefined) refuse(offset, "anchors are not allowed");
      if (node.tag !== undefined) refuse(offset, `tags such as ${node.tag} are not allowed`);
    },
    Pair(_key, pair) {
      if (isScalar(pair.key) && typeof pair.key.value === "string") return;
      refuse(isNode(pair.key) ? pair.key.range?.[0] : undefined, "keys must be texts");
    },
  });
  const lineOf = (path: Path): number | undefined => {
    let node: unknown = document.contents;
    let offset = isNode(node) ? node.range?.[0] : undefined;
    for (const segment of path) {
      if (isMap(node)) {
        const pair = node.items.find((pair) => isScalar(pair.key) && pair.key.value === segment);
        if (pair === undefined) break;
        offset = isNode(pair.key) ? pair.key.range?.[0] : offset;
        node = pair.value;
      } else if (isSeq(node) && typeof segment === "number") {
        node = node.items[segment];
        offset = isNode(node) ? node.range?.[0] : offset;
      } else break;
    }
    return lineAt(offset);
  };
  return { value: document.toJS() as unknown, path: [], source: { file, lineOf } };
}

export function fail(cursor: Cursor, problem: string): never {
  const { file, lineOf } = cursor.source;
  throw new ExchangeError(file, lineOf(cursor.path), pathText(cursor.path), problem);
}

export function lineOf(cursor: Cursor): number {
  return cursor.source.lineOf(cursor.path) ?? 0;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function child(cursor: Cursor, key: string | number): Cursor {
  const holder = cursor.value as Record<string | number, unknown>;
  return { value: holder[key], path: [...cursor.path, key], source: cursor.source };
}

export function asMap(
  cursor: Cursor,
  allowed: readonly string[],
  required: readonly string[] = [],
): Partial<Record<string, Cursor>> {
  if (!isMapping(cursor.value)) fail(cursor, `must be a map with keys out of ${allowed.join(", ")}`);
  for (const key of Object.keys(cursor.value))
    if (!allowed.includes(key))
      fail(child(cursor, key), `unknown key "${key}"; allowed here: ${allowed.join(", ") || "none"}`);
  for (const key of required)
    if (!Object.hasOwn(cursor.value, key)) fail(cursor, `the key "${key}" is missing`);
  return Object.fromEntries(Object.keys(cursor.value).map((key) => [key, child(cursor, key)]));
}

export function asList(cursor: Cursor, least: number): Cursor[] {
  if (!Array.isArray(cursor.value)) fail(cursor, "must be a list");
  if (cursor.value.length < least)
    fail(cursor, `must have at least ${least} element${least === 1 ? "" : "s"}`);
  return cursor.value.map((_value, index) => child(cursor, index));
}

export function asText(cursor: Cursor): string {
  if (typeof cursor.value !== "string") fail(cursor, "must be a text; quote it");
  if (cursor.value === "") fail(cursor, "must not be empty");
  return cursor.value;
}

export function asInteger(cursor: Cursor, low: number, high: number): number {
  const { value } = cursor;
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    fail(cursor, "must be a whole number, not quoted");
  if (value < low || value > high) fail(cursor, `must be between ${low} and ${high}`);
  return value;
}

export function asTrue(cursor: Cursor): true {
  if (cursor.value !== true) fail(cursor, "must be true, or left out");
  return true;
}

function pathText(path: Path): string {
  return path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join("");
}
