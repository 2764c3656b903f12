// What talkbyte-server does about OPAQUE at its start: it opens the setup, or makes it, and says whom it can't serve.

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

export async function openServerSetup(
  options: ServerCommandOptions,
  files: CredentialFiles,
  io: CommandIo,
): Promise<ServerSetup> {
  const users = await listUsers(files.users);
  if (options.plaintext || !options.opaque) {
    const why = options.plaintext ? "it needs TLS" : "by --no-opaque";
    const lockedOut = users.filter(({ password }) => password === undefined).map(({ name }) => name);
    warnLockedOut(lockedOut.length, io);
    return { setup: undefined, line: `OPAQUE is not offered: ${why}`, stranded: { records: [], lockedOut } };
  }
  const shown = displayPath(files.setup);
  let setup: OpaqueSetup | undefined;
  if (options.check) {
    setup = await checkSetup(files);
    if (setup === undefined) {
      const line = `the OPAQUE setup ${shown} would be made on the first start`;
      return { setup, line, stranded: { records: [], lockedOut: [] } };
    }
  } else {
    const opened = await openSetup(files);
    if (opened.made) io.writeError(`made an OPAQUE setup in ${shown}\n`);
    ({ setup } = opened);
  }
  const stranded = strandedUsers(users, setup);
  for (const line of describeStranded(stranded, files))
    io.writeError(`warning: OPAQUE records that don't fit ${shown}: ${line}\n`);
  return { setup, line: `OPAQUE with the setup ${setup.id.slice(0, 8)} in ${shown}`, stranded };
}

export function logStranded({ setup, stranded }: ServerSetup, log: Log): void {
  const { records, lockedOut } = stranded;
  if (records.length + lockedOut.length === 0) return;
  log.warn(
    { event: "records-stranded", setup: setup?.id, users: records.length, lockedOut: lockedOut.length },
    "users have OPAQUE records that this server can't use",
  );
}

function warnLockedOut(users: number, io: CommandIo): void {
  if (users > 0) io.writeError(`warning: ${users} of the users have no password hash and can't log in\n`);
}
