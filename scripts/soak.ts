// Flakes: the whole suite, ten times over, at three time scales, in every segmentation and under CPU load, against the
// real server and the real client, in plaintext and over TLS. A case that passes in one run and fails in another is a bug of the suite or of what
// it tests; where the runner itself was late it has to say inconclusive.
//
// npm run soak [-- --runs N]

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { segmentations } from "../src/conformance/play/segmentation.ts";
import { parseReport } from "../src/conformance/report/parse-report.ts";

interface Conditions {
  readonly timeScale: number;
  readonly busy: boolean;
}

const conditions: readonly Conditions[] = [
  { timeScale: 1, busy: false },
  { timeScale: 0.5, busy: false },
  { timeScale: 4, busy: false },
  { timeScale: 1, busy: true },
  { timeScale: 0.5, busy: true },
];
const subjects = ["server", "client", "server-tls", "client-tls"] as const;
type Subject = (typeof subjects)[number];
const jobs = 4;

const project = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "talkbyte-soak-"));
const { values } = parseArgs({ options: { runs: { type: "string", default: "10" } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 1000)
  throw new Error("--runs takes a number from 1 to 1000");

// The verdicts that each case has had, with the run that gave them.
const verdicts = new Map<string, Map<string, string>>();
const counts: Record<string, number> = {};

try {
  for (let index = 0; index < runs; index++) {
    const { timeScale, busy } = conditions[index % conditions.length] ?? { timeScale: 1, busy: false };
    const segmentation = segmentations[index % segmentations.length] ?? "whole";
    const label = `run ${index + 1}: time scale ${timeScale}, ${segmentation}${busy ? ", under load" : ""}`;
    const load = busy ? startLoad() : [];
    try {
      for (const subject of subjects) await playRun(subject, timeScale, segmentation, index + 1, label);
    } finally {
      for (const spinner of load) spinner.kill("SIGKILL");
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
report();

async function playRun(
  subject: Subject,
  timeScale: number,
  segmentation: string,
  seed: number,
  label: string,
): Promise<void> {
  const file = join(folder, `${subject}-${seed}.json`);
  const command = [
    join(project, "src/bin/talkbyte-conformance.ts"),
    subject.startsWith("server") ? "server" : "client",
    `--profile=${join(project, `test/profiles/${subject}.yaml`)}`,
    `--jobs=${jobs}`,
    `--segmentation=${segmentation}`,
    `--seed=${seed}`,
    `--time-scale=${timeScale}`,
    `--json=${file}`,
  ];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  const found = parseReport(readFileSync(file, "utf8"));
  if (typeof found === "string") throw new Error(`${label}: the report ${found}`);
  for (const { id, verdict, reason } of found.cases) {
    const name = `${subject} ${id}`;
    const seen = verdicts.get(name) ?? new Map<string, string>();
    verdicts.set(name, seen.set(verdict, `${label}: ${reason}`));
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  const { totals } = found;
  process.stdout.write(`${label}, ${subject}: exit ${code}, ${JSON.stringify(totals)}\n`);
  for (const remark of found.remarks) process.stdout.write(`  ! ${remark}\n`);
}

function report(): void {
  const flips = [...verdicts].filter(
    ([, seen]) => (seen.has("pass") || seen.has("warn")) && (seen.has("fail") || seen.has("known-failure")),
  );
  for (const [name, seen] of flips) {
    process.stdout.write(`FLIP ${name}\n`);
    for (const [verdict, label] of seen) process.stdout.write(`  ${verdict}: ${label}\n`);
  }
  for (const [name, seen] of verdicts)
    for (const verdict of ["warn", "inconclusive"])
      if (seen.has(verdict)) process.stdout.write(`${verdict} ${name}: ${seen.get(verdict)}\n`);
  process.stdout.write(
    `${runs} runs of ${verdicts.size} cases: ${flips.length} flipped between pass and fail; verdicts ${JSON.stringify(counts)}\n`,
  );
  process.exitCode = flips.length === 0 ? 0 : 1;
}

// Twice as many spinning processes as cores.
function startLoad(): ChildProcess[] {
  return Array.from({ length: availableParallelism() * 2 }, () =>
    spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }),
  );
}
