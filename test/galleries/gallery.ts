// All peers of the galleries, and the patches of each by its full name: `server/…`, `client/…`, `oddball/…`.

import type { Role } from "../../src/conformance/exchange/exchange-checks.ts";
import { clientMutants } from "./client-mutants.ts";
import type { Mutant, Oddball, Patch } from "./mutant.ts";
import { oddballs } from "./oddballs.ts";
import { serverMutants } from "./server-mutants.ts";

export const mutants: Readonly<Record<Role, readonly Mutant[]>> = {
  server: serverMutants,
  client: clientMutants,
};

export { oddballs } from "./oddballs.ts";

/** @throws TypeError when nobody has that name */
export function patchesOf(fullName: string): readonly Patch[] {
  const [kind = "", name] = fullName.split("/");
  const all: readonly (Mutant | Oddball)[] =
    kind === "server" || kind === "client" ? mutants[kind] : kind === "oddball" ? oddballs : [];
  const found = all.find((peer) => peer.name === name);
  if (found === undefined) throw new TypeError(`no peer of the galleries is called "${fullName}"`);
  return found.patches;
}
