// talkbyte-conformance server and client: chooses the cases, plays them, and reports.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Role } from "../conformance/exchange/exchange-checks.ts";
import { loadExchange, type Exchange } from "../conformance/exchange/exchange.ts";
import { loadRequirements } from "../conformance/exchange/requirements.ts";
import type { Catalog } from "../conformance/exchange/catalog.ts";
import { unsupportedReason } from "../conformance/play/player.ts";
import type { Result } from "../conformance/play/result.ts";
import { segmentations, type Segmentation } from "../conformance/play/segmentation.ts";
import {
  idleExpectations,
  reportedCase,
  reportedRequirements,
  totalsOf,
} from "../conformance/report/collect.ts";
import { pcapngOf } from "../conformance/report/pcapng.ts";
import type { Report, ReportedCase } from "../conformance/report/report.ts";
import { maskText, maskTexts } from "../conformance/report/secrets.ts";
import { caseLine, caseText, printable, summaryText } from "../conformance/report/terminal.ts";
import { withoutSecrets } from "../conformance/report/transcript.ts";
import type { PlayedCase, PlayRules } from "../conformance/suite/case-run.ts";
import { ClientTarget } from "../conformance/suite/client-target.ts";
import { loadExpectations, type KnownFailure } from "../conformance/suite/expectations.ts";
import {
  numbersOf,
  secretsOf,
  unprofiled,
  type Implementation,
} from "../conformance/suite/implementation.ts";
import { ServerTarget } from "../conformance/suite/server-target.ts";
import type { Minimized } from "../conformance/suite/minimize.ts";
import { runSuite, type SuiteOutcome } from "../conformance/suite/suite.ts";
import type { Target } from "../conformance/suite/target.ts";
import { wireTable } from "../conformance/wire/wire-table.ts";
import { VERSION } from "../net/agent.ts";
import { makeIdentity } from "../net/identity.ts";
import { usageError } from "./command-error.ts";
import type { CommandIo } from "./command-io.ts";
import { armInterruption, type Interruption } from "./conformance-interruption.ts";
import type { RunOptions } from "./conformance-options.ts";
import { isMisuse } from "./conformance-misuse.ts";
import { minimizeCases } from "./conformance-minimize.ts";
import { createProgress, createShrinkProgress } from "./conformance-progress.ts";
import { repeatCommand } from "./conformance-repeat.ts";
import { checkReports, writeReports } from "./conformance-reports.ts";
import { list, selected, suiteCatalog } from "./conformance-self.ts";
import { subjectOf } from "./conformance-subject.ts";

interface Run {
  readonly role: Role;
  readonly options: RunOptions;
  readonly command: readonly string[];
  readonly implementation: Implementation;
  readonly rules: PlayRules;
  readonly exchanges: readonly Exchange[];
  readonly catalog: Catalog;
  readonly known: readonly KnownFailure[];
}

export async function runConformance(
  role: Role,
  options: RunOptions,
  command: readonly string[],
  io: CommandIo,
): Promise<number> {
  const run = prepareOrReport(role, options, command, io);
  if (typeof run === "number") return run;
  const interruption = armInterruption(() =>
    io.writeError("\ntalkbyte-conformance: interrupted; nothing is reported\n"),
  );
  try {
    return await playAll(run, interruption, io);
  } finally {
    interruption.disarm();
  }
}

// Whoever looks for the reports of a run that could not begin finds why, and not what an earlier one has left.
function prepareOrReport(...args: Parameters<typeof prepare>): Run | number {
  const [role, options] = args;
  try {
    return prepare(...args);
  } catch (error) {
    if (!isMisuse(error) || options.list === true || options.dryRun === true) throw error;
    const found = { cases: [], requirements: [], remarks: [error.message], exitCode: 2 };
    try {
      writeReports([reportOf({ role, options, implementation: unprofiled }, new Date(), found)], options);
    } catch {
      // That the files can't be written may be what is wrong.
    }
    throw error;
  }
}

// Gives an exit code where nothing is to be played.
function prepare(role: Role, options: RunOptions, command: readonly string[], io: CommandIo): Run | number {
  const catalog = suiteCatalog();
  const own = (options.exchange ?? []).map((file) => loadExchange(file));
  const names = new Set(own.map(({ id }) => id));
  const others =
    own.length > 0 && options.only === undefined ? [] : catalog.exchanges.filter(({ id }) => !names.has(id));
  const exchanges = selected({ exchanges: [...others, ...own] }, options, role);
  if (options.list === true) return list(exchanges, io);
  const sanity = catalog.byId.get(options.sanity);
  if (sanity === undefined) throw usageError(`--sanity: there is no case "${options.sanity}"`);
  const implementation = subjectOf(options, command, io.environment);
  const { profile } = implementation;
  const rules: PlayRules = {
    profile,
    segmentations: segmentationsOf(options),
    seed: options.seed,
    timeoutMs: options.timeoutMs,
    timeScale: options.timeScale,
    strict: options.strict === true,
    sanity,
  };
  if (options.dryRun === true) return dryRun(exchanges, rules, io);
  const missing = unsupportedReason(sanity, profile, {});
  if (missing !== undefined) throw usageError(`the sanity case ${sanity.id} can't be played: ${missing}`);
  if (implementation.launch !== undefined && implementation.port !== undefined && options.jobs > 1)
    throw usageError("each job launches a server of its own: --jobs needs free ports, not a given one");
  const known = options.expect === undefined ? [] : loadExpectations(options.expect);
  checkReports(options);
  return { role, options, command, implementation, rules, exchanges, catalog, known };
}

function dryRun(exchanges: readonly Exchange[], { profile }: PlayRules, io: CommandIo): number {
  let playable = 0;
  for (const exchange of exchanges) {
    const reason = unsupportedReason(exchange, profile, {});
    if (reason === undefined) playable++;
    io.writeOut(
      `${reason === undefined ? "play" : "unsupported"} ${exchange.id}${reason === undefined ? "" : `: ${reason}`}\n`,
    );
  }
  io.writeOut(`${playable} of ${exchanges.length} cases would be played\n`);
  return playable === 0 ? 2 : 0;
}

async function playAll(run: Run, interruption: Interruption, io: CommandIo): Promise<number> {
  const { role, options, exchanges, rules, implementation, known } = run;
  const requirements = loadRequirements();
  const secrets = secretsOf(implementation.profile);
  const makeTarget = await targetMaker(run);
  const startedAt = new Date();
  const cases = new Map<string, ReportedCase>();
  const failures: { exchange: Exchange; failed: Result }[] = [];
  const progress = createProgress(exchanges.length);
  const onCase = (played: PlayedCase): void => {
    if (interruption.received) return;
    const reported = reportedCase(played, {
      table: wireTable(),
      secrets,
      known,
      transcripts: options.transcripts,
      repeatOf: (exchange, play) => repeatCommand(run, exchange, play),
    });
    cases.set(reported.id, reported);
    const failed = played.plays.find(({ result }) => result.verdict === "fail")?.result;
    if (failed !== undefined) failures.push({ exchange: played.exchange, failed });
    progress.clear();
    if (reported.verdict === "fail" || reported.verdict === "inconclusive" || reported.verdict === "warn")
      io.writeOut(`${caseText(reported, reportedRequirements(requirements, [], role))}\n\n`);
    else if (options.verbose === true) io.writeOut(`${caseLine(reported)}\n`);
    progress.show(cases.size, reported.id);
    if (options.pcap !== undefined) writePackets(options.pcap, played, secrets, startedAt);
  };
  const outcome = await runSuite({ exchanges, rules, jobs: options.jobs, makeTarget, onCase });
  progress.clear();
  await interruption.passed();
  if (outcome.notReady !== undefined)
    io.writeError(`talkbyte-conformance: ${printable(maskText(outcome.notReady, secrets))}\n`);
  if (options.minimize === true) {
    const shrinking = createShrinkProgress(io);
    const shrunk = await minimizeCases(failures, makeTarget, rules, (text) => shrinking.show(text));
    shrinking.clear();
    for (const { exchange } of failures) {
      const { id } = exchange;
      const smallest = shrunk.get(id);
      const reported = cases.get(id);
      if (smallest !== undefined && reported !== undefined)
        cases.set(id, { ...reported, minimized: smallest.text });
      io.writeOut(`${minimizedText(id, smallest)}\n`);
    }
  }
  const played = exchanges.flatMap(({ id }) => cases.get(id) ?? []);
  // A choice of cases doesn't make the rest of the list idle.
  const candidates = [...run.catalog.exchanges, ...exchanges].filter(({ roles }) => roles.includes(role));
  const idle = idleExpectations(
    known,
    candidates.map(({ id }) => id),
  );
  const beside = outcome.notReady === undefined ? idle : [outcome.notReady];
  const remarks = maskTexts([...outcome.remarks, ...beside], secrets);
  const report = reportOf(run, startedAt, {
    cases: played,
    requirements: reportedRequirements(requirements, played, role),
    remarks,
    exitCode: exitCodeOf(played, remarks, outcome),
  });
  await interruption.passed();
  writeReports([report], options);
  if (outcome.notReady === undefined) io.writeOut(`${summaryText(report)}\n`);
  return report.exitCode;
}

function reportOf(
  { role, options, implementation }: Pick<Run, "role" | "options" | "implementation">,
  startedAt: Date,
  found: Pick<Report, "cases" | "requirements" | "remarks" | "exitCode">,
): Report {
  return {
    format: "talkbyte-conformance-report",
    version: 1,
    suite: { protocol: "TalkByte/1", version: VERSION, exchanges: suiteCatalog().exchanges.length },
    implementation: {
      name: options.name ?? implementation.name,
      role,
      transport: implementation.transport,
      variables: numbersOf(implementation.profile),
    },
    run: {
      startedAt: startedAt.toISOString(),
      durationMs: Date.now() - startedAt.getTime(),
      seed: options.seed,
      timeScale: options.timeScale,
      strict: options.strict === true,
      jobs: options.jobs,
      segmentations: segmentationsOf(options),
      only: options.only ?? [],
      skip: options.skip ?? [],
    },
    totals: totalsOf(found.cases),
    ...found,
  };
}

function segmentationsOf({ segmentation }: RunOptions): readonly Segmentation[] {
  return segmentation === "all" ? segmentations : [segmentation];
}

function minimizedText(id: string, smallest: Minimized | undefined): string {
  if (smallest === undefined) return `${id} did not fail alike when it was played again: it is not shrunk`;
  const { text, segmentation, plays } = smallest;
  return `the smallest that fails like ${id} (${segmentation}; found in ${plays} plays):\n${text}`;
}

async function targetMaker({ role, implementation, rules }: Run): Promise<() => Target> {
  if (role === "server") return () => new ServerTarget(implementation);
  const identity = implementation.transport === "tls" ? await makeIdentity() : undefined;
  return () => new ClientTarget(implementation, identity, rules.timeoutMs * rules.timeScale);
}

function writePackets(
  folder: string,
  { exchange, plays }: PlayedCase,
  secrets: readonly string[],
  runStartedAt: Date,
): void {
  mkdirSync(folder, { recursive: true });
  for (const { result } of plays) {
    const { id, title } = exchange;
    const transcript = withoutSecrets(result.transcript, secrets);
    const startedAtMs = runStartedAt.getTime();
    const bytes = pcapngOf({ id, title, verdict: result.verdict, startedAtMs }, transcript);
    writeFileSync(join(folder, `${id}.${result.segmentation}.pcapng`), bytes);
  }
}

function exitCodeOf(
  cases: readonly ReportedCase[],
  remarks: readonly string[],
  { notReady }: SuiteOutcome,
): number {
  const totals = totalsOf(cases);
  if (notReady !== undefined) return 3;
  if (totals.fail > 0 || remarks.length > 0) return 1;
  if (totals.inconclusive > 0) return 3;
  return totals.pass + totals.warn + totals["known-failure"] === 0 ? 2 : 0;
}
