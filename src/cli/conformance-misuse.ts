// What keeps a run from beginning, and is the caller's to mend: exit code 2.

import { ExchangeError } from "../conformance/exchange/strict-yaml.ts";
import { PatternError } from "../conformance/suite/pattern.ts";
import { CommandError } from "./command-error.ts";

export function isMisuse(error: unknown): error is Error {
  return (
    error instanceof CommandError ||
    error instanceof ExchangeError ||
    error instanceof PatternError ||
    isFileError(error)
  );
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "path" in error;
}
