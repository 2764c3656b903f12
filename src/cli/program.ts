// What every command's program has in common: where it writes, and that it throws instead of ending the process.

import { Command } from "commander";

import { VERSION } from "../net/agent.ts";
import type { CommandIo } from "./command-io.ts";

export function createProgram(name: string, description: string, io: CommandIo): Command {
  return (
    new Command(name)
      .description(description)
      .version(VERSION)
      .exitOverride()
      // Commander's own messages repeat arguments, which may be a secret put there by mistake: see report.ts.
      .configureOutput({
        writeOut: (text) => io.writeOut(text),
        writeErr: (text) => io.writeError(text),
        outputError: () => undefined,
      })
  );
}
