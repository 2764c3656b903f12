// From what was played to the report: cases with their plays, and the verdict of each requirement, which is that of
// the worst case that covers it.

import { readFileSync } from "node:fs";
import type { Role } from "../exchange/exchange-checks.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { Requirement } from "../exchange/requirements.ts";
import type { Verdict } from "../play/result.ts";
import type { Played, PlayedCase } from "../suite/case-run.ts";
import type { KnownFailure } from "../suite/expectations.ts";
import type { WireTable } from "../wire/wire-table.ts";
import type {
  CaseVerdict,
  ReportedCase,
  ReportedFailure,
  ReportedPlay,
  ReportedRequirement,
  RequirementVerdict,
} from "./report.ts";
import { maskText, maskTexts } from "./secrets.ts";
import { reportedEntries, withoutSecrets, withoutSecretsIn } from "./transcript.ts";

export interface CollectOptions {
  readonly table: WireTable;
  readonly secrets: readonly string[];
  readonly known: readonly KnownFailure[];
  // "failed": a case that passed has none.
  readonly transcripts: "all" | "failed";
  // A command that plays just this case.
  repeatOf(exchange: Exchange, played: Played | undefined): string;
}

export function reportedCase(played: PlayedCase, options: CollectOptions): ReportedCase {
  const { exchange, plays } = played;
  const { verdict, reason } = verdictOf(played);
  const known = options.known.find((entry) => entry.fits(exchange.id))?.reason;
  const isKept = options.transcripts === "all" || verdict !== "pass";
  const worst = plays.find(({ result }) => result.verdict === verdict);
  const { id, title, covers, tags } = exchange;
  return {
    id,
    title,
    covers,
    tags,
    ...knownVerdict(verdict, maskText(reason, options.secrets), known),
    known,
    notReached: notReachedBy(plays),
    plays: maskTexts(
      plays.map((play) => reportedPlay(exchange, play, options, isKept)),
      options.secrets,
    ),
    repeat: options.repeatOf(exchange, worst),
    minimized: undefined,
  };
}

// One play that came so far is evidence enough.
function notReachedBy(plays: readonly Played[]): string | undefined {
  const reasons = plays.map(({ result }) => (result.verdict === "pass" ? result.notReached : undefined));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

const worstPlayFirst: readonly Verdict[] = ["fail", "inconclusive", "warn", "pass", "unsupported"];

// The worst play decides: a verdict must not depend on how bytes are cut.
function verdictOf({ plays }: PlayedCase): { readonly verdict: Verdict; readonly reason: string } {
  for (const verdict of worstPlayFirst) {
    const found = plays.find(({ result }) => result.verdict === verdict);
    if (found === undefined) continue;
    const { reason, segmentation } = found.result;
    const others = plays.filter(({ result }) => result.verdict !== verdict);
    const also = others.map(({ result }) => `${result.segmentation} ${result.verdict}`).join(", ");
    return { verdict, reason: also === "" ? reason : `${segmentation}: ${reason} (${also})` };
  }
  return { verdict: "inconclusive", reason: "it was not played" };
}

// A failure that's expected is no surprise; one that has gone must leave the list.
function knownVerdict(
  verdict: ReportedPlay["verdict"],
  reason: string,
  known: string | undefined,
): { readonly verdict: CaseVerdict; readonly reason: string } {
  if (known === undefined) return { verdict, reason };
  if (verdict === "fail") return { verdict: "known-failure", reason };
  if (verdict === "pass" || verdict === "warn")
    return { verdict: "fail", reason: `it is known to fail (${known}), but it passed: take it off the list` };
  return { verdict, reason };
}

function reportedPlay(
  exchange: Exchange,
  played: Played,
  options: CollectOptions,
  isKept: boolean,
): ReportedPlay {
  const { result, lagMs, durationMs } = played;
  const transcript = isKept ? withoutSecrets(result.transcript, options.secrets) : [];
  return {
    segmentation: result.segmentation,
    seed: result.seed,
    verdict: result.verdict,
    reason: result.reason,
    failure: reportedFailure(exchange, played),
    branches: result.branches,
    timings: result.timings,
    lagMs: Math.round(lagMs),
    durationMs: Math.round(durationMs),
    transcript: reportedEntries(
      options.table,
      transcript,
      withoutSecretsIn(result.comparison, options.secrets),
    ),
    driverErrors: result.driverErrors,
  };
}

function reportedFailure(exchange: Exchange, { result }: Played): ReportedFailure | undefined {
  const { verdict, line, comparison } = result;
  if (verdict === "pass" || verdict === "unsupported" || line === undefined) return undefined;
  return {
    line,
    step: stepText(exchange, line),
    expected: comparison?.expected ?? [],
    received: comparison?.received ?? [],
  };
}

// The lines of a step in its file: from its first line to the next that is not indented deeper.
export function stepText(exchange: Exchange, line: number): string {
  const lines = readFileSync(exchange.file, "utf8")
    .split("\n")
    .slice(line - 1);
  const [first = ""] = lines;
  const depth = first.search(/\S/);
  const end = lines.findIndex((text, index) => index > 0 && text.search(/\S/) <= depth);
  const step = lines.slice(0, end === -1 ? undefined : end);
  return step
    .map((text) => text.slice(Math.max(0, depth)))
    .join("\n")
    .trim();
}

export function reportedRequirements(
  requirements: readonly Requirement[],
  cases: readonly ReportedCase[],
  role: Role,
): readonly ReportedRequirement[] {
  return requirements
    .filter((requirement) => requirement.roles.includes(role))
    .map(({ id, level, section, text, proof }) => {
      const covering = cases.filter((reported) => reported.covers.includes(id));
      // Nobody can break a MAY.
      const testable = proof === "exchange" && level !== "MAY";
      const verdict = testable ? worstOf(covering) : "not-testable";
      return { id, level, section, text, proof, verdict, cases: covering.map((reported) => reported.id) };
    });
}

const worstFirst: readonly CaseVerdict[] = [
  "fail",
  "known-failure",
  "inconclusive",
  "warn",
  "pass",
  "unsupported",
];

function worstOf(cases: readonly ReportedCase[]): RequirementVerdict {
  const evident = cases.filter(({ notReached }) => notReached === undefined);
  return (
    worstFirst.find((verdict) => evident.some((reported) => reported.verdict === verdict)) ?? "not-played"
  );
}

export function totalsOf(cases: readonly ReportedCase[]): Readonly<Record<CaseVerdict, number>> {
  const count = (verdict: CaseVerdict): number =>
    cases.filter((reported) => reported.verdict === verdict).length;
  return {
    pass: count("pass"),
    warn: count("warn"),
    fail: count("fail"),
    inconclusive: count("inconclusive"),
    unsupported: count("unsupported"),
    "known-failure": count("known-failure"),
  };
}

// Entries of the list that fit none of these cases.
export function idleExpectations(known: readonly KnownFailure[], ids: readonly string[]): readonly string[] {
  return known
    .filter((entry) => !ids.some((id) => entry.fits(id)))
    .map(({ pattern }) => `the known failure "${pattern}" fits no case: take it off the list`);
}
