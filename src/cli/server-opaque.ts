// What talkbyte-server does about OPAQUE at its start: it opens the setup, or makes it, or goes without, and says whom it
// can't serve.

import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";

import { systemErrorCode } from "../credentials/error.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import type { Log } from "../net/server-context.ts";
import type { CommandIo } from "./command-io.ts";
import { displayPath } from "./display-path.ts";
import {
  checkSetup,
  describeStranded,
  listUsers,
  openSetup,
  strandedUsers,
  type CredentialFiles,
  type Stranded,
} from "./opaque-setup.ts";
import type { ServerCommandOptions } from "./server-options.ts";

export interface ServerSetup {
  /** Undefined: OPAQUE is not offered, or `--check` found that the setup is yet to be made. */
  readonly setup: OpaqueSetup | undefined;
  /** What the server does, for people. */
  readonly line: string;
  readonly stranded: Stranded;
}

const NOBODY: Stranded = { records: [], lockedOut: [] };

export async function openServerSetup(
  options: ServerCommandOptions,
  files: CredentialFiles,
  io: CommandIo,
): Promise<ServerSetup> {
  const users = await listUsers(files.users);
  if (options.plaintext || !options.opaque) {
    const lockedOut = users.filter(({ password }) => password === undefined).map(({ name }) => name);
    warnLockedOut(lockedOut.length, io);
    return without(options.plaintext ? "it needs TLS" : "by --no-opaque", { records: [], lockedOut });
  }
  const shown = displayPath(files.setup);
  const found = await checkSetup(files);
  const why = found === undefined ? await whyNoneIsMade(options, files) : undefined;
  if (why !== undefined) return without(`there is no setup ${shown}, and ${why}`);
  if (found === undefined && options.check) {
    const line = `the OPAQUE setup ${shown} would be made on the first start`;
    return { setup: undefined, line, stranded: NOBODY };
  }
  const setup = found ?? (await makeSetup(files, io));
  const stranded = strandedUsers(users, setup);
  for (const line of describeStranded(stranded, files))
    io.writeError(`warning: OPAQUE records that don't fit ${shown}: ${line}\n`);
  return { setup, line: `OPAQUE with the setup ${setup.id.slice(0, 8)} in ${shown}`, stranded };
}

export function logStranded(
  { setup, stranded: { records, lockedOut } }: Pick<ServerSetup, "setup" | "stranded">,
  log: Log,
): void {
  if (records.length + lockedOut.length === 0) return;
  log.warn(
    { event: "records-stranded", setup: setup?.id, users: records.length, lockedOut: lockedOut.length },
    "users have OPAQUE records that this server can't use",
  );
}

function without(why: string, stranded = NOBODY): ServerSetup {
  return { setup: undefined, line: `OPAQUE is not offered: ${why}`, stranded };
}

/**
 * Unasked no setup is made under which nobody could be enrolled: each login would first fail by OPAQUE, for
 * which the client stretches the password in vain. When one is put there, the server takes it up.
 */
async function whyNoneIsMade(
  { opaqueSetup, readOnlyUsers }: ServerCommandOptions,
  { setup }: CredentialFiles,
): Promise<string | undefined> {
  if (opaqueSetup !== undefined) return undefined;
  if (readOnlyUsers) return "none is made with --read-only-users";
  if (await mayWriteBeside(setup)) return undefined;
  return "its folder may not be written: put one there, or name another place with --opaque-setup";
}

async function makeSetup(files: CredentialFiles, io: CommandIo): Promise<OpaqueSetup> {
  const { setup, made } = await openSetup(files);
  if (made) io.writeError(`made an OPAQUE setup in ${displayPath(files.setup)}\n`);
  return setup;
}

/** False also for a file system that is mounted read-only. What else is in the way is said when the setup is made. */
async function mayWriteBeside(path: string): Promise<boolean> {
  try {
    await access(dirname(path), constants.W_OK);
    return true;
  } catch (error) {
    return !["EACCES", "EPERM", "EROFS"].includes(systemErrorCode(error) ?? "");
  }
}

function warnLockedOut(users: number, io: CommandIo): void {
  if (users > 0) io.writeError(`warning: ${users} of the users have no password hash and can't log in\n`);
}
