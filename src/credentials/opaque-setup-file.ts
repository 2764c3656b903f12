// The OPAQUE setup on disk, in a file of its own with mode 0600. Whoever reads it can guess at passwords as fast as the
// key stretching lets them; with the users file too they can pass for the server. Losing it costs every user with a
// record alone a new password; users with a hash log in by PASSWORD and get a record for the next setup.

import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { writeFileAtomic } from "./atomic-file.ts";
import { CredentialError, systemErrorCode } from "./error.ts";
import { withFileLock } from "./file-lock.ts";
import { maxOpaqueSetupFileBytes } from "./limits.ts";
import { encodeOpaqueSetup, parseOpaqueSetup, type OpaqueSetup } from "./opaque-setup.ts";

/**
 * @throws CredentialError `opaque-setup-missing`, `opaque-setup-not-readable` (also where others can read it) or
 * `opaque-setup-invalid`
 */
export async function readOpaqueSetup(path: string): Promise<OpaqueSetup> {
  const text = await readSetupFile(path);
  try {
    return parseOpaqueSetup(text);
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw new CredentialError("opaque-setup-invalid", `${path}: ${error.message}`);
  }
}

/** The setup that is there, or else this new one: of several at once, all get the same. */
export async function ensureOpaqueSetup(
  path: string,
  make: () => Promise<OpaqueSetup>,
): Promise<OpaqueSetup> {
  try {
    return await readOpaqueSetup(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return await withFileLock(path, async (target) => {
    try {
      return await readOpaqueSetup(target);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const setup = await make();
    await writeFileAtomic(target, encodeOpaqueSetup(setup), 0o600);
    return setup;
  });
}

/** Rotates: every record made under the setup of before counts as absent from now on. */
export async function replaceOpaqueSetup(path: string, setup: OpaqueSetup): Promise<void> {
  await withFileLock(path, async (target) => await writeFileAtomic(target, encodeOpaqueSetup(setup), 0o600));
}

function isMissing(error: unknown): boolean {
  return error instanceof CredentialError && error.code === "opaque-setup-missing";
}

async function readSetupFile(path: string): Promise<string> {
  const handle = await openSetupFile(path);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw notReadable(path, "is not a regular file");
    // The group may read where the operator allowed it: root:talkbyte 0640 is a sensible set-up.
    if (process.platform !== "win32" && (stats.mode & 0o037) !== 0) {
      throw notReadable(path, "is open to others: run chmod 600 on it");
    }
    const buffer = Buffer.alloc(maxOpaqueSetupFileBytes + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    if (bytesRead === buffer.length)
      throw notReadable(path, `has more than ${maxOpaqueSetupFileBytes} bytes`);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function openSetupFile(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK a named pipe at this path would hang us for good.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code !== "ENOENT") throw notReadable(path, `can't be read (${code})`, { cause });
    throw new CredentialError("opaque-setup-missing", `there is no OPAQUE setup at ${path}`, { cause });
  }
}

function notReadable(path: string, reason: string, options?: ErrorOptions): CredentialError {
  return new CredentialError("opaque-setup-not-readable", `${path} ${reason}`, options);
}
