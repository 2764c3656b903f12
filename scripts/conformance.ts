// The suite against both implementations in both roles, in plaintext and over TLS: ours, and the one in Python that was
// written from the specification alone. One report of all, for people, with --html FILE.
//
// npm run conformance [-- --html page.html]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Segmentation } from "../src/conformance/play/segmentation.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { html: { type: "string" } } });
const folder = mkdtempSync(join(tmpdir(), "talkbyte-conformance-"));

interface Subject {
  readonly role: "server" | "client";
  readonly profile: string;
  readonly segmentation: Segmentation | "all";
}

const subjects: readonly Subject[] = [
  // In all segmentations it is a test of the suite.
  { role: "server", profile: "test/profiles/server.yaml", segmentation: "whole" },
  { role: "server", profile: "test/profiles/server-tls.yaml", segmentation: "random-cuts" },
  { role: "client", profile: "test/profiles/client.yaml", segmentation: "whole" },
  { role: "client", profile: "test/profiles/client-tls.yaml", segmentation: "random-cuts" },
  { role: "server", profile: "test/interop/python-server.yaml", segmentation: "all" },
  { role: "client", profile: "test/interop/python-client.yaml", segmentation: "all" },
];

let worst = 0;
const reports: string[] = [];
try {
  for (const { role, profile, segmentation } of subjects) {
    const report = join(folder, `${reports.length}.json`);
    const args = [role, "--profile", join(project, profile), "--jobs", "4", "--segmentation", segmentation];
    worst = Math.max(worst, await suite([...args, "--json", report]));
    if (existsSync(report)) reports.push(report);
  }
  if (values.html !== undefined) await suite(["report", ...reports, "--html", values.html]);
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = worst;

async function suite(args: readonly string[]): Promise<number> {
  const command = join(project, "src/bin/talkbyte-conformance.ts");
  const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 4;
}
