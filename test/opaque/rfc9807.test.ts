// The oracle against RFC 9807's own vectors: real ones without and with identities, and the answer to an unknown
// user. Every value that the RFC prints is compared, intermediate ones too.

import { describe, expect, it } from "vitest";
import document from "./rfc9807.json" with { type: "json" };
import type { Bytes } from "./encoding.ts";
import { ZERO_ENVELOPE } from "./envelope.ts";
import { finishClient, finishServer, respond, startClient } from "./login.ts";
import {
  encodeRecord,
  finishRegistration,
  requestRegistration,
  respondToRegistration,
} from "./registration.ts";
import { VectorReader } from "./vector-reader.ts";

const identity = (input: Bytes): Bytes => input;

function setupOf(vector: VectorReader) {
  const keys = { privateKey: vector.get("server_private_key"), publicKey: vector.get("server_public_key") };
  return { oprfSeed: vector.get("oprf_seed"), keys };
}

function serverRandomnessOf(vector: VectorReader) {
  return {
    maskingNonce: vector.get("masking_nonce"),
    nonce: vector.get("server_nonce"),
    keyshareSeed: vector.get("server_keyshare_seed"),
  };
}

async function register(vector: VectorReader) {
  const [password, blind] = [vector.get("password"), vector.get("blind_registration")];
  const request = requestRegistration(password, blind);
  const response = respondToRegistration(setupOf(vector), vector.get("credential_identifier"), request);
  const registered = await finishRegistration({
    password,
    blind,
    response,
    envelopeNonce: vector.get("envelope_nonce"),
    stretch: identity,
    identities: vector.identities,
  });
  vector.expectAll({
    registration_request: request,
    registration_response: response,
    registration_upload: encodeRecord(registered.record),
    client_public_key: registered.record.clientPublicKey,
    envelope: registered.record.envelope,
    auth_key: registered.authKey,
    randomized_password: registered.randomizedPassword,
    export_key: registered.exportKey,
  });
  return registered.record;
}

describe("the OPAQUE oracle", () => {
  it.each(["C.1.1", "C.1.2"] as const)("computes RFC 9807's real vector %s", async (name) => {
    const vector = new VectorReader(document.vectors[name]);
    const record = await register(vector);
    const { identities } = vector;
    const context = vector.get("Context");
    const state = startClient(vector.get("password"), {
      blind: vector.get("blind_login"),
      nonce: vector.get("client_nonce"),
      keyshareSeed: vector.get("client_keyshare_seed"),
    });
    const server = respond({
      setup: setupOf(vector),
      record,
      credentialIdentifier: vector.get("credential_identifier"),
      ke1: state.ke1,
      context,
      identities,
      randomness: serverRandomnessOf(vector),
    });
    const client = await finishClient({ state, ke2: server.ke2, context, identities, stretch: identity });
    vector.expectAll({ KE1: state.ke1, KE2: server.ke2, KE3: client.ke3, oprf_key: server.oprfKey });
    for (const { handshakeSecret, serverMacKey, clientMacKey, sessionKey } of [server, client]) {
      vector.expectAll({
        handshake_secret: handshakeSecret,
        server_mac_key: serverMacKey,
        client_mac_key: clientMacKey,
        session_key: sessionKey,
      });
    }
    vector.expectAll({ export_key: client.exportKey, server_public_key: client.serverPublicKey });
    vector.expectAll({ session_key: finishServer(server, client.ke3)! });
    expect(vector.unread).toEqual([]);
  });

  it("computes RFC 9807's fake vector C.2.1", () => {
    const vector = new VectorReader(document.vectors["C.2.1"]);
    const { ke2 } = respond({
      setup: setupOf(vector),
      record: {
        clientPublicKey: vector.get("client_public_key"),
        maskingKey: vector.get("masking_key"),
        envelope: ZERO_ENVELOPE,
      },
      credentialIdentifier: vector.get("credential_identifier"),
      ke1: vector.get("KE1"),
      context: vector.get("Context"),
      identities: vector.identities,
      randomness: serverRandomnessOf(vector),
    });
    vector.expectAll({ KE2: ke2 });
    // A server that answers for nobody needs neither.
    expect(vector.unread).toEqual(["client_private_key", "client_keyshare_seed"]);
  });
});
