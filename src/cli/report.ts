// How a command ends that failed: one line on standard error, and an exit code. Only a bug shows a stack.
//
// Commander's messages repeat what they don't understand ("too many arguments: alice hunter2"), which may be
// a password that someone tried as an argument: values are taken out.

import { CommanderError } from "commander";

import { CredentialError } from "../credentials/error.ts";
import { escapeText } from "../net/display.ts";
import { CommandError } from "./command-error.ts";
import type { CommandIo } from "./command-io.ts";
import { credentialExitCodes, exitCodes, type ExitCode } from "./exit-codes.ts";

export function reportError(
  error: unknown,
  command: string,
  argv: readonly string[],
  io: Pick<CommandIo, "writeError">,
): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.ok; // --help
    if (error.code !== "commander.help")
      io.writeError(`${command}: ${escapeLines(usageMessage(error, argv))}\n`);
    return exitCodes.usage;
  }
  if (error instanceof CommandError) {
    io.writeError(`${command}: ${escapeLines(error.message)}\n`);
    return error.exitCode;
  }
  if (error instanceof CredentialError) {
    io.writeError(`${command}: ${escapeLines(error.message)}\n`);
    return credentialExitCodes[error.code];
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.writeError(`${command}: unexpected error, please report it: ${detail}\n`);
  return exitCodes.unexpected;
}

/** File names and options can hold terminal escapes; the lines are the message's own. */
function escapeLines(text: string): string {
  return text.split("\n").map(escapeText).join("\n");
}

function usageMessage(error: CommanderError, argv: readonly string[]): string {
  if (error.code === "commander.excessArguments") return `too many arguments${passwordHint}`;
  const message = argv.reduce(withoutValue, error.message.replace(/^error: /, ""));
  const meantPassword = argv.some((argument) => /^--password(?:=|$)/.test(argument));
  return meantPassword ? `${message}${passwordHint}` : message;
}

const passwordHint =
  ". A password is never taken as an argument, where others can read it: if you gave one, change it";

/** Takes the value out of `--flag=value`, and of `-fvalue`. */
function withoutValue(message: string, argument: string): string {
  const [flag = ""] = /^--[^=]*|^-[^-]/.exec(argument) ?? [];
  return flag === "" || flag === argument ? message : message.replaceAll(argument, () => flag);
}
