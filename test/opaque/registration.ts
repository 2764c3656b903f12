// Registration, RFC 9807, section 5: a request and a response run the oblivious function; the client ends with a
// record, which the server keeps. Every random value comes from the caller.

import { ascii, concat, split, type Bytes } from "./encoding.ts";
import { randomizePassword, store, type Identities } from "./envelope.ts";
import { blindInput, deriveKeyPair, evaluate, finalize, type KeyPair } from "./oprf.ts";
import { ELEMENT_BYTES, ENVELOPE_BYTES, expand, HASH_BYTES, SCALAR_BYTES, type Stretch } from "./suite.ts";

/** What a server has once, for all of its users. */
export interface Setup {
  readonly oprfSeed: Bytes;
  readonly keys: KeyPair;
}

/** What a server keeps of one user; 192 bytes on the wire. */
export interface Record {
  readonly clientPublicKey: Bytes;
  readonly maskingKey: Bytes;
  readonly envelope: Bytes;
}

export interface Registered {
  readonly record: Record;
  readonly exportKey: Bytes;
  readonly randomizedPassword: Bytes;
  readonly authKey: Bytes;
}

export function requestRegistration(password: Bytes, blind: Bytes): Bytes {
  return blindInput(password, blind);
}

/** Each user has a key of the oblivious function, grown from the one seed and the name. */
export function oprfKeyOf({ oprfSeed }: Setup, credentialIdentifier: Bytes): Bytes {
  const seed = expand(oprfSeed, concat(credentialIdentifier, ascii("OprfKey")), SCALAR_BYTES);
  return deriveKeyPair(seed, "OPAQUE-DeriveKeyPair").privateKey;
}

export function respondToRegistration(setup: Setup, credentialIdentifier: Bytes, request: Bytes): Bytes {
  return concat(evaluate(oprfKeyOf(setup, credentialIdentifier), request), setup.keys.publicKey);
}

export interface RegistrationInput {
  readonly password: Bytes;
  readonly blind: Bytes;
  readonly response: Bytes;
  readonly envelopeNonce: Bytes;
  readonly stretch: Stretch;
  readonly identities: Identities;
}

export async function finishRegistration(input: RegistrationInput): Promise<Registered> {
  const { password, blind, response, envelopeNonce, stretch, identities } = input;
  const [evaluated, serverPublicKey] = split(response, ELEMENT_BYTES, ELEMENT_BYTES) as [Bytes, Bytes];
  const randomizedPassword = await randomizePassword(finalize(password, blind, evaluated), stretch);
  const stored = store(randomizedPassword, serverPublicKey, identities, envelopeNonce);
  const { keys, maskingKey, envelope, exportKey, authKey } = stored;
  const record = { clientPublicKey: keys.publicKey, maskingKey, envelope };
  return { record, exportKey, randomizedPassword, authKey };
}

export function encodeRecord({ clientPublicKey, maskingKey, envelope }: Record): Bytes {
  return concat(clientPublicKey, maskingKey, envelope);
}

export function parseRecord(bytes: Bytes): Record {
  const parts = split(bytes, ELEMENT_BYTES, HASH_BYTES, ENVELOPE_BYTES) as [Bytes, Bytes, Bytes];
  return { clientPublicKey: parts[0], maskingKey: parts[1], envelope: parts[2] };
}
