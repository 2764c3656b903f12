// A command's failure that is understood: one line for the person, one exit code for the script. Whatever
// else a command throws is a bug and shows its stack.

import { exitCodes, type ExitCode } from "./exit-codes.ts";

export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}
