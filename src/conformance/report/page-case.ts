// One case in full: why it came out as it did, the step that did not hold, what was measured, how to play it again, and
// the conversation in each segmentation.

import { comparison } from "./page-compare.ts";
import { diagramOf, type DiagramContext } from "./page-diagram.ts";
import { frameName, type FrameStore } from "./page-frames.ts";
import { grouped, markup, plural, sentence, type Markup } from "./page-markup.ts";
import { caseVerdict, isFailure, sign, verdictLabel, verdictWords } from "./page-verdict.ts";
import { blameOf, manyNamed } from "./page-blame.ts";
import type { Report, ReportedCase, ReportedPlay } from "./report.ts";

// The runner's own lag is worth a word from here on.
const tellingLagMs = 10;

const segmentationWords: Readonly<Record<ReportedPlay["segmentation"], string>> = {
  whole: "the suite's bytes not cut",
  "every-byte": "the suite's bytes one by one",
  "random-cuts": "the suite's bytes cut at random",
};

export interface CaseContext {
  readonly report: Report;
  // Which of the page's reports it is.
  readonly column: number;
  readonly store: FrameStore;
}

// Unique in the page, and never made of a text that a report brings.
export function caseAnchor(one: ReportedCase, report: Report, column: number): string {
  return `c${column}-${report.cases.indexOf(one)}`;
}

export function caseDetails(one: ReportedCase, context: CaseContext, open = false): Markup {
  const { report, column } = context;
  const anchor = caseAnchor(one, report, column);
  const verdict = caseVerdict(one);
  const text = one.notReached ?? one.reason;
  const word =
    verdict === "not-reached" || verdict === "unsupported" ? `${verdictWords[verdict].word}: ` : "";
  const reason = text === "" ? "" : markup`<span class="reason">${word}${text}</span>`;
  return markup`<details class="case v-${verdict}" id="${anchor}"${open ? markup` open` : ""}>
<summary>${sign(verdict)}<span class="unseen">${verdictWords[verdict].word}: </span><span class="title">${one.title}</span> <span class="id">${one.id}</span>${reason}</summary>
<div class="body">${caseBody(one, context)}</div></details>\n`;
}

function caseBody(one: ReportedCase, context: CaseContext): Markup {
  const failed = decidingPlay(one);
  return markup`${one.known === undefined ? "" : markup`<p class="known">${verdictLabel("known-failure")} announced: ${one.known}</p>`}
${failed === undefined ? "" : failureOf(one, failed, context.report)}
${isUnplayed(one) ? markup`<p class="note">It was not played: ${one.reason}.</p>` : playsOf(one, context)}
${coverOf(one, context.report)}
${minimizedOf(one)}
<h4>Play it again</h4>
<div class="copied"><pre><code>${one.repeat.split(/(?<= )/).map((word) => markup`<span>${word}</span>`)}</code></pre><button type="button" class="copy" hidden>Copy</button></div>`;
}

function isUnplayed({ plays }: ReportedCase): boolean {
  return plays.every(({ verdict, transcript }) => verdict === "unsupported" && transcript.length === 0);
}

// The play that the case's verdict comes from, where a step of it did not hold.
function decidingPlay({ verdict, plays }: ReportedCase): ReportedPlay | undefined {
  const short = plays.filter(({ failure }) => failure !== undefined);
  return short.find((play) => play.verdict === verdict || verdict === "known-failure") ?? short[0];
}

function failureOf(one: ReportedCase, { failure, segmentation }: ReportedPlay, report: Report): Markup {
  if (failure === undefined) return markup``;
  const where = one.plays.length > 1 ? `, played ${segmentation}` : "";
  return markup`<p class="step">Line ${failure.line} of <code>${one.id}.yaml</code>${where}: <code>${failure.step.replace(/^- /, "")}</code></p>
${notationOf(failure.step, report)}
${failure.expected.length + failure.received.length === 0 ? "" : comparison(failure)}`;
}

// What a reader of the step may not know of the notation of exchanges (spec/exchanges.md, section 3).
function notationOf(step: string, { implementation }: Report): Markup {
  const names = [...new Set(step.match(/\$[a-z][a-z0-9-]*/g))];
  const numbers = names.flatMap((name) => {
    const value = implementation.variables[name.slice(1)];
    return value === undefined ? [] : [`${name} is ${grouped(value)}`];
  });
  const notes = [
    ...(names.some((name) => name !== "$any")
      ? [
          `Values that begin with $ come from the profile${numbers.length === 0 ? "" : `: ${numbers.join(", ")}`}.`,
        ]
      : []),
    ...(names.includes("$any") ? ["$any is any value that the field allows."] : []),
    ...(/\bref:/.test(step)
      ? ["A value with ref: is the same bytes that an earlier step captured under that name."]
      : []),
  ];
  return notes.length === 0 ? markup`` : markup`<p class="note">${notes.join(" ")}</p>`;
}

// Requirements that bind the other role are named without their words: this case says nothing of them here.
function coverOf(one: ReportedCase, report: Report): Markup {
  const bound = blameOf(report).filter(({ id }) => one.covers.includes(id));
  const heading = isFailure(one.verdict)
    ? "The requirements in question"
    : "The requirements that it is about";
  if (bound.length === 0) return markup`<h4>${heading}</h4><p>${coversNone(one, report)}</p>`;
  const note = isFailure(one.verdict) && bound.length > 1 ? markup`<p class="note">${manyNamed}</p>` : "";
  return markup`<h4>${heading}</h4>${note}
<dl class="covers">${bound.map(({ id, level, text }) => markup`<dt>${id}</dt><dd>${sentence(text, level)}</dd>`)}</dl>`;
}

// Whether the case counts for none of the requirements that the report lists, which are those of the role under test.
export function isUncounted(one: ReportedCase, report: Report): boolean {
  return !report.requirements.some(({ id }) => one.covers.includes(id));
}

export function coversNone({ covers }: ReportedCase, { implementation }: Report): string {
  const { role } = implementation;
  const other = role === "server" ? "client" : "server";
  const none = `none that binds a ${role}`;
  if (covers.length === 0) return `${none}.`;
  return `${none}: ${covers.join(", ")} ${covers.length === 1 ? "binds" : "bind"} the ${other} alone.`;
}

function minimizedOf({ minimized }: ReportedCase): Markup {
  if (minimized === undefined) return markup``;
  return markup`<h4>The smallest exchange that still fails alike</h4>
<div class="copied"><pre><code>${minimized}</code></pre><button type="button" class="copy" hidden>Copy</button></div>`;
}

function playsOf(one: ReportedCase, context: CaseContext): Markup {
  const [first] = one.plays;
  if (first === undefined) return markup``;
  // The evidence has its bytes at hand; the arrows of other plays link to theirs.
  const failed = one.plays.find(({ verdict }) => verdict === "fail");
  const evidence = isFailure(one.verdict) ? (decidingPlay(one) ?? failed) : undefined;
  const draw = (play: ReportedPlay): Markup =>
    playOf(play, one, {
      implementation: context.report.implementation,
      store: play === evidence ? undefined : context.store,
    });
  if (one.plays.length === 1) return markup`<h4>The conversation</h4>${draw(first)}`;
  const plays = one.plays.map((play) => {
    const same =
      play !== first && play.verdict === "pass" && first.verdict === "pass" && sameFrames(play, first);
    const facts = markup`${sign(play.verdict)} <b>${play.segmentation}</b> (${segmentationWords[play.segmentation]}): ${verdictWords[play.verdict].word}`;
    if (same)
      return markup`<p class="same">${facts}; the same conversation in ${milliseconds(play.durationMs)}</p>`;
    const shown = play === (evidence ?? first);
    return markup`<details class="play"${shown ? markup` open` : ""}><summary>${facts}</summary>${draw(play)}</details>`;
  });
  return markup`<h4>The conversation, in ${plural(one.plays.length, "segmentation")}</h4>${plays}`;
}

function sameFrames(a: ReportedPlay, b: ReportedPlay): boolean {
  const shape = ({ transcript }: ReportedPlay): string =>
    transcript
      .map(({ from, kind, summary, bytes }) => [from, kind, frameName(summary), bytes].join())
      .join("\n");
  return a.transcript.length > 0 && shape(a) === shape(b);
}

function playOf(play: ReportedPlay, one: ReportedCase, context: DiagramContext): Markup {
  const left = one.verdict === "pass" && play.transcript.length === 0;
  return markup`${factsOf(play, one)}${left ? markup`<p class="note">The run kept no conversations of cases that passed.</p>` : diagramOf(play, context)}`;
}

function factsOf(play: ReportedPlay, one: ReportedCase): Markup {
  const facts = [
    ...(one.reason.includes(play.reason) ? [] : [markup`<li>${play.reason}</li>`]),
    ...play.branches.map(
      ({ line, name, advisedAgainst }) =>
        markup`<li>Line ${line} left a choice; it went by the branch <code>${name}</code>${advisedAgainst ? ", which the specification advises against" : ""}.</li>`,
    ),
    ...play.timings.map(timingFact),
    ...play.driverErrors.map((text) => markup`<li>The client told its application: <q>${text}</q></li>`),
  ];
  const lag = play.lagMs >= tellingLagMs ? `; the runner was late by up to ${milliseconds(play.lagMs)}` : "";
  const seed = play.segmentation === "random-cuts" ? `, seed ${play.seed}` : "";
  return markup`<ul class="facts">${facts}<li>Played ${play.segmentation} (${segmentationWords[play.segmentation]}${seed}), in ${milliseconds(play.durationMs)}${lag}.</li></ul>`;
}

// Reports of earlier versions don't say whether something came.
type ReportedTiming = Omit<ReportedPlay["timings"][number], "came"> & { readonly came?: boolean };

function timingFact({
  line,
  deadlineMs,
  earliestMs,
  latestMs,
  measuredMs,
  came = true,
}: ReportedTiming): Markup {
  const due = { earliestMs, latestMs, measuredMs, came };
  if (!came)
    return markup`<li class="timing">Line ${line}: <b>nothing came within ${milliseconds(measuredMs)}</b> (limit ${milliseconds(deadlineMs)}, due from ${number(earliestMs)} to ${milliseconds(latestMs)}).
${gauge(due)}</li>`;
  const held = measuredMs >= earliestMs && measuredMs <= latestMs;
  const verdict = held ? "within" : measuredMs < earliestMs ? "too early for" : "too late for";
  return markup`<li class="timing">Line ${line}, a deadline of ${milliseconds(deadlineMs)}: measured <b>${milliseconds(measuredMs)}</b>, ${verdict} ${number(earliestMs)} to ${milliseconds(latestMs)}.
${gauge(due)}</li>`;
}

type Due = Required<Pick<ReportedTiming, "earliestMs" | "latestMs" | "measuredMs" | "came">>;

// The band is when it was due, the needle when it came. Where nothing came, an arrow leads past the band.
function gauge({ earliestMs, latestMs, measuredMs, came }: Due): Markup {
  const held = came && measuredMs >= earliestMs && measuredMs <= latestMs;
  const span = Math.max(latestMs, measuredMs, 1) * (came ? 1.08 : 1.3);
  const x = (ms: number): number => Math.round((200 * ms) / span);
  const needle = came
    ? markup`<path class="needle" d="M${x(measuredMs)} 0v14"/>`
    : markup`<path class="needle" d="M${x(latestMs) + 4} 7H199M192 2l7 5l-7 5"/>`;
  return markup`<svg class="gauge${held ? "" : " missed"}" viewBox="0 0 200 14" aria-hidden="true"><path class="axis" d="M0 7h200"/><rect x="${x(earliestMs)}" y="4" width="${Math.max(2, x(latestMs) - x(earliestMs))}" height="6"/>${needle}</svg>`;
}

function milliseconds(ms: number): string {
  return `${number(ms)} ms`;
}

function number(ms: number): string {
  return ms < 10 ? String(Math.round(ms * 10) / 10) : grouped(Math.round(ms));
}
