// The envelope of RFC 9807, section 4: the client's key pair grows out of the stretched password and a nonce, and
// a tag under a third key tells a client whether that password was the right one.

import { areEqual, ascii, concat, prefixed, split, type Bytes } from "./encoding.ts";
import { deriveKeyPair, type KeyPair } from "./oprf.ts";
import {
  ENVELOPE_BYTES,
  expand,
  extract,
  HASH_BYTES,
  mac,
  MAC_BYTES,
  NONCE_BYTES,
  SEED_BYTES,
  type Stretch,
} from "./suite.ts";

/** Who the two sides say they are; each its public key where nothing is said. */
export interface Identities {
  readonly client?: Bytes;
  readonly server?: Bytes;
}

export interface OpenedEnvelope {
  readonly keys: KeyPair;
  readonly authKey: Bytes;
  readonly exportKey: Bytes;
}

export interface StoredEnvelope extends OpenedEnvelope {
  readonly envelope: Bytes;
  readonly maskingKey: Bytes;
}

/** What both registration and login make of the function's output before they use it. */
export async function randomizePassword(oprfOutput: Bytes, stretch: Stretch): Promise<Bytes> {
  return extract(concat(oprfOutput, await stretch(oprfOutput)));
}

export function maskingKeyOf(randomizedPassword: Bytes): Bytes {
  return expand(randomizedPassword, ascii("MaskingKey"), HASH_BYTES);
}

export function store(
  randomizedPassword: Bytes,
  serverPublicKey: Bytes,
  identities: Identities,
  nonce: Bytes,
): StoredEnvelope {
  const opened = deriveFrom(randomizedPassword, nonce);
  const tag = tagOf(opened, nonce, serverPublicKey, identities);
  return { ...opened, envelope: concat(nonce, tag), maskingKey: maskingKeyOf(randomizedPassword) };
}

/** @throws EnvelopeRecoveryError: the password is wrong, or the envelope another's */
export function recover(
  randomizedPassword: Bytes,
  serverPublicKey: Bytes,
  envelope: Bytes,
  identities: Identities,
): OpenedEnvelope {
  const [nonce, tag] = split(envelope, NONCE_BYTES, MAC_BYTES) as [Bytes, Bytes];
  const opened = deriveFrom(randomizedPassword, nonce);
  if (!areEqual(tag, tagOf(opened, nonce, serverPublicKey, identities))) throw new EnvelopeRecoveryError();
  return opened;
}

export class EnvelopeRecoveryError extends Error {
  override readonly name = "EnvelopeRecoveryError";
}

/** What a server puts in the place of the envelope of a user that it doesn't have. */
export const ZERO_ENVELOPE = new Uint8Array(ENVELOPE_BYTES);

function deriveFrom(randomizedPassword: Bytes, nonce: Bytes): OpenedEnvelope {
  const derive = (label: string, length: number) =>
    expand(randomizedPassword, concat(nonce, ascii(label)), length);
  return {
    authKey: derive("AuthKey", HASH_BYTES),
    exportKey: derive("ExportKey", HASH_BYTES),
    keys: deriveKeyPair(derive("PrivateKey", SEED_BYTES), "OPAQUE-DeriveDiffieHellmanKeyPair"),
  };
}

function tagOf(
  { authKey, keys }: OpenedEnvelope,
  nonce: Bytes,
  serverPublicKey: Bytes,
  { client, server }: Identities,
): Bytes {
  const credentials = concat(
    serverPublicKey,
    prefixed(server ?? serverPublicKey),
    prefixed(client ?? keys.publicKey),
  );
  return mac(authKey, concat(nonce, credentials));
}
