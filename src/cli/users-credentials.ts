// How talkbyte-users comes by a password, and what it makes of it to be stored: a hash for PASSWORD, a record for OPAQUE.

import { enrol } from "../auth/opaque-enrolment.ts";
import type { Enrolment } from "../credentials/opaque-record.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import {
  checkNewPassword,
  generatePassword,
  preparePassword,
  type PreparedPassword,
} from "../credentials/password.ts";
import { importPhc } from "../credentials/phc.ts";
import { hashPassword } from "../credentials/verifier.ts";
import { CommandError } from "./command-error.ts";
import type { CommandIo } from "./command-io.ts";
import { displayPath } from "./display-path.ts";
import { exitCodes } from "./exit-codes.ts";
import { checkSetup, openSetup, type CredentialFiles } from "./opaque-setup.ts";
import { readSecretFile, readSecretLine } from "./secret-source.ts";

export interface CredentialOptions {
  readonly passwordStdin?: boolean;
  readonly passwordFile?: string;
  readonly generate?: boolean;
  readonly hashStdin?: boolean;
  readonly opaqueOnly?: boolean;
  readonly opaque?: boolean;
}

export interface NewCredentials {
  readonly phc: string | undefined;
  readonly enrolment: Enrolment | undefined;
  readonly generated?: string;
}

/** Looks for the setup before it asks, and makes one that is missing only when there is a password to be stored. */
export async function makeCredentials(
  name: string,
  options: CredentialOptions,
  files: CredentialFiles,
  io: CommandIo,
): Promise<NewCredentials> {
  if (options.hashStdin === true) {
    const line = await readSecretLine(io.stdin);
    return { phc: importPhc(Buffer.from(line).toString("utf8")), enrolment: undefined };
  }
  const withRecord = options.opaque !== false;
  if (withRecord) await checkSetup(files);
  const { password, ...rest } = await newPassword(name, options, io);
  const setup = withRecord ? await setupOf(files, io) : undefined;
  return {
    phc: options.opaqueOnly === true ? undefined : await hashPassword(password),
    enrolment: setup && (await enrol(setup, name, password)),
    ...rest,
  };
}

export async function readGivenSecret(
  options: CredentialOptions,
  io: CommandIo,
): Promise<Uint8Array | undefined> {
  if (options.passwordStdin === true) return await readSecretLine(io.stdin);
  if (options.passwordFile === undefined) return undefined;
  const { secret, warnings } = await readSecretFile(options.passwordFile);
  for (const warning of warnings) warn(warning, io);
  return secret;
}

export async function askPassword(name: string, io: CommandIo): Promise<string> {
  const terminal = io.openTerminal();
  try {
    return await terminal.askHidden(`Password of ${name}: `);
  } finally {
    terminal.close();
  }
}

export function warn(message: string, io: CommandIo): void {
  io.writeError(`warning: ${message}\n`);
}

async function setupOf(files: CredentialFiles, io: CommandIo): Promise<OpaqueSetup> {
  const { setup, made } = await openSetup(files);
  if (made) io.writeError(`made an OPAQUE setup in ${displayPath(files.setup)}\n`);
  return setup;
}

async function newPassword(
  name: string,
  options: CredentialOptions,
  io: CommandIo,
): Promise<{ readonly password: PreparedPassword; readonly generated?: string }> {
  if (options.generate === true) {
    const generated = generatePassword();
    return { password: preparePassword(generated), generated };
  }
  const given = await readGivenSecret(options, io);
  const { password, warnings } = checkNewPassword(given ?? (await askNewPassword(name, io)), name);
  for (const warning of warnings) warn(warning.message, io);
  return { password };
}

async function askNewPassword(name: string, io: CommandIo): Promise<string> {
  const terminal = io.openTerminal();
  try {
    const password = await terminal.askHidden(`New password for ${name}: `);
    checkNewPassword(password, name); // before it is typed a second time in vain
    if ((await terminal.askHidden("Again: ")) === password) return password;
  } finally {
    terminal.close();
  }
  throw new CommandError(exitCodes.refused, "the two passwords differ: nothing was changed");
}
