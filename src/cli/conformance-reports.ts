// The files that a run writes, and the merging of several runs into one.

import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { junitOf } from "../conformance/report/junit.ts";
import { pageOf } from "../conformance/report/page.ts";
import { parseReport } from "../conformance/report/parse-report.ts";
import type { Report } from "../conformance/report/report.ts";
import { summaryText } from "../conformance/report/terminal.ts";
import type { CommandIo } from "./command-io.ts";
import { usageError } from "./command-error.ts";
import type { ReportOptions } from "./conformance-options.ts";

// Before a run: it would be a pity to find out after it.
export function checkReports({
  json,
  junit,
  html,
  pcap,
}: ReportOptions & { readonly json?: string; readonly pcap?: string }): void {
  if (pcap !== undefined) mkdirSync(pcap, { recursive: true });
  for (const file of [json, junit, html])
    if (file !== undefined) accessSync(dirname(resolve(file)), constants.W_OK);
}

export function writeReports(
  reports: readonly Report[],
  options: ReportOptions & { readonly json?: string },
): void {
  const [report] = reports;
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report)}\n`);
  if (options.junit !== undefined) writeFileSync(options.junit, junitOf(reports));
  if (options.html !== undefined) writeFileSync(options.html, pageOf(reports));
}

export function mergeReports(files: readonly string[], options: ReportOptions, io: CommandIo): number {
  const reports = files.map((file) => {
    const report = parseReport(readFileSync(file, "utf8"));
    if (typeof report === "string") throw usageError(`${file}: ${report}`);
    return report;
  });
  writeReports(reports, options);
  for (const report of reports) io.writeOut(`${summaryText(report)}\n`);
  const codes = reports.map(({ exitCode }) => exitCode);
  // What failed weighs most, then what was not decided, then what tested nothing.
  return [1, 3, 2].find((code) => codes.includes(code)) ?? 0;
}
