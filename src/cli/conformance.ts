// talkbyte-conformance: holds an implementation to the exchanges (spec/conformance.md). Its exit codes are its own,
// for what it says about others must not be taken for what happened to itself.

import { Command, CommanderError } from "commander";

import { CommandError } from "./command-error.ts";
import { processIo, type CommandIo } from "./command-io.ts";
import {
  addReportOptions,
  addRunOptions,
  addSelectionOptions,
  exitHelp,
  type ReportOptions,
  type RunOptions,
  type SelectionOptions,
} from "./conformance-options.ts";
import { isMisuse } from "./conformance-misuse.ts";
import { mergeReports } from "./conformance-reports.ts";
import { runConformance } from "./conformance-run.ts";
import { runSelfPlay } from "./conformance-self.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./report.ts";

const name = "talkbyte-conformance";
const usageExit = 2;
const unexpectedExit = 4;
const unexpectedMs = 1000;

export async function run(argv: readonly string[], io: CommandIo = processIo): Promise<number> {
  let exitCode = 0;
  const program = makeProgram(io, (code) => (exitCode = code));
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError || error instanceof CommandError)
      return reportError(error, name, argv, io);
    if (isMisuse(error)) {
      io.writeError(`${name}: ${error.message}\n`);
      return usageExit;
    }
    reportError(error, name, argv, io);
    // Cases that were under way may hold connections open for ever.
    if (io === processIo) setTimeout(() => process.exit(unexpectedExit), unexpectedMs).unref();
    return unexpectedExit;
  }
}

function makeProgram(io: CommandIo, exit: (code: number) => void): Command {
  const program = createProgram(
    name,
    "Holds an implementation of TalkByte, in any language, to its specification.",
    io,
  ).addHelpText("after", exitHelp);
  addRunOptions(program.command("server"), "server")
    .description("Plays the client against a server, launched by its profile or running already.")
    .action(async (options: RunOptions) => exit(await runConformance("server", options, [], io)));
  addRunOptions(program.command("client"), "client")
    .description("Plays the server, and drives a client through its adapter.")
    .argument("[command...]", "the adapter's command, after --")
    .action(async (command: string[], options: RunOptions) =>
      exit(await runConformance("client", options, command, io)),
    );
  addSelectionOptions(program.command("self"))
    .description("Plays each file against itself, so that one which contradicts itself is found.")
    .action((options: SelectionOptions) => exit(runSelfPlay(options, io)));
  addReportOptions(program.command("report"))
    .description("Merges the reports of several runs.")
    .argument("<json...>", "what --json wrote")
    .action((files: string[], options: ReportOptions) => exit(mergeReports(files, options, io)));
  return program;
}
