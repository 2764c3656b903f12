// `talkbyte-users rotate-opaque`: another setup in the place of one that was lost or may have been read by others, or one with
// today's key stretching. Every record of before is worth nothing from then on, so that it says first what that means.

import { createOpaqueSetup } from "../auth/opaque-enrolment.ts";
import { CredentialError } from "../credentials/error.ts";
import { replaceOpaqueSetup } from "../credentials/opaque-setup-file.ts";
import { usageError } from "./command-error.ts";
import type { CommandIo } from "./command-io.ts";
import { displayPath } from "./display-path.ts";
import {
  describeStranded,
  findSetup,
  listUsers,
  strandedUsers,
  type CredentialFiles,
} from "./opaque-setup.ts";

export async function rotateOpaque(files: CredentialFiles, agreed: boolean, io: CommandIo): Promise<void> {
  const shown = displayPath(files.setup);
  const stranded = strandedUsers(await listUsers(files.users), undefined);
  const replaces = (await hasSetup(files)) ? "replaces the OPAQUE setup" : "makes an OPAQUE setup";
  const effects = [
    `this ${replaces} in ${shown}; the OPAQUE records of before can't be used any more`,
    ...describeStranded(stranded, files),
    "a server that runs takes up the new setup by itself, and its sessions go on",
  ];
  io.writeError(`${effects.join("\n")}\n`);
  if (!agreed) throw usageError("nothing was changed: --yes does it");
  await replaceOpaqueSetup(files.setup, await createOpaqueSetup());
  io.writeError(`a new OPAQUE setup is in ${shown}\n`);
}

/** One that can't be read is there too: this is the way to replace it. */
async function hasSetup(files: CredentialFiles): Promise<boolean> {
  try {
    return (await findSetup(files)) !== undefined;
  } catch (error) {
    if (error instanceof CredentialError) return true;
    throw error;
  }
}
