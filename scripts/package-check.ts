// Packs the package, installs it in an empty folder where no compiler works, and runs its commands as a stranger
// would: on the supported Node versions end to end, and on an old one for the one line that says what is needed.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "talkbyte-package-"));
const SUPPORTED = ["24", "26"];
const OLD = "20";
const commands = ["adapter", "client", "conformance", "server", "users"].map((name) => `talkbyte-${name}`);

function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = process.env): string {
  return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** A folder of compilers that fail, to stand in front of the real ones. */
function brokenCompilers(): string {
  const path = join(folder, "no-compilers");
  mkdirSync(path);
  for (const name of ["cc", "gcc", "g++", "c++", "clang", "make", "node-gyp"]) {
    writeFileSync(join(path, name), `#!/bin/sh\necho "the package needs ${name}" >&2\nexit 1\n`);
    chmodSync(join(path, name), 0o755);
  }
  return path;
}

function install(name: string, packages: string[], env: NodeJS.ProcessEnv): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }));
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], path, env);
  return path;
}

/** Waits for the line in which a server says where it listens. */
async function listening(server: ChildProcess): Promise<{ port: string; fingerprint: string }> {
  let port = "";
  for await (const line of createInterface({ input: server.stderr! })) {
    port = /^listening on .*:(\d+)$/.exec(line)?.[1] ?? port;
    const fingerprint = /^fingerprint ([0-9a-f]{64})$/.exec(line)?.[1];
    if (fingerprint !== undefined) return { port, fingerprint };
  }
  throw new Error("the server ended before it listened");
}

async function tryCommands(node: string, app: string): Promise<void> {
  const empty = mkdtempSync(join(folder, "empty-"));
  const env = { ...process.env, XDG_STATE_HOME: join(empty, "state") };
  const bin = (name: string): string => join(app, "node_modules/talkbyte/dist/bin", `${name}.js`);
  const password = run(node, [bin("talkbyte-users"), "add", "alice", "--generate"], empty, env);
  writeFileSync(join(empty, "password"), password, { mode: 0o600 });
  const server = spawn(node, [bin("talkbyte-server"), "--port", "0"], {
    cwd: empty,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    const { port, fingerprint } = await listening(server);
    const args = [
      "--port",
      port,
      "--username",
      "alice",
      "--password-file",
      "password",
      "--fingerprint",
      fingerprint,
    ];
    const echo = execFileSync(node, [bin("talkbyte-client"), ...args], {
      cwd: empty,
      env,
      input: "hello\nstop\n",
      encoding: "utf8",
    });
    if (echo !== "hello\n") throw new Error(`the echo was ${JSON.stringify(echo)}`);
  } finally {
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    await ended;
  }
  run(
    node,
    [
      "--input-type=module",
      "-e",
      'import { createServer, connect } from "talkbyte"; if (!createServer || !connect) process.exit(1);',
    ],
    app,
  );
}

/** The suite as a foreign project has it: its own exchanges and adapter, from the package alone. */
function trySuite(node: string, app: string): void {
  const installed = join(app, "node_modules/talkbyte");
  const suite = join(installed, "dist/bin/talkbyte-conformance.js");
  const adapter = join(installed, "dist/bin/talkbyte-adapter.js");
  run(node, [suite, "self"], folder);
  writeFileSync(
    join(folder, "client.yaml"),
    "transport: plaintext\nvariables: { username: alice, password: not a secret, slack-ms: 500 }\n",
  );
  const args = ["client", "--profile", "client.yaml", "--only", "echo-basic", "--html", "page.html"];
  const summary = run(node, [suite, ...args, "--", node, adapter], folder);
  if (!/1 cases in .* 1 passed/.test(summary)) throw new Error(`the suite said: ${summary}`);
}

function tryOldNode(node: string, app: string): void {
  for (const name of commands) {
    try {
      execFileSync(node, [join(app, "node_modules/talkbyte/dist/bin", `${name}.js`)], {
        encoding: "utf8",
        stdio: "pipe",
      });
      throw new Error(`${name} ran on Node ${OLD}`);
    } catch (error) {
      const { stderr, status } = error as { stderr?: string; status?: number };
      if (status !== 1 || !/^[^\n]*needs Node\.js 24 or newer[^\n]*\n$/.test(stderr ?? "")) throw error;
    }
  }
}

try {
  run("npm", ["pack", "--pack-destination", folder, "--loglevel=error"], project);
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz"))!,
  );
  const env = { ...process.env, PATH: `${brokenCompilers()}:${process.env["PATH"]}` };
  const app = install("app", [tarball], env);
  for (const version of SUPPORTED) {
    const node = join(install(`node-${version}`, [`node@${version}`], env), "node_modules/.bin/node");
    await tryCommands(node, app);
    trySuite(node, app);
    process.stdout.write(
      `package: commands, library and suite run on Node ${run(node, ["--version"], folder)}`,
    );
  }
  tryOldNode(join(install(`node-${OLD}`, [`node@${OLD}`], env), "node_modules/.bin/node"), app);
  process.stdout.write(`package: Node ${OLD} is told what is needed\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
