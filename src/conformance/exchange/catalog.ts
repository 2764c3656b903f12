// A folder of exchanges.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Role } from "./exchange-checks.ts";
import { loadExchange, type Exchange } from "./exchange.ts";
import { ExchangeError } from "./strict-yaml.ts";
import { specFolder, wireTable, type WireTable } from "../wire/wire-table.ts";

export interface Catalog {
  readonly folder: string;
  // Sorted by id.
  readonly exchanges: readonly Exchange[];
  readonly byId: ReadonlyMap<string, Exchange>;
}

export const exchangesFolder: string = fileURLToPath(new URL("exchanges/", specFolder));

export function loadCatalog(folder: string = exchangesFolder, table: WireTable = wireTable()): Catalog {
  const names = readdirSync(folder);
  const stray = names.find((name) => !name.endsWith(".yaml"));
  if (stray !== undefined)
    throw new ExchangeError(join(folder, stray), undefined, "", "is no exchange: their names end in .yaml");
  const exchanges = names.toSorted().map((name) => loadExchange(join(folder, name), table));
  if (exchanges.length === 0) throw new ExchangeError(folder, undefined, "", "holds no exchange");
  const byId = new Map(exchanges.map((exchange) => [exchange.id, exchange]));
  for (const { file, probe } of exchanges)
    if (probe !== undefined && !byId.has(probe))
      throw new ExchangeError(file, undefined, "probe", `there is no exchange "${probe}"`);
  return { folder, exchanges, byId };
}

export function exchangesFor({ exchanges }: Catalog, role: Role): readonly Exchange[] {
  return exchanges.filter((exchange) => exchange.roles.includes(role));
}
