// Files that change under a running program, in the ways in which files are changed.

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

import { FileWatch } from "../../src/credentials/file-watch.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

/** Counts the calls of a watch. */
class Calls {
  count = 0;
  #called = Promise.withResolvers<void>();

  readonly changed = async (): Promise<void> => {
    this.count++;
    this.#called.resolve();
    this.#called = Promise.withResolvers();
  };

  /** Waits for the next call after `act`, and returns how many there have been. */
  async after(act: () => void): Promise<number> {
    const { promise } = this.#called;
    act();
    await promise;
    return this.count;
  }
}

async function watching(...paths: string[]): Promise<Calls> {
  const calls = new Calls();
  await calls.after(() => void watch(paths, calls.changed));
  return calls;
}

function watch(paths: string[], changed: () => Promise<void>): FileWatch {
  const made = new FileWatch(paths, changed);
  onTestFinished(async () => await made.close());
  return made;
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

test("a file that is written, replaced twice, removed and made again", async () => {
  const path = join(makeTemporaryFolder(), "file");
  writeFileSync(path, "one");
  const calls = await watching(path);
  await calls.after(() => writeFileSync(path, "two!"));
  await calls.after(() => replace(path, "three"));
  await calls.after(() => replace(path, "four"));
  await calls.after(() => rmSync(path));
  expect(await calls.after(() => writeFileSync(path, "five"))).toBeGreaterThanOrEqual(6);
});

test("a file whose folder comes later, and a file in another one", async () => {
  const folder = makeTemporaryFolder();
  const [late, other] = [join(folder, "late", "file"), join(folder, "other")];
  const calls = await watching(late, other);
  mkdirSync(join(folder, "late"));
  await calls.after(() => writeFileSync(late, "one"));
  expect(await calls.after(() => writeFileSync(other, "one"))).toBeGreaterThanOrEqual(3);
});

test("links that are swapped as Kubernetes does it, and a link's target elsewhere", async () => {
  const folder = makeTemporaryFolder();
  for (const version of ["v1", "v2"]) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "file"), version);
  }
  symlinkSync("v1", join(folder, "..data"));
  symlinkSync(join("..data", "file"), join(folder, "file"));
  const calls = await watching(join(folder, "file"));
  await calls.after(() => {
    symlinkSync("v2", join(folder, "..new"));
    renameSync(join(folder, "..new"), join(folder, "..data"));
  });
  expect(await calls.after(() => replace(join(folder, "v2", "file"), "elsewhere"))).toBe(3);
});

test("a closed watch calls no more", async () => {
  const path = join(makeTemporaryFolder(), "file");
  const calls = new Calls();
  await watch([path], calls.changed).close();
  const { count } = calls;
  const other = await watching(path);
  await other.after(() => writeFileSync(path, "one"));
  expect(calls.count).toBe(count);
});

test("again() calls though nothing has changed: at once, or after the call that is under way, which it never joins", async () => {
  const path = join(makeTemporaryFolder(), "file");
  const calls: PromiseWithResolvers<void>[] = [];
  let begun = Promise.withResolvers<void>();
  const made = watch([path], async () => {
    const call = Promise.withResolvers<void>();
    calls.push(call);
    begun.resolve();
    begun = Promise.withResolvers();
    await call.promise;
  });
  await begun.promise;
  const second = begun.promise;
  made.again();
  made.again();
  expect(calls).toHaveLength(1);
  calls[0]!.resolve();
  await second;
  const closed = made.close();
  for (const call of calls) call.resolve();
  await closed;
  expect(calls).toHaveLength(2);
});
