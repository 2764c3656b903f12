// The requirements of spec/talkbyte.md as data, each with the cases that cover it for each role that it binds.

import type { Role } from "../exchange/exchange-checks.ts";
import { extractRequirements, type Requirement } from "../exchange/requirements.ts";
import type { CoveringExchange } from "../exchange/traceability.ts";
import { casesFormat } from "./cases.ts";

export interface RequirementList {
  readonly format: typeof casesFormat;
  readonly requirements: readonly ListedRequirement[];
}

export interface ListedRequirement extends Omit<Requirement, "line"> {
  readonly cases: Readonly<Partial<Record<Role, readonly string[]>>>;
}

export function requirementList(markdown: string, exchanges: readonly CoveringExchange[]): RequirementList {
  const { requirements } = extractRequirements(markdown);
  return {
    format: casesFormat,
    requirements: requirements.map(({ id, level, roles, section, text, proof }) => ({
      id,
      level,
      roles,
      section,
      text,
      proof,
      cases: Object.fromEntries(roles.map((role) => [role, casesOf(id, role, exchanges)])),
    })),
  };
}

function casesOf(id: string, role: Role, exchanges: readonly CoveringExchange[]): string[] {
  return exchanges
    .filter((exchange) => exchange.covers.includes(id) && exchange.roles.includes(role))
    .map((exchange) => exchange.id);
}
