// What the bench compiles on the spot: the load generator and the bare echo in C, with TLS where OpenSSL's headers are.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { has } from "./child.ts";

/** How a program in C came out: not at all, without TLS, or with it. */
export interface Compiled {
  readonly path: string;
  readonly tls: boolean;
}

const COMPILERS = ["cc", "gcc", "clang"] as const;

export function findCompiler(): string | undefined {
  return COMPILERS.find((name) => has(name, "--version"));
}

/** Undefined: it does not compile here. */
export function compile(compiler: string, program: "load" | "echo", folder: string): Compiled | undefined {
  const source = fileURLToPath(new URL(`${program}.c`, import.meta.url));
  const path = join(folder, program);
  const flags = ["-O2", "-std=gnu11", "-D_GNU_SOURCE", "-o", path, source];
  if (has(compiler, "-DWITH_TLS", ...flags, "-lssl", "-lcrypto")) return { path, tls: true };
  return has(compiler, ...flags) ? { path, tls: false } : undefined;
}

/** The first line of what a command says of its version; undefined when it is not there. */
export function versionOf(command: string): string | undefined {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n")[0] : undefined;
}
