// `npm run galleries`: shows that the exchanges notice what they are there for. Every mutant, a server or client that is
// wrong in one way, must be killed by a case of the requirement that it breaks; every oddball, legal but awkward, must
// pass. `node scripts/galleries.ts [--only NAME] [--jobs N] [--json FILE]`.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { loadCatalog } from "../src/conformance/exchange/catalog.ts";
import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import type { Exchange } from "../src/conformance/exchange/exchange.ts";
import { extractRequirements, type Requirement } from "../src/conformance/exchange/requirements.ts";
import { mutants, oddballs } from "../test/galleries/gallery.ts";
import {
  isReachable,
  tryMutant,
  tryOddball,
  type MutantOutcome,
  type OddballOutcome,
} from "./galleries-run.ts";

const ROLES: readonly Role[] = ["server", "client"];
const specification = fileURLToPath(new URL("../spec/talkbyte.md", import.meta.url));

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    // Most of a play is waiting.
    jobs: { type: "string", default: "4" },
    json: { type: "string" },
  },
});

const startedAt = performance.now();
const catalog = loadCatalog();
/** By its name, by its full one, or with all of its kind. */
const wanted = (kind: string, name: string): boolean =>
  options.only === undefined || [name, kind, `${kind}/${name}`].includes(options.only);
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
  console.error(`no peer of the galleries is called "${options.only}"`);
  process.exit(2);
}
for (const alone of [true, false])
  await inParallel(
    tasks.filter((task) => task.alone === alone),
    alone ? 1 : Number(options.jobs),
  );
const figures = ROLES.map(figuresOf);
const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
console.log("");
for (const figure of figures) console.log(figure.text);
console.log(
  `oddballs passed: ${oddballOutcomes.filter(passed).length}/${oddballOutcomes.length}; ` +
    `known to fail wrongly: ${oddballOutcomes.filter((outcome) => expected(outcome) && !passed(outcome)).length}`,
);
console.log(`in ${seconds} s`);
if (options.json !== undefined)
  writeFileSync(
    options.json,
    `${JSON.stringify({ figures, mutants: mutantOutcomes, oddballs: oddballOutcomes, seconds }, null, 2)}\n`,
  );
if (!mutantOutcomes.every(({ killed }) => killed !== undefined) || !oddballOutcomes.every(expected))
  process.exitCode = 1;

async function inParallel(tasks: readonly Task[], jobs: number): Promise<void> {
  const waiting = tasks.toReversed();
  const job = async (): Promise<void> => {
    for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) await task.run();
  };
  await Promise.all(Array.from({ length: jobs }, job));
}

function passed({ failures, problem, knownGap }: OddballOutcome): boolean {
  return failures.length === 0 && problem === undefined && knownGap === undefined;
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
        : `${killed.verdict === "warn" ? "shown by a warning of" : "killed by"} ${killed.case}${killed.segmentation === "whole" ? "" : `, ${killed.segmentation}`}`;
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
  /** Of these, by a warning alone. */
  readonly warned: number;
  readonly requirements: number;
  readonly reachable: number;
  readonly withCase: number;
  readonly withKill: number;
  readonly text: string;
}

/** Of the requirements that an exchange can show: how many have a case, and how many have killed a mutant. */
function figuresOf(role: Role): Figures {
  const { requirements } = extractRequirements(readFileSync(specification, "utf8"));
  const testable = requirements.filter(
    ({ proof, level, roles }: Requirement) => proof === "exchange" && level !== "MAY" && roles.includes(role),
  );
  const outcomes = mutantOutcomes.filter((outcome) => outcome.role === role);
  const kills = outcomes.filter(({ killed }) => killed !== undefined);
  const withCase = testable.filter(({ id }) => hasCase(id, role, () => true)).length;
  const reachable = testable.filter(({ id }) => hasCase(id, role, isReachable));
  const warned = kills.filter(({ killed }) => killed?.verdict === "warn");
  const withKill = reachable.filter(({ id }) =>
    kills.some(({ violates, killed }) => violates === id && killed?.verdict === "fail"),
  ).length;
  const text =
    `${role} mutants killed: ${kills.length}/${outcomes.length}, ${warned.length} of them by a warning alone; requirements of a ` +
    `${role} that an exchange can show: ${withCase}/${testable.length} have a case, ${withKill} of the ${reachable.length} whose ` +
    "cases need neither TLS nor a stop of the server have killed a mutant";
  return {
    role,
    mutants: outcomes.length,
    killed: kills.length,
    warned: warned.length,
    requirements: testable.length,
    reachable: reachable.length,
    withCase,
    withKill,
    text,
  };
}

function hasCase(id: string, role: Role, suits: (exchange: Exchange) => boolean): boolean {
  return catalog.exchanges.some(
    (exchange) => exchange.covers.includes(id) && exchange.roles.includes(role) && suits(exchange),
  );
}
