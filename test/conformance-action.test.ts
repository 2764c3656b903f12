// The action for other projects (scripts/conformance-action): its shell is run as it stands, as GitHub would run it, with
// an npx that starts the suite of this checkout.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";

interface Step {
  readonly uses?: string;
  readonly if?: string;
  readonly shell?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string | number>>;
}
interface Input {
  readonly description: string;
  readonly required?: boolean;
  readonly default?: string;
}
interface Action {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

const project = fileURLToPath(new URL("..", import.meta.url));
const folder = join(project, "scripts/conformance-action");
const text = readFileSync(join(folder, "action.yml"), "utf8");
const readme = readFileSync(join(folder, "README.md"), "utf8");
const action = parse(text, { strict: true, uniqueKeys: true }) as Action;
const { steps } = action.runs;
const shell = steps.find(({ run }) => run !== undefined)!;

describe("the conformance action", () => {
  let work = "";
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "talkbyte-action-"));
    const bin = join(project, "src/bin/talkbyte-conformance.ts");
    // Says what it was asked for, and plays the suite of this checkout.
    const stub = `#!/bin/sh\necho "npx $1 $2 $3 $4"\nshift 4\nexec "${process.execPath}" "${bin}" "$@"\n`;
    writeFileSync(join(work, "npx"), stub);
    chmodSync(join(work, "npx"), 0o755);
  });
  afterAll(() => rmSync(work, { recursive: true }));

  it("is composite, and brings a Node.js that the suite takes", () => {
    expect(action.runs.using).toBe("composite");
    const [setUp] = steps;
    expect(setUp?.uses).toMatch(/^actions\/setup-node@v\d+$/);
    expect(Number(setUp?.with?.["node-version"])).toBeGreaterThanOrEqual(24);
  });

  it("uses and documents each input, and no other", () => {
    const used = Array.from(text.matchAll(/\$\{\{ inputs\.(\w+) \}\}/g), ([, name]) => name!);
    const documented = Array.from(readme.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm));
    const names = Object.keys(action.inputs).toSorted();
    expect([...new Set(used)].toSorted()).toEqual(names);
    expect(documented.map(([, name]) => name!).toSorted()).toEqual(names);
    for (const [, name = "", standard = ""] of documented) {
      const input = action.inputs[name]!;
      const wanted =
        input.required === true ? "required" : input.default === "" ? "none" : `\`${input.default}\``;
      expect(standard.trim(), name).toBe(wanted);
    }
  });

  it("takes this version of the package, unless told otherwise", () => {
    const { name, version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as Record<
      string,
      string
    >;
    expect(action.inputs["package"]?.default).toBe(`${name}@${version}`);
    expect(readFileSync(join(project, "spec/implementing.md"), "utf8")).toContain(
      `--package ${name}@${version} `,
    );
  });

  it("keeps inputs out of the shell's text, needs no secret, and keeps the reports of a failed run", () => {
    expect(shell.run).not.toContain("${{");
    expect(text).not.toMatch(/secrets\./);
    const upload = steps.at(-1);
    expect(upload?.uses).toMatch(/^actions\/upload-artifact@v\d+$/);
    expect(upload?.if).toContain("always()");
    expect(upload?.with?.["path"]).toBe(shell.env?.["REPORT"]);
  });

  it("has shell that bash can read", () => {
    const { status, stderr } = spawnSync("bash", ["-n"], { input: shell.run, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("passes with a server that passes, and writes the reports", () => {
    const report = join(work, "report with spaces");
    const { status, stdout } = play({ report, arguments: "--only\necho-basic\n\n--name\nmy; server\n" });
    expect(stdout).toContain(
      `npx --yes --package ${action.inputs["package"]?.default} talkbyte-conformance\n`,
    );
    expect(stdout).toContain("my; server (server, plaintext): 1 cases");
    expect(status).toBe(0);
    for (const name of ["report.json", "junit.xml", "page.html"])
      expect(existsSync(join(report, name)), name).toBe(true);
  });

  it("fails with a server that fails, by the command's exit code, and writes the reports all the same", () => {
    const report = join(work, "failed");
    const failing = { report, arguments: "--only\nerror-by-the-client" };
    expect(play(failing, { STAGE: "3" }).status).toBe(1);
    expect(readFileSync(join(report, "junit.xml"), "utf8")).toContain('failures="1"');
    expect(play({ ...failing, arguments: "--no-such-option" }).status).toBe(2);
  });

  it("takes known failures into account", () => {
    const expected = join(work, "known.yaml");
    writeFileSync(expected, "- case: error-by-the-client\n  reason: not built yet\n");
    const input = { report: join(work, "known"), arguments: "--only\nerror-by-the-client", expect: expected };
    expect(play(input, { STAGE: "3" }).status).toBe(0);
    expect(play(input, { STAGE: "4" }).status).toBe(1);
  });

  // As a workflow would: inputs and their defaults through the step's own `env`, bash with the options of `shell: bash`.
  function play(given: Record<string, string>, environment: Record<string, string> = {}) {
    const inputs: Record<string, string> = {
      role: "server",
      profile: join(project, "test/interop/weekend/profile.yaml"),
      ...given,
    };
    const env = Object.entries(shell.env ?? {}).map(([name, value]) => [
      name,
      value.replaceAll(
        /\$\{\{ inputs\.(\w+) \}\}/g,
        (_, input: string) => inputs[input] ?? action.inputs[input]!.default ?? "",
      ),
    ]);
    writeFileSync(join(work, "step.sh"), shell.run ?? "");
    return spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", join(work, "step.sh")], {
      cwd: work,
      encoding: "utf8",
      env: {
        ...process.env,
        ...environment,
        ...Object.fromEntries(env),
        PATH: `${work}:${process.env["PATH"]}`,
      },
    });
  }
});
