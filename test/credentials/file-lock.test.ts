import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { once } from "node:events";

import { describe, expect, it } from "vitest";

import { withFileLock } from "../../src/credentials/file-lock.ts";
import { runNode, startWriter, writerPath } from "./child.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const lockModule = JSON.stringify(new URL("../../src/credentials/file-lock.ts", import.meta.url).href);
const tryFromProcess = `
  import { withFileLock } from ${lockModule};
  await withFileLock(process.argv[1], async () => console.log("free"), 0).catch((error) => console.log(error.message));`;

describe("withFileLock", () => {
  it("lets one at a time, in one process too", async () => {
    const path = join(makeTemporaryFolder(), "file");
    let inside = 0;
    let most = 0;
    const run = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => withFileLock(path, run)));
    expect(most).toBe(1);
  });

  it("gives the result, and drops the lock when the action fails", async () => {
    const path = join(makeTemporaryFolder(), "file");
    await expect(withFileLock(path, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withFileLock(path, async (target) => Promise.resolve(target), 0)).toBe(path);
  });

  it("leaves an empty private lock file and nothing else", async () => {
    const folder = makeTemporaryFolder();
    await withFileLock(join(folder, "file"), async () => {
      expect(readdirSync(folder).toSorted()).toEqual(["file.lock", "file.lock.holder"]);
      const holder: unknown = JSON.parse(readFileSync(join(folder, "file.lock.holder"), "utf8"));
      expect(holder).toMatchObject({ pid: process.pid });
      return Promise.resolve();
    });
    expect(readdirSync(folder)).toEqual(["file.lock"]);
    expect(statSync(join(folder, "file.lock"))).toMatchObject({ size: 0, mode: 0o100600 });
  });

  it("says who holds the lock, and is free the moment that one is killed", async () => {
    const path = join(makeTemporaryFolder(), "file");
    const holder = startWriter("hold", path);
    await holder.lines(1);
    const failure = withFileLock(path, () => Promise.resolve(), 60);
    await expect(failure).rejects.toMatchObject({ code: "file-locked" });
    await expect(failure).rejects.toThrow(
      new RegExp(`is locked by process ${holder.child.pid} on \\S+ since 20.*Z: gave up after 60 ms`),
    );
    await holder.kill();
    expect(existsSync(`${path}.lock.holder`)).toBe(true);
    expect(await withFileLock(path, () => Promise.resolve("free"), 0)).toBe("free");
    expect(existsSync(`${path}.lock.holder`)).toBe(false);
  });

  it("hands over to one who waits when the holder is killed", async () => {
    const path = join(makeTemporaryFolder(), "file");
    const holder = startWriter("hold", path);
    await holder.lines(1);
    const waiting = withFileLock(path, () => Promise.resolve("mine"));
    await holder.kill();
    expect(await waiting).toBe("mine");
  });

  it("survives a holder's note that is damaged", async () => {
    const path = join(makeTemporaryFolder(), "file");
    const holder = startWriter("hold", path);
    await holder.lines(1);
    writeFileSync(`${path}.lock.holder`, "\u001b[2J");
    await expect(withFileLock(path, () => Promise.resolve(), 0)).rejects.toThrow(
      "is locked by another process:",
    );
  });

  it("isn't lost to other attempts of this process, as fcntl's locks by themselves are", async () => {
    const path = join(makeTemporaryFolder(), "file");
    await withFileLock(path, async () => {
      const [outcome] = await once(new Worker(writerPath, { argv: ["try", path] }), "message");
      expect(outcome).toContain(`is locked by process ${process.pid} on `);
      await expect(withFileLock(path, () => Promise.resolve(), 0)).rejects.toMatchObject({
        code: "file-locked",
      });
      const { out } = await runNode(["--input-type=module", "-e", tryFromProcess, path]);
      expect(out).toContain(`is locked by process ${process.pid} on `);
    });
  });

  it("is the same lock through a symbolic link", async () => {
    const folder = makeTemporaryFolder();
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync("elsewhere/file", join(folder, "link"));
    await withFileLock(join(folder, "elsewhere", "file"), async () => {
      await expect(withFileLock(join(folder, "link"), () => Promise.resolve(), 0)).rejects.toMatchObject({
        code: "file-locked",
      });
    });
    expect(readdirSync(folder).toSorted()).toEqual(["elsewhere", "link"]);
  });

  it("refuses a folder that isn't there, and a lock file that is something else", async () => {
    const folder = makeTemporaryFolder();
    const missing = withFileLock(join(folder, "none", "file"), () => Promise.resolve());
    await expect(missing).rejects.toMatchObject({ code: "file-not-writable" });
    await expect(missing).rejects.toThrow("folder doesn't exist");
    writeFileSync(join(folder, "file.lock"), "something else entirely".repeat(100));
    const foreign = withFileLock(join(folder, "file"), () => Promise.resolve());
    await expect(foreign).rejects.toMatchObject({ code: "file-not-writable" });
    await expect(foreign).rejects.toThrow("file is not a database");
    mkdirSync(join(folder, "other.lock"));
    const directory = withFileLock(join(folder, "other"), () => Promise.resolve());
    await expect(directory).rejects.toThrow("can't be used");
  });
});
