// An exchange and its probe: a breach must not only be answered rightly, a fresh connection must still
// work afterwards.

import type { Catalog } from "../exchange/catalog.ts";
import type { Connection, Exchange } from "../exchange/exchange.ts";
import type { Driver, LinkSource, Operator } from "./link.ts";
import { play, type PlayOptions } from "./player.ts";
import type { Result } from "./result.ts";

// A fresh connection, and for a client a fresh driver of it.
export interface Opening {
  readonly link: LinkSource;
  readonly driver?: Driver;
  readonly operator?: Operator;
  readonly connection?: Connection | undefined;
}

export interface RunOptions extends Omit<PlayOptions, keyof Opening> {
  readonly open: (connection?: Connection) => Opening | Promise<Opening>;
}

export interface RunResult extends Result {
  // What the probe gave; undefined where none was played.
  readonly probe: Result | undefined;
}

export async function runExchange(
  catalog: Catalog,
  exchange: Exchange,
  options: RunOptions,
): Promise<RunResult> {
  const { open, ...rest } = options;
  const result = await play(exchange, { ...rest, ...(await open(exchange.connection)) });
  const probe = exchange.probe === undefined ? undefined : catalog.byId.get(exchange.probe);
  const failed = result.verdict === "fail" || result.verdict === "unsupported";
  if (failed || probe === undefined || !probe.roles.includes(options.role))
    return { ...result, probe: undefined };
  const probed = await play(probe, { ...rest, ...(await open()) });
  if (probed.verdict === "pass" || probed.verdict === "warn") return { ...result, probe: probed };
  const verdict = probed.verdict === "fail" ? "fail" : "inconclusive";
  return { ...result, verdict, reason: `the probe ${probe.id} afterwards: ${probed.reason}`, probe: probed };
}
