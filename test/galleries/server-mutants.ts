// Servers that are wrong in one way each, but for what they have in common with clients.

import { serverEndingMutants } from "./server-ending-mutants.ts";
import { serverLoginMutants } from "./server-login-mutants.ts";
import { serverMessageMutants } from "./server-message-mutants.ts";
import { serverOpaqueMutants } from "./server-opaque-mutants.ts";
import { serverRareLoginMutants } from "./server-rare-login-mutants.ts";
import { serverRareMutants } from "./server-rare-mutants.ts";
import { serverShutdownMutants } from "./server-shutdown-mutants.ts";
import { serverTlsMutants } from "./server-tls-mutants.ts";
import { receiverMutants } from "./receiver-mutants.ts";
import type { Mutant } from "./mutant.ts";

export const serverMutants: readonly Mutant[] = [
  ...receiverMutants("server"),
  ...serverLoginMutants,
  ...serverMessageMutants,
  ...serverEndingMutants,
  ...serverShutdownMutants,
  ...serverTlsMutants,
  ...serverOpaqueMutants,
  ...serverRareLoginMutants,
  ...serverRareMutants,
];
