// Holds the prose, the exchanges and the tests together: every requirement that can be decided has a case
// for each role that it binds, and nothing names a requirement that isn't there.

import type { Role } from "./exchange-checks.ts";
import { extractRequirements, type Problem, type Requirement } from "./requirements.ts";

export interface CoveringExchange {
  readonly id: string;
  readonly covers: readonly string[];
  readonly roles: readonly Role[];
}

export interface TestFile {
  readonly path: string;
  readonly text: string;
}

export function traceability(
  markdown: string,
  exchanges: readonly CoveringExchange[],
  testFiles: readonly TestFile[],
): Problem[] {
  const { requirements, problems } = extractRequirements(markdown);
  const known = new Set(requirements.map((requirement) => requirement.id));
  const unknown = exchanges.flatMap((exchange) =>
    exchange.covers
      .filter((id) => !known.has(id))
      .map((id): Problem => ({
        kind: "unknown-id",
        id,
        line: undefined,
        message: `${exchange.id} covers ${id}, which the specification doesn't have`,
      })),
  );
  return [
    ...problems,
    ...unknown,
    ...exchanges.flatMap((exchange) => idleRoles(exchange, requirements)),
    ...requirements.flatMap((requirement) => uncovered(requirement, exchanges)),
    ...requirements.flatMap((requirement) => untested(requirement, testFiles)),
  ];
}

// A failure must name a requirement that the failing side has broken.
function idleRoles({ id, covers, roles }: CoveringExchange, requirements: readonly Requirement[]): Problem[] {
  const binding = requirements.filter((requirement) => covers.includes(requirement.id));
  return roles
    .filter((role) => !binding.some((requirement) => requirement.roles.includes(role)))
    .map((role) => ({
      kind: "idle-role",
      id: undefined,
      line: undefined,
      message: `${id} tests a ${role}, and covers no requirement that binds one`,
    }));
}

function uncovered(requirement: Requirement, exchanges: readonly CoveringExchange[]): Problem[] {
  const { id, level, line } = requirement;
  if (requirement.proof !== "exchange" || level === "MAY") return [];
  return requirement.roles
    .filter(
      (role) => !exchanges.some((exchange) => exchange.covers.includes(id) && exchange.roles.includes(role)),
    )
    .map((role): Problem => ({
      kind: "uncovered",
      id,
      line,
      message: `${id} binds a ${role}, but no exchange that tests a ${role} covers it: ${requirement.text}`,
    }));
}

function untested(requirement: Requirement, testFiles: readonly TestFile[]): Problem[] {
  const { id, line } = requirement;
  if (requirement.proof !== "test") return [];
  const name = new RegExp(`\\b${id}(?![0-9])`);
  if (testFiles.some((file) => name.test(file.text))) return [];
  return [{ kind: "untested", id, line, message: `no test names ${id}: ${requirement.text}` }];
}
