// Clients that are wrong in one way each, but for what they have in common with servers.

import { clientEndingMutants } from "./client-ending-mutants.ts";
import { clientLoginMutants } from "./client-login-mutants.ts";
import { clientMessageMutants } from "./client-message-mutants.ts";
import { clientOpaqueMutants } from "./client-opaque-mutants.ts";
import { clientRareMutants } from "./client-rare-mutants.ts";
import { clientTlsMutants } from "./client-tls-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { receiverMutants } from "./receiver-mutants.ts";

export const clientMutants: readonly Mutant[] = [
  ...receiverMutants("client"),
  ...clientLoginMutants,
  ...clientMessageMutants,
  ...clientEndingMutants,
  ...clientTlsMutants,
  ...clientOpaqueMutants,
  ...clientRareMutants,
];
