// The suite as data: the published files have the shape that their schemas promise, leave nothing out, and are what
// the exchanges give.

import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { joinParts, repeatPart, slicePart, type CasePart } from "../../src/conformance/cases/case-part.ts";
import { casesFor, type Case, type CasesFile } from "../../src/conformance/cases/cases.ts";
import { dataText } from "../../src/conformance/cases/data-text.ts";
import { referenceProfile } from "../../src/conformance/cases/reference-profile.ts";
import { requirementList, type RequirementList } from "../../src/conformance/cases/requirement-list.ts";
import { loadCatalog, type Catalog } from "../../src/conformance/exchange/catalog.ts";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import { parseProfile } from "../../src/conformance/exchange/profile.ts";
import { extractRequirements } from "../../src/conformance/exchange/requirements.ts";
import { spell } from "./case-matcher.ts";
import { exchangeOf, login } from "./exchange-text.ts";

const spec = (name: string): string => readFileSync(new URL(`../../spec/${name}`, import.meta.url), "utf8");
const published = JSON.parse(spec("cases.json")) as CasesFile;
const requirements = JSON.parse(spec("requirements.json")) as RequirementList;
const validate = (schema: string): ValidateFunction =>
  new Ajv2020({ allErrors: true, strictTypes: false }).compile(JSON.parse(spec(schema)) as object);

function catalogOf(exchange: Exchange): Catalog {
  return { folder: "", exchanges: [exchange], byId: new Map([[exchange.id, exchange]]) };
}

function caseOf(steps: string, profile = referenceProfile): Case {
  return casesFor(catalogOf(exchangeOf(steps)), profile).cases[0]!;
}

describe("the published cases", () => {
  const isCases = validate("cases.schema.json");

  it("are what the exchanges give, whenever they are asked", () => {
    const catalog = loadCatalog();
    const text = dataText(casesFor(catalog, referenceProfile));
    expect(spec("cases.json") === text, "run npm run generate").toBe(true);
    expect(dataText(casesFor(catalog, referenceProfile)) === text).toBe(true);
    expect(JSON.parse(text)).toEqual(casesFor(catalog, referenceProfile));
  });

  it("are every exchange, each for its roles, none unsupported", () => {
    const { exchanges } = loadCatalog();
    expect(published.cases.map(({ id }) => id)).toEqual(exchanges.map(({ id }) => id));
    expect(published.cases.filter((one) => one.unsupported ?? one.computed)).toEqual([]);
    for (const one of published.cases)
      expect([one.server !== undefined, one.client !== undefined]).toEqual([
        one.roles.includes("server"),
        one.roles.includes("client"),
      ]);
  });

  it("stay small, with a step on each line", () => {
    const text = spec("cases.json");
    expect(text.length).toBeLessThan(2_000_000);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(4000);
    expect(text.match(/^ +\{ "note": "WELCOME", "expect": .* \},?$/gm)?.length).toBeGreaterThan(100);
  });

  it("have the shape of their schema", () => {
    expect(isCases(published), JSON.stringify(isCases.errors?.slice(0, 5))).toBe(true);
  });

  it.each<
    [string, (file: CasesFile, first: Record<string, unknown>, steps: Record<string, unknown>[]) => void]
  >([
    ["no case", (file) => void (file.cases as unknown[]).splice(0)],
    ["an unknown key", (_file, first) => void (first["colour"] = "red")],
    ["a case without requirements", (_file, first) => void (first["covers"] = [])],
    ["a role without steps", (_file, first) => void delete first["server"]],
    ["steps of a role that it has not", (_file, first) => void (first["client"] = first["server"])],
    ["steps of what is unsupported", (_file, first) => void (first["unsupported"] = "no reason")],
    ["a step that is two things", (_file, _first, steps) => void (steps[0]!["expect"] = ["00"])],
    ["half a byte", (_file, _first, steps) => void (steps[0]!["send"] = ["000"])],
    ["capitals", (_file, _first, steps) => void (steps[0]!["send"] = ["AB"])],
    ["a hole in what is sent", (_file, _first, steps) => void (steps[0]!["send"] = [{ any: [0, 1] }])],
    ["a template of nothing", (_file, _first, steps) => void (steps[1]!["expect"] = [])],
    [
      "a repetition of holes",
      (_file, _first, steps) => void (steps[1]!["expect"] = [{ repeat: [{ any: [0, 1] }], times: 2 }]),
    ],
    ["an end without a name", (_file, _first, steps) => void (steps[0]!["finish"] = "fin")],
    ["a deadline that no moment bounds", (_file, _first, steps) => void (steps[1]!["at"] = { ms: 5 })],
    ["one branch", (_file, _first, steps) => void steps.push({ "one-of": { only: [{ wait: 1 }] } })],
  ])("have no other: %s", (_name, spoil) => {
    const one = published.cases.find(({ id }) => id === "auth-after-login");
    const file = structuredClone({ ...published, cases: [one] }) as CasesFile;
    const first = file.cases[0] as unknown as Record<string, unknown>;
    expect(isCases(file)).toBe(true);
    spoil(file, first, first["server"] as Record<string, unknown>[]);
    expect(isCases(file)).toBe(false);
  });

  it("have at most one hole of open length in each scope, and nothing but known bytes behind it", () => {
    const scopes: (readonly CasePart[])[] = [];
    const visit = (parts: readonly CasePart[]): void => {
      scopes.push(parts);
      for (const part of parts) if (typeof part === "object" && "of" in part) visit(part.of);
    };
    JSON.stringify(published, (key, value: unknown) => {
      if (key === "expect" || key === "closes") visit(value as CasePart[]);
      return value;
    });
    const open = (part: CasePart): boolean =>
      typeof part === "object" && "any" in part && part.any[0] !== part.any[1];
    expect(scopes.length).toBeGreaterThan(1000);
    expect(scopes.filter((parts) => parts.slice(0, -1).some(open))).toEqual([]);
  });
});

describe("a case", () => {
  it("counts a deadline from the moment that its file names", () => {
    const one = published.cases.find(({ id }) => id === "deadline-frame-before-login")!;
    expect(one.server?.at(-1)).toMatchObject({
      note: "closes timeout",
      ends: ["end", "reset"],
      at: { ms: 1000, earliest: 900, latest: 1500, since: "first-byte" },
    });
  });

  it("says what may come between its steps, and how long a frame may be", () => {
    const one = published.cases.find(({ id }) => id === "message-largest")!;
    const changes = (steps: Case["server"]): unknown[] =>
      (steps ?? []).flatMap((step) =>
        "note" in step && step.now !== undefined ? [[step.note, step.now]] : [],
      );
    const ready = ["AUTHENTICATED", { between: ["extension", "ping"], limit: 1_048_581 }];
    expect(changes(one.server)).toEqual([
      ["WELCOME", { between: ["extension"] }],
      ready,
      ["STOPPED", { between: [] }],
    ]);
    expect(changes(one.client)).toEqual([
      ["HELLO", { between: ["extension"] }],
      ready,
      ["STOP", { between: [] }],
    ]);
  });

  it("asks the application, which waits for its login where the file does", () => {
    const one = caseOf(
      `${login}- app: { send: hello }\n- C: { MESSAGE: { id: { capture: a }, payload: hello } }\n- app: { send: { ref: a } }\n- C: closed`,
    );
    const calls = one.client?.filter((step) => "app" in step);
    expect(calls).toEqual([
      { app: { login: { username: "alice", password: "correct horse battery" } } },
      { app: { send: ["68656c6c6f"] }, "after-login": true },
      { app: { send: [{ ref: "a" }] } },
    ]);
  });

  it("knows what the runner said under a name, and asks for what the peer said", () => {
    const steps = `${login}- app: { send: hello }\n- C: { MESSAGE: { id: { capture: a }, payload: hello } }\n- S: { REPLY: { id: { ref: a }, payload: hello } }`;
    const one = caseOf(steps);
    expect(one.server?.at(-1)).toEqual({ note: "REPLY", expect: ["0000000a110000000168656c6c6f"] });
    expect(one.client?.at(-1)).toEqual({ note: "REPLY", send: ["0000000a11", { ref: "a" }, "68656c6c6f"] });
  });

  it("turns a bit of what was captured, at once where the runner said it", () => {
    const flipped = "{ data: { ref: a, flip: 7 } }";
    const steps = (speaker: string, other: string): string =>
      `${login}- ${speaker}: { PING: { data: { capture: a } } }\n- ${other}: { PONG: ${flipped} }\n`;
    expect(caseOf(steps("C", "S")).client?.at(-1)).toEqual({
      note: "PONG",
      send: ["0000000913", { ref: "a", flip: 7 }],
    });
    expect(caseOf(steps("C", "S")).server?.at(-1)).toMatchObject({
      expect: ["00000009130000000000000001"],
    });
  });

  it("takes each branch of the side under test to its end, and one of the runner's", () => {
    const one = caseOf(
      `${login}- one-of: { a: [{ C: { PING: { data: { hex: "0000000000000001" } } } }], b: [{ C: { STOP: $any } }] }\n  advised-against: [b]\n- C: closed`,
    );
    expect(one.client?.at(-1)).toEqual({
      "one-of": {
        a: [{ note: "PING", expect: ["00000009120000000000000001"] }, { ends: ["end", "reset"] }],
        b: [{ note: "STOP", expect: ["0000000120"], now: { between: [] } }, { ends: ["end", "reset"] }],
      },
      "advised-against": ["b"],
    });
    expect(one.server?.slice(-2)).toEqual([
      { note: "PING", send: ["00000009120000000000000001"] },
      { note: "closed", send: [], finish: "end" },
    ]);
  });

  it("names what a mechanism computes, and leaves its length to the consumer", () => {
    const one = caseOf(
      "- C: { HELLO: $any }\n- C: { AUTH: { mechanism: PAKE, username: $username, mechanism-data: { computed: ke1 } } }\n- S: { CHALLENGE: { mechanism-data: { computed: ke2 } } }",
    );
    expect(one.computed).toEqual(["ke1", "ke2"]);
    expect(one.server?.slice(-2)).toEqual([
      {
        note: "AUTH",
        send: [{ length: 4, of: ["030450414b4505616c696365", { length: 2, of: [{ computed: "ke1" }] }] }],
      },
      { note: "CHALLENGE", expect: [{ length: 4, of: ["04", { length: 2, of: [{ computed: "ke2" }] }] }] },
    ]);
  });

  it("has a reason instead of steps where the profile can't play it", () => {
    const one = caseOf(login, parseProfile({ username: "alice" }));
    expect(one).toMatchObject({ unsupported: "the profile has no $password" });
    expect([one.server, one.client]).toEqual([undefined, undefined]);
    expect(validate("cases.schema.json")({ ...published, cases: [one] })).toBe(true);
  });
});

describe("the parts", () => {
  const parts: CasePart[] = ["0102", { repeat: ["aabbcc"], times: 9 }, "03"];
  const whole = spell(parts, new Map());
  const ranges = [0, 1, 2, 3, 4, 5, 15, 28, 29, 30, -1, -2, -20].flatMap((to) =>
    [0, 1, 2, 3, 4, 5, 28].map((from) => [from, to] as const),
  );

  it.each(ranges)("are cut from %i to %i as their bytes would be", (from, to) => {
    const wanted = Buffer.from(whole, "hex").subarray(from, to).toString("hex");
    expect(spell(slicePart(parts, from, to), new Map())).toBe(wanted);
  });

  it("are cut by the consumer where their bytes aren't known", () => {
    const open: CasePart[] = ["00", { ref: "a" }];
    expect(slicePart(open, 1, -1)).toEqual([{ slice: open, from: 1, to: -1 }]);
    expect(spell(slicePart(open, 1, -1), new Map([["a", "010203"]]))).toBe("0102");
    expect(slicePart(open, 2, undefined)).toEqual([{ slice: open, from: 2 }]);
  });

  it("stand for themselves where they are few", () => {
    expect(joinParts(["00", "", "01", { ref: "a" }, "02"])).toEqual(["0001", { ref: "a" }, "02"]);
    expect(repeatPart(["61"], 0)).toEqual([]);
    expect(repeatPart(["61"], 16)).toEqual(["61".repeat(16)]);
    expect(repeatPart(["61"], 17)).toEqual([{ repeat: ["61"], times: 17 }]);
  });
});

describe("the published requirements", () => {
  const isRequirements = validate("requirements.schema.json");
  const markdown = spec("talkbyte.md");

  it("are those of the specification, with the cases that cover them", () => {
    const { exchanges } = loadCatalog();
    expect(requirements).toEqual(requirementList(markdown, exchanges));
    expect(requirements.requirements.map(({ id, text }) => [id, text])).toEqual(
      extractRequirements(markdown).requirements.map(({ id, text }) => [id, text]),
    );
    const listed = requirements.requirements.flatMap(({ id, cases }) =>
      Object.entries(cases).flatMap(([role, ids]) => ids.map((one) => `${one} ${role} ${id}`)),
    );
    const bound = new Map(requirements.requirements.map(({ id, roles }) => [id, roles]));
    const covering = exchanges.flatMap(({ id, roles, covers }) =>
      roles.flatMap((role) =>
        covers.filter((one) => bound.get(one)?.includes(role)).map((one) => `${id} ${role} ${one}`),
      ),
    );
    expect(listed.toSorted()).toEqual(covering.toSorted());
  });

  it("have the shape of their schema, and no other", () => {
    expect(isRequirements(requirements), JSON.stringify(isRequirements.errors)).toBe(true);
    const [first] = requirements.requirements;
    for (const wrong of [{ level: "SHALL" }, { roles: [] }, { id: "TB-1" }, { proof: "hope" }, { line: 3 }])
      expect(isRequirements({ ...requirements, requirements: [{ ...first, ...wrong }] })).toBe(false);
    expect(isRequirements({ format: 2, requirements: [first] })).toBe(false);
  });
});
