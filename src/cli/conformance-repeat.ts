// The command that plays just one case again, the same way.

import type { Exchange } from "../conformance/exchange/exchange.ts";
import type { Played } from "../conformance/suite/case-run.ts";
import type { RunOptions } from "./conformance-options.ts";

export interface RepeatedRun {
  readonly role: "server" | "client";
  readonly options: RunOptions;
  readonly command: readonly string[];
}

export function repeatCommand(
  { role, options, command }: RepeatedRun,
  exchange: Exchange,
  played: Played | undefined,
): string {
  const {
    profile,
    host,
    port,
    fingerprint,
    plaintext,
    set = [],
    strict,
    timeScale,
    timeoutMs,
    sanity,
  } = options;
  const own = options.exchange?.find((file) => file === exchange.file);
  const words = [
    "talkbyte-conformance",
    role,
    ...flag("--profile", profile),
    ...flag("--host", host),
    ...flag("--port", port),
    ...flag("--fingerprint", fingerprint),
    ...(plaintext === true ? ["--plaintext"] : []),
    ...set.flatMap((setting) => ["--set", setting]),
    ...(own === undefined ? ["--only", exchange.id] : ["--exchange", own]),
    ...flag("--segmentation", played?.result.segmentation),
    ...(played?.result.segmentation === "random-cuts" ? flag("--seed", played.result.seed) : []),
    ...(timeScale === 1 ? [] : flag("--time-scale", timeScale)),
    ...(timeoutMs === 5000 ? [] : flag("--timeout-ms", timeoutMs)),
    ...(sanity === "echo-basic" ? [] : flag("--sanity", sanity)),
    ...(strict === true ? ["--strict"] : []),
    ...(command.length === 0 ? [] : ["--", ...command]),
  ];
  return words.map(quoted).join(" ");
}

function flag(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [name, String(value)];
}

// For a POSIX shell.
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
