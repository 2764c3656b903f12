// What a command touches of the world beside files, so that tests can run it in their own process. Data goes
// to standard output, and everything said to a person to standard error: output can be piped safely.

import { Terminal } from "./prompt.ts";

export interface CommandIo {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  writeOut(text: string): void;
  writeError(text: string): void;
  /** Throws a CommandError where there is no terminal. */
  openTerminal(): Pick<Terminal, "askHidden" | "close">;
}

export const processIo: CommandIo = {
  environment: process.env,
  stdin: process.stdin,
  writeOut: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  openTerminal: () => new Terminal(),
};
