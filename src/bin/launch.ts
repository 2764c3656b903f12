// Starts a command and turns what it returns into the exit code. In a checkout the TypeScript source runs
// even when the caller is dist/bin (as with `npx talkbyte-users`), so that dist can never be stale; the
// published package has no src. Both src/bin and dist/bin are two levels below the project's folder.

import { existsSync } from "node:fs";

interface Command {
  run(argv: readonly string[]): Promise<number>;
}

export async function launch(name: "adapter" | "client" | "conformance" | "server" | "users"): Promise<void> {
  // A reader that has seen enough, as in `talkbyte-users list | head -1`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  const source = new URL(`../../src/cli/${name}.ts`, import.meta.url);
  const built = new URL(`../cli/${name}.js`, import.meta.url);
  const command: unknown = await import(existsSync(source) ? source.href : built.href);
  if (!isCommand(command)) throw new TypeError(`src/cli/${name}.ts exports no run()`);
  process.exitCode = await command.run(process.argv.slice(2));
}

function isCommand(module: unknown): module is Command {
  return typeof module === "object" && module !== null && "run" in module && typeof module.run === "function";
}
