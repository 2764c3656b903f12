// talkbyte-conformance self: no peer, no socket; and --list, which all its commands share.

import { loadCatalog, type Catalog } from "../conformance/exchange/catalog.ts";
import type { Role } from "../conformance/exchange/exchange-checks.ts";
import type { Exchange } from "../conformance/exchange/exchange.ts";
import { loadRequirements } from "../conformance/exchange/requirements.ts";
import { referenceProfile } from "../conformance/cases/reference-profile.ts";
import { selfPlay } from "../conformance/play/self-play.ts";
import { levelOf } from "../conformance/suite/levels.ts";
import { choose } from "../conformance/suite/pattern.ts";
import type { CommandIo } from "./command-io.ts";
import type { SelectionOptions } from "./conformance-options.ts";

export function runSelfPlay(options: SelectionOptions, io: CommandIo): number {
  const exchanges = selected(suiteCatalog(), options, undefined);
  if (options.list === true) return list(exchanges, io);
  let failed = 0;
  for (const exchange of exchanges) {
    const { unsupported, problems } = selfPlay(exchange, referenceProfile);
    if (unsupported !== undefined) io.writeOut(`UNSUPPORTED ${exchange.id}: ${unsupported}\n`);
    for (const problem of problems) io.writeOut(`FAIL ${exchange.id}: ${problem}\n`);
    if (problems.length > 0) failed++;
  }
  io.writeOut(`${exchanges.length} cases against themselves: ${failed} contradict themselves\n`);
  return failed === 0 ? 0 : 1;
}

let catalog: Catalog | undefined;

// The suite's own exchanges, read once.
export function suiteCatalog(): Catalog {
  catalog ??= loadCatalog();
  return catalog;
}

export function selected(
  { exchanges }: Pick<Catalog, "exchanges">,
  { only = [], skip = [] }: SelectionOptions,
  role: Role | undefined,
): readonly Exchange[] {
  return choose(exchanges, loadRequirements(), { only, skip }, role);
}

export function list(exchanges: readonly Exchange[], io: CommandIo): number {
  for (const exchange of exchanges) {
    const { id, roles, covers, tags, title } = exchange;
    const words = [`level:${levelOf(exchange)}`, ...tags.map((tag) => `tag:${tag}`)];
    io.writeOut(
      `${id}\n  ${title}\n  tests ${roles.join(" and ")}; ${covers.join(" ")}; ${words.join(" ")}\n`,
    );
  }
  io.writeOut(`${exchanges.length} cases\n`);
  return 0;
}
