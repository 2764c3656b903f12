// The login of RFC 9807, section 6: KE1 and KE2 run the oblivious function and 3DH at once, KE3 proves the client.
// What the RFC draws at random comes from the caller, so that every run can be repeated.

import { areEqual, ascii, concat, split, xor, type Bytes } from "./encoding.ts";
import { maskingKeyOf, randomizePassword, recover, type Identities } from "./envelope.ts";
import { deriveKeys, encodePreamble, type Keys } from "./key-schedule.ts";
import { blindInput, deriveKeyPair, evaluate, finalize, multiply, type KeyPair } from "./oprf.ts";
import { oprfKeyOf, type Record, type Setup } from "./registration.ts";
import {
  ELEMENT_BYTES,
  ENVELOPE_BYTES,
  expand,
  hash,
  mac,
  MAC_BYTES,
  NONCE_BYTES,
  type Stretch,
} from "./suite.ts";

export interface ClientRandomness {
  readonly blind: Bytes;
  readonly nonce: Bytes;
  readonly keyshareSeed: Bytes;
}

export interface ServerRandomness {
  readonly maskingNonce: Bytes;
  readonly nonce: Bytes;
  readonly keyshareSeed: Bytes;
}

export interface ClientState {
  readonly ke1: Bytes;
  readonly password: Bytes;
  readonly blind: Bytes;
  readonly keyshare: KeyPair;
}

export function startClient(password: Bytes, { blind, nonce, keyshareSeed }: ClientRandomness): ClientState {
  const keyshare = deriveKeyshare(keyshareSeed);
  const ke1 = concat(blindInput(password, blind), nonce, keyshare.publicKey);
  return { ke1, password, blind, keyshare };
}

export interface ServerInput {
  readonly setup: Setup;
  readonly record: Record;
  readonly credentialIdentifier: Bytes;
  readonly ke1: Bytes;
  readonly context: Bytes;
  readonly identities: Identities;
  readonly randomness: ServerRandomness;
}

export interface ServerState extends Keys {
  readonly ke2: Bytes;
  readonly expectedKe3: Bytes;
  readonly oprfKey: Bytes;
}

export function respond(input: ServerInput): ServerState {
  const { setup, record, credentialIdentifier, ke1, context, identities, randomness } = input;
  const [blinded, , clientKeyshare] = split(ke1, ELEMENT_BYTES, NONCE_BYTES, ELEMENT_BYTES) as Triple;
  const oprfKey = oprfKeyOf(setup, credentialIdentifier);
  const masked = mask(
    record.maskingKey,
    randomness.maskingNonce,
    concat(setup.keys.publicKey, record.envelope),
  );
  const keyshare = deriveKeyshare(randomness.keyshareSeed);
  const ke2Untagged = concat(
    evaluate(oprfKey, blinded),
    randomness.maskingNonce,
    masked,
    randomness.nonce,
    keyshare.publicKey,
  );
  const sharedSecrets = [
    multiply(clientKeyshare, keyshare.privateKey),
    multiply(clientKeyshare, setup.keys.privateKey),
    multiply(record.clientPublicKey, keyshare.privateKey),
  ];
  const preamble = encodePreamble({
    context,
    clientIdentity: identities.client ?? record.clientPublicKey,
    serverIdentity: identities.server ?? setup.keys.publicKey,
    ke1,
    ke2Untagged,
  });
  const keys = deriveKeys(sharedSecrets, preamble);
  const { serverTag, clientTag } = tagsOf(keys, preamble);
  return { ...keys, ke2: concat(ke2Untagged, serverTag), expectedKe3: clientTag, oprfKey };
}

export interface ClientInput {
  readonly state: ClientState;
  readonly ke2: Bytes;
  readonly context: Bytes;
  readonly identities: Identities;
  readonly stretch: Stretch;
}

export interface ClientResult extends Keys {
  readonly ke3: Bytes;
  readonly exportKey: Bytes;
  readonly serverPublicKey: Bytes;
}

/** @throws EnvelopeRecoveryError, ServerAuthenticationError */
export async function finishClient({
  state,
  ke2,
  context,
  identities,
  stretch,
}: ClientInput): Promise<ClientResult> {
  const { ke1, password, blind, keyshare } = state;
  const [evaluated, maskingNonce, masked, , serverKeyshare, tag] = split(ke2, ...KE2_PARTS) as Sextuple;
  const randomizedPassword = await randomizePassword(finalize(password, blind, evaluated), stretch);
  const unmasked = mask(maskingKeyOf(randomizedPassword), maskingNonce, masked);
  const [serverPublicKey, envelope] = split(unmasked, ELEMENT_BYTES, ENVELOPE_BYTES) as [Bytes, Bytes];
  const opened = recover(randomizedPassword, serverPublicKey, envelope, identities);
  const sharedSecrets = [
    multiply(serverKeyshare, keyshare.privateKey),
    multiply(serverPublicKey, keyshare.privateKey),
    multiply(serverKeyshare, opened.keys.privateKey),
  ];
  const preamble = encodePreamble({
    context,
    clientIdentity: identities.client ?? opened.keys.publicKey,
    serverIdentity: identities.server ?? serverPublicKey,
    ke1,
    ke2Untagged: ke2.subarray(0, -MAC_BYTES),
  });
  const keys = deriveKeys(sharedSecrets, preamble);
  const { serverTag, clientTag } = tagsOf(keys, preamble);
  if (!areEqual(tag, serverTag)) throw new ServerAuthenticationError();
  return { ...keys, ke3: clientTag, exportKey: opened.exportKey, serverPublicKey };
}

/** The session key, if KE3 is the one expected. */
export function finishServer(state: ServerState, ke3: Bytes): Bytes | undefined {
  return areEqual(ke3, state.expectedKe3) ? state.sessionKey : undefined;
}

export class ServerAuthenticationError extends Error {
  override readonly name = "ServerAuthenticationError";
}

type Triple = [Bytes, Bytes, Bytes];
type Sextuple = [...Triple, ...Triple];

const KE2_PARTS = [
  ELEMENT_BYTES,
  NONCE_BYTES,
  ELEMENT_BYTES + ENVELOPE_BYTES,
  NONCE_BYTES,
  ELEMENT_BYTES,
  MAC_BYTES,
];

function deriveKeyshare(seed: Bytes): KeyPair {
  return deriveKeyPair(seed, "OPAQUE-DeriveDiffieHellmanKeyPair");
}

/** Masks and unmasks. */
function mask(maskingKey: Bytes, nonce: Bytes, plain: Bytes): Bytes {
  return xor(plain, expand(maskingKey, concat(nonce, ascii("CredentialResponsePad")), plain.length));
}

function tagsOf(keys: Keys, preamble: Bytes): { readonly serverTag: Bytes; readonly clientTag: Bytes } {
  const serverTag = mac(keys.serverMacKey, hash(preamble));
  return { serverTag, clientTag: mac(keys.clientMacKey, hash(concat(preamble, serverTag))) };
}
