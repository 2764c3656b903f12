// What each implementation came to, in words that claim no more than was seen, and then every failure with its bytes:
// a reader who stops here knows what is broken.

import { blameOf, manyNamed, type Blame } from "./page-blame.ts";
import { caseAnchor, caseDetails, isUncounted, type CaseContext } from "./page-case.ts";
import { grouped, markup, plural, type Markup } from "./page-markup.ts";
import {
  caseVerdict,
  isFailure,
  verdictLabel,
  verdictOrder,
  verdictWords,
  type CellVerdict,
} from "./page-verdict.ts";
import type { Report, ReportedCase } from "./report.ts";

// Where there are more failures, only the first of each implementation starts open.
const openFailures = 12;
// Where failing cases name more requirements, the rest is folded.
const openNames = 9;

export function headline(report: Report): string {
  const count = countOf(report);
  const all = report.requirements.length;
  const shown = count("pass") + count("warn");
  const broken = count("fail") + count("known-failure");
  const played = report.cases.some(({ plays }) => plays.length > 0);
  if (!played) return "Nothing was played: this run shows nothing about it.";
  // A case can fail though no requirement counts it, as a sanity case does for a role that it does not bind.
  const failed = report.cases.filter((one) => isFailure(one.verdict));
  const uncounted = failed.filter((one) => isUncounted(one, report)).length;
  const beside =
    uncounted === 0
      ? ""
      : `, and ${plural(uncounted, "case")} about none that binds a ${report.implementation.role}`;
  if (broken > 0)
    return `Fails ${grouped(broken)} of ${plural(all, "requirement")} in ${plural(failed.length - uncounted, "case")}${beside}.`;
  if (failed.length > 0)
    return uncounted === failed.length
      ? `${plural(uncounted, "case")} failed, about no requirement that binds a ${report.implementation.role}.`
      : `${plural(failed.length, "case")} failed.`;
  if (shown === all) return `All ${plural(all, "requirement")} were seen to hold.`;
  return `No failure; ${grouped(shown)} of ${plural(all, "requirement")} were seen to hold, ${grouped(all - shown)} were not shown.`;
}

export function exitMeaning(code: number): string {
  const meanings: Readonly<Record<number, string>> = {
    0: "nothing failed",
    1: "at least one case failed",
    2: "wrong usage, broken cases, or nothing selected",
    3: "the implementation never answered, or a case was inconclusive",
  };
  return meanings[code] ?? "not a code of the suite";
}

export function momentText(iso: string): string {
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return iso;
  const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
  return `${date.format(time)} UTC`;
}

export function summaryOf(report: Report, column: number): Markup {
  const { implementation, run } = report;
  return markup`<article class="card" aria-labelledby="i${column}">
<h3 id="i${column}">${implementation.name}</h3>
<p class="kind">${implementation.role} under test, ${implementation.transport === "tls" ? "TLS" : "plaintext"}</p>
<p class="headline${report.cases.some((one) => isFailure(one.verdict)) ? " bad" : ""}">${headline(report)}</p>
${failingOf(report, column)}
${barOf(report)}
${countsOf(report)}
${report.remarks.length === 0 ? "" : markup`<ul class="remarks">${report.remarks.map((remark) => markup`<li>${remark}</li>`)}</ul>`}
<p class="when">${momentText(run.startedAt)}, in ${seconds(run.durationMs)}. Exit code ${report.exitCode}: ${exitMeaning(report.exitCode)}.</p>
</article>\n`;
}

export function failuresOf(reports: readonly Report[], contexts: readonly CaseContext[]): Markup {
  const failing = reports.map((report) => report.cases.filter((one) => isFailure(one.verdict)));
  const total = failing.reduce((sum, cases) => sum + cases.length, 0);
  if (total === 0)
    return markup`<section id="failures"><h2>Failures</h2><p>No case failed. That says nothing of what was not played.</p></section>`;
  const parts = failing.map((cases, column) => {
    const [report, context] = [reports[column], contexts[column]];
    if (report === undefined || context === undefined || cases.length === 0) return "";
    const sorted = cases.toSorted((a, b) => Number(b.verdict === "fail") - Number(a.verdict === "fail"));
    return markup`<h3 id="failures-${column}">${report.implementation.name} <small>${report.implementation.role}: ${plural(cases.length, "case")}</small></h3>
${sorted.map((one, index) => caseDetails(one, context, index === 0 || total <= openFailures))}`;
  });
  return markup`<section id="failures"><h2>Failures <small>${grouped(total)}</small></h2>
<p class="lead">What the specification asks for and what came instead. Lines with − were expected and did not come, those with + came instead; lines without a sign have the same bytes, or may have any. A wrong byte is framed.</p>
${failureLinks(reports, failing)}
${parts}</section>`;
}

function failureLinks(reports: readonly Report[], failing: readonly (readonly ReportedCase[])[]): Markup {
  const links = failing.flatMap((cases, column) =>
    cases.length === 0
      ? []
      : [
          markup`<li><a href="#failures-${column}">${reports[column]?.implementation.name}</a> ${grouped(cases.length)}</li>\n`,
        ],
  );
  if (links.length < 2) return markup``;
  return markup`<nav aria-label="Failures by implementation"><ul>${links}</ul></nav>`;
}

export function otherCases(reports: readonly Report[], contexts: readonly CaseContext[]): Markup {
  const parts = reports.map((report, column) => {
    const context = contexts[column];
    const cases = report.cases.filter((one) => !isFailure(one.verdict));
    if (context === undefined || cases.length === 0) return "";
    return markup`<details class="cases"><summary>${report.implementation.name}: ${verdictCounts(cases)}</summary>
${cases.map((one) => caseDetails(one, context))}</details>`;
  });
  return markup`<section id="cases"><h2>All other cases</h2>${parts}</section>`;
}

function failingOf(report: Report, column: number): Markup {
  const found = blameOf(report).filter(({ verdict }) => isFailure(verdict));
  const failing = report.cases.filter((one) => isFailure(one.verdict)).length;
  const link = ({ id, failed, all }: Blame): Markup => {
    const [first] = failed;
    if (first === undefined) return markup`<li>${id}</li>`;
    const share = all === 1 ? "its only case fails" : `${grouped(failed.length)} of its ${grouped(all)} fail`;
    const named = failing === 1 ? "" : `named by ${grouped(failed.length)} of ${grouped(failing)}; `;
    return markup`<li><a href="#${caseAnchor(first, report, column)}" data-open="${column} ${id}">${id}</a> <small>${named}${share}</small></li>\n`;
  };
  const [shown, more] = [found.slice(0, openNames), found.slice(openNames)];
  const rest =
    more.length === 0
      ? ""
      : markup`<details class="failing"><summary>${more.length} more</summary><ul class="failing">${more.map(link)}</ul></details>`;
  const list =
    found.length === 0
      ? ""
      : markup`<p class="failing">${found.length > 1 ? manyNamed : "The requirement that failing cases name:"}</p><ul class="failing">${shown.map(link)}</ul>${rest}`;
  const uncounted = report.cases.filter((one) => isFailure(one.verdict) && isUncounted(one, report));
  const beside =
    uncounted.length === 0
      ? ""
      : markup`<p class="failing">Failed cases about no requirement that binds a ${report.implementation.role}:</p><ul class="failing">${uncounted.map((one) => markup`<li><a href="#${caseAnchor(one, report, column)}" data-open="${column} ${one.id}">${one.id}</a></li>\n`)}</ul>`;
  return markup`${list}${beside}`;
}

// "255 pass, 23 not reached, 7 unsupported", of cases.
function verdictCounts(cases: readonly ReportedCase[]): string {
  const counts = verdictOrder.toReversed().flatMap((verdict) => {
    const count = cases.filter((one) => caseVerdict(one) === verdict).length;
    return count === 0 ? [] : [`${grouped(count)} ${verdictWords[verdict].word}`];
  });
  return `${plural(cases.length, "case")}: ${counts.join(", ")}`;
}

function countOf(report: Report): (verdict: CellVerdict) => number {
  return (verdict) => report.requirements.filter((one) => one.verdict === verdict).length;
}

function barOf(report: Report): Markup {
  const count = countOf(report);
  const scale = 1000 / Math.max(1, report.requirements.length);
  let x = 0;
  const parts = verdictOrder.map((verdict) => {
    const width = count(verdict) * scale;
    const part = width === 0 ? "" : segment(verdict, x, Math.max(0, width - 2));
    x += width;
    return part;
  });
  return markup`<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">${parts}</svg>`;
}

// Colour alone doesn't tell the ways of not having been shown: what was unsupported is striped, what was not played a line.
function segment(verdict: CellVerdict, x: number, width: number): Markup {
  if (verdict === "not-played")
    return markup`<rect class="b-not-played" x="${fixed(x)}" y="3.5" width="${fixed(width)}" height="3"/>`;
  const stripes = markup`<path class="stripes" d="M${fixed(x)} 5h${fixed(width)}"/>`;
  return markup`<rect class="b-${verdict}" x="${fixed(x)}" y="0" width="${fixed(width)}" height="10"/>${verdict === "unsupported" ? stripes : ""}`;
}

// A piece of the bar beside the word that says what it means.
function swatch(verdict: CellVerdict): Markup {
  // Of cases alone; the bar is of requirements.
  if (verdict === "not-reached") return markup`<svg class="bar swatch" aria-hidden="true"></svg>`;
  return markup`<svg class="bar swatch" viewBox="0 0 40 10" preserveAspectRatio="none" aria-hidden="true">${segment(verdict, 0, 40)}</svg>`;
}

function countsOf(report: Report): Markup {
  const count = countOf(report);
  const rows = verdictOrder.map((verdict) => {
    const cases = report.cases.filter((one) => caseVerdict(one) === verdict).length;
    if (count(verdict) === 0 && cases === 0) return "";
    return markup`<tr><th scope="row">${swatch(verdict)}${verdictLabel(verdict)}</th><td>${verdict === "not-reached" ? "" : grouped(count(verdict))}</td><td>${verdict === "not-played" || verdict === "not-testable" ? "" : grouped(cases)}</td></tr>`;
  });
  return markup`<table class="counts"><thead><tr><th scope="col"><span class="unseen">verdict</span></th><th scope="col">requirements</th><th scope="col">cases</th></tr></thead><tbody>${rows}</tbody></table>`;
}

export function legend(): Markup {
  const entries = verdictOrder
    .filter((verdict) => verdict !== "not-bound")
    .map((verdict) => markup`<dt>${verdictLabel(verdict)}</dt><dd>${verdictWords[verdict].meaning}</dd>`);
  return markup`<details class="legend"><summary>What the verdicts mean</summary><dl>${entries}</dl></details>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
