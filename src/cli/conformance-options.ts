// The command line of talkbyte-conformance (spec/conformance.md).

import { Command, InvalidArgumentError, Option } from "commander";

import { segmentations, type Segmentation } from "../conformance/play/segmentation.ts";
import { normalizeFingerprint } from "../net/trust.ts";

export interface SelectionOptions {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly list?: true;
}

export interface RunOptions extends SelectionOptions {
  readonly profile?: string;
  readonly name?: string;
  readonly host?: string;
  readonly port?: number;
  readonly plaintext?: true;
  readonly fingerprint?: string;
  readonly set?: readonly string[];
  readonly exchange?: readonly string[];
  readonly sanity: string;
  readonly dryRun?: true;
  readonly segmentation: Segmentation | "all";
  readonly seed: number;
  readonly timeScale: number;
  readonly timeoutMs: number;
  readonly strict?: true;
  readonly jobs: number;
  readonly expect?: string;
  readonly minimize?: true;
  readonly verbose?: true;
  readonly json?: string;
  readonly transcripts: "all" | "failed";
  readonly junit?: string;
  readonly html?: string;
  readonly pcap?: string;
}

export interface ReportOptions {
  readonly junit?: string;
  readonly html?: string;
}

export function addSelectionOptions(command: Command): Command {
  return command
    .optionsGroup(
      "Which cases (PATTERN: a case, a requirement, tag:NAME or level:NAME; * for any characters):",
    )
    .option("--only <pattern>", "play these alone; may be repeated", collect)
    .option("--skip <pattern>", "leave these out; may be repeated", collect)
    .option("--list", "print the selected cases, and play none");
}

export function addRunOptions(command: Command, role: "server" | "client"): Command {
  command
    .optionsGroup(`The ${role} under test:`)
    .option("--profile <file>", "what the implementation is like; see spec/conformance.md")
    .option("--name <text>", "how reports call it");
  if (role === "server")
    command
      .option("--host <host>", "where the server listens")
      .option("--port <port>", "its port; with a launch command: the port to launch it on", portNumber)
      .option("--fingerprint <hex>", "the key that it must have", fingerprint);
  command
    .option("--plaintext", "no TLS")
    .option(
      "--set <name=value>",
      "a variable of the profile, such as username=alice; no passwords",
      collect,
      [],
    );
  addSelectionOptions(command)
    .option("--exchange <file>", "play this file beside the suite's own; may be repeated", collect)
    .option("--dry-run", "say which cases would be played and which not, and why; play none");
  return addReportOptions(addPlayOptions(command))
    .option("--json <file>", "everything, for programs and for `talkbyte-conformance report`")
    .addOption(
      new Option("--transcripts <which>", "the conversations that --json and --html hold")
        .choices(["all", "failed"])
        .default("all"),
    )
    .option("--pcap <folder>", "a pcapng file for each play");
}

function addPlayOptions(command: Command): Command {
  return command
    .optionsGroup("How they are played:")
    .addOption(
      new Option("--segmentation <name>", "how bytes are cut into writes")
        .choices([...segmentations, "all"])
        .default("whole"),
    )
    .option("--seed <n>", "of the random cuts", seed, 1)
    .option(
      "--time-scale <factor>",
      "multiplies waits and slack, and the deadlines of what is launched",
      factor,
      1,
    )
    .option("--timeout-ms <ms>", "longest wait for a step without a deadline", milliseconds, 5000)
    .option("--jobs <n>", "how many cases are played at once", jobs, 1)
    .option("--strict", "a SHOULD that is not kept is a failure")
    .option("--expect <file>", "known failures; see spec/conformance.md")
    .option("--sanity <case>", "the case that shows that the implementation still works", "echo-basic")
    .option("--minimize", "shrink each failing case to the smallest that still fails alike")
    .optionsGroup("What is reported:")
    .option("--verbose", "print every case as it is played");
}

export function addReportOptions(command: Command): Command {
  return command.option("--junit <file>", "JUnit XML").option("--html <file>", "one page, for people");
}

export const exitHelp = `
Exit codes:
  0  nothing failed
  1  at least one case failed
  2  wrong usage, broken cases, or nothing to play
  3  the implementation never answered, or nothing failed but something was inconclusive
  4  unexpected: a bug, please report it`;

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function whole(text: string, low: number, high: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (value >= low && value <= high) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
}

const portNumber = (text: string): number => whole(text, 1, 65_535);
const seed = (text: string): number => whole(text, 0, 0xffffffff);
const milliseconds = (text: string): number => whole(text, 1, 3_600_000);
const jobs = (text: string): number => whole(text, 1, 256);

function factor(text: string): number {
  const value = /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value >= 0.1 && value <= 100) return value;
  throw new InvalidArgumentError("It must be a number from 0.1 to 100.");
}

function fingerprint(text: string): string {
  const digits = normalizeFingerprint(text);
  if (digits === undefined) throw new InvalidArgumentError("It must have 64 hexadecimal digits.");
  return digits;
}
