// Which requirements a failure may be about. A case names all that it touches, so one fault turns several red; how many of
// an implementation's failing cases name a requirement, and how many of its cases fail, is all that the report can say.

import { isFailure } from "./page-verdict.ts";
import type { Report, ReportedCase, ReportedRequirement } from "./report.ts";

export interface Blame extends ReportedRequirement {
  // Of the cases that name it.
  readonly failed: readonly ReportedCase[];
  readonly all: number;
}

export const manyNamed =
  "A case names every requirement that it touches, so one fault can turn several red. Those that most failing cases name come first.";

// The likeliest first; else in the order of the specification.
export function blameOf(report: Report): Blame[] {
  const byId = new Map(report.cases.map((one) => [one.id, one]));
  const shareOf = ({ failed, all }: Blame): number => failed.length / Math.max(1, all);
  return report.requirements
    .map((requirement) => {
      const own = requirement.cases.flatMap((id) => byId.get(id) ?? []);
      return { ...requirement, failed: own.filter((one) => isFailure(one.verdict)), all: own.length };
    })
    .toSorted((a, b) => b.failed.length - a.failed.length || shareOf(b) - shareOf(a));
}
