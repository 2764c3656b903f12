// A report for a terminal: what failed and why, with the bytes side by side, and a summary that adds up.

import type { Timing } from "../play/result.ts";
import type {
  CaseVerdict,
  Report,
  ReportedCase,
  ReportedFailure,
  ReportedPlay,
  ReportedRequirement,
} from "./report.ts";

const words: Readonly<Record<CaseVerdict, string>> = {
  pass: "passed",
  warn: "passed with a warning",
  fail: "failed",
  "known-failure": "failed as known",
  inconclusive: "inconclusive",
  unsupported: "unsupported",
};

const widestColumn = 104;

// One line for each case as it's done, such as: FAIL auth-before-hello: expected …
export function caseLine({ id, verdict, reason, plays, notReached }: ReportedCase): string {
  if (notReached !== undefined) return oneEntry(`${verdict.toUpperCase()} ${id}: not reached: ${notReached}`);
  const times = [...new Set(plays.flatMap((play) => play.timings.map(timingText)))].join("; ");
  const label = verdict === "known-failure" ? "KNOWN" : verdict.toUpperCase();
  const text = reason === "" ? times : reason;
  return oneEntry(text === "" ? `${label} ${id}` : `${label} ${id}: ${text}`);
}

function timingText({ measuredMs, deadlineMs, earliestMs, latestMs, came }: Timing): string {
  const [measured, limit, earliest, latest] = [measuredMs, deadlineMs, earliestMs, latestMs].map(Math.round);
  return `${came ? "" : "nothing in "}${measured} ms; limit ${limit} ms, allowed ${earliest} to ${latest} ms`;
}

export function caseText(reported: ReportedCase, requirements: readonly ReportedRequirement[]): string {
  const lines = [`  ${reported.title}`];
  for (const id of reported.covers) {
    const requirement = requirements.find((candidate) => candidate.id === id);
    if (requirement !== undefined)
      lines.push(`  ${id} (section ${requirement.section}): ${plain(requirement.text)}`);
  }
  const play =
    reported.plays.find(({ verdict }) => verdict === reported.verdict && verdict !== "pass") ??
    reported.plays.find(({ verdict }) => verdict !== "pass");
  if (play !== undefined) lines.push(...playLines(play));
  if (reported.known !== undefined) lines.push(`  known to fail: ${reported.known}`);
  if (reported.minimized !== undefined)
    lines.push("  the smallest exchange that still fails alike:", ...indented(reported.minimized, 4));
  return [caseLine(reported), ...lines.map(oneEntry), printable(`  again: ${reported.repeat}`)].join("\n");
}

const unsafe =
  // oxlint-disable-next-line no-control-regex -- control characters are the point
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

// Texts of the implementation under test can hold terminal escapes, and what turns the direction of writing.
export function printable(text: string): string {
  return text.replaceAll(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

// Such a text can have lines, which must not look like lines of this report.
function oneEntry(text: string): string {
  return printable(text).replaceAll("\n", "\n    | ");
}

function playLines(play: ReportedPlay): string[] {
  const lines: string[] = [];
  if (play.failure !== undefined) lines.push(...failureLines(play.failure));
  for (const { line, name } of play.branches) lines.push(`  branch taken at line ${line}: ${name}`);
  for (const timing of play.timings) lines.push(`  measured at line ${timing.line}: ${timingText(timing)}`);
  for (const error of play.driverErrors) lines.push(`  the client told its application: ${error}`);
  lines.push(
    `  the conversation, ${play.segmentation} (seed ${play.seed}, runner late by ${play.lagMs} ms at most):`,
  );
  for (const { atMs, from, summary } of play.transcript.slice(-transcriptLines)) {
    const arrow = { C: "C →", S: "  ← S", app: "app", operator: "op" }[from];
    lines.push(`    ${atMs.toFixed(1).padStart(9)} ms  ${arrow.padEnd(5)} ${summary}`);
  }
  return lines;
}

const transcriptLines = 20;

function failureLines({ line, step, expected, received }: ReportedFailure): string[] {
  const lines = [`  the step at line ${line}:`, ...indented(step, 4)];
  if (expected.length === 0 && received.length === 0) return lines;
  const width = Math.min(widestColumn, Math.max(8, ...expected.map((text) => text.length)));
  lines.push(`    ${"expected".padEnd(width)} │ received`);
  for (let row = 0; row < Math.max(expected.length, received.length); row++)
    lines.push(`    ${(expected[row] ?? "").padEnd(width)} │ ${received[row] ?? ""}`.trimEnd());
  return lines;
}

export function summaryText(report: Report): string {
  const { implementation, totals, requirements, cases, run, remarks } = report;
  const counts = Object.entries(words)
    .map(([verdict, word]) => [totals[verdict as CaseVerdict], word] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`);
  const testable = requirements.filter(({ verdict }) => verdict !== "not-testable");
  const of = (...verdicts: string[]): number =>
    testable.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const idle = cases.filter(({ notReached }) => notReached !== undefined).length;
  return [
    ...remarks.map((remark) => oneEntry(`! ${remark}`)),
    `${oneEntry(implementation.name)} (${implementation.role}, ${implementation.transport}): ${cases.length} cases in ${(run.durationMs / 1000).toFixed(1)} s: ${counts.join(", ") || "none played"}`,
    ...(idle === 0
      ? []
      : [
          `${idle} of those that passed never came to what they are about, and are no evidence (--verbose: "not reached")`,
        ]),
    `${testable.length} requirements that bind a ${implementation.role} and show on the wire: ${of("pass", "warn")} kept, ${of("fail", "known-failure")} broken, ${of("inconclusive")} inconclusive, ${of("unsupported")} unsupported, ${of("not-played")} not played`,
    `seed ${run.seed}, ${run.segmentations.join(" + ")}${run.timeScale === 1 ? "" : `, time scale ${run.timeScale}`}${run.strict ? ", strict" : ""}`,
  ].join("\n");
}

function plain(text: string): string {
  return text.replaceAll(/`|\*(?=\w)|(?<=\w)\*/g, "");
}

function indented(text: string, depth: number): string[] {
  return text.split("\n").map((line) => " ".repeat(depth) + line);
}
