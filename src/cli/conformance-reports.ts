// The files that a run writes, and the merging of several runs into one.

import { readFileSync, writeFileSync } from "node:fs";
import { junitOf } from "../conformance/report/junit.ts";
import { pageOf } from "../conformance/report/page.ts";
import { parseReport } from "../conformance/report/parse-report.ts";
import type { Report } from "../conformance/report/report.ts";
import { summaryText } from "../conformance/report/terminal.ts";
import type { CommandIo } from "./command-io.ts";
import { usageError } from "./command-error.ts";
import type { ReportOptions } from "./conformance-options.ts";

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
  return Math.max(...reports.map((report) => (report.exitCode === 1 ? 1 : 0)));
}
