// Serenity's OPAQUE against the oracle, in both roles and on random input, and what Serenity does that its
// documentation leaves open: context, identities, salt of argon2id, sizes, and how it fails. src/auth/opaque rests on
// each of these; a version that differs shows here first.

import { randomBytes } from "node:crypto";
import { client, ready, server } from "@serenity-kit/opaque";
import { beforeAll, describe, expect, it } from "vitest";
import { ascii, concat, split, type Bytes } from "./encoding.ts";
import { EnvelopeRecoveryError, type Identities } from "./envelope.ts";
import { finishClient, finishServer, respond, ServerAuthenticationError, startClient } from "./login.ts";
import { multiply, randomScalar } from "./oprf.ts";
import {
  encodeRecord,
  finishRegistration,
  parseRecord,
  requestRegistration,
  respondToRegistration,
  type Setup,
} from "./registration.ts";
import { stretchWith } from "./stretching.ts";

const RUNS = 25;
const NO_CONTEXT = ascii("");
const BASE_POINT = Buffer.from("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76", "hex");

interface Parameters {
  readonly memory: number;
  readonly iterations: number;
  readonly parallelism: number;
}

const text = (bytes: Bytes): string => Buffer.from(bytes).toString("base64url");
const bytes = (encoded: string): Bytes => Buffer.from(encoded, "base64url");
const lengthOf = (encoded: string): number => bytes(encoded).length;
const pick = (from: number, count: number): number => from + (randomBytes(1)[0]! % count);

/** Serenity's server setup: the seed, the private key, and a key for users who are not there. */
function parseSetup(encoded: string): Setup {
  const [oprfSeed, privateKey] = split(bytes(encoded), 64, 32, 32) as [Bytes, Bytes, Bytes];
  return { oprfSeed, keys: { privateKey, publicKey: multiply(BASE_POINT, privateKey) } };
}

function randomRun() {
  const parallelism = pick(1, 3);
  const parameters = { parallelism, memory: 8 * parallelism + pick(0, 64), iterations: pick(1, 3) };
  const name = Array.from(randomBytes(pick(1, 64)), (byte) => String.fromCharCode(0x21 + (byte % 94))).join(
    "",
  );
  const withIdentities = pick(0, 2) === 1;
  return {
    parameters,
    keyStretching: { "argon2id-custom": parameters },
    stretch: stretchOf(parameters),
    name,
    password: `${randomBytes(pick(1, 40)).toString("base64")} ü €`,
    serverSetup: server.createSetup(),
    ...(withIdentities ? named(name, "a server") : named()),
  };
}
type Run = ReturnType<typeof randomRun>;

/** Identities as each of the two writes them. */
function named(client?: string, server?: string) {
  return {
    identifiers: { ...(client && { client }), ...(server && { server }) },
    identities: {
      ...(client && { client: ascii(client) }),
      ...(server && { server: ascii(server) }),
    } satisfies Identities,
  };
}

/** Serenity names the parameters otherwise. */
const stretchOf = ({ memory, iterations, parallelism }: Parameters) =>
  stretchWith({ memoryKib: memory, passes: iterations, lanes: parallelism });
const encode = (password: string): Bytes => Buffer.from(password, "utf8");

function serenityRegisters({ password, serverSetup, name, keyStretching, identifiers }: Run): string {
  const started = client.startRegistration({ password });
  const { registrationRequest, clientRegistrationState } = started;
  // The oracle answers.
  const response = respondToRegistration(parseSetup(serverSetup), ascii(name), bytes(registrationRequest));
  const options = { password, clientRegistrationState, keyStretching, identifiers };
  return client.finishRegistration({ ...options, registrationResponse: text(response) }).registrationRecord;
}

async function oracleRegisters({ password, serverSetup, name, stretch, identities }: Run): Promise<string> {
  const blind = randomScalar(randomBytes(32));
  const request = requestRegistration(encode(password), blind);
  // Serenity answers.
  const { registrationResponse } = server.createRegistrationResponse({
    serverSetup,
    userIdentifier: name,
    registrationRequest: text(request),
  });
  const { record } = await finishRegistration({
    password: encode(password),
    blind,
    response: bytes(registrationResponse),
    envelopeNonce: randomBytes(32),
    stretch,
    identities,
  });
  return text(encodeRecord(record));
}

function serenityLogsIn(run: Run, record: string, password: string) {
  const { startLoginRequest, clientLoginState } = client.startLogin({ password });
  const state = respond({
    setup: parseSetup(run.serverSetup),
    record: parseRecord(bytes(record)),
    credentialIdentifier: ascii(run.name),
    ke1: bytes(startLoginRequest),
    context: NO_CONTEXT,
    identities: run.identities,
    randomness: {
      maskingNonce: randomBytes(32),
      nonce: randomBytes(32),
      keyshareSeed: randomBytes(32),
    },
  });
  const { keyStretching, identifiers } = run;
  const options = { password, clientLoginState, keyStretching, identifiers };
  return { state, finished: client.finishLogin({ ...options, loginResponse: text(state.ke2) }) };
}

async function oracleLogsIn(
  run: Run,
  record: string | undefined,
  password: string,
  context: Bytes = NO_CONTEXT,
) {
  const randomness = {
    blind: randomScalar(randomBytes(32)),
    nonce: randomBytes(32),
    keyshareSeed: randomBytes(32),
  };
  const state = startClient(encode(password), randomness);
  const { loginResponse, serverLoginState } = server.startLogin({
    serverSetup: run.serverSetup,
    userIdentifier: run.name,
    registrationRecord: record,
    startLoginRequest: text(state.ke1),
    identifiers: run.identifiers,
  });
  const { identities, stretch } = run;
  const ke2 = bytes(loginResponse);
  const finished = await finishClient({ state, ke2, context, identities, stretch });
  return { finished, serverLoginState };
}

describe("Serenity and the oracle", () => {
  beforeAll(() => ready);

  it("agree when Serenity is the client: the same KE3 and session key", async () => {
    for (let turn = 0; turn < RUNS; turn++) {
      const run = randomRun();
      const record = turn % 2 === 0 ? serenityRegisters(run) : await oracleRegisters(run);
      const { state, finished } = serenityLogsIn(run, record, run.password);
      expect(bytes(finished!.finishLoginRequest)).toEqual(Buffer.from(state.expectedKe3));
      expect(finishServer(state, bytes(finished!.finishLoginRequest))).toEqual(state.sessionKey);
      expect(finished!.sessionKey).toBe(text(state.sessionKey));
      expect(finished!.serverStaticPublicKey).toBe(server.getPublicKey(run.serverSetup));
    }
  });

  it("agree when Serenity is the server", async () => {
    for (let turn = 0; turn < RUNS; turn++) {
      const run = randomRun();
      const record = turn % 2 === 0 ? serenityRegisters(run) : await oracleRegisters(run);
      const { finished, serverLoginState } = await oracleLogsIn(run, record, run.password);
      const finishLoginRequest = text(finished.ke3);
      const options = { serverLoginState, finishLoginRequest, identifiers: run.identifiers };
      expect(server.finishLogin(options).sessionKey).toBe(text(finished.sessionKey));
      expect(text(finished.serverPublicKey)).toBe(server.getPublicKey(run.serverSetup));
    }
  });

  it("refuse a wrong password on each side", async () => {
    for (let turn = 0; turn < 5; turn++) {
      const run = randomRun();
      const record = serenityRegisters(run);
      expect(serenityLogsIn(run, record, `${run.password}x`).finished).toBeUndefined();
      await expect(oracleLogsIn(run, record, `${run.password}x`)).rejects.toThrow(EnvelopeRecoveryError);
    }
  });

  it("refuse the password of a user who isn't there, behind a KE2 of the same size", async () => {
    const run = randomRun();
    const { startLoginRequest } = client.startLogin({ password: run.password });
    const request = { serverSetup: run.serverSetup, userIdentifier: run.name, startLoginRequest };
    const answers = [null, serenityRegisters(run)].map((registrationRecord) =>
      server.startLogin({ ...request, registrationRecord }),
    );
    expect(answers.map(({ loginResponse }) => lengthOf(loginResponse))).toEqual([320, 320]);
    await expect(oracleLogsIn(run, undefined, run.password)).rejects.toThrow(EnvelopeRecoveryError);
  });

  it("disagree when the identities, the context or the stretching differ", async () => {
    const run = { ...randomRun(), ...named("one") };
    const record = serenityRegisters(run);
    const other = { ...run, identities: named("other").identities };
    await expect(oracleLogsIn(other, record, run.password)).rejects.toThrow(EnvelopeRecoveryError);
    const inContext = oracleLogsIn(run, record, run.password, ascii("TalkByte"));
    await expect(inContext).rejects.toThrow(ServerAuthenticationError);
    const costlier = stretchOf({ ...run.parameters, iterations: run.parameters.iterations + 1 });
    const stretched = { ...run, stretch: costlier };
    await expect(oracleLogsIn(stretched, record, run.password)).rejects.toThrow(EnvelopeRecoveryError);
  });
});

describe("Serenity", () => {
  const keyStretching = { "argon2id-custom": { memory: 8, iterations: 1, parallelism: 1 } };
  const password = "correct horse battery";
  const userIdentifier = "alice";
  let serverSetup = "";
  let registrationRecord = "";
  beforeAll(async () => {
    await ready;
    serverSetup = server.createSetup();
    const { clientRegistrationState, registrationRequest } = client.startRegistration({ password });
    const { registrationResponse } = server.createRegistrationResponse({
      serverSetup,
      userIdentifier,
      registrationRequest,
    });
    const options = { password, clientRegistrationState, registrationResponse, keyStretching };
    registrationRecord = client.finishRegistration(options).registrationRecord;
  });

  const start = (startLoginRequest: string) =>
    server.startLogin({ serverSetup, userIdentifier, registrationRecord, startLoginRequest });

  function login(custom: Parameters = keyStretching["argon2id-custom"], mend = (ke2: string) => ke2) {
    const { clientLoginState, startLoginRequest } = client.startLogin({ password });
    const { loginResponse, serverLoginState } = start(startLoginRequest);
    const options = { password, clientLoginState, keyStretching: { "argon2id-custom": custom } };
    const finished = client.finishLogin({ ...options, loginResponse: mend(loginResponse) });
    return { startLoginRequest, loginResponse, serverLoginState, finished };
  }

  it("has messages of these sizes", () => {
    const { startLoginRequest, loginResponse, serverLoginState, finished } = login();
    const { sessionKey } = server.finishLogin({
      serverLoginState,
      finishLoginRequest: finished!.finishLoginRequest,
    });
    expect({
      setup: lengthOf(serverSetup),
      record: lengthOf(registrationRecord),
      ke1: lengthOf(startLoginRequest),
      ke2: lengthOf(loginResponse),
      ke3: lengthOf(finished!.finishLoginRequest),
      sessionKey: lengthOf(sessionKey),
      exportKey: lengthOf(finished!.exportKey),
    }).toEqual({ setup: 128, record: 192, ke1: 96, ke2: 320, ke3: 64, sessionKey: 64, exportKey: 64 });
    expect(finished!.sessionKey).toBe(sessionKey);
  });

  it("throws at a KE1 that is cut short, or holds no element", () => {
    const { startLoginRequest } = client.startLogin({ password });
    const [blinded, nonce, keyshare] = split(bytes(startLoginRequest), 32, 32, 32) as [Bytes, Bytes, Bytes];
    const identityElement = Buffer.alloc(32);
    const notCanonical = Buffer.alloc(32, 0xff);
    for (const ke1 of [
      concat(blinded, nonce),
      concat(identityElement, nonce, keyshare),
      concat(notCanonical, nonce, keyshare),
      concat(blinded, nonce, identityElement),
      concat(blinded, nonce, notCanonical),
    ]) {
      expect(() => start(text(ke1))).toThrow("startLoginRequest");
    }
    expect(() => start("***")).toThrow("base64");
  });

  it("takes bytes behind KE1, KE2 and KE3, so that lengths are ours to judge", () => {
    const append = (encoded: string): string => text(concat(bytes(encoded), Buffer.alloc(1)));
    expect(start(append(client.startLogin({ password }).startLoginRequest)).loginResponse).toHaveLength(427);
    const { serverLoginState, finished } = login();
    const finishLoginRequest = append(finished!.finishLoginRequest);
    expect(server.finishLogin({ serverLoginState, finishLoginRequest }).sessionKey).toBe(
      finished!.sessionKey,
    );
  });

  it("returns undefined for a changed KE2, and throws where it holds no element or is cut short", () => {
    const change = (at: number) => (ke2: string) => {
      const changed = Buffer.from(bytes(ke2));
      changed[at]! ^= 1;
      return text(changed);
    };
    for (const at of [40, 100, 200, 319]) expect(login(undefined, change(at)).finished).toBeUndefined();
    const zero = () => text(Buffer.alloc(320));
    expect(() => login(undefined, zero)).toThrow("loginResponse");
    expect(() => login(undefined, (ke2) => ke2.slice(0, -4))).toThrow("loginResponse");
  });

  it("throws at a wrong or short KE3", () => {
    const { serverLoginState } = login();
    for (const length of [63, 64]) {
      const finishLoginRequest = text(Buffer.alloc(length));
      expect(() => server.finishLogin({ serverLoginState, finishLoginRequest })).toThrow("opaque protocol");
    }
  });

  it("throws at a broken setup or record", () => {
    const { startLoginRequest } = client.startLogin({ password });
    const request = { serverSetup, userIdentifier, registrationRecord, startLoginRequest };
    expect(() => server.startLogin({ ...request, serverSetup: "AAAA" })).toThrow("serverSetup");
    expect(() => server.startLogin({ ...request, registrationRecord: "AAAA" })).toThrow("registrationRecord");
    const zeros = text(Buffer.alloc(192));
    expect(() => server.startLogin({ ...request, registrationRecord: zeros })).toThrow("registrationRecord");
  });

  it("throws at parameters that argon2 refuses, and traps at 4 GiB", () => {
    const usual = { memory: 8, iterations: 1, parallelism: 1 };
    expect(() => login({ ...usual, memory: 7 })).toThrow("keyStretching");
    expect(() => login({ ...usual, iterations: 0 })).toThrow("keyStretching");
    expect(() => login({ ...usual, parallelism: 0 })).toThrow("keyStretching");
    expect(() => login({ ...usual, memory: 4_194_304 })).toThrow("unreachable");
    expect(login().finished).toBeDefined();
  });
});
