// A lock between processes that can't go stale, for read-modify-write on a file.
//
// A lock file with a process id in it looks easy and isn't: ids mean nothing between a container and its
// host, they are reused, and taking over a dead owner's lock without letting two in needs a second lock. What
// is right is a lock that the kernel drops when its holder dies, however it dies. Node offers no flock(), but
// it carries SQLite, whose BEGIN EXCLUSIVE is such a lock (fcntl, or LockFileEx on Windows), with the known
// trap of fcntl already dealt with (locks belong to the process, not to the descriptor). It holds between
// processes, threads, containers that share the folder, and over NFS where that supports fcntl.
//
// FILE.lock is an empty database to which nothing is ever written, and is never removed: removing it is how
// two holders come about. This process mustn't open it by any other way, as closing a descriptor drops all
// of a process's fcntl locks on the file: hence the link() below. FILE.lock.holder merely tells the one who
// waits whom to blame.

import { randomBytes } from "node:crypto";
import { link, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";

import { adoptOwner, removeLeftovers, resolveTarget } from "./atomic-file.ts";
import { CredentialError, systemErrorCode } from "./error.ts";
import { lockWaitMs, maxLockRetryMs, minLockRetryMs } from "./limits.ts";

/** SQLITE_BUSY */
const busy = 5;

/**
 * Runs `action` while no other process, thread or call runs one for the same file. Whoever locks a file at
 * all writes it only under its lock: the temporary files of writers who were killed are removed here.
 */
export async function withFileLock<Result>(
  path: string,
  action: (target: string) => Promise<Result>,
  waitMs: number = lockWaitMs,
): Promise<Result> {
  const target = await resolveTarget(path);
  const lockPath = `${target}.lock`;
  const holderPath = `${lockPath}.holder`;
  const database = await openLock(target, lockPath);
  try {
    await acquire(database, target, holderPath, waitMs);
    await writeHolder(holderPath).catch(ignore);
    await removeLeftovers(target).catch(ignore);
    try {
      return await action(target);
    } finally {
      await rm(holderPath, { force: true }).catch(ignore);
    }
  } finally {
    database.close();
  }
}

async function openLock(target: string, lockPath: string): Promise<DatabaseSync> {
  const { DatabaseSync } = await import("node:sqlite");
  try {
    await createLockFile(target, lockPath);
    return new DatabaseSync(lockPath);
  } catch (error) {
    throw unusable(lockPath, error);
  }
}

/** 0600, owned like the file it guards, and never opened under the name that others lock. */
async function createLockFile(target: string, lockPath: string): Promise<void> {
  if ((await stat(lockPath).catch(ignore)) !== undefined) return;
  const temporary = `${lockPath}.${randomBytes(8).toString("hex")}.tmp`;
  const handle = await open(temporary, "wx", 0o600);
  try {
    const model = (await stat(target).catch(ignore)) ?? (await stat(dirname(target)));
    if (process.getuid?.() === 0) await adoptOwner(handle, model);
    await link(temporary, lockPath);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  } finally {
    await handle.close();
    await rm(temporary, { force: true });
  }
}

async function acquire(
  database: DatabaseSync,
  target: string,
  holderPath: string,
  waitMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + waitMs;
  while (!tryLock(database, target)) {
    if (performance.now() >= giveUpAt) {
      const message = `${target} is locked by ${await describeHolder(holderPath)}: gave up after ${waitMs} ms`;
      throw new CredentialError("file-locked", message);
    }
    // At random, so that those who wait don't knock in step.
    await delay(minLockRetryMs + Math.random() * (maxLockRetryMs - minLockRetryMs));
  }
}

function tryLock(database: DatabaseSync, target: string): boolean {
  try {
    // The pragma keeps SQLite from making a journal file beside it. It, too, fails while another one holds.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === busy) return false;
    throw unusable(`${target}.lock`, error);
  }
}

/** Removed and made anew, so that nobody's link at this name leads root to write elsewhere. */
async function writeHolder(holderPath: string): Promise<void> {
  await rm(holderPath, { force: true });
  // The host, since a container's process ids mean nothing outside of it.
  const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  await writeFile(holderPath, JSON.stringify(holder), { mode: 0o600, flag: "wx" });
}

const holderNote = /^\{"pid":(\d+),"host":"([\w.-]+)","since":"([\d:.TZ-]+)"\}$/;

/** The holder's file can be missing, half written or its predecessor's: it is a hint for people. */
async function describeHolder(holderPath: string): Promise<string> {
  const text = await readFile(holderPath, "utf8").catch(() => "");
  const [, pid, host, since] = holderNote.exec(text) ?? [];
  return pid === undefined ? "another process" : `process ${pid} on ${host} since ${since}`;
}

function unusable(lockPath: string, cause: unknown): unknown {
  if (cause instanceof CredentialError) return cause;
  const code = systemErrorCode(cause);
  const detail = code === "ERR_SQLITE_ERROR" && cause instanceof Error ? cause.message : code;
  const message = `the lock file ${lockPath} can't be used (${detail}): may this user write in its folder?`;
  return new CredentialError("file-not-writable", message, { cause });
}

function ignore(): undefined {
  return undefined;
}
