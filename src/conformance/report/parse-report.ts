// Reads a report back. Its shape is not checked field by field: it is this program's own output; what is checked is that
// it is one, and of a version that this program knows.

import type { Report } from "./report.ts";

const parts = ["suite", "implementation", "run", "requirements", "cases", "totals", "remarks", "exitCode"];

// Gives what's wrong with the text where it is no report.
export function parseReport(text: string): Report | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "is not JSON";
  }
  if (typeof value !== "object" || value === null || !("format" in value) || !("version" in value))
    return "is no report of talkbyte-conformance";
  if (value.format !== "talkbyte-conformance-report") return "is no report of talkbyte-conformance";
  if (value.version !== 1) return `has version ${String(value.version)}; this program reads version 1`;
  return parts.every((part) => part in value) ? (value as Report) : "is only a part of a report";
}
