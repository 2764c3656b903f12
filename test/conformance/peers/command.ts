// The command in this process, against peers in processes of their own.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../../src/cli/conformance.ts";
import { parseReport } from "../../../src/conformance/report/parse-report.ts";
import type { Report } from "../../../src/conformance/report/report.ts";
import { makeFakeIo } from "../../cli/fake-io.ts";
import { makeTemporaryFolder } from "../../credentials/temporary-folder.ts";

export const serverPeer: string = fileURLToPath(new URL("server.ts", import.meta.url));
export const adapterPeer: string = fileURLToPath(new URL("adapter.ts", import.meta.url));
export const conformanceBin: string = fileURLToPath(
  new URL("../../../src/bin/talkbyte-conformance.ts", import.meta.url),
);

export const password = "correct horse";
export const wrongPassword = "wrong battery";

const variables = {
  username: "alice",
  password,
  "wrong-password": wrongPassword,
  "unknown-username": "nobody",
  tries: 3,
  "max-frame-bytes": 65_541,
  "max-under-way": 8,
  "slack-ms": 2000,
};

export interface ProfileOptions {
  readonly launch?: readonly string[];
  readonly startMs?: number;
  readonly variables?: Readonly<Record<string, string | number | undefined>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

export function profileText(options: ProfileOptions = {}): string {
  return JSON.stringify({
    name: "peer",
    transport: "plaintext",
    "start-ms": options.startMs ?? 20_000,
    ...(options.launch === undefined ? {} : { launch: options.launch }),
    variables: { ...variables, ...options.variables },
    ...options.more,
  });
}

export function profileFile(options: ProfileOptions = {}): string {
  const path = join(makeTemporaryFolder(), "profile.json");
  writeFileSync(path, profileText(options));
  return path;
}

export function serverProfile(fault = "none", options: ProfileOptions = {}): string {
  return profileFile({ launch: [process.execPath, serverPeer, "{port}", fault], ...options });
}

export function clientProfile(fault = "none", options: ProfileOptions = {}): string {
  return profileFile({ launch: [process.execPath, adapterPeer, fault], ...options });
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function conform(argv: readonly string[], environment = {}): Promise<Ran> {
  const io = makeFakeIo("", [], environment);
  const code = await run(argv, io);
  return { code, out: io.out, err: io.err };
}

export function only(...patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => ["--only", pattern]);
}

export function reportOf(text: string): Report {
  const report = parseReport(text);
  if (typeof report === "string") throw new Error(report);
  return report;
}
