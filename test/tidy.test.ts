// The style is a test: who may import whom, no file that nobody imports, no file past a comfortable read, error codes
// and generated parts that agree with the specification.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { generate } from "../scripts/generate.ts";
import { exitCodes } from "../src/cli/exit-codes.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const source = join(project, "src");
const MAX_LINES = 400;

/** What each part may import beside itself and libraries. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  credentials: ["protocol"],
  auth: ["protocol", "credentials"],
  net: ["protocol", "credentials", "auth"],
  conformance: [],
  cli: ["protocol", "credentials", "auth", "net", "conformance"],
  bin: ["cli"],
  "index.ts": ["protocol", "credentials", "auth", "net"],
};

/** What each folder of the suite may import of the others. */
const SUITE_MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  exchange: ["wire"],
  play: ["wire", "exchange"],
  cases: ["wire", "exchange", "play"],
  suite: ["wire", "exchange", "play"],
  report: ["wire", "exchange", "play", "suite"],
};

/** Entry points: nobody imports them, or scripts alone do. */
const ENTRY =
  /^(bin\/talkbyte-[a-z]+|index|cli\/(adapter|client|conformance|server|users)|conformance\/(cases\/(cases|data-text|requirement-list)|report\/dissector|exchange\/(exchange-schema|traceability)|play\/simulated-link))\.ts$/;

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

const files = filesUnder(source);
const IMPORT = /(?:from|import)\s*\(?\s*"([^"]+)"/g;

function importsOf(file: string): string[] {
  return Array.from(readFileSync(file, "utf8").matchAll(IMPORT), (match) => match[1]!);
}

function partOf(file: string): string {
  return relative(source, file).split("/")[0]!;
}

describe("the source", () => {
  it.each(files.map((file) => relative(project, file)))("%s imports only what its part may", (name) => {
    const file = join(project, name);
    const outside = importsOf(file).filter((target) => !target.startsWith("."));
    expect(partOf(file) === "protocol" ? outside : []).toEqual([]);
    const parts = importsOf(file)
      .filter((target) => target.startsWith("."))
      .map((target) => resolve(dirname(file), target))
      .filter((imported) => imported.startsWith(`${source}/`))
      .map(partOf);
    const allowed = new Set([partOf(file), ...MAY_IMPORT[partOf(file)]!]);
    expect(parts.filter((part) => !allowed.has(part))).toEqual([]);
  });

  it("has a suite whose folders depend one way", () => {
    const suite = join(source, "conformance");
    const folderOf = (file: string): string => relative(suite, file).split("/")[0]!;
    for (const file of files.filter((name) => name.startsWith(suite))) {
      const folders = importsOf(file)
        .filter((target) => target.startsWith("."))
        .map((target) => folderOf(resolve(dirname(file), target)));
      const allowed = new Set([folderOf(file), ...SUITE_MAY_IMPORT[folderOf(file)]!]);
      expect(
        folders.filter((folder) => !allowed.has(folder)),
        relative(project, file),
      ).toEqual([]);
    }
  });

  it("has no clock, randomness, promise or timer in its core", () => {
    const core = files.filter((file) => partOf(file) === "protocol");
    const world =
      /\b(Date|performance|Math\.random|crypto|Promise|async|await|setTimeout|setInterval|Buffer)\b|(?<![#.\w])process\./;
    for (const file of core) {
      const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$|"[^"\n]*"/gm, "");
      expect(world.exec(code)?.[0], relative(project, file)).toBeUndefined();
    }
  });

  it("has no dead file", () => {
    const imported = new Set(
      files.flatMap((file) => importsOf(file).map((target) => resolve(dirname(file), target))),
    );
    const dead = files.filter((file) => !imported.has(file) && !ENTRY.test(relative(source, file)));
    expect(dead.map((file) => relative(project, file))).toEqual([]);
  });

  it(`has no file over ${MAX_LINES} lines`, () => {
    const all = [...files, ...filesUnder(join(project, "test")), ...filesUnder(join(project, "scripts"))];
    const long = all.filter((file) => readFileSync(file, "utf8").split("\n").length > MAX_LINES);
    expect(long.map((file) => relative(project, file))).toEqual([]);
  });

  it("has no default export, enum, or file of odds and ends", () => {
    for (const file of files) {
      expect(readFileSync(file, "utf8"), file).not.toMatch(/^export default|^(export )?(const )?enum /m);
      expect(file).not.toMatch(/\/(utils?|helpers?|types|misc|common)\.ts$/);
    }
  });
});

describe("what is derived and what it is derived from", () => {
  it("agree: npm run generate would change nothing", () => {
    expect(generate(true)).toBe(true);
  });

  it("every error code that the core throws is one that section 10.1 knows", () => {
    const codes = new Set(
      Array.from(
        readFileSync(join(project, "spec/talkbyte.md"), "utf8").matchAll(/^\| \d+ \| `([a-z-]+)` \|/gm),
        (match) => match[1]!,
      ),
    );
    const thrown = files
      .filter((file) => partOf(file) === "protocol" || partOf(file) === "net")
      .flatMap((file) =>
        Array.from(readFileSync(file, "utf8").matchAll(/breach\(\s*"([a-z-]+)"/g), (match) => match[1]!),
      );
    expect(thrown.length).toBeGreaterThan(20);
    expect(thrown.filter((code) => !codes.has(code))).toEqual([]);
  });

  it("the README's table of exit codes is the commands'", () => {
    const readme = readFileSync(join(project, "README.md"), "utf8");
    const rows = Array.from(readme.matchAll(/^\| (\d+) \| [^|]+ \|$/gm), (match) => Number(match[1]));
    expect(rows).toEqual(Object.values(exitCodes));
  });

  it("every path that SECURITY.md cites exists", () => {
    const security = readFileSync(join(project, "SECURITY.md"), "utf8");
    const cited = Array.from(
      security.matchAll(/`((?:test|scripts|spec|src)\/[^`]*)`/g),
      (match) => match[1]!,
    );
    expect(cited.length).toBeGreaterThan(10);
    expect(cited.filter((path) => !existsSync(join(project, path)))).toEqual([]);
  });

  it("every path that the README names exists", () => {
    const readme = readFileSync(join(project, "README.md"), "utf8");
    const named = Array.from(readme.matchAll(/\]\(([^)#:]+)\)/g), (match) => match[1]!);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((path) => !existsSync(join(project, path)))).toEqual([]);
  });
});
