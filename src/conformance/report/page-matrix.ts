// Requirements by implementations: a real table, grouped by section, which filters thin out. A cell that cases decided links
// to the worst of them; with the page's script it opens all of them.

import { caseAnchor, coversNone, isUncounted } from "./page-case.ts";
import { markup, plural, sentence, type Markup } from "./page-markup.ts";
import type { Cell, Matrix, Row } from "./page-merge.ts";
import { chapterOf, sectionName } from "./page-sections.ts";
import { legend } from "./page-summary.ts";
import { isFailure, sign, verdictOrder, verdictWords } from "./page-verdict.ts";
import type { Report } from "./report.ts";

export function matrixSection(matrix: Matrix, reports: readonly Report[]): Markup {
  return markup`<section id="requirements"><h2>Requirements <small>${matrix.rows.length}</small></h2>
${matrix.cautions.map((caution) => markup`<p class="caution">${caution}</p>`)}
${filters(matrix, reports)}
${legend()}
${table(matrix, reports)}
${uncountedFailures(reports)}
<p class="nothing" hidden>No requirement answers to this filter. <button type="button" class="plain" data-reset>Show all</button></p>
</section>`;
}

// Hidden until the script runs, for without it they do nothing.
function filters({ rows }: Matrix, reports: readonly Report[]): Markup {
  // A link may ask for a verdict that no cell has: its chip is there, and out of sight until then.
  const present = new Set(rows.flatMap(({ cells }) => cells.map(({ verdict }) => verdict)));
  const verdicts = verdictOrder
    .filter((verdict) => verdict !== "not-bound")
    .map(
      (verdict) =>
        markup`<label class="chip v-${verdict}${present.has(verdict) ? "" : " absent"}"><input type="checkbox" name="verdict" value="${verdict}">${sign(verdict)}<span>${verdictWords[verdict].word}</span> <output data-count="${verdict}"></output></label>`,
    );
  const levels = [...new Set(rows.map(({ level }) => level))].map(
    (level) => markup`<option>${level}</option>`,
  );
  const sections = [...new Set(rows.flatMap(({ section }) => [chapterOf(section), section]))].map(
    (section) =>
      markup`<option value="${section}">${section.includes(".") ? "   " : ""}${sectionName(section)}</option>`,
  );
  const implementations = reports.map(
    ({ implementation }, column) =>
      markup`<option value="${column}">${implementation.name}, ${implementation.role}</option>`,
  );
  return markup`<form class="filters" hidden aria-label="Filter the requirements">
<button type="button" class="strong" data-failures aria-pressed="false">Only failures</button>
<fieldset><legend>${reports.length < 2 ? "Requirements that came to" : "Requirements where at least one implementation came to"}</legend>${verdicts}</fieldset>
<p class="shown"><output class="total" aria-live="polite"></output> <button type="button" class="plain" data-reset hidden>Show all</button></p>
<p class="choices">
<label>level <select name="level"><option value="">any</option>${levels}</select></label>
<label>section <select name="section"><option value="">any</option>${sections}</select></label>
${reports.length < 2 ? "" : markup`<label>implementation <select name="implementation"><option value="">any</option>${implementations}</select></label>`}
<label>text <input type="search" name="text" autocomplete="off" spellcheck="false"></label>
</p>
</form>`;
}

function table(matrix: Matrix, reports: readonly Report[]): Markup {
  const heads = reports.map(
    ({ implementation }) =>
      markup`<th scope="col" role="columnheader"><span>${implementation.name}</span> <small>${implementation.role}, ${implementation.transport === "tls" ? "TLS" : "plaintext"}</small></th>`,
  );
  const sections = Map.groupBy(matrix.rows, ({ section }) => section);
  const bodies = Array.from(
    sections,
    ([section, rows]) =>
      markup`<tbody role="rowgroup" data-section="${section}"><tr role="row" class="section"><th scope="rowgroup" role="rowheader" colspan="${reports.length + 1}">${sectionHead(section)}</th></tr>
${rows.map((row) => tableRow(row, reports))}</tbody>\n`,
  );
  return markup`<div class="frame${reports.length > 3 ? " many" : ""}${reports.length > 7 ? " wide" : ""}"><table class="matrix" role="table">
<caption class="unseen">What each implementation came to, requirement by requirement</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">requirement</th>${heads}</tr></thead>
${bodies}</table></div>`;
}

function sectionHead(section: string): Markup {
  const chapter = chapterOf(section);
  const above = chapter === section ? "" : markup`<small>${sectionName(chapter)} › </small>`;
  return markup`${above}${sectionName(section)}`;
}

function tableRow(row: Row, reports: readonly Report[]): Markup {
  const { id, level, section, text, cells } = row;
  const verdicts = cells.map(({ verdict }) => verdict).join(" ");
  const words = [...new Set(cells.flatMap(({ cases }) => cases.map((one) => one.id)))].join(" ");
  return markup`<tr role="row" class="requirement${isAlike(cells) ? " alike" : ""}" data-id="${id}" data-level="${level}" data-section="${section}" data-verdicts="${verdicts}" data-words="${words}">
<th scope="row" role="rowheader"><span class="id">${id}</span> <span class="text">${sentence(text, level)}</span>${allOf(cells)}</th>
${cells.map((cell, column) => tableCell(row, cell, reports[column], column))}</tr>\n`;
}

// A failure stands in its own line everywhere.
function isAlike([first, ...others]: readonly Cell[]): boolean {
  return (
    first !== undefined &&
    others.length > 0 &&
    !isFailure(first.verdict) &&
    others.every(({ verdict }) => verdict === first.verdict)
  );
}

// Where there is no room for columns, this stands in for cells that all say the same, and opens them.
function allOf(cells: readonly Cell[]): Markup {
  const [first] = cells;
  if (first === undefined || !isAlike(cells)) return markup``;
  return markup`<details class="all v-${first.verdict}"><summary>${sign(first.verdict)} <span>all ${cells.length} ${verdictWords[first.verdict].word}</span></summary></details>`;
}

// Failures that no row shows, for what they cover binds the other role.
function uncountedFailures(reports: readonly Report[]): Markup {
  const items = reports.flatMap((report, column) =>
    report.cases
      .filter((one) => isFailure(one.verdict) && isUncounted(one, report))
      .map(
        (
          one,
        ) => markup`<li data-id="${one.id}" data-column="${column}" data-verdict="${one.verdict}"><span class="v-${one.verdict}"><a class="cell" href="#${caseAnchor(one, report, column)}" data-column="${column}" data-cases="${report.cases.indexOf(one)}">${sign(one.verdict)}<span class="word">${verdictWords[one.verdict].word}</span></a></span>
<span><span class="id">${one.id}</span> ${report.implementation.name}: ${one.title}. <span class="text">Requirements in question: ${coversNone(one, report)}</span></span></li>\n`,
      ),
  );
  if (items.length === 0) return markup``;
  return markup`<div class="uncounted"><h3>Failures under none of these requirements</h3><ul>${items}</ul></div>`;
}

function tableCell(row: Row, cell: Cell, report: Report | undefined, column: number): Markup {
  if (report === undefined) return markup``;
  const { verdict, cases } = cell;
  const { word } = verdictWords[verdict];
  const name = report.implementation.name;
  const label = markup`${sign(verdict)}<span class="word">${word}</span>`;
  const [worst] = cases;
  const count = countOf(cell);
  const inside =
    worst === undefined
      ? markup`<span class="cell" title="${verdictWords[verdict].meaning}">${label}</span>`
      : markup`<a class="cell" href="#${caseAnchor(worst, report, column)}" data-column="${column}" data-cases="${cases.map((one) => report.cases.indexOf(one)).join(" ")}" aria-label="${word}: ${row.id}, ${name}, ${count === "" ? plural(cases.length, "case") : `${count} cases`}">${label}${count === "" ? "" : markup` <small>${count}</small>`}</a>`;
  return markup`<td role="cell" class="v-${verdict}"><span class="column" aria-hidden="true">${name}</span>${inside}</td>`;
}

function countOf({ verdict, cases }: Cell): string {
  const failed = cases.filter((one) => isFailure(one.verdict)).length;
  if (isFailure(verdict)) return cases.length < 2 ? "" : `${failed} of ${cases.length}`;
  const played = cases.filter((one) => one.verdict !== "unsupported");
  const reached = played.filter(({ notReached }) => notReached === undefined).length;
  return reached === played.length ? "" : `${reached} of ${played.length} reached`;
}
