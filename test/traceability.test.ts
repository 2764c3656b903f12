// Prose, exchanges and tests hold together: every requirement that can be decided has its case, and nothing names
// one that is not there. Each of these slips fails here: an untagged or second keyword, a reused id, an unknown id in
// `covers`, a requirement without a case for a role that it binds, a requirement that no test names.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadCatalog } from "../src/conformance/exchange/catalog.ts";
import { extractRequirements } from "../src/conformance/exchange/requirements.ts";
import { traceability } from "../src/conformance/exchange/traceability.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const specification = readFileSync(join(project, "spec/talkbyte.md"), "utf8");

/** Tests of the engine itself name made-up requirements: they prove nothing of the implementation. */
const testFiles = readdirSync(join(project, "test"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".test.ts") && !path.startsWith("conformance"))
  .map((path) => ({ path, text: readFileSync(join(project, "test", path), "utf8") }));

describe("the specification", () => {
  const { exchanges } = loadCatalog();

  it("has a case or a test for every requirement, for each role that it binds", () => {
    const problems = traceability(specification, exchanges, testFiles);
    expect(problems.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([]);
  });

  it("has the size of a protocol that can be read in an evening", () => {
    expect(extractRequirements(specification).requirements.length).toBeGreaterThan(100);
    expect(exchanges.length).toBeGreaterThanOrEqual(60);
    expect(specification.split("\n").length).toBeLessThan(1200);
  });
});
