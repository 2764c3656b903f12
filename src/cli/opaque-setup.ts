// Where the commands find the OPAQUE setup, and what it means when users have records of another one. It lies beside the
// users file unless an option says otherwise, so that whoever names the same users means the same setup.

import { dirname, join } from "node:path";

import { createOpaqueSetup } from "../auth/opaque-enrolment.ts";
import { CredentialError } from "../credentials/error.ts";
import { findUsableRecord } from "../credentials/opaque-record.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import { ensureOpaqueSetup, readOpaqueSetup } from "../credentials/opaque-setup-file.ts";
import { readUsers } from "../credentials/users-file.ts";
import type { User } from "../credentials/users-schema.ts";
import { CommandError } from "./command-error.ts";
import { displayPath } from "./display-path.ts";
import { exitCodes } from "./exit-codes.ts";
import { isCheckout } from "./state-folder.ts";

export const OPAQUE_SETUP_HELP = "the OPAQUE setup (default: opaque-setup.json beside the users file)";

/** The files that a command works with, and which of them its command line named. */
export interface CredentialFiles {
  readonly users: string;
  readonly setup: string;
  /** For a further command on the same files: ` --users …`, or nothing where the defaults do. */
  readonly flags: string;
}

export function credentialFiles(
  users: string,
  options: { readonly users?: string; readonly opaqueSetup?: string },
): CredentialFiles {
  const { opaqueSetup } = options;
  const flags = [
    ...(options.users === undefined ? [] : [` --users ${displayPath(users)}`]),
    ...(opaqueSetup === undefined ? [] : [` --opaque-setup ${displayPath(opaqueSetup)}`]),
  ];
  return { users, setup: opaqueSetup ?? join(dirname(users), "opaque-setup.json"), flags: flags.join("") };
}

export function usersCommand(rest: string, { flags }: CredentialFiles): string {
  return `${isCheckout() ? "npx talkbyte-users" : "talkbyte-users"} ${rest}${flags}`;
}

/** Undefined when there is none. */
export async function findSetup({ setup }: CredentialFiles): Promise<OpaqueSetup | undefined> {
  try {
    return await readOpaqueSetup(setup);
  } catch (error) {
    if (error instanceof CredentialError && error.code === "opaque-setup-missing") return undefined;
    throw error;
  }
}

/**
 * The setup that is there, or a new one. Not a new one unasked where users have records of the one that is gone: it may
 * only have been looked for in the wrong place.
 */
export async function openSetup(files: CredentialFiles): Promise<{ setup: OpaqueSetup; made: boolean }> {
  const found = await checkSetup(files);
  if (found !== undefined) return { setup: found, made: false };
  try {
    return { setup: await ensureOpaqueSetup(files.setup, createOpaqueSetup), made: true };
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    const advice = "--opaque-setup names a place where it can be made, --no-opaque goes without";
    throw new CommandError(
      exitCodes.configuration,
      `no OPAQUE setup could be made: ${error.message}; ${advice}`,
      {
        cause: error,
      },
    );
  }
}

/** The setup, or undefined where one may be made. @throws CommandError if users have records of one that isn't there */
export async function checkSetup(files: CredentialFiles): Promise<OpaqueSetup | undefined> {
  const users = await listUsers(files.users); // first: who is being added meanwhile has the setup made before
  const setup = await findSetup(files);
  if (setup === undefined) refuseLostSetup(files, users);
  return setup;
}

function refuseLostSetup(files: CredentialFiles, users: readonly User[]): void {
  const stranded = strandedUsers(users, undefined);
  if (stranded.records.length === 0) return;
  const lines = [
    `there is no OPAQUE setup at ${displayPath(files.setup)}, and ${count(stranded.records)} in ${displayPath(files.users)} have records of one`,
    "  put it back, or name it with --opaque-setup",
    `  if it is lost, make another: ${usersCommand("rotate-opaque", files)}`,
    ...describeStranded(stranded, files).map((line) => `  then ${line}`),
  ];
  throw new CommandError(exitCodes.configuration, lines.join("\n"));
}

/** Users with a record that a server with this setup can't use. */
export interface Stranded {
  readonly records: readonly string[];
  /** Those of them who have no hash: no other way to log in. */
  readonly lockedOut: readonly string[];
}

export function strandedUsers(users: readonly User[], setup: OpaqueSetup | undefined): Stranded {
  const stranded = users.filter(
    (user) =>
      user.opaque !== undefined && (setup === undefined || findUsableRecord(user, setup.id) === undefined),
  );
  const names = (list: readonly User[]): string[] => list.map(({ name }) => name);
  return {
    records: names(stranded),
    lockedOut: names(stranded.filter(({ password }) => password === undefined)),
  };
}

/** What becomes of them, a line each. */
export function describeStranded({ records, lockedOut }: Stranded, files: CredentialFiles): string[] {
  const others = records.filter((name) => !lockedOut.includes(name));
  return [
    ...(others.length === 0
      ? []
      : [
          `${count(others)} can log in by PASSWORD and ${others.length === 1 ? "gets" : "get"} a new OPAQUE record by it: ${shorten(others)}`,
        ]),
    ...(lockedOut.length === 0
      ? []
      : [
          `${count(lockedOut)} without a hash can't log in until given a new password with "${usersCommand("passwd NAME", files)}": ${shorten(lockedOut)}`,
        ]),
  ];
}

/** A missing file has no users. */
export async function listUsers(path: string): Promise<readonly User[]> {
  try {
    return (await readUsers(path)).list();
  } catch (error) {
    if (error instanceof CredentialError && error.code === "users-file-missing") return [];
    throw error;
  }
}

const SHOWN_NAMES = 20;

function shorten(names: readonly string[]): string {
  const rest = names.length - SHOWN_NAMES;
  const shown = names.slice(0, SHOWN_NAMES).join(" ");
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

function count(names: readonly string[]): string {
  return names.length === 1 ? "1 user" : `${names.length} users`;
}
