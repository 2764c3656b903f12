// A first message of OPAQUE for an attacker, who needs no more of the mechanism: made once and sent for ever, for a server
// can't tell it from a fresh one.

import { loadOpaque, toBytes } from "../../src/auth/opaque-library.ts";

let made: Promise<Uint8Array> | undefined;

/** KE1 for a guess at a password. */
export async function firstMessage(): Promise<Uint8Array> {
  return await (made ??= make());
}

async function make(): Promise<Uint8Array> {
  const { client } = await loadOpaque();
  return toBytes(client.startLogin({ password: "a guess" }).startLoginRequest);
}
