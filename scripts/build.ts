// Compiles src to dist for the package: the TypeScript compiler, then the bins' executable bits. In the checkout it
// also links the bins where npx looks first: otherwise npx would install the project into its cache at the
// first use, and build it again there.

import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const dist = `${project}dist`;
const bins = `${project}node_modules/.bin`;

rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(`${bins}/tsc`, ["-p", `${project}src`], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
for (const name of readdirSync(`${dist}/bin`).filter((file) => /^talkbyte-.*\.js$/.test(file))) {
  chmodSync(`${dist}/bin/${name}`, 0o755);
  const link = `${bins}/${basename(name, ".js")}`;
  rmSync(link, { force: true });
  symlinkSync(`../../dist/bin/${name}`, link);
}
