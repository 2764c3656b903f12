// A client that logs in by OPAQUE over a real TLS connection, with every frame in the hands of a test.

import type { TLSSocket } from "node:tls";

import { OpaqueClientAttempt } from "../../src/auth/opaque-client.ts";
import { createOpaqueSetup, enrol } from "../../src/auth/opaque-enrolment.ts";
import type { OpaqueSetup } from "../../src/credentials/opaque-setup.ts";
import { parseStretching } from "../../src/credentials/opaque-stretching.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import {
  encodeResponse,
  parseAuthenticated,
  parseChallenge,
  parseWelcome,
  type Transcript,
} from "../../src/protocol/login-frames.ts";
import {
  auth,
  frame,
  hello,
  MemoryUsers,
  PASSWORD,
  phcOfPassword,
  rawConnectTls,
  type RawPeer,
} from "./harness.ts";

let setup: Promise<OpaqueSetup> | undefined;
export async function testSetup(): Promise<OpaqueSetup> {
  return await (setup ??= createOpaqueSetup());
}

/** alice has a hash and a record, bob a hash alone, only a record alone; carol, with both, is disabled. */
export async function opaqueUsers(own?: OpaqueSetup): Promise<MemoryUsers> {
  const users = new MemoryUsers();
  for (const name of ["alice", "carol", "only"]) {
    users.add(name, undefined, name === "carol");
    await giveRecord(users, name, own ?? (await testSetup()));
  }
  return users.add("bob", await phcOfPassword());
}

/** A record for this setup, to a user without a hash. */
export async function giveRecord(
  { users }: MemoryUsers,
  name: string,
  setup: OpaqueSetup,
  password = PASSWORD,
): Promise<void> {
  const enrolment = await enrol(setup, name, preparePassword(password));
  users.set(name, { ...users.get(name)!, opaque: { ...enrolment, passwordSha256: undefined } });
}

export class OpaquePeer {
  readonly raw: RawPeer;
  readonly channel: Uint8Array;
  #hello: Uint8Array = hello();
  #welcome: Uint8Array | undefined;
  #stretching: Uint8Array = new Uint8Array(0);

  constructor(raw: RawPeer, channel: Uint8Array) {
    this.raw = raw;
    this.channel = channel;
  }

  static async connect(
    server: { readonly port: number },
    { channel }: { readonly channel?: Uint8Array } = {},
  ): Promise<OpaquePeer> {
    const raw = await rawConnectTls(server);
    return new OpaquePeer(raw, channel ?? channelOf(raw));
  }

  /** The names of the mechanisms on offer. */
  async greet(): Promise<string[]> {
    this.#welcome = await this.#frame("WELCOME", this.#hello);
    const { mechanisms } = parseWelcome(this.#welcome.subarray(5));
    this.#stretching = mechanisms.find(({ name }) => name === "OPAQUE")?.parameters ?? this.#stretching;
    return mechanisms.map(({ name }) => name);
  }

  /** Up to CHALLENGE. */
  async challenge(username: string, password = PASSWORD): Promise<Challenged> {
    if (this.#welcome === undefined) await this.greet();
    const attempt = await OpaqueClientAttempt.start(preparePassword(password), this.channel);
    const request = auth(username, attempt.ke1, "OPAQUE");
    const challenge = await this.#frame("CHALLENGE", request);
    return {
      attempt,
      ke2: parseChallenge(challenge.subarray(5)),
      transcript: { hello: this.#hello, welcome: this.#welcome!, auth: request, challenge },
    };
  }

  /** The mechanism-data of RESPONSE; empty where KE2 does not open. */
  async respond({ attempt, ke2, transcript }: Challenged): Promise<Uint8Array> {
    return await attempt.respond({ ke2, stretching: parseStretching(this.#stretching)!, transcript });
  }

  /** A whole login: the server's answer, and whether its tag was right. */
  async logIn(username: string, password = PASSWORD): Promise<string> {
    const challenged = await this.challenge(username, password);
    const data = await this.respond(challenged);
    const response = encodeResponse(data);
    const answer = await this.raw.send(response).next();
    if (answer?.name !== "AUTHENTICATED") return answer?.name ?? "end";
    const { sessionId, mechanismData } = parseAuthenticated(answer.body);
    const transcript = { ...challenged.transcript, response };
    return challenged.attempt.confirm(transcript, sessionId, mechanismData) ? "confirmed" : "wrong tag";
  }

  /** Sends, and takes the answer whole, with its header. */
  async #frame(name: string, sent: Uint8Array): Promise<Uint8Array> {
    const answer = await this.raw.send(sent).next();
    if (answer?.name !== name) throw new Error(`not ${name} but ${answer?.name ?? "the end"}`);
    return frame(answer.type, answer.body);
  }
}

export interface Challenged {
  readonly attempt: OpaqueClientAttempt;
  readonly ke2: Uint8Array;
  readonly transcript: Transcript;
}

/** What a login over this TLS connection is bound to. */
export function channelOf(raw: RawPeer): Uint8Array {
  const { socket } = raw as { socket: unknown };
  return (socket as TLSSocket).exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}
