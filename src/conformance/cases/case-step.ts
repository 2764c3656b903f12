// The steps of a published case (spec/cases.md, section 2), for one role: what the runner sends is bytes, and what
// the side under test may answer is templates.

import type { CasePart } from "./case-part.ts";

// Options that any step may have.
export interface StepOptions {
  // Names the moment at which the step was done.
  readonly mark?: string;
  readonly at?: CaseDeadline;
  // What the side under test may do from here on, where that changes.
  readonly now?: CasePermission;
}

export interface CaseDeadline {
  readonly ms: number;
  // Only for what the side under test does.
  readonly earliest?: number;
  readonly latest?: number;
  // Counted from this moment in place of the step before.
  readonly since?: string;
}

export interface CasePermission {
  // What may come between the steps.
  readonly between?: readonly ("extension" | "ping")[];
  // The most that the length of a frame may say.
  readonly limit?: number;
}

export type CaseEnd = "end" | "reset";

export interface SendStep extends StepOptions {
  // What it is, for people.
  readonly note: string;
  readonly send: readonly CasePart[];
  // What the runner does with its stream behind these bytes.
  readonly finish?: CaseEnd;
  readonly illegal?: true;
  readonly free?: true;
}

export interface ExpectStep extends StepOptions {
  readonly note: string;
  readonly expect: readonly CasePart[];
  readonly times?: number;
  readonly optional?: true;
}

// The ERROR, then one of the ends; or one of these alone, which gives a warning.
export interface ClosesStep extends StepOptions {
  readonly note: string;
  readonly closes: readonly CasePart[];
  readonly ends: readonly CaseEnd[];
}

export type AppCall =
  | { readonly login: { readonly username: string; readonly password: string } }
  | { readonly send: readonly CasePart[] }
  | "ping"
  | "stop"
  | "end";

export type CaseStep =
  | SendStep
  | ExpectStep
  | ClosesStep
  | (StepOptions & { readonly ends: readonly CaseEnd[] })
  // Milliseconds for which the runner does nothing.
  | (StepOptions & { readonly wait: number })
  // Milliseconds for which the side under test does nothing.
  | (StepOptions & { readonly quiet: number })
  // Whoever runs the server under test stops it.
  | { readonly operator: "stop" }
  | { readonly app: AppCall; readonly "after-login"?: true }
  // Always the last: each branch holds all that follows.
  | {
      readonly "one-of": Readonly<Record<string, readonly CaseStep[]>>;
      readonly "advised-against"?: readonly string[];
    };
