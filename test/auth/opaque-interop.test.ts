// Our client and server against the oracle of test/opaque, which shares no code with them, and against the
// published vectors.

import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import document from "../../spec/opaque-vectors.json" with { type: "json" };
import { OpaqueBinding } from "../../src/auth/opaque-binding.ts";
import { OpaqueClientAttempt } from "../../src/auth/opaque-client.ts";
import { encodeStretching, parseStretching } from "../../src/credentials/opaque-stretching.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import * as frames from "../opaque/binding.ts";
import { ascii, concat } from "../opaque/encoding.ts";
import { finishClient, respond, startClient } from "../opaque/login.ts";
import { deriveKeyPair, randomScalar } from "../opaque/oprf.ts";
import { finishRegistration, requestRegistration, respondToRegistration } from "../opaque/registration.ts";
import { stretchWith } from "../opaque/stretching.ts";
import { openServer, PASSWORD_OF_ALICE, type OpaqueServer } from "./opaque-harness.ts";

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const WITHOUT = { context: ascii(""), identities: {} };

describe("the published vectors", () => {
  const whole = document.vectors.filter((vector) => "RESPONSE" in vector.frames);

  it("hold whole logins, and the answer to an unknown user", () => {
    expect([whole.length, document.vectors.length]).toEqual([2, 3]);
  });

  it.each(whole)("$name: our binding computes its tags", ({ inputs, login, frames }) => {
    const binding = new OpaqueBinding(hex(login["session-key"]!), hex(inputs["channel-binding"]));
    const transcript = {
      hello: hex(frames.HELLO),
      welcome: hex(frames.WELCOME),
      auth: hex(frames.AUTH),
      challenge: hex(frames.CHALLENGE),
      response: hex(frames.RESPONSE!),
    };
    expect(Buffer.from(binding.clientTag(transcript, hex(login.KE3!))).toString("hex")).toBe(
      login["client-tag"],
    );
    const serverTag = binding.serverTag(transcript, hex(inputs["session-id"]!));
    expect(Buffer.from(serverTag).toString("hex")).toBe(login["server-tag"]);
  });

  it.each(document.vectors)("$name: our parameters are spelt so", ({ inputs }) => {
    expect(Buffer.from(encodeStretching(inputs.parameters)).toString("hex")).toBe(
      inputs["encoded-parameters"],
    );
    expect(parseStretching(hex(inputs["encoded-parameters"]))).toEqual(inputs.parameters);
  });
});

describe("the oracle", () => {
  let server: OpaqueServer;
  beforeAll(async () => {
    server = await openServer();
  });

  it("logs in at our server, and knows it by its tag", async () => {
    const { stretching } = server.setup;
    const channel = random(32);
    const state = startClient(ascii(PASSWORD_OF_ALICE), {
      blind: randomScalar(random(32)),
      nonce: random(32),
      keyshareSeed: random(32),
    });
    const connection = server.login.connect(channel);
    const opening = [frames.hello(), frames.welcome(stretching), frames.auth("alice", state.ke1)] as const;
    const transcript = { hello: opening[0], welcome: opening[1], auth: opening[2] };
    const attempt = { mechanism: "OPAQUE", username: "alice", mechanismData: state.ke1, transcript };
    const challenged = await connection.verify(attempt);
    if (challenged.type !== "challenge") throw new Error(challenged.type);
    const ke2 = challenged.mechanismData;
    const { ke3, sessionKey } = await finishClient({
      state,
      ke2,
      ...WITHOUT,
      stretch: stretchWith(stretching),
    });
    const th = frames.transcriptHash(...opening, frames.challenge(ke2));
    const keys = frames.bindingKeys(sessionKey);
    const responseData = concat(ke3, frames.clientTag(keys, channel, th, ke3));
    const response = frames.response(responseData);
    const outcome = await connection.verify({
      ...attempt,
      responseData,
      transcript: { ...transcript, challenge: frames.challenge(ke2), response },
    });
    if (outcome.type !== "accepted") throw new Error(outcome.type);
    const wanted = frames.serverTag(keys, channel, th, response, outcome.sessionId);
    expect(Buffer.from(outcome.mechanismData)).toEqual(Buffer.from(wanted));
  });

  it("serves our client, and proves itself", async () => {
    const stretching = { memoryKib: 20_480, passes: 2, lanes: 2 };
    const [channel, sessionId] = [random(32), random(16)];
    const setup = { oprfSeed: random(64), keys: deriveKeyPair(random(32), "test") };
    const blind = randomScalar(random(32));
    const password = ascii(PASSWORD_OF_ALICE);
    const response = respondToRegistration(setup, ascii("alice"), requestRegistration(password, blind));
    const { record } = await finishRegistration({
      password,
      blind,
      response,
      envelopeNonce: random(32),
      stretch: stretchWith(stretching),
      identities: {},
    });
    const attempt = await OpaqueClientAttempt.start(preparePassword(PASSWORD_OF_ALICE), channel);
    const randomness = { maskingNonce: random(32), nonce: random(32), keyshareSeed: random(32) };
    const credentialIdentifier = ascii("alice");
    const { ke1 } = attempt;
    const state = respond({ setup, record, credentialIdentifier, ke1, ...WITHOUT, randomness });
    const opening = [frames.hello(), frames.welcome(stretching), frames.auth("alice", ke1)] as const;
    const challenge = frames.challenge(state.ke2);
    const transcript = { hello: opening[0], welcome: opening[1], auth: opening[2], challenge };
    const data = await attempt.respond({ ke2: state.ke2, stretching, transcript });
    const keys = frames.bindingKeys(state.sessionKey);
    const th = frames.transcriptHash(...opening, challenge);
    const tag = frames.clientTag(keys, channel, th, state.expectedKe3);
    expect(Buffer.from(data)).toEqual(Buffer.from(concat(state.expectedKe3, tag)));
    const responseFrame = frames.response(data);
    const serverTag = frames.serverTag(keys, channel, th, responseFrame, sessionId);
    expect(attempt.confirm({ ...transcript, response: responseFrame }, sessionId, serverTag)).toBe(true);
  });
});
