// Writes what is derived from spec/wire.json and from the state tables: src/protocol/wire.ts, and the parts of
// spec/talkbyte.md between `<!-- generated: … -->` and `<!-- end -->`, spec/exchange.schema.json, and Wireshark's dissector
// spec/talkbyte.lua. With --check it changes nothing and fails when a part is stale.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { exchangeSchema } from "../src/conformance/exchange/exchange-schema.ts";
import { dissectorOf } from "../src/conformance/report/dissector.ts";
import { wireTable } from "../src/conformance/wire/wire-table.ts";
import { fillSpecification, wireModule } from "./generated-parts.ts";

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
  return wire && specification && schema && dissector;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !generate(process.argv.includes("--check"))) {
  process.exitCode = 1;
}
