// Files that may change under a running program. Their folders are watched, for a watch on a file goes deaf when the
// file is replaced; what such a watch can't see (a link's target elsewhere, a network's file system) is looked up every
// now and then. A file counts as changed when its inode, size or times have.

import { watch, type FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Longest time in which a change stays unseen, in milliseconds. */
export const FILE_POLL_MS = 500;

export const MISSING_FILE = "missing";

/** Changes whenever the file is replaced or written; MISSING_FILE where it can't be reached. */
export async function fileFingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(":");
  } catch {
    return MISSING_FILE;
  }
}

export class FileWatch {
  readonly #paths: readonly string[];
  readonly #changed: () => Promise<void>;
  readonly #watchers: readonly FSWatcher[];
  readonly #timer: NodeJS.Timeout;
  #seen: string | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  /** Calls `changed` at once, and soon after each change of one of the files; never twice at once. It must not reject. */
  constructor(paths: readonly string[], changed: () => Promise<void>) {
    this.#paths = paths;
    this.#changed = changed;
    this.#watchers = [...new Set(paths.map(dirname))].flatMap((folder) => this.#watchFolder(folder));
    this.#timer = setInterval(() => this.#look(), FILE_POLL_MS).unref();
    this.#look();
  }

  /** Calls `changed` though nothing seems to have changed; after the call that is under way, if there is one. */
  again(): void {
    this.#seen = undefined;
    this.#look();
  }

  /** Resolves when no call of `changed` is under way any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
    await this.#looking;
  }

  /** A folder that isn't there, or that no more watches can be had for, is left to the timer. */
  #watchFolder(folder: string): FSWatcher[] {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#look());
      watcher.on("error", () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  }

  #look(): void {
    this.#looking ??= this.#compare().finally(() => {
      this.#looking = undefined;
      if (this.#seen === undefined && !this.#closed) this.#look();
    });
  }

  async #compare(): Promise<void> {
    const seen = (await Promise.all(this.#paths.map(fileFingerprint))).join(" ");
    if (this.#seen === seen || this.#closed) return;
    this.#seen = seen;
    await this.#changed();
  }
}
