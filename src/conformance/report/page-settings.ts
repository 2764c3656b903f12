// How each implementation was run. Columns compare only as far as they were held to the same, so what differs is said in
// one sentence above the requirements, and marked in the table that has every setting.

import { grouped, markup, plural, type Markup } from "./page-markup.ts";
import type { Report } from "./report.ts";

// More names, or more values of one setting, are counted.
const namedAtOnce = 3;

interface Setting {
  readonly name: string;
  valueOf(report: Report): string;
}

const settings: readonly Setting[] = [
  {
    name: "specification",
    valueOf: ({ suite }) =>
      `${suite.protocol}, suite ${suite.version}, ${plural(suite.exchanges, "exchange")}`,
  },
  { name: "held to", valueOf: ({ cases }) => plural(cases.length, "case") },
  { name: "segmentation", valueOf: ({ run }) => run.segmentations.join(", ") },
  { name: "seed", valueOf: ({ run }) => String(run.seed) },
  { name: "only", valueOf: ({ run }) => (run.only.length === 0 ? "everything" : run.only.join(", ")) },
  { name: "skipped", valueOf: ({ run }) => (run.skip.length === 0 ? "nothing" : run.skip.join(", ")) },
  {
    name: "SHOULD",
    valueOf: ({ run }) => (run.strict ? "counted as a failure (--strict)" : "counted as a warning"),
  },
  { name: "time scale", valueOf: ({ run }) => String(run.timeScale) },
  { name: "at once", valueOf: ({ run }) => plural(run.jobs, "case") },
];

export function settingsTable(reports: readonly Report[]): Markup {
  const names = [...new Set(reports.flatMap(({ implementation }) => Object.keys(implementation.variables)))];
  const variables = names.map((name): Setting => ({
    name,
    valueOf: ({ implementation }) => {
      const value = implementation.variables[name];
      return value === undefined ? "" : grouped(value);
    },
  }));
  const row = (setting: Setting): Markup => {
    const { name } = setting;
    const values = reports.map((report) => setting.valueOf(report));
    const unlike = new Set(values).size > 1;
    return markup`<tr${unlike ? markup` class="unlike"` : ""}><th scope="row">${name}${unlike ? markup` <span title="differs">≠<span class="unseen"> differs</span></span>` : ""}</th>${values.map((value) => markup`<td>${value}</td>`)}</tr>\n`;
  };
  const heads = reports.map(({ implementation }) => markup`<th scope="col">${implementation.name}</th>`);
  return markup`<details class="how"><summary>${reports.length === 1 ? "How it was run" : "How they were run"}</summary>
<div class="scrolled" tabindex="0" role="region" aria-label="Settings"><table><thead><tr><th scope="col">setting</th>${heads}</tr></thead>
<tbody>${settings.map(row)}${variables.length === 0 ? "" : markup`<tr><th scope="rowgroup" colspan="${reports.length + 1}">profile</th></tr>`}${variables.map(row)}</tbody></table></div></details>`;
}

// Undefined where all were held to the same.
export function unlikeSettings(reports: readonly Report[]): string | undefined {
  const value = (name: string, valueOf: (report: Report) => string): string[] => {
    const groups = Map.groupBy(reports, valueOf);
    if (groups.size < 2) return [];
    if (groups.size > namedAtOnce) return [`${groups.size} different values of ${name}`];
    const parts = Array.from(groups, ([text, those]) => `${text} for ${namesOf(those)}`);
    return [`${name} ${parts.join(", ")}`];
  };
  const parts = [
    ...value("suite", ({ suite }) => `${suite.protocol} ${suite.version}`),
    ...casesOf(reports),
    ...value("slack", ({ implementation }) => {
      const slackMs = implementation.variables["slack-ms"];
      return slackMs === undefined ? "none" : `${grouped(slackMs)} ms`;
    }),
    ...value("segmentation", ({ run }) => run.segmentations.join(" with ")),
    ...value("seed", ({ run }) => String(run.seed)),
    ...value("time scale", ({ run }) => String(run.timeScale)),
    ...value("SHOULD", ({ run }) => (run.strict ? "counted as a failure" : "counted as a warning")),
  ];
  return parts.length === 0
    ? undefined
    : `Not all were held to quite the same, so columns may not compare: ${parts.join("; ")}.`;
}

// Servers and clients have cases of their own.
function casesOf(reports: readonly Report[]): string[] {
  const roles = Map.groupBy(reports, ({ implementation }) => implementation.role);
  return Array.from(roles.values()).flatMap((those) => {
    const groups = Map.groupBy(those, ({ cases }) => cases.length);
    if (groups.size < 2) return [];
    if (groups.size > namedAtOnce) {
      const counts = [...groups.keys()];
      return [`from ${grouped(Math.min(...counts))} to ${plural(Math.max(...counts), "case")}`];
    }
    return [
      Array.from(groups, ([count, some]) => `${plural(count, "case")} for ${namesOf(some)}`).join(", "),
    ];
  });
}

function namesOf(reports: readonly Report[]): string {
  if (reports.length > namedAtOnce) return plural(reports.length, "implementation");
  const names = reports.map(({ implementation }) => implementation.name);
  return [names.slice(0, -1).join(", "), ...names.slice(-1)].filter((part) => part !== "").join(" and ");
}
