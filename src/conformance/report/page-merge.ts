// Several reports as one matrix: the requirements of all of them in the order of the specification, and for each what
// every implementation came to. Reports of servers and of clients share only the requirements that bind both.

import { compareSections } from "./page-sections.ts";
import { unlikeSettings } from "./page-settings.ts";
import { caseVerdict, worseFirst, type CellVerdict } from "./page-verdict.ts";
import type { Report, ReportedCase, ReportedRequirement } from "./report.ts";

export interface Matrix {
  readonly rows: readonly Row[];
  // What a reader must know before comparing columns.
  readonly cautions: readonly string[];
}

export interface Row {
  readonly id: string;
  readonly level: string;
  readonly section: string;
  readonly text: string;
  // One for each report, in its order.
  readonly cells: readonly Cell[];
}

export interface Cell {
  readonly verdict: CellVerdict;
  // The cases that cover the requirement, the worst first.
  readonly cases: readonly ReportedCase[];
}

export function mergeReports(reports: readonly Report[]): Matrix {
  const found = reports.map((report) => ({
    requirements: new Map(report.requirements.map((requirement) => [requirement.id, requirement])),
    cases: new Map(report.cases.map((one) => [one.id, one])),
  }));
  const rows = inOrder(reports.map((report) => report.requirements)).map((requirement): Row => {
    const cells = found.map(({ requirements, cases }) => cellOf(requirements.get(requirement.id), cases));
    const { id, level, section, text } = requirement;
    return { id, level, section, text, cells };
  });
  return { rows, cautions: cautionsOf(reports) };
}

function cellOf(
  requirement: ReportedRequirement | undefined,
  cases: ReadonlyMap<string, ReportedCase>,
): Cell {
  if (requirement === undefined) return { verdict: "not-bound", cases: [] };
  const shown = requirement.cases.flatMap((id) => cases.get(id) ?? []);
  return {
    verdict: requirement.verdict,
    cases: shown.toSorted((a, b) => worseFirst(caseVerdict(a), caseVerdict(b))),
  };
}

// What one list has and the other lacks goes behind its predecessor; sections stay together.
function inOrder(lists: readonly (readonly ReportedRequirement[])[]): ReportedRequirement[] {
  const merged: ReportedRequirement[] = [];
  for (const list of lists) {
    let place = 0;
    for (const requirement of list) {
      const known = merged.findIndex((one) => one.id === requirement.id);
      if (known === -1) merged.splice(place, 0, requirement);
      place = (known === -1 ? place : known) + 1;
    }
  }
  return merged.toSorted((a, b) => compareSections(a.section, b.section));
}

function cautionsOf(reports: readonly Report[]): string[] {
  const cautions: string[] = [];
  const unlike = unlikeSettings(reports);
  if (unlike !== undefined) cautions.push(unlike);
  const texts = new Map<string, string>();
  const changed = new Set<string>();
  for (const { id, level, text } of reports.flatMap((report) => report.requirements)) {
    const words = `${level} ${text}`;
    if ((texts.get(id) ?? words) !== words) changed.add(id);
    texts.set(id, words);
  }
  if (changed.size > 0)
    cautions.push(
      `These requirements read differently in some reports; the first one's words are shown: ${[...changed].join(", ")}.`,
    );
  if (reports.some(({ run }) => run.only.length > 0 || run.skip.length > 0))
    cautions.push("Not every run played all cases; what was left out shows as “not played”.");
  return cautions;
}
