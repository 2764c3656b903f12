// Secrets that don't come from a person: the first line of standard input or of a file, less its line ending
// (LF or CR LF) and otherwise byte for byte. Never from an argument or the environment, which others see.

import { constants } from "node:fs";
import { open } from "node:fs/promises";

import { systemErrorCode } from "../credentials/error.ts";
import { CommandError, usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

const maxSecretLineBytes = 4_096;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export interface SecretFile {
  readonly secret: Uint8Array;
  readonly warnings: readonly string[];
}

/** Reads no further than the chunk in which the first line ends. */
export async function readSecretLine(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    length += chunk.length;
    if (chunk.includes(lineFeed) || length > maxSecretLineBytes) break;
  }
  const bytes = Buffer.concat(chunks);
  const end = bytes.indexOf(lineFeed);
  const line = end === -1 ? bytes : bytes.subarray(0, end);
  if (line.length > maxSecretLineBytes) {
    throw usageError(`the first line of the input is longer than ${maxSecretLineBytes} bytes`);
  }
  return end !== -1 && line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
}

/** Pipes will do: `--password-file <(pass show talkbyte)`. */
export async function readSecretFile(path: string): Promise<SecretFile> {
  const handle = await open(path, constants.O_RDONLY).catch((cause: unknown) => {
    const message = `${path} can't be read (${systemErrorCode(cause)})`;
    throw new CommandError(exitCodes.configuration, message, { cause });
  });
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw new CommandError(exitCodes.configuration, `${path} is a folder`);
    const open = stats.isFile() && process.platform !== "win32" && (stats.mode & 0o077) !== 0;
    const warnings = open ? [`${path} is open to other users of this machine: run chmod 600 on it`] : [];
    const secret = await readSecretLine(handle.createReadStream({ autoClose: false }));
    return { secret, warnings };
  } finally {
    await handle.close();
  }
}
