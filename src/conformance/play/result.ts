// What playing an exchange gives (spec/exchanges.md, section 5).

import type { Role } from "../exchange/exchange-checks.ts";
import type { Segmentation } from "./segmentation.ts";
import type { Speaker } from "../exchange/steps.ts";

export const verdicts = ["pass", "warn", "fail", "inconclusive", "unsupported"] as const;
export type Verdict = (typeof verdicts)[number];

export type TranscriptEntry =
  | { readonly at: number; readonly from: Speaker; readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly at: number; readonly from: Speaker; readonly kind: "end" | "reset" }
  | { readonly at: number; readonly from: "app" | "operator"; readonly kind: "call"; readonly text: string };

// Which way it went, where the file leaves a choice.
export interface BranchTaken {
  readonly line: number;
  readonly name: string;
  readonly advisedAgainst: boolean;
}

export interface Timing {
  readonly line: number;
  readonly deadlineMs: number;
  readonly earliestMs: number;
  readonly latestMs: number;
  readonly measuredMs: number;
  // False: nothing had come by then.
  readonly came: boolean;
}

// In place of what came, where nothing did; reports know it again.
export const nothingInTime = "nothing in time";

// What a step asks for and what came instead, each as annotated lines.
export interface Comparison {
  readonly expected: readonly string[];
  readonly received: readonly string[];
  // The frame that came, where it is the right one but for its bytes.
  readonly difference?: Difference;
}

export interface Difference {
  readonly frame: Uint8Array;
  // Of the frame: its first byte that is not as it should be.
  readonly offset: number;
}

export interface Result {
  readonly id: string;
  readonly role: Role;
  readonly verdict: Verdict;
  // Empty for a pass.
  readonly reason: string;
  // Line of the step that decided a verdict other than pass.
  readonly line: number | undefined;
  // Where a step of the side under test did not hold.
  readonly comparison: Comparison | undefined;
  readonly branches: readonly BranchTaken[];
  // Why a play that passed shows nothing of what the case is about.
  readonly notReached: string | undefined;
  readonly timings: readonly Timing[];
  // The shortest time that was measured, or waited in vain; a runner that is itself late by much of it can't judge.
  readonly shortestLimitMs: number | undefined;
  readonly transcript: readonly TranscriptEntry[];
  readonly driverErrors: readonly string[];
  readonly segmentation: Segmentation;
  readonly seed: number;
}

// Thrown where a step doesn't hold, and caught once by the player.
export class StepFailed extends Error {
  readonly verdict: "fail" | "inconclusive" | "unsupported";
  readonly comparison: Comparison | undefined;

  constructor(verdict: StepFailed["verdict"], reason: string, comparison?: Comparison) {
    super(reason);
    this.name = "StepFailed";
    this.verdict = verdict;
    this.comparison = comparison;
  }
}
