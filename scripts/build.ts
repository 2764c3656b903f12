// Compiles src to dist for the package: the TypeScript compiler, then the bins' executable bits.

import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url));
const dist = `${project}dist`;

rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(`${project}node_modules/.bin/tsc`, ["-p", `${project}src`], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);
for (const name of readdirSync(`${dist}/bin`)) {
  if (/^talkbyte-.*\.js$/.test(name)) chmodSync(`${dist}/bin/${name}`, 0o755);
}
