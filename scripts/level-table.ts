// The table of levels in spec/implementing.md, counted from the exchanges, so that the guide can't promise cases that don't exist.

import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import type { Exchange } from "../src/conformance/exchange/exchange.ts";
import { levelOf, levels } from "../src/conformance/suite/levels.ts";
import { table } from "./generated-parts.ts";

const marked = /<!-- generated: levels -->\n[\s\S]*?<!-- end -->/;

/** The guide with its table filled in. */
export function fillGuide(markdown: string, exchanges: readonly Exchange[]): string {
  if (!marked.test(markdown)) throw new Error("spec/implementing.md has no place for the table of levels");
  return markdown.replace(marked, `<!-- generated: levels -->\n${levelTable(exchanges)}\n<!-- end -->`);
}

function levelTable(exchanges: readonly Exchange[]): string {
  const count = (role: Role, isCounted: (exchange: Exchange) => boolean) =>
    String(exchanges.filter((exchange) => exchange.roles.includes(role) && isCounted(exchange)).length);
  const rows = levels.map((level, index) => [
    `${index + 1}. \`${level}\``,
    ...(["server", "client"] as const).map((role) => count(role, (exchange) => levelOf(exchange) === level)),
  ]);
  const all = ["all", count("server", () => true), count("client", () => true)];
  return table(["level", "cases for a server", "cases for a client"], [...rows, all]);
}
