// users.json on disk: reading it once, and changing it safely while others do the same.
//
// A change reads, changes and writes under a lock that no crash leaves behind (file-lock.ts), and the write
// replaces the file whole (atomic-file.ts): twenty at once all arrive, and a kill at any instant leaves the
// old file or the new one. Readers take no lock. Hash before, not within: the lock is held for milliseconds.

import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

import { writeFileAtomic } from "./atomic-file.ts";
import { CredentialError, systemErrorCode, type CredentialErrorCode } from "./error.ts";
import { withFileLock } from "./file-lock.ts";
import { maxUsersFileBytes } from "./limits.ts";
import type { Enrolment } from "./opaque-record.ts";
import { UsersDocument, type Stamp } from "./users-document.ts";
import type { User } from "./users-schema.ts";

export interface UsersWarning {
  readonly code: "users-file-open-to-others";
  readonly message: string;
}

export interface UsersSnapshot {
  get(name: string): User | undefined;
  /** In the order of the file. */
  list(): readonly User[];
  readonly warnings: readonly UsersWarning[];
}

export interface UpdateOptions {
  /** Begin with an empty file where there is none; otherwise that is an error. */
  readonly create?: boolean;
  readonly waitMs?: number;
}

export async function readUsers(path: string): Promise<UsersSnapshot> {
  const { text, warnings } = await readUsersFile(path);
  const document = parseDocument(text, path);
  const users = new Map(document.list().map((user) => [user.name, user]));
  return { get: (name) => users.get(name), list: () => Array.from(users.values()), warnings };
}

/** Writes what `change` made of the file, if it changed anything; if it throws, nothing is written. */
export async function updateUsers<Result>(
  path: string,
  change: (users: UsersDocument, stamp: Stamp) => Result,
  options: UpdateOptions = {},
): Promise<Result> {
  const update = async (target: string): Promise<Result> => {
    const document = await loadDocument(target, options.create ?? false);
    const result = change(document, makeStamp());
    if (!document.changed) return result;
    const text = document.toText();
    if (Buffer.byteLength(text) > maxUsersFileBytes) throw tooLarge(path);
    await writeFileAtomic(target, text, 0o600);
    return result;
  };
  try {
    return await withFileLock(path, update, options.waitMs);
  } catch (error) {
    throw asUsersFileError(error);
  }
}

/** Throws `user-exists`. Makes the file if there is none. Without a hash the user logs in by OPAQUE alone. */
export async function addUser(
  path: string,
  name: string,
  phc: string | undefined,
  enrolment?: Enrolment,
): Promise<void> {
  await updateUsers(path, (users, stamp) => users.add(name, phc, stamp, enrolment), { create: true });
}

/** Throws `no-such-user`, as the next three do. */
export async function setPassword(
  path: string,
  name: string,
  phc: string | undefined,
  enrolment?: Enrolment,
): Promise<void> {
  await updateUsers(path, (users, stamp) => users.setPassword(name, phc, stamp, enrolment));
}

/** False if the user was disabled already. */
export async function disableUser(path: string, name: string): Promise<boolean> {
  return await updateUsers(path, (users, stamp) => users.disable(name, stamp));
}

/** False if the user wasn't disabled. */
export async function enableUser(path: string, name: string): Promise<boolean> {
  return await updateUsers(path, (users, stamp) => users.enable(name, stamp));
}

export async function removeUser(path: string, name: string): Promise<void> {
  await updateUsers(path, (users) => users.remove(name));
}

/**
 * After a login with a weak hash: puts `newPhc` in the place of `oldPhc`, keeps the credentialId, and returns
 * false if another hash, or no user, is there by now.
 */
export async function replaceHash(
  path: string,
  name: string,
  oldPhc: string,
  newPhc: string,
  options: UpdateOptions = {},
): Promise<boolean> {
  return await updateUsers(path, (users, stamp) => users.replaceHash(name, oldPhc, newPhc, stamp), options);
}

/**
 * After a login by PASSWORD: stores the OPAQUE record of the password that `phc` was verified with, keeps the
 * credentialId, and returns false if another hash, no user, or a record for this setup is there by now.
 */
export async function enrolUser(
  path: string,
  name: string,
  phc: string,
  enrolment: Enrolment,
  options: UpdateOptions = {},
): Promise<boolean> {
  return await updateUsers(path, (users, stamp) => users.enrol(name, phc, enrolment, stamp), options);
}

function makeStamp(): Stamp {
  return { now: new Date().toISOString(), credentialId: randomBytes(16).toString("hex") };
}

async function loadDocument(path: string, create: boolean): Promise<UsersDocument> {
  try {
    return parseDocument((await readUsersFile(path)).text, path);
  } catch (error) {
    const missing = error instanceof CredentialError && error.code === "users-file-missing";
    if (create && missing) return UsersDocument.empty();
    throw error;
  }
}

function parseDocument(text: string, path: string): UsersDocument {
  try {
    return UsersDocument.parse(text);
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw new CredentialError("users-file-invalid", `${path}: ${error.message}`);
  }
}

async function readUsersFile(
  path: string,
): Promise<{ readonly text: string; readonly warnings: readonly UsersWarning[] }> {
  const handle = await openUsersFile(path);
  try {
    const stats = await handle.stat();
    if (!stats.isFile())
      throw new CredentialError("users-file-not-readable", `${path} is not a regular file`);
    const bytes = await readBounded(handle, path);
    return { text: decodeUtf8(bytes, path), warnings: modeWarnings(stats, path) };
  } catch (error) {
    if (error instanceof CredentialError) throw error;
    throw notReadable(path, error);
  } finally {
    await handle.close();
  }
}

async function openUsersFile(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK a named pipe at this path would hang us for good.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === "ENOENT") {
      const message = `there is no users file at ${path}: "talkbyte-users add NAME" makes one`;
      throw new CredentialError("users-file-missing", message, { cause });
    }
    throw notReadable(path, cause);
  }
}

async function readBounded(handle: FileHandle, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(65_536));
    if (bytesRead === 0) return Buffer.concat(chunks);
    length += bytesRead;
    if (length > maxUsersFileBytes) throw tooLarge(path);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CredentialError("users-file-invalid", `${path} is not valid UTF-8`);
  }
}

function modeWarnings(stats: Stats, path: string): readonly UsersWarning[] {
  const mode = stats.mode & 0o777;
  if (process.platform === "win32" || (mode & 0o077) === 0) return [];
  const shown = mode.toString(8).padStart(4, "0");
  const message = `${path} is open to other users of this machine (mode ${shown}): run chmod 600 on it`;
  return [{ code: "users-file-open-to-others", message }];
}

function notReadable(path: string, cause: unknown): CredentialError {
  const message = `${path} can't be read (${systemErrorCode(cause) ?? "unknown error"})`;
  return new CredentialError("users-file-not-readable", message, { cause });
}

function tooLarge(path: string): CredentialError {
  const message = `${path}: a users file has at most ${maxUsersFileBytes} bytes`;
  return new CredentialError("users-file-too-large", message);
}

function asUsersFileError(error: unknown): unknown {
  if (!(error instanceof CredentialError)) return error;
  const code = usersFileCodes.get(error.code);
  return code === undefined ? error : new CredentialError(code, error.message, { cause: error });
}

const usersFileCodes: ReadonlyMap<CredentialErrorCode, CredentialErrorCode> = new Map([
  ["file-locked", "users-file-locked"],
  ["file-not-replaceable", "users-file-not-replaceable"],
  ["file-not-writable", "users-file-not-writable"],
]);
