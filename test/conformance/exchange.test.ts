import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { exchangeSchema } from "../../src/conformance/exchange/exchange-schema.ts";
import { parseExchange } from "../../src/conformance/exchange/exchange.ts";
import { loadCatalog } from "../../src/conformance/exchange/catalog.ts";
import { ExchangeError } from "../../src/conformance/exchange/strict-yaml.ts";
import { specFolder, wireTable } from "../../src/conformance/wire/wire-table.ts";
import { exchangeOf, exchangeText, login } from "./exchange-text.ts";

const schemaText = readFileSync(new URL("exchange.schema.json", specFolder), "utf8");
const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(
  JSON.parse(schemaText) as object,
);

function errorOf(text: string): ExchangeError {
  try {
    parseExchange(text, "made-up.yaml");
  } catch (error) {
    if (error instanceof ExchangeError) return error;
    throw error;
  }
  throw new Error("the loader took it");
}

const zero = '- C: { raw: "00000000" }\n  illegal: true\n- S: { closes: malformed }';

describe("the loader", () => {
  it("reads an exchange into typed steps", () => {
    const exchange = exchangeOf(`${login}\n- C: [{ MESSAGE: { id: 1, payload: x } }, { STOP: $any }, end]`);
    expect(exchange.roles).toEqual(["server", "client"]);
    expect(exchange.variables).toEqual(["password", "username"]);
    expect(exchange.probe).toBeUndefined();
    const last = exchange.steps.at(-1);
    expect(last?.kind === "wire" && last.acts.map((act) => act.kind)).toEqual(["frame", "frame", "end"]);
  });

  it("gives an exchange with an illegal step echo-basic as its probe", () => {
    expect(exchangeOf(zero).probe).toBe("echo-basic");
    expect(exchangeOf(zero, "probe: other\n").probe).toBe("other");
  });

  it("says file, line, path and problem", () => {
    const error = errorOf(exchangeText("- C: { PING: $any }\n- S: { PONG: { dat: $any } }"));
    expect(error.message).toBe('made-up.yaml:6: steps[1].S.PONG.dat: unknown key "dat"; allowed here: data');
    expect(error.line).toBe(6);
  });

  it.each([
    ["- C: { HELLO: $any }\n- S: { WELCOME: $any }", ["server"]],
    [login, ["server", "client"]],
    [`${login}\n- S: { PING: $any }\n  free: true\n- C: { PONG: $any }`, ["client"]],
    [`${login}\n- S: { raw: "00000000" }\n  illegal: true\n- C: { closes: malformed }`, ["client"]],
    [`- C: { extension: { type: 0x80, length: 1 } }\n- S: { closes: unexpected-frame }`, ["server"]],
    [`- C: { cut: { HELLO: $any }, bytes: 3 }\n- S: closed`, ["server"]],
  ])("derives whom a file can test: %#", (steps, roles) => {
    expect(exchangeOf(steps).roles).toEqual(roles);
  });

  // What spans steps, or needs the file's name, only the loader sees.
  it.each([
    [
      "another name than the file's",
      "id: other\ntitle: T\ncovers: [TB-X-1]\nsteps: [{ C: { PING: $any } }]",
      "file's name",
    ],
    ["illegal on both sides", exchangeText(`${zero}\n- S: { PING: $any }\n  illegal: true`), "both sides"],
    ["nobody to test", exchangeText('- C: { raw: "00" }\n- S: { raw: "00" }'), "tests nobody"],
    ["useless app steps", exchangeText(`- app: ping\n${zero}`), "never used"],
    [
      "a ref before its capture",
      exchangeText("- C: { PING: { data: { ref: a } } }\n- S: { PONG: $any }"),
      "captures",
    ],
    [
      "a capture from another branch",
      exchangeText(
        "- S:  { PING: $any }\n- one-of: { a: [{ S: { PONG: { data: { capture: x } } } }], b: [{ S: end }] }\n- S: { PONG: { data: { ref: x } } }",
      ),
      "captures",
    ],
    [
      "a capture twice",
      exchangeText("- S: [{ PONG: { data: { capture: x } } }, { PONG: { data: { capture: x } } }]"),
      "again",
    ],
    [
      "a capture beside repeat",
      exchangeText("- S: [{ repeat: 2, of: { PONG: { data: { capture: x } } } }]"),
      "repeat",
    ],
    [
      "a count outside repeat",
      exchangeText("- S: { STOPPED: { accepted: { count: 1 } } }"),
      "outside repeat",
    ],
    [
      "not before its capture",
      exchangeText("- S: { PONG: { data: { capture: x, not: [y] } } }"),
      "captures it",
    ],
    ["since an unknown mark", exchangeText("- S: closed\n  at: $idle-ms\n  since: later"), "marks"],
    ["a mark twice", exchangeText("- S: { PING: $any }\n  mark: a\n- S: { PING: $any }\n  mark: a"), "again"],
    ["branches of two sides", exchangeText("- one-of: { a: [{ S: end }], b: [{ C: end }] }"), "same side"],
    [
      "a branch that begins with raw",
      exchangeText('- one-of: { a: [{ C: end }], b: [{ C: { raw: "00" } }] }\n- S: end'),
      "must begin",
    ],
    [
      "branches in a branch",
      exchangeText("- one-of: { a: [{ S: end }], b: [{ one-of: { c: [{ S: end }], d: [{ S: end }] } }] }"),
      "again",
    ],
    [
      "an optional step with nothing after it",
      exchangeText("- S: { PING: $any }\n  optional: true\n- C: { PONG: $any }"),
      "same side",
    ],
    ["end in the middle of a write", exchangeText("- S: [end, { PING: $any }]"), "nothing can follow"],
    [
      "a range upside down",
      exchangeText("- S: { STOPPED: { accepted: { between: [2, 1] } } }"),
      "low is above high",
    ],
    [
      "more bytes than a string8 takes",
      exchangeText('- S: { ERROR: { detail: { repeat: "61", times: 256 } } }'),
      "do not fit",
    ],
    ["a probe of itself", exchangeText(zero, "probe: made-up\n"), "own probe"],
    [
      "advised against every branch",
      exchangeText("- one-of: { a: [{ S: end }], b: [{ S: reset }] }\n  advised-against: [a, b]"),
      "one branch",
    ],
    [
      "advised against no branch",
      exchangeText("- one-of: { a: [{ S: end }], b: [{ S: reset }] }\n  advised-against: [c]"),
      "no branch",
    ],
    ["YAML 1.1", `%YAML 1.1\n---\n${exchangeText(zero)}`, "1.2"],
    ["a duplicate key", exchangeText(zero, "title: again\n"), "unique"],
    ["an anchor", exchangeText("- &a { S: end }"), "anchors"],
    ["an alias", exchangeText("- S: &a end\n- S: *a"), "a"],
    ["a tag", exchangeText("- S: !!str end"), "tags"],
    ["two documents", `${exchangeText(zero)}---\n${exchangeText(zero)}`, "document"],
    ["a key that is no text", exchangeText("- { 1: end }"), "texts"],
    ["no YAML at all", "id: [", "made-up.yaml:1"],
  ])("refuses %s", (_name, text, problem) => {
    expect(errorOf(text).message).toContain(problem);
  });
});

describe("the schema", () => {
  it("is what the wire table gives", () => {
    expect(JSON.parse(schemaText)).toEqual(JSON.parse(JSON.stringify(exchangeSchema(wireTable()))));
  });

  it("accepts every exchange", () => {
    for (const { file, id } of loadCatalog().exchanges)
      expect([id, validate(parse(readFileSync(file, "utf8"))), validate.errors]).toEqual([id, true, null]);
  });

  it.each([
    zero,
    login,
    "- S: quiet\n  for: $idle-ms\n  share: 0.25",
    "- S: quiet\n  for: 200",
    "- S: closed\n  at: { var: $idle-ms, minus: 5 }\n  since: start",
    "- S: { REFUSED: { reason: 200, tries-left: { between: [0, $tries] }, retry-after-ms: { var: $login-ms, minus: 1 } } }",
    '- S: { REPLY: { id: { capture: a }, payload: { repeat: "61 62", times: $max-frame-bytes } } }\n- S: { REPLY: { id: { capture: b, not: [a] }, payload: { bytes: all } } }',
    '- C: { altered: { STOP: $any }, add: "00" }\n- S: closed',
    "- C: { altered: { PING: $any }, drop: 1 }\n- S: closed",
    "- C: { cut: { PING: $any }, from: 2, bytes: 3 }\n- S: closed",
    "- C: { cut: { PING: $any }, from: 2 }\n- S: closed",
    "- C: { extension: { type: 0xff, length: { var: $max-frame-bytes, minus: 0 } } }\n- S: closed",
    "- S: [{ repeat: $tries, of: { REPLY: { id: { count: 1 } } } }, reset]",
    "- S: { PING: $any }\n  optional: true\n- S: end",
    "- S: { WELCOME: { mechanisms: [{ name: A, parameters: { computed: setup } }, $any] } }",
    '- app: { send: "" }\n- S: { ERROR: { detail: "" } }\n- C: { PING: { data: { hex: "" } } }'.replace(
      '{ hex: "" }',
      '{ hex: "0102030405060708" }',
    ),
    "- one-of: { a: [{ S: quiet, for: 5 }], b: [{ S: reset }] }\n  advised-against: [a]",
  ])("and the loader accept the same files: %#", (steps) => {
    const text = exchangeText(steps);
    expect(() => parseExchange(text, "made-up.yaml")).not.toThrow();
    expect([validate(parse(text)), validate.errors]).toEqual([true, null]);
  });

  it.each([
    ["no steps", "id: made-up\ntitle: T\ncovers: [TB-X-1]\n"],
    ["an empty list of steps", "id: made-up\ntitle: T\ncovers: [TB-X-1]\nsteps: []\n"],
    ["a list at the top", "- 1\n"],
    ["no cover", exchangeText(zero).replace("[TB-DEMO-1]", "[]")],
    ["a cover that is no id", exchangeText(zero).replace("TB-DEMO-1", "FRAME-1")],
    ["a cover twice", exchangeText(zero).replace("[TB-DEMO-1]", "[TB-DEMO-1, TB-DEMO-1]")],
    ["a title with a full stop", exchangeText(zero).replace("a test", "a test.")],
    ["an id in capitals", exchangeText(zero).replace("made-up", "Made-Up")],
    ["an unknown key", exchangeText(zero, "kind: test\n")],
    ["a number as a tag", exchangeText(zero, "tags: [1]\n")],
    ["an unknown need", exchangeText(zero, "needs: [$colour]\n")],
    ["a need of a text's value", exchangeText(zero, "needs: [{ var: $username, equals: 3 }]\n")],
    ["a need of nothing", exchangeText(zero, "needs: [{ var: $tries }]\n")],
    [
      "a need of two kinds",
      exchangeText(zero, "needs: [{ var: $idle-ms, equals: 3, outlasts: $frame-ms }]\n"),
    ],
    [
      "a need with a share of nothing",
      exchangeText(zero, "needs: [{ var: $tries, equals: 3, share: 0.5 }]\n"),
    ],
    ["a flip without a ref", exchangeText("- S: { PONG: { data: { flip: 0 } } }")],
    ["a flip past a number's end", exchangeText("- S: { REPLY: { id: { ref: a, flip: 4 } } }")],
    ["a flip past the end of bytes", exchangeText("- S: { PONG: { data: { ref: a, flip: 8 } } }")],
    ["a flip before the first byte", exchangeText("- S: { PONG: { data: { ref: a, flip: -1 } } }")],
    ["a flip where the length is open", exchangeText("- S: { REPLY: { payload: { ref: a, flip: 0 } } }")],
    ["a step that is a text", exchangeText("- end")],
    ["a step of two speakers", exchangeText("- S: end\n  C: end")],
    ["a step of no speaker", exchangeText("- illegal: true")],
    ["an unknown option", exchangeText("- S: end\n  within: 3")],
    ["illegal: false", exchangeText("- S: end\n  illegal: false")],
    ["illegal and free", exchangeText("- S: end\n  illegal: true\n  free: true")],
    ["quiet without for", exchangeText("- S: quiet")],
    ["for without quiet", exchangeText("- S: end\n  for: 5")],
    ["since without at", exchangeText("- S: end\n  since: start")],
    ["a share above 1", exchangeText("- S: quiet\n  for: 5\n  share: 1.5")],
    ["share without for", exchangeText("- S: end\n  share: 0.5")],
    ["at a text variable", exchangeText("- S: end\n  at: $username")],
    ["an empty write", exchangeText("- S: []")],
    ["closes in a list", exchangeText("- S: [{ closes: malformed }]")],
    ["quiet in a list", exchangeText("- S: [quiet]\n  for: 5")],
    ["repeat outside a list", exchangeText("- S: { repeat: 2, of: { PONG: $any } }")],
    ["repeat of two frames", exchangeText("- S: [{ repeat: 2, of: { PONG: $any, PING: $any } }]")],
    ["an unknown code", exchangeText("- S: { closes: broken }")],
    ["an unknown code in a field", exchangeText("- S: { REFUSED: { reason: never } }")],
    ["an unknown frame", exchangeText("- S: { GOODBYE: $any }")],
    ["an unknown field", exchangeText("- S: { PONG: { dat: $any } }")],
    ["an unknown variable", exchangeText("- S: { REPLY: { payload: $colour } }")],
    ["a text for a number", exchangeText("- S: { REPLY: { id: one } }")],
    ["a number for bytes", exchangeText("- S: { REPLY: { payload: 1 } }")],
    ["a number variable for bytes", exchangeText("- S: { REPLY: { payload: $tries } }")],
    ["a text variable for a number", exchangeText("- S: { REPLY: { id: $username } }")],
    ["a number too large for its field", exchangeText("- S: { REFUSED: { tries-left: 256 } }")],
    ["a negative number", exchangeText("- S: { REFUSED: { tries-left: -1 } }")],
    ["a broken number", exchangeText("- S: { REFUSED: { tries-left: 1.5 } }")],
    ["hexadecimal of odd length", exchangeText('- C: { raw: "000" }\n  illegal: true\n- S: closed')],
    ["hexadecimal that isn't", exchangeText('- C: { raw: "zz" }\n  illegal: true\n- S: closed')],
    ["empty raw", exchangeText('- C: { raw: "" }\n  illegal: true\n- S: closed')],
    ["raw as a number", exchangeText("- C: { raw: 10 }\n  illegal: true\n- S: closed")],
    ["an unknown form", exchangeText("- S: { REPLY: { payload: { text: x } } }")],
    ["two forms at once", exchangeText('- S: { REPLY: { payload: { hex: "00", bytes: all } } }')],
    ["bytes: some", exchangeText("- S: { REPLY: { payload: { bytes: some } } }")],
    ["between for bytes", exchangeText("- S: { REPLY: { payload: { between: [1, 2] } } }")],
    ["between of three", exchangeText("- S: { REPLY: { id: { between: [1, 2, 3] } } }")],
    ["hex for a number", exchangeText('- S: { REPLY: { id: { hex: "00000001" } } }')],
    ["a list for bytes", exchangeText("- S: { REPLY: { payload: [1] } }")],
    ["cut without a length", exchangeText("- C: { cut: { PING: $any } }\n- S: closed")],
    ["cut to nothing", exchangeText("- C: { cut: { PING: $any }, bytes: 0 }\n- S: closed")],
    ["cut from the start", exchangeText("- C: { cut: { PING: $any }, from: 0 }\n- S: closed")],
    [
      "cut from and a negative length",
      exchangeText("- C: { cut: { PING: $any }, from: 1, bytes: -1 }\n- S: closed"),
    ],
    ["altered by nothing", exchangeText("- C: { altered: { PING: $any } }\n- S: closed")],
    ["altered both ways", exchangeText('- C: { altered: { PING: $any }, add: "00", drop: 1 }\n- S: closed')],
    ["an extension below 0x80", exchangeText("- C: { extension: { type: 0x7f, length: 1 } }\n- S: closed")],
    ["an extension of length 0", exchangeText("- C: { extension: { type: 0x80, length: 0 } }\n- S: closed")],
    ["an unknown app call", exchangeText(`${login}\n- app: wait`)],
    [
      "login without a password",
      exchangeText("- app: { login: { username: $username } }\n- C: { HELLO: $any }"),
    ],
    ["send of a capture", exchangeText(`${login}\n- app: { send: { capture: x } }`)],
    ["one branch alone", exchangeText("- one-of: { a: [{ S: end }] }")],
    ["an empty branch", exchangeText("- one-of: { a: [{ S: end }], b: [] }")],
    ["a branch in capitals", exchangeText("- one-of: { a: [{ S: end }], B: [{ S: end }] }")],
    ["optional: no", exchangeText("- S: { PING: $any }\n  optional: no\n- S: end")],
  ])("and the loader refuse the same files: %s", (_name, text) => {
    expect(() => parseExchange(text, "made-up.yaml")).toThrow(ExchangeError);
    expect(validate(parse(text))).toBe(false);
  });
});
