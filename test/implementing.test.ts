// The guide for implementers (spec/implementing.md) is held to what it says: its links lead somewhere, its commands run,
// its adapter drives a client, its counts are those of the command, and the server that grew by it passes each level at
// the step that the guide gives for it, and not before.

import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../src/cli/conformance.ts";
import { loadCatalog } from "../src/conformance/exchange/catalog.ts";
import { parseProfile } from "../src/conformance/exchange/profile.ts";
import { unsupportedReason } from "../src/conformance/play/player.ts";
import { levelOf, levels, type Level } from "../src/conformance/suite/levels.ts";
import { makeFakeIo } from "./cli/fake-io.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const guideFile = join(project, "spec/implementing.md");
const guide = readFileSync(guideFile, "utf8");
const maxLines = 270;
const roles = ["server", "client"] as const;

describe("the guide for implementers", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "talkbyte-guide-"));
    await writeFile(join(folder, "mine.yaml"), blockOf("yaml", "name: my server"));
    await writeFile(join(folder, "known-failures.yaml"), blockOf("yaml", "- case:"));
    await writeFile(join(folder, "adapter.py"), blockOf("python", "class Adapter"));
    await copyFile(join(project, "test/interop/weekend/profile.yaml"), join(folder, "client.yaml"));
    await writeFile(join(folder, "my_client.py"), myClient);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it(`can be read in one go: at most ${maxLines} lines`, () => {
    expect(guide.split("\n").length).toBeLessThanOrEqual(maxLines);
  });

  it("links only to what exists, sections included", () => {
    const links = Array.from(guide.matchAll(/\]\(([^)]+)\)/g), (match) => match[1]!);
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((link) => !leadsSomewhere(link))).toEqual([]);
  });

  it.each(roles)("counts the cases of each level for a %s as the command does", async (role) => {
    const { out } = await command(role, "--list");
    const column = role === "server" ? 2 : 3;
    for (const level of levels) {
      const row = new RegExp(`^\\| \\d\\. \`${level}\` .*$`, "m").exec(guide)?.[0].split("|") ?? [];
      expect(Number(row[column]), level).toBe(out.split(`; level:${level}`).length - 1);
    }
  });

  it("has only commands that the command understands", async () => {
    const commands = commandsOf(guide);
    expect(commands.length).toBeGreaterThan(10);
    for (const words of commands) {
      const given = words.map((word) => (word.endsWith(".yaml") ? join(folder, word) : word));
      const { code, error } = await command(...given, words[0] === "report" ? "--help" : "--dry-run");
      expect({ words, code, error }).toEqual({ words, code: 0, error: "" });
    }
  });

  it.each(["spec/implementing.md", "spec/conformance.md"])(
    "the profile in %s leaves out no variable",
    (file) => {
      const text = readFileSync(join(project, file), "utf8");
      const sample = /```yaml\n((?:name: (?:my server|example)).*?)```/s.exec(text)?.[1] ?? "";
      const { variables } = parse(sample) as { variables: Record<string, unknown> };
      const profile = parseProfile(variables);
      const servers = loadCatalog().exchanges.filter((exchange) => exchange.roles.includes("server"));
      const lacking = servers.map((exchange) => unsupportedReason(exchange, profile, {}));
      expect(lacking.filter((reason) => reason?.includes("has no"))).toEqual([]);
    },
  );

  it("names a sanity case of the level that a command is about, for its role", () => {
    const { byId } = loadCatalog();
    const named = commandsOf(guide).filter((words) => words.includes("--sanity"));
    expect(named).toHaveLength(4);
    for (const words of named) {
      const sanity = byId.get(words[words.indexOf("--sanity") + 1]!)!;
      expect(sanity.roles).toContain(words[0]);
      expect(`level:${levelOf(sanity)}`).toBe(words.at(-1));
    }
  });

  it("finds the requirements that no exchange can show with the command that it gives", async () => {
    const grep = /`grep -E '(.+)' spec\/talkbyte\.md`/.exec(guide)?.[1] ?? "";
    const { code, out } = await execute("grep", ["-cE", grep, "spec/talkbyte.md"], project);
    expect(code).toBe(0);
    const all = JSON.parse(await readFile(join(project, "spec/requirements.json"), "utf8")) as {
      requirements: { proof: string }[];
    };
    expect(Number(out)).toBe(all.requirements.filter(({ proof }) => proof !== "exchange").length);
  });

  it("has an adapter that drives a client through every call", async () => {
    const cases = ["echo-basic", "end-after-login", "ping-by-the-client", "message-several-under-way"];
    const only = cases.flatMap((id) => ["--only", id]);
    const profile = ["--profile", join(folder, "client.yaml")];
    const adapter = ["--", "python3", join(folder, "adapter.py")];
    const { code, out } = await conformance(["client", ...profile, ...only, ...adapter]);
    expect(out).toContain(`${cases.length} cases`);
    expect(out).toContain(`${cases.length} passed`);
    expect(code).toBe(0);
  });

  it("has an adapter that says which calls its client lacks", async () => {
    await writeFile(join(folder, "my_client.py"), `${myClient}\ndel Client.ping\n`);
    const input = `{"id":1,"call":"open","host":"127.0.0.1","port":1,"fingerprint":null}\n{"id":2,"call":"ping"}\n`;
    const { out } = await execute("python3", ["adapter.py"], folder, {}, input);
    expect(out.trim().split("\n").toSorted()).toEqual(['{"id": 1}', '{"id": 2, "unsupported": true}']);
  });
});

// A few cases of each level, which the server of that step must pass, and one of the next level, which it must fail.
const steps: readonly (readonly [level: Level, passes: readonly string[], fails: string | undefined])[] = [
  ["framing", ["frame-length-zero", "auth-short"], "auth-unknown-user"],
  ["login", ["hello-one-flight-with-auth", "auth-tries-used-up"], "echo-basic"],
  ["echo", ["echo-basic", "ping-answered"], "error-by-the-client"],
  ["endings", ["error-by-the-client", "end-inside-message"], "message-largest"],
  ["limits", ["message-largest", "deadline-frame-before-login"], "extension-after-login"],
  ["extensions", ["extension-after-login", "frame-cut-everywhere"], undefined],
];

describe("the server of the guide", () => {
  it.each(steps)("passes level %s at its step, and no later one", async (level, passes, fails) => {
    const later = fails === undefined ? [] : [fails];
    const only = [...passes, ...later].flatMap((id) => ["--only", id]);
    const profile = ["--profile", join(project, "test/interop/weekend/profile.yaml")];
    const rules = ["--sanity", "hello-agent-empty", "--timeout-ms", "2000", "--verbose"];
    const stage = { STAGE: String(levels.indexOf(level) + 1) };
    const { code, out } = await conformance(["server", ...profile, ...rules, ...only], stage);
    const verdicts = Array.from(out.matchAll(/^[A-Z]+ [a-z0-9-]+(?=:|$)/gm), ([verdict]) => verdict);
    const expected = [...passes.map((id) => `PASS ${id}`), ...later.map((id) => `FAIL ${id}`)];
    expect(verdicts.toSorted()).toEqual(expected.toSorted());
    expect(code).toBe(later.length);
  });
});

interface Outcome {
  readonly code: number;
  readonly out: string;
}

function conformance(argv: readonly string[], environment: Record<string, string> = {}): Promise<Outcome> {
  const bin = join(project, "src/bin/talkbyte-conformance.ts");
  return execute(process.execPath, [bin, ...argv], project, environment);
}

function execute(
  program: string,
  argv: readonly string[],
  cwd: string,
  environment: Record<string, string> = {},
  input = "",
): Promise<Outcome> {
  return new Promise((done) => {
    const env = { ...process.env, ...environment };
    const child = execFile(program, argv, { cwd, env }, (error, out) =>
      done({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, out }),
    );
    if (input !== "") child.stdin?.end(input);
  });
}

// In this process: what is asked for is soon said.
async function command(...argv: readonly string[]): Promise<Outcome & { readonly error: string }> {
  const io = makeFakeIo();
  const code = await run(argv, io);
  return { code, out: io.out, error: io.err };
}

function blockOf(language: string, beginning: string): string {
  const blocks = Array.from(guide.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm));
  const block = blocks.find(([, name, text]) => name === language && text!.includes(beginning));
  if (block === undefined) throw new Error(`the guide has no ${language} block with ${beginning}`);
  return block[2]!;
}

// The words behind the command's name, wherever the guide gives a whole command.
function commandsOf(text: string): string[][] {
  const joined = text.replaceAll(/ \\\n\s*/g, " ");
  const found = joined.matchAll(
    /^npx (?:--yes --package \S+ )?talkbyte-conformance (.+)$|`npx talkbyte-conformance ((?:server|client|report) [^`]+)`/gm,
  );
  return Array.from(found, (match) => (match[1] ?? match[2]!).split(" "));
}

function leadsSomewhere(link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const file = path === "" ? guideFile : join(dirname(guideFile), path);
  if (!existsSync(file)) return false;
  if (anchor === undefined) return true;
  const headings = readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, (match) => slugOf(match[1]!)).includes(anchor);
}

// As GitHub makes them.
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

// A client in the form that the guide's adapter asks for.
const myClient = `
import sys
sys.path.insert(0, ${JSON.stringify(join(project, "test/interop"))})
from talkbyte_client_session import Client as Session

class Client:
    def __init__(self, host, port, fingerprint):
        self.session = Session(host, port, plaintext=fingerprint is None, fingerprint=fingerprint)
        self.drop = self.session.drop
    async def login(self, username, password): await self.session.login(username, password)
    async def send(self, payload): await self.session.send(payload)
    async def ping(self): await self.session.ping()
    async def stop(self): await self.session.stop()
    async def end(self): await self.session.end()
`;
