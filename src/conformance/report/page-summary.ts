// What each implementation came to, in words that claim no more than was seen, and then every failure with its bytes:
// a reader who stops here knows what is broken.

import { caseAnchor, caseDetails, type CaseContext } from "./page-case.ts";
import { grouped, markup, plural, type Markup } from "./page-markup.ts";
import { isFailure, verdictLabel, verdictOrder, verdictWords, type CellVerdict } from "./page-verdict.ts";
import type { Report } from "./report.ts";

// Failures beyond these start closed.
const openFailures = 1;

export function headline(report: Report): string {
  const count = countOf(report);
  const all = report.requirements.length;
  const shown = count("pass") + count("warn");
  const broken = count("fail") + count("known-failure");
  const played = report.cases.some(({ plays }) => plays.length > 0);
  if (!played) return "Nothing was played: this run shows nothing about it.";
  if (broken > 0) return `Fails ${grouped(broken)} of ${plural(all, "requirement")}.`;
  // A case can fail though no requirement counts it, as a sanity case does for a role that it does not bind.
  const failed = report.cases.filter((one) => isFailure(one.verdict)).length;
  if (failed > 0) return `${plural(failed, "case")} failed.`;
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
  const { implementation, run, suite } = report;
  return markup`<article class="card" aria-labelledby="i${column}">
<h3 id="i${column}">${implementation.name}</h3>
<p class="kind">${implementation.role} under test, ${implementation.transport === "tls" ? "TLS" : "plaintext"}</p>
<p class="headline${report.cases.some((one) => isFailure(one.verdict)) ? " bad" : ""}">${headline(report)}</p>
${failingOf(report, column)}
${barOf(report)}
${countsOf(report)}
${report.remarks.length === 0 ? "" : markup`<ul class="remarks">${report.remarks.map((remark) => markup`<li>${remark}</li>`)}</ul>`}
<p class="when">${momentText(run.startedAt)}, in ${seconds(run.durationMs)}. Exit code ${report.exitCode}: ${exitMeaning(report.exitCode)}.</p>
<details class="how"><summary>How it was run</summary>
<dl>
<dt>specification</dt><dd>${suite.protocol}, suite ${suite.version}, ${plural(suite.exchanges, "exchange")}</dd>
<dt>played</dt><dd>${plural(report.cases.length, "case")}, ${run.segmentations.join(", ")}</dd>
<dt>seed</dt><dd>${run.seed}</dd>
<dt>only</dt><dd>${run.only.length === 0 ? "everything" : run.only.join(", ")}</dd>
<dt>skipped</dt><dd>${run.skip.length === 0 ? "nothing" : run.skip.join(", ")}</dd>
<dt>SHOULD</dt><dd>${run.strict ? "counted as a failure (--strict)" : "counted as a warning"}</dd>
<dt>time scale</dt><dd>${run.timeScale}, ${plural(run.jobs, "case")} at once</dd>
<dt>profile</dt><dd>${Object.entries(implementation.variables).map(([name, value]) => markup`<span class="variable"><code>${name}</code> ${grouped(value)}</span> `)}</dd>
</dl></details>
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
    return markup`<h3>${report.implementation.name} <small>${report.implementation.role}: ${plural(cases.length, "case")}</small></h3>
${sorted.map((one, index) => caseDetails(one, context, one.verdict === "fail" && index < openFailures))}`;
  });
  return markup`<section id="failures"><h2>Failures <small>${grouped(total)}</small></h2>
<p class="lead">What the specification asks for and what came instead. The marked lines are the bytes that differ.</p>
${parts}</section>`;
}

export function otherCases(reports: readonly Report[], contexts: readonly CaseContext[]): Markup {
  const parts = reports.map((report, column) => {
    const context = contexts[column];
    const cases = report.cases.filter((one) => !isFailure(one.verdict));
    if (context === undefined || cases.length === 0) return "";
    return markup`<details class="cases"><summary>${report.implementation.name}: ${plural(cases.length, "case")} that did not fail</summary>
${cases.map((one) => caseDetails(one, context))}</details>`;
  });
  return markup`<section id="cases"><h2>All other cases</h2>${parts}</section>`;
}

// A case is about several requirements and fails for one of them: where all cases of a requirement failed it is named first.
function failingOf(report: Report, column: number): Markup {
  const byId = new Map(report.cases.map((one) => [one.id, one]));
  const found = report.requirements
    .filter(({ verdict }) => isFailure(verdict))
    .map(({ id, cases }) => {
      const own = cases.flatMap((name) => byId.get(name) ?? []);
      const failed = own.filter((one) => isFailure(one.verdict));
      return { id, failed, all: own.length };
    });
  const link = ({ id, failed, all }: (typeof found)[number]): Markup => {
    const [first] = failed;
    const share = markup` <small>${failed.length} of ${all}</small>`;
    if (first === undefined) return markup`<li>${id}${share}</li>`;
    return markup`<li><a href="#${caseAnchor(first, report, column)}" data-open="${column} ${id}">${id}</a>${share}</li>\n`;
  };
  const [whole, part] = [
    found.filter(({ failed, all }) => failed.length === all),
    found.filter(({ failed, all }) => failed.length < all),
  ];
  const list = (title: string, ones: typeof found): Markup =>
    ones.length === 0
      ? markup``
      : markup`<p class="failing">${title}</p><ul class="failing">${ones.map(link)}</ul>`;
  return markup`${list("Every case about it failed:", whole)}${list("Some of its cases failed:", part)}`;
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
    const part =
      width === 0
        ? ""
        : markup`<rect class="b-${verdict}" x="${fixed(x)}" y="0" width="${fixed(Math.max(0, width - 2))}" height="10"/>`;
    x += width;
    return part;
  });
  return markup`<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">${parts}</svg>`;
}

function countsOf(report: Report): Markup {
  const count = countOf(report);
  const rows = verdictOrder.map((verdict) => {
    const cases = verdict in report.totals ? report.totals[verdict as keyof Report["totals"]] : 0;
    if (count(verdict) === 0 && cases === 0) return "";
    return markup`<tr><th scope="row">${verdictLabel(verdict)}</th><td>${grouped(count(verdict))}</td><td>${verdict === "not-played" || verdict === "not-testable" ? "" : grouped(cases)}</td></tr>`;
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
