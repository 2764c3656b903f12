// The published vectors are what the oracle makes: an implementer who gets them right gets along with us.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { publishedVectors } from "./published-vectors.ts";

const file = fileURLToPath(new URL("../../spec/opaque-vectors.json", import.meta.url));

it("spec/opaque-vectors.json is what scripts/opaque-vectors.ts would write", async () => {
  expect(readFileSync(file, "utf8")).toBe(await publishedVectors());
});
