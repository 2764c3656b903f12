// Choosing cases on the command line: by id, by requirement, by `tag:` or `level:`, with * for any characters.

import type { Exchange } from "../exchange/exchange.ts";
import type { Role } from "../exchange/exchange-checks.ts";
import type { Requirement } from "../exchange/requirements.ts";
import { levelOf } from "./levels.ts";

export function patternOf(text: string): RegExp {
  const literal = text.split("*").map((piece) => piece.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return new RegExp(`^${literal.join(".*")}$`);
}

export class PatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PatternError";
  }
}

export interface Choice {
  readonly only: readonly string[];
  readonly skip: readonly string[];
}

// Cases for this role that fit one of `only` (or all, if there is none) and none of `skip`. A pattern that fits nothing
// is an error: it is a slip, and the run would say less than its caller believes.
export function choose(
  exchanges: readonly Exchange[],
  requirements: readonly Requirement[],
  { only, skip }: Choice,
  role: Role | undefined,
): readonly Exchange[] {
  const mine = exchanges.filter((exchange) => role === undefined || exchange.roles.includes(role));
  const hintFor = (text: string): string => {
    if (exchanges.some((exchange) => fits(exchange, text))) return `, only cases that test the other side`;
    const known = requirements.some(({ id }) => id === text);
    return known ? "; that requirement is shown by tests or by review" : "";
  };
  const fitting = (text: string): Set<Exchange> => {
    const found = mine.filter((exchange) => fits(exchange, text));
    if (found.length > 0) return new Set(found);
    const where = role === undefined ? "" : ` that tests a ${role}`;
    throw new PatternError(`"${text}" fits no case${where}${hintFor(text)}`);
  };
  const wanted = only.map(fitting);
  const unwanted = skip.map(fitting);
  const chosen = mine.filter(
    (exchange) =>
      (only.length === 0 || wanted.some((set) => set.has(exchange))) &&
      !unwanted.some((set) => set.has(exchange)),
  );
  if (chosen.length === 0) throw new PatternError("nothing is selected");
  return chosen;
}

function fits(exchange: Exchange, text: string): boolean {
  const [kind = "", ...rest] = text.split(":");
  const expression = patternOf(rest.length === 0 ? text : rest.join(":"));
  if (rest.length > 0 && kind === "tag") return exchange.tags.some((tag) => expression.test(tag));
  if (rest.length > 0 && kind === "level") return expression.test(levelOf(exchange));
  return expression.test(exchange.id) || exchange.covers.some((id) => expression.test(id));
}
