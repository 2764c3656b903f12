// The shape of an exchange file as JSON Schema 2020-12, drawn from the wire table, for editors and for
// runners in other languages. What spans several steps only the loader checks. spec/exchange.schema.json
// is its output; a test fails when that is stale.

import { connections } from "./exchange.ts";
import { variables } from "./profile.ts";
import { integerWidth, prefixWidth, type Field, type FrameKind, type WireTable } from "../wire/wire-table.ts";

type Schema = Readonly<Record<string, unknown>>;

const word = "[a-z][a-z0-9]*(-[a-z0-9]+)*";
const ref = (name: string): Schema => ({ $ref: `#/$defs/${name}` });
const oneOf = (...schemas: Schema[]): Schema => ({ oneOf: schemas });

function record(properties: Record<string, Schema>, required = Object.keys(properties)): Schema {
  return { type: "object", properties, required, additionalProperties: false };
}

function variableNames(type: "text" | "number"): string[] {
  return Object.entries(variables)
    .filter(([, of]) => of === type)
    .map(([name]) => `$${name}`);
}

export function exchangeSchema(table: WireTable): Schema {
  const name = ref("name");
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "TalkByte exchange",
    ...record(
      {
        id: name,
        title: { type: "string", minLength: 1, pattern: "[^.]$" },
        covers: {
          type: "array",
          minItems: 1,
          uniqueItems: true,
          items: { type: "string", pattern: "^TB-[A-Z]+-[1-9][0-9]*$" },
        },
        needs: {
          type: "array",
          minItems: 1,
          items: oneOf(
            ref("variable"),
            record({ var: ref("number-variable"), equals: ref("number") }),
            record({ var: ref("number-variable"), outlasts: ref("number-variable"), share: ref("share") }, [
              "var",
              "outlasts",
            ]),
          ),
        },
        tags: { type: "array", minItems: 1, uniqueItems: true, items: name },
        probe: name,
        connection: { enum: [...connections] },
        steps: {
          type: "array",
          minItems: 1,
          items: oneOf(
            ref("client-step"),
            ref("server-step"),
            ref("app-step"),
            ref("operator-step"),
            ref("fork"),
          ),
        },
      },
      ["id", "title", "covers", "steps"],
    ),
    $defs: { ...valueDefinitions(table), ...stepDefinitions(table), ...frameDefinitions(table) },
  };
}

function valueDefinitions(table: WireTable): Record<string, Schema> {
  return {
    name: { type: "string", pattern: `^${word}$` },
    hex: { type: "string", pattern: "^\\s*([0-9a-fA-F]\\s*[0-9a-fA-F]\\s*)*$" },
    "some-hex": { allOf: [ref("hex"), { pattern: "[0-9a-fA-F]" }] },
    share: { type: "number", exclusiveMinimum: 0, maximum: 1 },
    number: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    variable: { enum: [...variableNames("text"), ...variableNames("number")] },
    "text-variable": { enum: variableNames("text") },
    "number-variable": { enum: variableNames("number") },
    amount: oneOf(
      ref("number"),
      ref("number-variable"),
      record({
        var: ref("number-variable"),
        minus: { type: "integer", minimum: -0xffffffff, maximum: 0xffffffff },
      }),
    ),
    text: oneOf({ type: "string", pattern: "^[^$]" }, { const: "" }, ref("text-variable")),
    "bytes-form": oneOf(
      record({ hex: ref("hex") }),
      record({ repeat: ref("some-hex"), times: ref("amount") }),
      record({ bytes: { const: "all" } }),
      record({ ref: ref("name") }),
    ),
    "peer-form": oneOf(
      record(
        {
          capture: ref("name"),
          not: { type: "array", minItems: 1, items: ref("name") },
          length: { type: "integer", minimum: 1, maximum: 0xffff },
        },
        ["capture"],
      ),
      record({ computed: ref("name") }),
    ),
    "number-form": oneOf(
      record({ ref: ref("name") }),
      record({ between: { type: "array", minItems: 2, maxItems: 2, items: ref("amount") } }),
      record({ count: ref("amount") }),
    ),
    any: { const: "$any" },
    "error-code": { enum: table.errors.map((code) => code.name) },
  };
}

function stepDefinitions(table: WireTable): Record<string, Schema> {
  const branch = oneOf(ref("client-step"), ref("server-step"), ref("app-step"), ref("operator-step"));
  const cut = { cut: ref("frame"), from: { type: "integer", minimum: 1, maximum: 0xffffffff } };
  const length = { type: "integer", maximum: 0xffffffff };
  return {
    frame: oneOf(...table.frames.map((frame) => record({ [frame.name]: ref(`frame-${frame.name}`) }))),
    act: oneOf(
      ref("frame"),
      { enum: ["end", "reset"] },
      record({ raw: ref("some-hex") }),
      record({ cut: ref("frame"), bytes: { ...length, minimum: -0xffffffff, not: { const: 0 } } }),
      record({ ...cut, bytes: { ...length, minimum: 1 } }, ["cut", "from"]),
      record({ altered: ref("frame"), add: ref("some-hex") }),
      record({ altered: ref("frame"), drop: { type: "integer", minimum: 1, maximum: 0xffff } }),
      record({
        extension: record({
          type: { type: "integer", minimum: table.extension.first, maximum: table.extension.last },
          length: { allOf: [ref("amount"), { not: { const: 0 } }] },
        }),
      }),
    ),
    content: oneOf(ref("act"), { enum: ["closed", "quiet"] }, record({ closes: ref("error-code") }), {
      type: "array",
      minItems: 1,
      items: oneOf(ref("act"), record({ repeat: ref("amount"), of: ref("frame") })),
    }),
    "client-step": wireStep("C"),
    "server-step": wireStep("S"),
    "app-step": record({
      app: oneOf(
        { enum: ["ping", "stop", "end"] },
        record({ login: record({ username: ref("credential"), password: ref("credential") }) }),
        record({ send: oneOf(ref("text"), ref("bytes-form")) }),
      ),
    }),
    "operator-step": record({ operator: { const: "stop" } }),
    credential: oneOf({ type: "string", pattern: "^[^$]" }, ref("text-variable")),
    fork: record(
      {
        "one-of": {
          type: "object",
          minProperties: 2,
          patternProperties: { [`^${word}$`]: { type: "array", minItems: 1, items: branch } },
          additionalProperties: false,
        },
        "advised-against": { type: "array", minItems: 1, items: ref("name") },
      },
      ["one-of"],
    ),
  };
}

function wireStep(speaker: "C" | "S"): Schema {
  return {
    ...record(
      {
        [speaker]: ref("content"),
        illegal: { const: true },
        free: { const: true },
        optional: { const: true },
        at: ref("amount"),
        since: ref("name"),
        mark: ref("name"),
        for: ref("amount"),
        share: ref("share"),
      },
      [speaker],
    ),
    not: { required: ["illegal", "free"] },
    dependentRequired: { since: ["at"] },
    dependentSchemas: { share: { anyOf: [{ required: ["for"] }, { required: ["at"] }] } },
    // `quiet` and `for` go together.
    if: { properties: { [speaker]: { const: "quiet" } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { required: ["for"] },
    else: { properties: { for: false } },
  };
}

function frameDefinitions(table: WireTable): Record<string, Schema> {
  return Object.fromEntries(table.frames.map((frame) => [`frame-${frame.name}`, frameSchema(table, frame)]));
}

function frameSchema(table: WireTable, frame: FrameKind): Schema {
  return oneOf(ref("any"), fieldsSchema(table, frame.fields));
}

function fieldsSchema(table: WireTable, fields: readonly Field[]): Schema {
  return record(Object.fromEntries(fields.map((field) => [field.name, fieldSchema(table, field)])), []);
}

function fieldSchema(table: WireTable, field: Field): Schema {
  if (field.type === "list8")
    return oneOf(ref("any"), {
      type: "array",
      items: oneOf(ref("any"), fieldsSchema(table, field.fields ?? [])),
    });
  const width = integerWidth(field.type);
  const fixed = width ?? field.length;
  const flipped =
    fixed === undefined
      ? []
      : [record({ ref: ref("name"), flip: { type: "integer", minimum: 0, maximum: fixed - 1 } })];
  if (width === undefined) {
    const prefix = prefixWidth(field.type);
    const most = prefix === undefined ? {} : { maxLength: 2 ** (8 * prefix) - 1 };
    // "$any" is no text, for a text can't begin with $.
    return oneOf(ref("any"), { allOf: [ref("text"), most] }, ref("bytes-form"), ref("peer-form"), ...flipped);
  }
  const names = field.codes === undefined ? [] : [{ enum: table[field.codes].map((code) => code.name) }];
  const bounds =
    width === 8 ? {} : { anyOf: [{ not: { type: "integer" } }, { maximum: 2 ** (8 * width) - 1 }] };
  return oneOf(
    ref("any"),
    ...names,
    { allOf: [ref("amount"), bounds] },
    ref("number-form"),
    ref("peer-form"),
    ...flipped,
  );
}
