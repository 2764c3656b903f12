// Writes what is derived from spec/wire.json and from the state tables: src/protocol/wire.ts, and the parts of
// spec/talkbyte.md between `<!-- generated: … -->` and `<!-- end -->`, spec/exchange.schema.json, and Wireshark's dissector
// spec/talkbyte.lua; and what is derived from the exchanges and the specification: spec/cases.json, spec/requirements.json and
// the counts in spec/implementing.md.
// With --check it changes nothing and fails when a part is stale.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { casesFor } from "../src/conformance/cases/cases.ts";
import { dataText } from "../src/conformance/cases/data-text.ts";
import { referenceProfile } from "../src/conformance/cases/reference-profile.ts";
import { requirementList } from "../src/conformance/cases/requirement-list.ts";
import { loadCatalog } from "../src/conformance/exchange/catalog.ts";
import { exchangeSchema } from "../src/conformance/exchange/exchange-schema.ts";
import { dissectorOf } from "../src/conformance/report/dissector.ts";
import { wireTable } from "../src/conformance/wire/wire-table.ts";
import { fillSpecification, wireModule } from "./generated-parts.ts";
import { fillGuide } from "./level-table.ts";

const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));

function update(relative: string, derive: (current: string) => string, check: boolean): boolean {
  let current = "";
  try {
    current = readFileSync(path(relative), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const wanted = derive(current);
  if (wanted === current) return true;
  if (check) process.stderr.write(`${relative} is stale: run npm run generate\n`);
  else writeFileSync(path(relative), wanted);
  return !check;
}

export function generate(check: boolean): boolean {
  const wire = update("src/protocol/wire.ts", () => wireModule(), check);
  const specification = update("spec/talkbyte.md", fillSpecification, check);
  const schema = update(
    "spec/exchange.schema.json",
    () => `${JSON.stringify(exchangeSchema(wireTable()), null, 2)}\n`,
    check,
  );
  const dissector = update("spec/talkbyte.lua", () => dissectorOf(wireTable()), check);
  const catalog = loadCatalog();
  const cases = update("spec/cases.json", () => dataText(casesFor(catalog, referenceProfile)), check);
  const requirements = update(
    "spec/requirements.json",
    () => dataText(requirementList(readFileSync(path("spec/talkbyte.md"), "utf8"), catalog.exchanges)),
    check,
  );
  const guide = update("spec/implementing.md", (current) => fillGuide(current, catalog.exchanges), check);
  return wire && specification && schema && dissector && cases && requirements && guide;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !generate(process.argv.includes("--check"))) {
  process.exitCode = 1;
}
