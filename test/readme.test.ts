// The README's example is run as it stands, with the package's name pointed at the source.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exchangesFor, loadCatalog } from "../src/conformance/exchange/catalog.ts";
import { preparePassword } from "../src/credentials/password.ts";
import { addUser } from "../src/credentials/users-file.ts";
import { hashPassword } from "../src/credentials/verifier.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const MAX_EXAMPLE_LINES = 25;

describe("the README", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "talkbyte-readme-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it("has an example of at most 25 lines that runs", async () => {
    const readme = await readFile(join(project, "README.md"), "utf8");
    const example = /<!-- example -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    expect(example.trim().split("\n").length).toBeLessThanOrEqual(MAX_EXAMPLE_LINES);
    await addUser(
      join(folder, "users.json"),
      "alice",
      await hashPassword(preparePassword("correct horse battery")),
    );
    await writeFile(join(folder, "password"), "correct horse battery\n");
    const source = example.replace('"talkbyte"', JSON.stringify(join(project, "src/index.ts")));
    await writeFile(join(folder, "example.ts"), source);
    const { stdout } = await promisify(execFile)(process.execPath, ["example.ts"], { cwd: folder });
    expect(stdout).toBe("hello\nnothing from alice\nworld\n");
  });

  it("counts the suite's cases as they are", async () => {
    const readme = await readFile(join(project, "README.md"), "utf8");
    const servers = exchangesFor(loadCatalog(), "server");
    const needTls = servers.filter(({ connection = "plaintext" }) => connection !== "plaintext").length;
    const counts = /: (\d+) cases in [\d.]+ s: (\d+) passed, (\d+) unsupported/
      .exec(readme)
      ?.slice(1)
      .map(Number);
    expect(counts).toEqual([servers.length, servers.length - needTls, needTls]);
  });
});
