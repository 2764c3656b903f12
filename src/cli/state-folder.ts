// Where the commands keep what they make themselves (users, TLS identity, known servers): .talkbyte/ of the
// checkout when they run from one, so that trying the project leaves nothing elsewhere, and otherwise the
// user's state folder (XDG Base Directory specification).

import { existsSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

import { systemErrorCode } from "../credentials/error.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Works from src/cli and from dist/cli alike; the published package has no src. */
const projectFolder = fileURLToPath(new URL("../..", import.meta.url));

/** Whether this is the project's source rather than the published package. */
export function isCheckout(): boolean {
  return existsSync(join(projectFolder, "src")) && existsSync(join(projectFolder, "package.json"));
}

export function stateFolder(environment: Environment = process.env): string {
  if (isCheckout()) return join(projectFolder, ".talkbyte");
  return userStateFolder(environment);
}

export function userStateFolder(environment: Environment): string {
  const configured = environment["XDG_STATE_HOME"];
  // The specification has relative paths ignored.
  const home = configured !== undefined && isAbsolute(configured) ? configured : undefined;
  return join(home ?? join(environment["HOME"] ?? homedir(), ".local", "state"), "talkbyte");
}

/** The state folder, made if it isn't there. */
export async function makeStateFolder(environment: Environment = process.env): Promise<string> {
  return await makePrivateFolder(stateFolder(environment));
}

/** Mode 0700, if it is this that makes it. */
export async function makePrivateFolder(folder: string): Promise<string> {
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    // mkdir's mode passes through the umask, which could take away our own rights.
    if (made !== undefined) await chmod(folder, 0o700);
  } catch (cause) {
    const message = `the folder ${folder} can't be made (${systemErrorCode(cause)})`;
    throw new CommandError(exitCodes.configuration, message, { cause });
  }
  return folder;
}

/** `--users FILE`, else $TALKBYTE_USERS, else users.json in the state folder. */
export function usersPath(option: string | undefined, environment: Environment = process.env): string {
  const configured = option ?? environment["TALKBYTE_USERS"];
  if (configured !== undefined && configured !== "") return configured;
  return join(stateFolder(environment), "users.json");
}
