// Both ends of a login by OPAQUE over real TLS sockets that share no code with src: the RFC and the binding come from
// test/opaque, the frames are written and read here from the specification.

import { randomBytes } from "node:crypto";

import * as frames from "../opaque/binding.ts";
import { areEqual, ascii, concat, type Bytes } from "../opaque/encoding.ts";
import { EnvelopeRecoveryError } from "../opaque/envelope.ts";
import { finishClient, respond, startClient, type ServerState } from "../opaque/login.ts";
import { deriveKeyPair, randomScalar } from "../opaque/oprf.ts";
import {
  finishRegistration,
  requestRegistration,
  respondToRegistration,
  type Record,
  type Setup,
} from "../opaque/registration.ts";
import { stretchWith } from "../opaque/stretching.ts";
import { rawConnectTls, type RawPeer } from "./harness.ts";
import { channelOf } from "./opaque-peer.ts";

export const random = (length: number): Bytes => new Uint8Array(randomBytes(length));
const WITHOUT = { context: ascii(""), identities: {} };
const EMPTY = new Uint8Array(0);

/** A frame as it was on the wire. */
interface Frame {
  readonly name: string;
  readonly whole: Bytes;
  readonly fields: Fields;
}

async function next(raw: RawPeer): Promise<Frame> {
  const received = await raw.next();
  if (received === undefined) return { name: "end", whole: EMPTY, fields: new Fields(EMPTY) };
  const { name, type, body } = received;
  return { name, whole: frames.frame(type, body), fields: new Fields(body) };
}

async function expectFrame(raw: RawPeer, wanted: string): Promise<Frame> {
  const received = await next(raw);
  if (received.name !== wanted) throw new Error(`not ${wanted} but ${received.name}`);
  return received;
}

/** Reads a frame's body field by field (spec section 3.2). */
class Fields {
  #rest: Bytes;

  constructor(body: Bytes) {
    this.#rest = body;
  }

  bytes(length: number): Bytes {
    if (length > this.#rest.length) throw new RangeError("a frame is cut short");
    const taken = this.#rest.slice(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  integer(length: number): number {
    return this.bytes(length).reduce((value, byte) => value * 256 + byte, 0);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes(this.integer(1)));
  }

  data(): Bytes {
    return this.bytes(this.integer(2));
  }
}

/** The key stretching that this WELCOME announces. */
function offeredParameters({ fields }: Frame): frames.Parameters {
  fields.bytes(1);
  fields.text();
  fields.bytes(4 + 2 + 4);
  for (let count = fields.integer(1); count > 0; count--) {
    const [name, parameters] = [fields.text(), new Fields(fields.data())];
    if (name !== "OPAQUE") continue;
    return {
      memoryKib: parameters.integer(4),
      passes: parameters.integer(2),
      lanes: parameters.integer(1),
    };
  }
  throw new Error("OPAQUE is not offered");
}

export interface OracleLogin {
  readonly raw: RawPeer;
  /** The frame that ended the login; of AUTHENTICATED, whether its server-tag was right. */
  readonly answer: "AUTHENTICATED" | "wrong server-tag" | (string & {});
  /** Whether KE2 opened. */
  readonly opened: boolean;
}

/** The oracle as a client; `tamper` changes the mechanism-data of its RESPONSE. */
export async function logInByOracle(
  server: { readonly port: number },
  { username, password }: { readonly username: string; readonly password: string },
  tamper: (responseData: Bytes) => Bytes = (data) => data,
): Promise<OracleLogin> {
  const raw = await rawConnectTls(server);
  const hello = frames.hello();
  const welcome = await expectFrame(raw.send(hello), "WELCOME");
  const randomness = { blind: randomScalar(random(32)), nonce: random(32), keyshareSeed: random(32) };
  const state = startClient(ascii(password), randomness);
  const auth = frames.auth(username, state.ke1);
  const challenge = await expectFrame(raw.send(auth), "CHALLENGE");
  const stretch = stretchWith(offeredParameters(welcome));
  const ke2 = challenge.fields.data();
  const finished = await finishClient({ state, ke2, ...WITHOUT, stretch }).catch((error: unknown) => {
    if (error instanceof EnvelopeRecoveryError) return undefined;
    throw error;
  });
  if (finished === undefined) {
    const { name } = await next(raw.send(frames.response(EMPTY)));
    return { raw, answer: name, opened: false };
  }
  const { ke3, sessionKey } = finished;
  const [keys, channel] = [frames.bindingKeys(sessionKey), channelOf(raw)];
  const th = frames.transcriptHash(hello, welcome.whole, auth, challenge.whole);
  const response = frames.response(tamper(concat(ke3, frames.clientTag(keys, channel, th, ke3))));
  const { name, fields } = await next(raw.send(response));
  if (name !== "AUTHENTICATED") return { raw, answer: name, opened: true };
  const sessionId = fields.bytes(16);
  const right = areEqual(fields.data(), frames.serverTag(keys, channel, th, response, sessionId));
  return { raw, answer: right ? name : "wrong server-tag", opened: true };
}

/** The oracle as a server, of one user. */
export class OracleServer {
  readonly #stretching: frames.Parameters;
  readonly #setup: Setup;
  readonly #username: string;
  readonly #record: Record;

  private constructor(stretching: frames.Parameters, setup: Setup, username: string, record: Record) {
    this.#stretching = stretching;
    this.#setup = setup;
    this.#username = username;
    this.#record = record;
  }

  static async of(username: string, password: string, stretching: frames.Parameters): Promise<OracleServer> {
    const setup = { oprfSeed: random(64), keys: deriveKeyPair(random(32), "OracleServer") };
    const blind = randomScalar(random(32));
    const request = requestRegistration(ascii(password), blind);
    const { record } = await finishRegistration({
      password: ascii(password),
      blind,
      response: respondToRegistration(setup, ascii(username), request),
      envelopeNonce: random(32),
      stretch: stretchWith(stretching),
      identities: {},
    });
    return new OracleServer(stretching, setup, username, record);
  }

  /** Up to the end of the login: "abandoned", "wrong", or AUTHENTICATED; `tamper` changes the server-tag of that. */
  async serve(raw: RawPeer, tamper: (serverTag: Bytes) => Bytes = (tag) => tag): Promise<string> {
    const hello = await expectFrame(raw, "HELLO");
    const welcome = frames.welcome(this.#stretching);
    const auth = await expectFrame(raw.send(welcome), "AUTH");
    const [mechanism, username] = [auth.fields.text(), auth.fields.text()];
    if (mechanism !== "OPAQUE" || username !== this.#username) throw new Error("not the login that was due");
    const { ke2, expectedKe3, sessionKey } = this.#respond(auth.fields.data());
    const challenge = frames.challenge(ke2);
    const response = await expectFrame(raw.send(challenge), "RESPONSE");
    const data = response.fields.data();
    if (data.length === 0) return "abandoned";
    const [keys, channel, sessionId] = [frames.bindingKeys(sessionKey), channelOf(raw), random(16)];
    const th = frames.transcriptHash(hello.whole, welcome, auth.whole, challenge);
    const wanted = concat(expectedKe3, frames.clientTag(keys, channel, th, expectedKe3));
    if (!areEqual(data, wanted)) return "wrong";
    const serverTag = frames.serverTag(keys, channel, th, response.whole, sessionId);
    raw.send(frames.authenticated(sessionId, tamper(serverTag)));
    return "AUTHENTICATED";
  }

  #respond(ke1: Bytes): ServerState {
    const randomness = { maskingNonce: random(32), nonce: random(32), keyshareSeed: random(32) };
    const credentialIdentifier = ascii(this.#username);
    return respond({
      setup: this.#setup,
      record: this.#record,
      credentialIdentifier,
      ke1,
      ...WITHOUT,
      randomness,
    });
  }
}
