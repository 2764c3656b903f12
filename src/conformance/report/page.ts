// The report as one HTML page (spec/conformance.md, section 5), for one run or several side by side. It asks nothing of the
// network, and its policy lets only the one style and the one script run that stand in it, by their hashes. All that it has
// to say is in its HTML: without the script it can be read, not filtered.

import { createHash } from "node:crypto";
import { createFrameStore } from "./page-frames.ts";
import { asItStands, grouped, markup, plural, type Markup } from "./page-markup.ts";
import { matrixSection } from "./page-matrix.ts";
import { mergeReports } from "./page-merge.ts";
import { pageScript } from "./page-script.ts";
import { settingsTable } from "./page-settings.ts";
import { pageStyle } from "./page-style.ts";
import { failuresOf, otherCases, summaryOf } from "./page-summary.ts";
import { isFailure, signShapes } from "./page-verdict.ts";
import type { Report } from "./report.ts";

export function pageOf(reports: readonly Report[]): string {
  const store = createFrameStore();
  const contexts = reports.map((report, column) => ({ report, column, store }));
  const matrix = mergeReports(reports);
  const [failures, others] = [failuresOf(reports, contexts), otherCases(reports, contexts)];
  const appendix = store.appendix();
  const content = markup`${header(reports, appendix.text !== "")}
<main id="main">
<section id="implementations"><h2 class="unseen">Implementations</h2><div class="cards${columnsOf(reports.length)}">${reports.map(summaryOf)}</div>${reports.length === 0 ? "" : settingsTable(reports)}</section>
${failures}
${matrixSection(matrix, reports)}
${others}
${appendix}
</main>
<dialog id="decision" aria-labelledby="decision-title"></dialog>
<p class="unseen" role="status" id="status"></p>`;
  return document(titleOf(reports), content).text;
}

function document(title: string, content: Markup): Markup {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(pageStyle)}'`,
    `script-src '${hashOf(pageScript)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${asItStands(pageStyle)}</style>
</head>
<body>
<a class="skip" href="#requirements">To the requirements</a>
${signShapes()}
${content}
<script>${asItStands(pageScript)}</script>
</body>
</html>
`;
}

// Cards side by side without one that is left over, where that can be.
function columnsOf(cards: number): string {
  return cards === 2 || (cards % 3 === 1 && cards % 2 === 0) ? " pairs" : cards > 2 ? " threes" : "";
}

// What is unsupported was not played, or not to its end.
function conversationsOf({ cases }: Report): number {
  const plays = cases.flatMap((one) => one.plays);
  return plays.filter(({ verdict, transcript }) => verdict !== "unsupported" && transcript.length > 0).length;
}

function header(reports: readonly Report[], appendix: boolean): Markup {
  const [first] = reports;
  const conversations = reports.reduce((sum, report) => sum + conversationsOf(report), 0);
  const protocol = first?.suite.protocol ?? "TalkByte";
  return markup`<header class="top">
<p class="over">${protocol} conformance</p>
<h1>${titleOf(reports)}</h1>
<p class="lead">The suite held ${whoseOf(reports)} to the ${protocol} specification by talking to ${reports.length === 1 ? "it" : "them"} on the wire, in ${plural(conversations, "conversation")}, and judged the bytes that came back.</p>
<nav aria-label="Parts of this page"><ul><li><a href="#failures">Failures</a></li><li><a href="#requirements">Requirements</a></li><li><a href="#cases">All other cases</a></li>${appendix ? markup`<li><a href="#frames">Bytes of the frames</a></li>` : ""}</ul></nav>
<noscript><p class="note">Without scripts the requirements can't be filtered; everything else is here.</p></noscript>
</header>`;
}

// Most names that a title takes.
const namedInTitle = 3;

export function titleOf(reports: readonly Report[]): string {
  const names = reports.map((report) => report.implementation.name);
  const [name = ""] = names;
  const failing = reports
    .filter((report) => report.cases.some((one) => isFailure(one.verdict)))
    .map((report) => report.implementation.name);
  if (names.length === 0) return "No reports";
  if (names.length === 1) return failing.length === 1 ? `${name} fails` : `${name}: no failure seen`;
  const all = names.length > namedInTitle ? plural(names.length, "implementation") : names.join(", ");
  if (failing.length === 0) return `${all}: no failure seen`;
  const which = failing.length > namedInTitle ? "" : `: ${failing.join(", ")}`;
  return `${grouped(failing.length)} of ${plural(names.length, "implementation")} ${failing.length === 1 ? "fails" : "fail"}${which}`;
}

function whoseOf(reports: readonly Report[]): string {
  const roles = new Set(reports.map((report) => report.implementation.role));
  const [role = "implementation"] = roles;
  if (reports.length === 1) return `one ${role}`;
  return roles.size === 1 ? `${reports.length} ${role}s` : `${reports.length} implementations`;
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
