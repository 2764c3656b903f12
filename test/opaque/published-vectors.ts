// The vectors of spec/opaque-vectors.json: whole logins with every value on the way, for people who implement the
// mechanism. What is random in life is here a hash of the value's name, so that they can be made again.

import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  auth,
  authenticated,
  bindingKeys,
  challenge,
  clientTag,
  encodeParameters,
  hello,
  response,
  serverTag,
  transcriptHash,
  welcome,
  type Parameters,
} from "./binding.ts";
import { ascii, concat, type Bytes } from "./encoding.ts";
import { ZERO_ENVELOPE } from "./envelope.ts";
import { finishClient, respond, startClient } from "./login.ts";
import { deriveKeyPair, randomScalar } from "./oprf.ts";
import {
  encodeRecord,
  finishRegistration,
  requestRegistration,
  respondToRegistration,
  type Record,
  type Setup,
} from "./registration.ts";
import { stretchWith } from "./stretching.ts";

interface Case {
  readonly name: string;
  readonly shows: string;
  readonly username: string;
  /** As OpaqueString leaves it. */
  readonly password: string;
  readonly parameters: Parameters;
  readonly registered: boolean;
}

const LOWEST: Parameters = { memoryKib: 19_456, passes: 2, lanes: 1 };

const CASES: readonly Case[] = [
  {
    name: "login",
    shows: "a registration and a login with the lowest stretching parameters: the example of section 6.4",
    username: "alice",
    password: "correct horse",
    parameters: LOWEST,
    registered: true,
  },
  {
    name: "login-lanes-and-unicode",
    shows: "four lanes, a password outside ASCII, and another setup",
    username: "!~",
    password: "Sesam öffne dich €",
    parameters: { memoryKib: 65_536, passes: 3, lanes: 4 },
    registered: true,
  },
  {
    name: "unknown-user",
    shows: "the CHALLENGE for a user without a record; no RESPONSE is right",
    username: "mallory",
    password: "correct horse",
    parameters: LOWEST,
    registered: false,
  },
];

const stringsOnly = (values: Readonly<globalThis.Record<string, Bytes>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, bytesToHex(value)]));

/** The document, as spec/opaque-vectors.json holds it. */
export async function publishedVectors(): Promise<string> {
  const vectors = [];
  for (const example of CASES) vectors.push(await vectorOf(example));
  const about =
    "Vectors for the mechanism OPAQUE, section 6.4 of talkbyte.md. Everything but texts and numbers is hexadecimal. Made by test/opaque.";
  return `${JSON.stringify({ format: 1, about, vectors }, null, 2)}\n`;
}

async function vectorOf(example: Case) {
  const { name, shows, username, password, parameters } = example;
  const seeds = seedsOf(name);
  const setup: Setup = { oprfSeed: seeds.oprfSeed, keys: deriveKeyPair(seeds.serverKeySeed, "example") };
  const registration = await registrationOf(example, setup);
  const login = await loginOf(example, setup, registration.record);
  return {
    name,
    shows,
    inputs: {
      username,
      password,
      parameters,
      ...stringsOnly({
        "encoded-parameters": encodeParameters(parameters),
        "oprf-seed": setup.oprfSeed,
        "server-private-key": setup.keys.privateKey,
        "server-public-key": setup.keys.publicKey,
        "channel-binding": seeds.channelBinding,
        ...(example.registered ? { "session-id": seeds.sessionId } : {}),
        "blind-login": seeds.blindLogin,
        "client-nonce": seeds.clientNonce,
        "client-keyshare-seed": seeds.clientKeyshareSeed,
        "masking-nonce": seeds.maskingNonce,
        "server-nonce": seeds.serverNonce,
        "server-keyshare-seed": seeds.serverKeyshareSeed,
      }),
    },
    registration: stringsOnly(registration.values),
    ...login,
  };
}

/** Random values, but for the case's name. */
function seedsOf(name: string) {
  const seed = (what: string, length: number): Bytes =>
    sha512(ascii(`TalkByte/1 OPAQUE vector ${name}: ${what}`)).subarray(0, length);
  return {
    oprfSeed: seed("oprf seed", 64),
    serverKeySeed: seed("server key", 32),
    blindRegistration: randomScalar(seed("blind of registration", 32)),
    envelopeNonce: seed("envelope nonce", 32),
    fakeKeySeed: seed("fake key", 32),
    fakeMaskingKey: seed("fake masking key", 64),
    blindLogin: randomScalar(seed("blind of login", 32)),
    clientNonce: seed("client nonce", 32),
    clientKeyshareSeed: seed("client keyshare", 32),
    maskingNonce: seed("masking nonce", 32),
    serverNonce: seed("server nonce", 32),
    serverKeyshareSeed: seed("server keyshare", 32),
    channelBinding: seed("channel binding", 32),
    sessionId: seed("session id", 16),
  };
}

async function registrationOf(example: Case, setup: Setup) {
  const seeds = seedsOf(example.name);
  if (!example.registered) {
    const record: Record = {
      clientPublicKey: deriveKeyPair(seeds.fakeKeySeed, "example").publicKey,
      maskingKey: seeds.fakeMaskingKey,
      envelope: ZERO_ENVELOPE,
    };
    return { record, values: { "fake-record": encodeRecord(record) } };
  }
  const password = Buffer.from(example.password, "utf8");
  const blind = seeds.blindRegistration;
  const request = requestRegistration(password, blind);
  const answer = respondToRegistration(setup, ascii(example.username), request);
  const { record, randomizedPassword, exportKey } = await finishRegistration({
    password,
    blind,
    response: answer,
    envelopeNonce: seeds.envelopeNonce,
    stretch: stretchWith(example.parameters),
    identities: {},
  });
  const values = {
    blind,
    "envelope-nonce": seeds.envelopeNonce,
    request,
    response: answer,
    "randomized-password": randomizedPassword,
    "export-key": exportKey,
    record: encodeRecord(record),
  };
  return { record, values };
}

async function loginOf(example: Case, setup: Setup, record: Record) {
  const { username, parameters } = example;
  const seeds = seedsOf(example.name);
  const state = startClient(Buffer.from(example.password, "utf8"), {
    blind: seeds.blindLogin,
    nonce: seeds.clientNonce,
    keyshareSeed: seeds.clientKeyshareSeed,
  });
  const { ke2, oprfKey } = respond({
    setup,
    record,
    credentialIdentifier: ascii(username),
    ke1: state.ke1,
    context: ascii(""),
    identities: {},
    randomness: {
      maskingNonce: seeds.maskingNonce,
      nonce: seeds.serverNonce,
      keyshareSeed: seeds.serverKeyshareSeed,
    },
  });
  const opening = [hello(), welcome(parameters), auth(username, state.ke1), challenge(ke2)] as const;
  const [HELLO, WELCOME, AUTH, CHALLENGE] = opening;
  const frames = { HELLO, WELCOME, AUTH, CHALLENGE };
  const th = transcriptHash(...opening);
  const values = { "oprf-key": oprfKey, KE1: state.ke1, KE2: ke2, th };
  if (!example.registered) return { login: stringsOnly(values), frames: stringsOnly(frames) };
  const stretch = stretchWith(parameters);
  const { ke3, sessionKey } = await finishClient({ state, ke2, context: ascii(""), identities: {}, stretch });
  const keys = bindingKeys(sessionKey);
  const tagOfClient = clientTag(keys, seeds.channelBinding, th, ke3);
  const RESPONSE = response(concat(ke3, tagOfClient));
  const tagOfServer = serverTag(keys, seeds.channelBinding, th, RESPONSE, seeds.sessionId);
  const AUTHENTICATED = authenticated(seeds.sessionId, tagOfServer);
  return {
    login: stringsOnly({
      ...values,
      KE3: ke3,
      "session-key": sessionKey,
      Kc: keys.clientKey,
      Ks: keys.serverKey,
      "client-tag": tagOfClient,
      "server-tag": tagOfServer,
    }),
    frames: stringsOnly({ ...frames, RESPONSE, AUTHENTICATED }),
  };
}
