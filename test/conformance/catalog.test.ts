import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exchangesFor, loadCatalog, type Catalog } from "../../src/conformance/exchange/catalog.ts";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import { parseProfile } from "../../src/conformance/exchange/profile.ts";
import { loadImplementation } from "../../src/conformance/suite/implementation.ts";
import { runExchange } from "../../src/conformance/play/run.ts";
import { simulateLink } from "../../src/conformance/play/simulated-link.ts";
import { ExchangeError } from "../../src/conformance/exchange/strict-yaml.ts";
import { fakeServer, profile, type FakeOptions } from "./fakes.ts";

function folder(files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), "talkbyte-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

const file = (id: string, more: string, steps = "- C: { HELLO: $any }\n- S: { WELCOME: $any }"): string =>
  `id: ${id}\ntitle: T\n${more}\nsteps:\n${steps}\n`;

const zero = '- C: { raw: "00000000" }\n  illegal: true\n- S: { closes: malformed }';
const some: Record<string, string> = {
  "b.yaml": file("b", "covers: [TB-DEMO-2]\ntags: [slow]"),
  "a.yaml": file("a", "covers: [TB-DEMO-1]", zero),
  "echo-basic.yaml": file("echo-basic", "covers: [TB-DEMO-1, TB-DEMO-2]\ntags: [slow, basic]"),
};

describe("the catalog", () => {
  const catalog = loadCatalog(folder(some));
  const idsOf = (exchanges: readonly Exchange[]): string[] => exchanges.map(({ id }) => id);

  it("sorts", () => {
    expect(idsOf(catalog.exchanges)).toEqual(["a", "b", "echo-basic"]);
  });

  it("knows which exchanges can test a role", () => {
    expect(idsOf(exchangesFor(catalog, "server"))).toEqual(["a", "b", "echo-basic"]);
    expect(idsOf(exchangesFor(catalog, "client"))).toEqual([]);
  });

  it.each([
    ["an empty folder", {}, "holds no exchange"],
    ["another file", { ...some, "notes.md": "" }, "end in .yaml"],
    [
      "an unknown probe",
      { "b.yaml": file("b", "covers: [TB-DEMO-1]\nprobe: c") },
      'there is no exchange "c"',
    ],
    ["a broken file", { "b.yaml": "id: [" }, "b.yaml:1"],
  ])("refuses %s", (_name, files, problem) => {
    expect(() => loadCatalog(folder(files))).toThrow(ExchangeError);
    expect(() => loadCatalog(folder(files))).toThrow(problem);
  });

  it("holds the project's own exchanges", () => {
    expect(loadCatalog().byId.has("echo-basic")).toBe(true);
  });
});

describe("the profile", () => {
  it("comes from YAML or JSON, and gives the tries that follow", () => {
    const path = join(folder({ "p.yaml": "variables: { username: alice, tries: 4 }" }), "p.yaml");
    expect(loadImplementation(path).profile.variables).toEqual({
      username: "alice",
      tries: 4,
      "tries-minus-1": 3,
      "tries-minus-2": 2,
    });
    const json = join(folder({ "p.json": '{ "variables": { "slack-ms": 5 } }' }), "p.json");
    expect(loadImplementation(json).profile.variables).toEqual({ "slack-ms": 5 });
  });

  it.each([
    [{ colour: "red" }, 'unknown key "colour"'],
    [{ username: 5 }, "must be a text"],
    [{ tries: "3" }, "whole number"],
    [{ tries: -1 }, "whole number"],
    [{ tries: 2 }, "at least 3"],
  ])("refuses %o", (value, problem) => {
    expect(() => parseProfile(value)).toThrow(problem);
  });
});

describe("a run with its probe", () => {
  const catalog: Catalog = loadCatalog(folder(some));
  const run = (id: string, servers: FakeOptions[]): ReturnType<typeof runExchange> => {
    const exchange = catalog.byId.get(id);
    if (exchange === undefined) throw new Error(id);
    const left = [...servers];
    const open = (): { link: ReturnType<typeof simulateLink> } => ({
      link: simulateLink(fakeServer(left.shift())),
    });
    return runExchange(catalog, exchange, { role: "server", profile, timeoutMs: 100, open });
  };
  const deaf: FakeOptions = { on: { HELLO: () => undefined } };

  it("passes if both do", async () => {
    expect(await run("a", [{}, {}])).toMatchObject({
      verdict: "pass",
      probe: { id: "echo-basic", verdict: "pass" },
    });
    expect(await run("b", [{}])).toMatchObject({ verdict: "pass", probe: undefined });
  });

  it("fails if the probe fails, or leaves it open", async () => {
    expect(await run("a", [{}, deaf])).toMatchObject({ verdict: "fail", probe: { verdict: "fail" } });
    const dead = (): never => {
      throw new Error("gone");
    };
    const exchange = catalog.byId.get("a");
    let opened = 0;
    const open = (): { link: ReturnType<typeof simulateLink> | (() => never) } =>
      opened++ === 0 ? { link: simulateLink(fakeServer()) } : { link: dead };
    expect(
      exchange && (await runExchange(catalog, exchange, { role: "server", profile, open })),
    ).toMatchObject({
      verdict: "inconclusive",
      reason: "the probe echo-basic afterwards: could not be reached: gone",
    });
  });

  it("plays no probe after a failure", async () => {
    expect(await run("a", [{ on: { zero: () => undefined } }])).toMatchObject({
      verdict: "fail",
      probe: undefined,
    });
  });
});
