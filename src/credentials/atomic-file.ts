// Files that are whole at every instant: a reader, or a machine that lost power, finds the old content or the
// new, never a part. The new content goes to a temporary file in the same folder (rename doesn't cross file
// systems), reaches the disk, and is renamed over the old; then the folder's own entry reaches the disk.
//
// The replaced file keeps its owner and group. Its mode never widens: the mode asked for, plus reading by the
// group if the operator had allowed just that (root:talkbyte 0640 is a sensible set-up). A writer who can't
// keep the owner is refused: it would lock out whom the file belongs to. ACLs and extended attributes are
// lost, as with any rename. Where the name is a symbolic link, the file that it leads to is replaced.

import { randomBytes } from "node:crypto";
import { open, readdir, readlink, realpath, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Stats } from "node:fs";

import { CredentialError, systemErrorCode } from "./error.ts";
import { maxSymlinks } from "./limits.ts";

const groupRead = 0o040;

export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  mode: number = 0o600,
): Promise<void> {
  const target = await resolveTarget(path);
  const temporary = join(dirname(target), `${basename(target)}.${randomBytes(8).toString("hex")}.tmp`);
  try {
    await writeTemporary(temporary, data, mode, target);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explain(error, target);
  }
  await syncFolder(dirname(target));
}

/** Follows symbolic links to the file to write, which need not exist yet; its folder must. */
export async function resolveTarget(path: string): Promise<string> {
  let target = resolve(path);
  for (let links = 0; links <= maxSymlinks; links += 1) {
    const folder = await realpath(dirname(target)).catch((error: unknown) => {
      throw explain(error, target);
    });
    target = join(folder, basename(target));
    const link = await readlink(target).catch(() => undefined);
    if (link === undefined) return target;
    target = resolve(folder, link);
  }
  throw new CredentialError("file-not-writable", `${path}: too many symbolic links`);
}

/**
 * Removes what killed writers of this file left behind. Only for the holder of the file's lock: a temporary
 * file then belongs to nobody who lives.
 */
export async function removeLeftovers(target: string): Promise<void> {
  const prefix = `${basename(target)}.`;
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{16}\.tmp$/.test(name.slice(prefix.length))) continue;
    await rm(join(dirname(target), name), { force: true });
  }
}

/** Gives a file that root just made for someone else to the one who owns `model`. */
export async function adoptOwner(handle: FileHandle, model: Stats): Promise<void> {
  const own = await handle.stat();
  if (own.uid === model.uid && own.gid === model.gid) return;
  await handle.chown(model.uid, model.gid);
}

async function writeTemporary(
  temporary: string,
  data: string | Uint8Array,
  mode: number,
  target: string,
): Promise<void> {
  const handle = await open(temporary, "wx", 0o600);
  try {
    const existing = await statIfAny(target);
    if (existing === undefined) {
      // Made by root in a service's own folder, it is the service that must be able to read it.
      if (process.getuid?.() === 0) await adoptOwner(handle, await stat(dirname(target)));
      await handle.chmod(mode);
    } else {
      await keepOwner(handle, existing, target);
      await handle.chmod(mode | (existing.mode & groupRead));
    }
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function keepOwner(handle: FileHandle, existing: Stats, target: string): Promise<void> {
  try {
    await adoptOwner(handle, existing);
  } catch (cause) {
    const { uid } = await handle.stat();
    // The group matters only if it is let in.
    if (uid === existing.uid && (existing.mode & groupRead) === 0) return;
    const owner = `user ${existing.uid}, group ${existing.gid}`;
    const message = `${target} belongs to ${owner}, which this process can't keep: run this as its owner or as root`;
    throw new CredentialError("file-not-replaceable", message, { cause });
  }
}

async function statIfAny(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** System errors in words; our own pass through. */
function explain(error: unknown, target: string): unknown {
  const code = systemErrorCode(error);
  if (code === undefined || error instanceof CredentialError) return error;
  const options = { cause: error };
  switch (code) {
    case "EBUSY":
      return new CredentialError(
        "file-not-replaceable",
        `${target} can't be replaced, as when a container mounts this one file: mount its folder instead`,
        options,
      );
    case "ENOENT":
    case "ENOTDIR":
      return new CredentialError(
        "file-not-writable",
        `${target}: its folder doesn't exist: make it first`,
        options,
      );
    default:
      return new CredentialError("file-not-writable", `${target} can't be written (${code})`, options);
  }
}
