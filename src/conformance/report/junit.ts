// JUnit XML, as CI systems read it: a suite for the run, a test case for each case. What was not decided is skipped,
// never passed.

import type { Report, ReportedCase } from "./report.ts";
import { caseText } from "./terminal.ts";

export function junitOf(reports: readonly Report[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${reports.map(suiteXml).join("")}</testsuites>\n`;
}

function suiteXml(report: Report): string {
  const { cases, implementation, run, totals, requirements, remarks } = report;
  const skipped = totals.inconclusive + totals.unsupported + totals["known-failure"];
  const attributes = [
    ["name", `talkbyte-conformance ${implementation.role} ${implementation.name}`],
    ["tests", String(cases.length)],
    ["failures", String(totals.fail)],
    ["errors", String(remarks.length > 0 ? 1 : 0)],
    ["skipped", String(skipped)],
    ["time", seconds(run.durationMs)],
    ["timestamp", run.startedAt.replace(/\.\d+Z$/, "")],
  ];
  const bodies = cases.map((reported) => caseXml(reported, caseText(reported, requirements)));
  const errors = remarks.length === 0 ? "" : `  <system-err>${escapeXml(remarks.join("\n"))}</system-err>\n`;
  return ` <testsuite${attributesXml(attributes)}>\n${bodies.join("")}${errors} </testsuite>\n`;
}

function caseXml(reported: ReportedCase, text: string): string {
  const { id, verdict, reason, plays } = reported;
  const time = plays.reduce((sum, play) => sum + play.durationMs, 0);
  const opening = `  <testcase${attributesXml([
    ["name", id],
    ["classname", reported.covers.join(" ")],
    ["time", seconds(time)],
  ])}`;
  const message = attributesXml([["message", `${verdict}: ${reason}`]]);
  switch (verdict) {
    case "pass":
      return `${opening}/>\n`;
    case "warn":
      return `${opening}><system-out>${escapeXml(text)}</system-out></testcase>\n`;
    case "fail":
      return `${opening}><failure${message}>${escapeXml(text)}</failure></testcase>\n`;
    case "known-failure":
    case "inconclusive":
    case "unsupported":
      return `${opening}><skipped${message}/></testcase>\n`;
  }
}

function attributesXml(pairs: readonly (readonly string[])[]): string {
  return pairs.map(([name = "", value = ""]) => ` ${name}="${escapeXml(value)}"`).join("");
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

export function escapeXml(text: string): string {
  return Array.from(text, (character) =>
    isXml(character) ? (entities[character] ?? character) : "\ufffd",
  ).join("");
}

// XML 1.0 has no way to write most control characters at all, nor half a surrogate pair.
function isXml(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
