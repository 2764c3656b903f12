// JSON (RFC 8259) for files that people edit and programs rewrite. JSON.parse isn't enough for these:
//
// - it takes the last of two equal keys, so that a user pasted twice would silently lose one password;
// - it turns objects into JavaScript objects, which reorder keys that look like numbers and treat
//   "__proto__" as special in too many places: here an object is a Map;
// - it rounds numbers that it can't hold, so that rewriting a file would change fields that aren't ours:
//   here such a number keeps its text.
//
// Errors give line and column and never quote the text, which may be a secret.

import { CredentialError } from "./error.ts";
import { maxJsonDepth } from "./limits.ts";

export type JsonObject = Map<string, JsonValue>;
export type JsonValue = null | boolean | number | string | JsonNumber | JsonValue[] | JsonObject;

/** A number that a JavaScript number wouldn't give back as it was written. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export function parseJson(text: string): JsonValue {
  const reader = new Reader(text);
  const value = readValue(reader, "$", 0);
  if (reader.peek() !== "") throw reader.fault("expected the end of the file");
  return value;
}

export function encodeJson(value: JsonValue, indent = ""): string {
  if (value instanceof JsonNumber) return value.text;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => `${inner}${encodeJson(item, inner)}`);
    return items.length === 0 ? "[]" : `[\n${items.join(",\n")}\n${indent}]`;
  }
  if (value instanceof Map) {
    const members = Array.from(
      value,
      ([key, item]) => `${inner}${JSON.stringify(key)}: ${encodeJson(item, inner)}`,
    );
    return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`;
  }
  return JSON.stringify(value);
}

/** One step of a JSON path, in printable ASCII whatever the key holds: `.users` or `["a b"]`. */
export function pathStep(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  if (/^[A-Za-z_]\w*$/.test(key)) return `.${key}`;
  const escaped = JSON.stringify(key).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `[${escaped}]`;
}

const whitespace = /[ \t\n\r]*/y;
const quote = /"/y;
// eslint-disable-next-line no-control-regex -- control characters are what JSON wants escaped
const plainRun = /[^"\\\u0000-\u001f]*/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const escaped: ReadonlyMap<string, string> = new Map([
  ["\\b", "\b"],
  ["\\f", "\f"],
  ["\\n", "\n"],
  ["\\r", "\r"],
  ["\\t", "\t"],
]);
const words: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const numberLiteral = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null/y;

class Reader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character that isn't white space, or "" at the end. */
  peek(): string {
    this.match(whitespace);
    return this.#text.charAt(this.#position);
  }

  take(character: string): boolean {
    if (this.peek() !== character) return false;
    this.#position += 1;
    return true;
  }

  /** Takes what the sticky expression matches here. */
  match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#position;
    const found = expression.exec(this.#text)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  fault(reason: string): CredentialError {
    const lines = this.#text.slice(0, this.#position).split("\n");
    const column = (lines.at(-1)?.length ?? 0) + 1;
    return new CredentialError("json-invalid", `line ${lines.length}, column ${column}: ${reason}`);
  }
}

function readValue(reader: Reader, path: string, depth: number): JsonValue {
  if (depth > maxJsonDepth) throw reader.fault(`more than ${maxJsonDepth} levels at ${path}`);
  switch (reader.peek()) {
    case "{":
      return readObject(reader, path, depth);
    case "[":
      return readArray(reader, path, depth);
    case '"':
      return readString(reader);
    case "t":
    case "f":
    case "n":
      return readWord(reader);
    default:
      return readNumber(reader);
  }
}

function readObject(reader: Reader, path: string, depth: number): JsonObject {
  const object: JsonObject = new Map();
  reader.take("{");
  if (reader.take("}")) return object;
  do {
    if (reader.peek() !== '"') throw reader.fault(`expected a key in double quotes at ${path}`);
    const key = readString(reader);
    const inner = `${path}${pathStep(key)}`;
    if (object.has(key)) throw reader.fault(`the key ${inner} occurs twice`);
    if (!reader.take(":")) throw reader.fault(`expected ":" at ${inner}`);
    object.set(key, readValue(reader, inner, depth + 1));
  } while (reader.take(","));
  if (!reader.take("}")) throw reader.fault(`expected "," or "}" at ${path}`);
  return object;
}

function readArray(reader: Reader, path: string, depth: number): JsonValue[] {
  const array: JsonValue[] = [];
  reader.take("[");
  if (reader.take("]")) return array;
  do {
    array.push(readValue(reader, `${path}${pathStep(array.length)}`, depth + 1));
  } while (reader.take(","));
  if (!reader.take("]")) throw reader.fault(`expected "," or "]" at ${path}`);
  return array;
}

/** Piece by piece: one expression for a whole string runs out of stack on a long one. */
function readString(reader: Reader): string {
  reader.match(quote);
  let text = "";
  for (;;) {
    text += reader.match(plainRun) ?? "";
    const sequence = reader.match(escape);
    if (sequence === undefined) break;
    text += unescape(sequence);
  }
  if (reader.match(quote) === undefined) {
    throw reader.fault("this string is not closed, or holds what must be escaped");
  }
  return text;
}

function unescape(sequence: string): string {
  if (sequence.startsWith("\\u")) return String.fromCharCode(Number.parseInt(sequence.slice(2), 16));
  return escaped.get(sequence) ?? sequence.slice(1);
}

function readWord(reader: Reader): JsonValue {
  const value = words.get(reader.match(word) ?? "");
  if (value === undefined) throw reader.fault("expected a value");
  return value;
}

function readNumber(reader: Reader): JsonValue {
  const literal = reader.match(numberLiteral);
  if (literal === undefined) throw reader.fault("expected a value");
  const value = Number(literal);
  return String(value) === literal ? value : new JsonNumber(literal);
}
