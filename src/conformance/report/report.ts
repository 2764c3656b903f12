// What a run found, as data (spec/conformance.md, section 5): the one source from which the terminal summary, JUnit
// and the page are made. It holds no password of the profile: they are masked before they get here.

import type { Level, Proof } from "../exchange/requirements.ts";
import type { Role } from "../exchange/exchange-checks.ts";
import type { BranchTaken, Timing, Verdict } from "../play/result.ts";
import type { Segmentation } from "../play/segmentation.ts";

export interface Report {
  readonly format: "talkbyte-conformance-report";
  readonly version: 1;
  readonly suite: { readonly protocol: string; readonly version: string; readonly exchanges: number };
  readonly implementation: ReportedImplementation;
  readonly run: ReportedRun;
  // All requirements that bind the role under test, in the order of the specification.
  readonly requirements: readonly ReportedRequirement[];
  // The cases that were selected, by id.
  readonly cases: readonly ReportedCase[];
  readonly totals: Readonly<Record<CaseVerdict, number>>;
  // What ended the run early or went wrong beside the cases, such as a failed sanity case.
  readonly remarks: readonly string[];
  readonly exitCode: number;
}

export interface ReportedImplementation {
  readonly name: string;
  readonly role: Role;
  readonly transport: "tls" | "plaintext";
  // The profile's numbers, by name.
  readonly variables: Readonly<Record<string, number>>;
}

export interface ReportedRun {
  // ISO 8601, UTC.
  readonly startedAt: string;
  readonly durationMs: number;
  readonly seed: number;
  readonly timeScale: number;
  readonly strict: boolean;
  readonly jobs: number;
  readonly segmentations: readonly Segmentation[];
  readonly only: readonly string[];
  readonly skip: readonly string[];
}

// "known-failure": it failed, as the expectations file says.
export type CaseVerdict = Verdict | "known-failure";

// "not-played": none of its cases was selected, or came to what it is about. "not-testable": a MAY, or shown by tests of the implementation's own or by
// review.
export type RequirementVerdict = CaseVerdict | "not-played" | "not-testable";

export interface ReportedRequirement {
  readonly id: string;
  readonly level: Level;
  readonly section: string;
  readonly text: string;
  readonly proof: Proof;
  readonly verdict: RequirementVerdict;
  // Ids of the selected cases that cover it.
  readonly cases: readonly string[];
}

export interface ReportedCase {
  readonly id: string;
  readonly title: string;
  readonly covers: readonly string[];
  readonly tags: readonly string[];
  // The worst of its plays.
  readonly verdict: CaseVerdict;
  // Empty for a pass.
  readonly reason: string;
  // Why it is known to fail, where the expectations file says so.
  readonly known: string | undefined;
  // It passed, but none of its plays came to what it is about: why. It is no evidence.
  readonly notReached: string | undefined;
  // One for each segmentation; empty where the case is unsupported.
  readonly plays: readonly ReportedPlay[];
  // A command that plays just this case.
  readonly repeat: string;
  // The smallest exchange that still fails alike, as YAML, where --minimize was asked for.
  readonly minimized: string | undefined;
}

export interface ReportedPlay {
  readonly segmentation: Segmentation;
  readonly seed: number;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly failure: ReportedFailure | undefined;
  readonly branches: readonly BranchTaken[];
  readonly timings: readonly Timing[];
  // The longest that the runner itself was late.
  readonly lagMs: number;
  readonly durationMs: number;
  // Empty where it was left out, of a case that passed.
  readonly transcript: readonly ReportedEntry[];
  // What the client under test told its application.
  readonly driverErrors: readonly string[];
}

// Where and how a step did not hold: what it asks for beside what came, each as annotated lines.
export interface ReportedFailure {
  // Line in the exchange's file.
  readonly line: number;
  // The step as the file has it.
  readonly step: string;
  readonly expected: readonly string[];
  readonly received: readonly string[];
}

export interface ReportedEntry {
  // Milliseconds since the play began.
  readonly atMs: number;
  readonly from: "C" | "S" | "app" | "operator";
  // "bytes": what is no whole frame.
  readonly kind: "frame" | "bytes" | "end" | "reset" | "call";
  // One line, such as: REFUSED reason=bad-credentials retry-after-ms=0 tries-left=2
  readonly summary: string;
  // Frames and bytes: hexadecimal, cut off after shownBytes; `bytes` is how many there were.
  readonly hex: string;
  readonly bytes: number;
  // Of the frame that did not hold for one byte: where that is, and the bytes around it.
  readonly difference: ReportedDifference | undefined;
  // A frame field by field, as src/conformance/wire/annotate.ts writes it.
  readonly annotated: readonly string[];
}

export interface ReportedDifference {
  // Of the first byte that differs, and of the first in `hex`; both count from the beginning of the frame.
  readonly offset: number;
  readonly start: number;
  // Empty where the frame's first bytes show it.
  readonly hex: string;
}

// Most bytes of a frame that a report shows from its beginning, and around a byte that differs.
export const shownBytes = 512;
export const shownAround = 96;
