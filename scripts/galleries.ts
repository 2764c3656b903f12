// `npm run galleries`: shows that the exchanges notice what they are there for. Every mutant, a server or client that is
// wrong in one way, must be killed by a case of the requirement that it breaks, every requirement that an exchange can
// show must have killed one, every oddball, legal but awkward, must pass, and every pair of state and input must be covered
// or excused. `node scripts/galleries.ts [--only NAME]... [--jobs N] [--json FILE]`.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { loadCatalog } from "../src/conformance/exchange/catalog.ts";
import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import { extractRequirements, type Requirement } from "../src/conformance/exchange/requirements.ts";
import { mutants, oddballs } from "../test/galleries/gallery.ts";
import { stateCoverage, type RoleCoverage } from "../test/state-coverage/state-coverage.ts";
import { tryMutant, tryOddball, type MutantOutcome, type OddballOutcome } from "./galleries-run.ts";

const ROLES: readonly Role[] = ["server", "client"];
const AS_IT_IS = "-as-it-is";
const specification = fileURLToPath(new URL("../spec/talkbyte.md", import.meta.url));

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    // Most of a play is waiting.
    jobs: { type: "string", default: "4" },
    json: { type: "string" },
  },
});

const startedAt = performance.now();
const catalog = loadCatalog();
/** By its name, by its full one, or with all of its kind. */
const wanted = (kind: string, name: string): boolean =>
  options.only === undefined || [name, kind, `${kind}/${name}`].some((it) => options.only?.includes(it));
const mutantOutcomes: MutantOutcome[] = [];
const oddballOutcomes: OddballOutcome[] = [];
interface Task {
  readonly alone: boolean;
  run(): Promise<void>;
}

const tasks: Task[] = [
  ...oddballs
    .filter(({ name }) => wanted("oddball", name))
    .map((oddball) => ({
      alone: oddball.alone === true,
      async run() {
        const outcome = await tryOddball(catalog, oddball);
        oddballOutcomes.push(outcome);
        printOddball(outcome);
      },
    })),
  ...ROLES.flatMap((role) =>
    mutants[role]
      .filter(({ name }) => wanted(role, name))
      .map((mutant) => ({
        alone: mutant.alone === true,
        async run() {
          const outcome = await tryMutant(catalog, role, mutant);
          mutantOutcomes.push(outcome);
          printMutant(outcome);
        },
      })),
  ),
];
if (tasks.length === 0) {
  console.error(`no peer of the galleries is called ${options.only?.join(" or ")}`);
  process.exit(2);
}
for (const alone of [true, false])
  await inParallel(
    tasks.filter((task) => task.alone === alone),
    alone ? 1 : Number(options.jobs),
  );
const whole = options.only === undefined;
const figures = ROLES.map(figuresOf);
const coverage = whole ? await stateCoverage() : undefined;
const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
console.log("");
for (const figure of figures) printFigures(figure);
console.log(
  `oddballs passed: ${oddballOutcomes.filter(passed).length} of ${oddballOutcomes.length}; ` +
    `known to fail wrongly: ${oddballOutcomes.filter((outcome) => expected(outcome) && !passed(outcome)).length}`,
);
if (coverage !== undefined) for (const role of ROLES) printStates(role, coverage[role]);
console.log(`in ${seconds} s`);
if (options.json !== undefined)
  writeFileSync(
    options.json,
    `${JSON.stringify({ figures, mutants: mutantOutcomes, oddballs: oddballOutcomes, coverage, seconds }, null, 2)}\n`,
  );
const good =
  mutantOutcomes.every(({ killed }) => killed !== undefined) &&
  oddballOutcomes.every(expected) &&
  (!whole || figures.every(({ unshown }) => unshown.length === 0)) &&
  (coverage === undefined || ROLES.every((role) => settled(coverage[role])));
if (!good) process.exitCode = 1;

async function inParallel(tasks: readonly Task[], jobs: number): Promise<void> {
  const waiting = tasks.toReversed();
  const job = async (): Promise<void> => {
    for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) await task.run();
  };
  await Promise.all(Array.from({ length: jobs }, job));
}

function passed({ failures, problem, knownGap, name, verdicts }: OddballOutcome): boolean {
  // A warning that the implementation itself gets would kill any mutant under --strict.
  const warned = name.endsWith(AS_IT_IS) && verdicts.warn > 0;
  return failures.length === 0 && problem === undefined && knownGap === undefined && !warned;
}

/** What is known to fail wrongly must still fail. */
function expected(outcome: OddballOutcome): boolean {
  const { failures, problem, knownGap } = outcome;
  return passed(outcome) || (knownGap !== undefined && problem === undefined && failures.length > 0);
}

function printMutant({ role, name, violates, killed, problem, ms }: MutantOutcome): void {
  const how =
    problem !== undefined
      ? `BROKEN: ${problem}`
      : killed === undefined
        ? "SURVIVED"
        : `killed by ${killed.case}${killed.segmentation === "whole" ? "" : `, ${killed.segmentation}`}${killed.strict ? ", under --strict" : ""}`;
  console.log(`${role.padEnd(7)} ${name.padEnd(40)} ${violates.padEnd(14)} ${how}, ${ms} ms`);
}

function printOddball(outcome: OddballOutcome): void {
  const { role, name, verdicts, failures, playedAgain, problem, knownGap, ms } = outcome;
  const { pass, warn, unsupported } = verdicts;
  const again = playedAgain === 0 ? "" : `, ${playedAgain} played again`;
  const how = passed(outcome)
    ? "passed"
    : expected(outcome)
      ? `fails wrongly in ${failures.length}, as is known (${knownGap})`
      : `FAILED ${problem ?? knownGap ?? ""}`;
  console.log(
    `oddball ${name.padEnd(40)} ${role.padEnd(14)} ${how}: ${pass} pass, ${warn} warn, ${unsupported} unsupported${again}, ${ms} ms`,
  );
  if (expected(outcome)) return;
  for (const failure of failures) console.log(`        ${failure}`);
}

interface Figures {
  readonly role: Role;
  readonly mutants: number;
  readonly killed: number;
  readonly killedUnderStrict: number;
  readonly requirements: number;
  readonly requirementsWithCase: number;
  /** With a mutant that a failure killed, without `--strict`. */
  readonly requirementsWithKill: number;
  /** Those without. */
  readonly unshown: readonly string[];
}

/** Of the requirements that an exchange can show: how many have a case, and how many have killed a mutant. */
function figuresOf(role: Role): Figures {
  const { requirements } = extractRequirements(readFileSync(specification, "utf8"));
  const testable = requirements
    .filter(
      ({ proof, level, roles }: Requirement) =>
        proof === "exchange" && level !== "MAY" && roles.includes(role),
    )
    .map(({ id }) => id);
  const outcomes = mutantOutcomes.filter((outcome) => outcome.role === role);
  const kills = outcomes.filter(({ killed }) => killed !== undefined);
  const plain = kills.filter(({ killed }) => killed?.strict === false);
  const unshown = testable.filter((id) => !plain.some(({ violates }) => violates === id));
  const withCase = testable.filter((id) =>
    catalog.exchanges.some(({ covers, roles }) => covers.includes(id) && roles.includes(role)),
  );
  return {
    role,
    mutants: outcomes.length,
    killed: plain.length,
    killedUnderStrict: kills.length - plain.length,
    requirements: testable.length,
    requirementsWithCase: withCase.length,
    requirementsWithKill: testable.length - unshown.length,
    unshown,
  };
}

function printFigures(figures: Figures): void {
  const { role, mutants, killed, killedUnderStrict, requirements, unshown } = figures;
  const { requirementsWithCase, requirementsWithKill } = figures;
  console.log(
    `${role} mutants: ${killed} of ${mutants} killed by a failure, ${killedUnderStrict} by a failure under --strict, ` +
      `${mutants - killed - killedUnderStrict} not killed`,
  );
  for (const outcome of mutantOutcomes)
    if (outcome.role === role && outcome.killed === undefined) printMutant(outcome);
  console.log(
    `requirements of a ${role} that an exchange can show: ${requirementsWithCase} of ${requirements} have a case, ` +
      `${requirementsWithKill} of ${requirements} have killed a mutant by a failure`,
  );
  if (options.only === undefined && unshown.length > 0)
    console.log(`  without a kill: ${unshown.join(", ")}`);
}

function printStates(role: Role, { legal, illegal, open, problems }: RoleCoverage): void {
  const text = [legal, illegal].map(
    ({ total, covered, excused }, index) =>
      `${covered} of ${total} ${index === 0 ? "legal" : "illegal"} ones covered, ${excused} excused`,
  );
  console.log(`pairs of state and input of a ${role}: ${text.join("; ")}; ${open.length} open`);
  for (const key of open) console.log(`  open: ${key}`);
  for (const problem of problems) console.log(`  ${problem}`);
}

function settled({ open, problems }: RoleCoverage): boolean {
  return open.length === 0 && problems.length === 0;
}
