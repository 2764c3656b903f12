import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { removeLeftovers, resolveTarget, writeFileAtomic } from "../../src/credentials/atomic-file.ts";
import { runNode } from "./child.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const isRoot = process.getuid?.() === 0;
const stranger = 12_345;

function modeOf(path: string): number {
  return statSync(path).mode & 0o7777;
}

describe("writeFileAtomic", () => {
  it("makes a private file and leaves nothing beside it", async () => {
    const folder = makeTemporaryFolder();
    await writeFileAtomic(join(folder, "file"), "one");
    await writeFileAtomic(join(folder, "file"), Buffer.from("two"));
    expect(readdirSync(folder)).toEqual(["file"]);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("two");
    expect(modeOf(join(folder, "file"))).toBe(0o600);
  });

  it("replaces the file and doesn't write into it", async () => {
    const folder = makeTemporaryFolder();
    writeFileSync(join(folder, "file"), "old");
    linkSync(join(folder, "file"), join(folder, "before"));
    await writeFileAtomic(join(folder, "file"), "new");
    expect(readFileSync(join(folder, "before"), "utf8")).toBe("old");
  });

  it.each([
    [0o666, 0o640],
    [0o640, 0o640],
    [0o604, 0o600],
    [0o400, 0o600],
    [0o777, 0o640],
  ])("tightens mode %o to %o", async (before, after) => {
    const path = join(makeTemporaryFolder(), "file");
    writeFileSync(path, "old");
    chmodSync(path, before);
    await writeFileAtomic(path, "new");
    expect(modeOf(path)).toBe(after);
  });

  it("makes a new file with the mode asked for", async () => {
    const path = join(makeTemporaryFolder(), "file");
    await writeFileAtomic(path, "new", 0o644);
    expect(modeOf(path)).toBe(0o644);
  });

  it("writes through symbolic links, also to what isn't there yet", async () => {
    const folder = makeTemporaryFolder();
    mkdirSync(join(folder, "real"));
    symlinkSync("second", join(folder, "first"));
    symlinkSync(join(folder, "real", "file"), join(folder, "second"));
    for (const text of ["one", "two"]) {
      await writeFileAtomic(join(folder, "first"), text);
      expect(readFileSync(join(folder, "real", "file"), "utf8")).toBe(text);
    }
    expect(readlinkSync(join(folder, "first"))).toBe("second");
    expect(readdirSync(join(folder, "real"))).toEqual(["file"]);
  });

  it("gives up on links that lead nowhere", async () => {
    const folder = makeTemporaryFolder();
    symlinkSync("b", join(folder, "a"));
    symlinkSync("a", join(folder, "b"));
    await expect(resolveTarget(join(folder, "a"))).rejects.toThrow("too many symbolic links");
    symlinkSync("none/file", join(folder, "c"));
    await expect(writeFileAtomic(join(folder, "c"), "")).rejects.toThrow("folder doesn't exist");
  });

  it("leaves the old file and no temporary one when it fails", async () => {
    const folder = makeTemporaryFolder();
    mkdirSync(join(folder, "file"));
    const failure = writeFileAtomic(join(folder, "file"), "new");
    await expect(failure).rejects.toMatchObject({ code: "file-not-writable" });
    await expect(failure).rejects.toThrow("EISDIR");
    expect(readdirSync(folder)).toEqual(["file"]);
    writeFileSync(join(folder, "plain"), "");
    await expect(writeFileAtomic(join(folder, "plain", "file"), "")).rejects.toThrow("folder doesn't exist");
  });

  it.skipIf(!isRoot)("as root, keeps the owner, and gives a new file to the folder's owner", async () => {
    const folder = makeTemporaryFolder();
    chownSync(folder, stranger, stranger);
    await writeFileAtomic(join(folder, "file"), "one");
    expect(statSync(join(folder, "file"))).toMatchObject({ uid: stranger, gid: stranger, mode: 0o100600 });
    chownSync(folder, 0, 0);
    await writeFileAtomic(join(folder, "file"), "two");
    expect(statSync(join(folder, "file"))).toMatchObject({ uid: stranger, gid: stranger, mode: 0o100600 });
  });

  it.skipIf(!isRoot)("as another user, refuses to take a file away from its owner", async () => {
    const folder = makeTemporaryFolder();
    chmodSync(folder, 0o777);
    writeFileSync(join(folder, "file"), "old");
    writeFileSync(join(folder, "mine"), "old");
    chmodSync(join(folder, "mine"), 0o600);
    chownSync(join(folder, "mine"), stranger, 0);
    const module = fileURLToPath(new URL("../../src/credentials/atomic-file.ts", import.meta.url));
    const script = `
      import { writeFileAtomic } from ${JSON.stringify(module)};
      await writeFileAtomic(process.argv[1] + "/mine", "new");
      await writeFileAtomic(process.argv[1] + "/file", "new").catch((error) => console.log(error.code, error.message));`;
    const { out, err, code } = await runNode(["--input-type=module", "-e", script, folder], "", {
      env: { NODE_V8_COVERAGE: "" }, // whose folder is not open to this user
      uid: stranger,
      gid: stranger,
    });
    expect({ err, code }).toEqual({ err: "", code: 0 });
    expect(out).toMatch(/^file-not-replaceable .*belongs to user 0, group 0.*as its owner or as root/);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("old");
    expect(statSync(join(folder, "mine"))).toMatchObject({ uid: stranger, gid: stranger });
    expect(readdirSync(folder).toSorted()).toEqual(["file", "mine"]);
  });
});

describe("removeLeftovers", () => {
  it("removes the temporary files of this file alone", async () => {
    const folder = makeTemporaryFolder();
    const hex = "0123456789abcdef";
    const kept = [
      "file",
      "file.bak",
      "file.tmp",
      `other.${hex}.tmp`,
      `file.${hex}`,
      "file.lock",
      `xfile.${hex}.tmp`,
    ];
    for (const name of [...kept, `file.${hex}.tmp`, `file.${"f".repeat(16)}.tmp`]) {
      writeFileSync(join(folder, name), "");
    }
    await removeLeftovers(join(folder, "file"));
    expect(readdirSync(folder).toSorted()).toEqual(kept.toSorted());
  });
});
