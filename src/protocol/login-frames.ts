// The frames of opening and login (spec sections 4.1 to 4.7): each kind's encode and parse side by side.
// Parsing takes the body alone and throws `malformed`; encoding returns the whole frame.

import { BodyReader, BodyWriter, type Bounds } from "./body.ts";
import { breach } from "./error.ts";
import { codeName } from "./codes.ts";
import { FRAME_TYPE, LIMIT, MAGIC, REFUSAL_REASON, SESSION_ID_BYTES, type RefusalReason } from "./wire.ts";

/** The raw frames of a login, headers included: what a mechanism may bind itself to. */
export interface Transcript {
  readonly hello: Uint8Array;
  readonly welcome: Uint8Array;
  readonly auth: Uint8Array;
  readonly challenge?: Uint8Array;
  readonly response?: Uint8Array;
}

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

export interface Hello {
  readonly versions: VersionRange;
  readonly agent: string;
}

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new BodyWriter(FRAME_TYPE.HELLO).bytes(MAGIC);
  return writeVersionRange(writer, hello.versions).string8(hello.agent).frame();
}

export function parseHello(body: Uint8Array): Hello {
  const reader = new BodyReader("HELLO", body);
  const magic = reader.bytes("magic", MAGIC.length);
  if (magic.some((byte, at) => byte !== MAGIC[at])) throw breach("malformed", "HELLO: wrong magic");
  const versions = parseVersionRange("HELLO", reader);
  const agent = reader.string8("agent");
  reader.end();
  return { versions, agent };
}

/** Two u8 that HELLO and ERROR share; min may not be above max (TB-HELLO-2). */
export function writeVersionRange(writer: BodyWriter, { min, max }: VersionRange): BodyWriter {
  return writer.u8(min, { min: 1, max }).u8(max, { min: 1 });
}

export function parseVersionRange(frame: string, reader: BodyReader): VersionRange {
  const min = reader.u8("min-version", { min: 1 });
  const max = reader.u8("max-version", { min: 1 });
  if (min > max) throw breach("malformed", `${frame}: min-version is above max-version`);
  return { min, max };
}

export interface MechanismOffer {
  readonly name: string;
  readonly parameters: Uint8Array;
}

export interface Welcome {
  readonly version: number;
  readonly agent: string;
  readonly maxFrameBytes: number;
  readonly maxUnderWay: number;
  readonly idleTimeoutMs: number;
  readonly mechanisms: readonly MechanismOffer[];
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  const { mechanisms } = welcome;
  if (new Set(mechanisms.map(({ name }) => name)).size < mechanisms.length) {
    throw new RangeError("a mechanism is named twice");
  }
  const writer = new BodyWriter(FRAME_TYPE.WELCOME)
    .u8(welcome.version, { min: 1 })
    .string8(welcome.agent)
    .u32(welcome.maxFrameBytes, MAX_FRAME_BYTES)
    .u16(welcome.maxUnderWay, { min: 1 })
    .u32(welcome.idleTimeoutMs, { min: 1 })
    .u8(mechanisms.length, MECHANISMS);
  for (const { name, parameters } of mechanisms) writeName(writer, MECHANISM_NAME, name).bytes16(parameters);
  return writer.frame();
}

export function parseWelcome(body: Uint8Array): Welcome {
  const reader = new BodyReader("WELCOME", body);
  const version = reader.u8("version", { min: 1 });
  const agent = reader.string8("agent");
  const maxFrameBytes = reader.u32("max-frame-bytes", MAX_FRAME_BYTES);
  const maxUnderWay = reader.u16("max-under-way", { min: 1 });
  const idleTimeoutMs = reader.u32("idle-timeout-ms", { min: 1 });
  const count = reader.u8("mechanisms", MECHANISMS);
  const mechanisms: MechanismOffer[] = [];
  for (let index = 0; index < count; index++) {
    const name = parseName("WELCOME", "name", MECHANISM_NAME, reader);
    if (mechanisms.some((offer) => offer.name === name)) {
      throw breach("malformed", "WELCOME: names a mechanism twice");
    }
    mechanisms.push({ name, parameters: reader.bytes16("parameters").slice() });
  }
  reader.end();
  return { version, agent, maxFrameBytes, maxUnderWay, idleTimeoutMs, mechanisms };
}

const MAX_FRAME_BYTES: Bounds = { min: LIMIT.maxFrameBytesLowest, max: LIMIT.maxFrameBytesHighest };
const MECHANISMS: Bounds = { min: 1, max: LIMIT.mechanisms };

/** What a name is made of, and how many bytes of it. */
interface NameRule {
  readonly noun: string;
  readonly letters: RegExp;
  readonly bounds: Bounds;
}

const MECHANISM_NAME: NameRule = {
  noun: "a mechanism name",
  letters: /^[A-Z0-9-]+$/,
  bounds: { min: 1, max: LIMIT.mechanismBytes },
};

const USERNAME: NameRule = {
  noun: "a username",
  letters: /^[!-~]+$/,
  bounds: { min: 1, max: LIMIT.usernameBytes },
};

function writeName(writer: BodyWriter, { noun, letters, bounds }: NameRule, name: string): BodyWriter {
  if (!letters.test(name)) throw new RangeError(`not ${noun}`);
  return writer.string8(name, bounds);
}

function parseName(frame: string, field: string, rule: NameRule, reader: BodyReader): string {
  const name = reader.string8(field, rule.bounds);
  if (!rule.letters.test(name)) throw breach("malformed", `${frame}: ${field} is not ${rule.noun}`);
  return name;
}

export interface Auth {
  readonly mechanism: string;
  readonly username: string;
  /** The mechanism's first message: a secret for `PASSWORD`. */
  readonly mechanismData: Uint8Array;
}

export function encodeAuth(auth: Auth): Uint8Array {
  const writer = new BodyWriter(FRAME_TYPE.AUTH);
  writeName(writer, MECHANISM_NAME, auth.mechanism);
  return writeName(writer, USERNAME, auth.username).bytes16(auth.mechanismData).frame();
}

export function parseAuth(body: Uint8Array): Auth {
  const reader = new BodyReader("AUTH", body);
  const mechanism = parseName("AUTH", "mechanism", MECHANISM_NAME, reader);
  const username = parseName("AUTH", "username", USERNAME, reader);
  const mechanismData = reader.bytes16("mechanism-data").slice();
  reader.end();
  return { mechanism, username, mechanismData };
}

export function encodeChallenge(mechanismData: Uint8Array): Uint8Array {
  return new BodyWriter(FRAME_TYPE.CHALLENGE).bytes16(mechanismData).frame();
}

export function parseChallenge(body: Uint8Array): Uint8Array {
  return parseMechanismData("CHALLENGE", body);
}

export function encodeResponse(mechanismData: Uint8Array): Uint8Array {
  return new BodyWriter(FRAME_TYPE.RESPONSE).bytes16(mechanismData).frame();
}

export function parseResponse(body: Uint8Array): Uint8Array {
  return parseMechanismData("RESPONSE", body);
}

function parseMechanismData(frame: string, body: Uint8Array): Uint8Array {
  const reader = new BodyReader(frame, body);
  const data = reader.bytes16("mechanism-data").slice();
  reader.end();
  return data;
}

export interface Authenticated {
  /** 16 random bytes. */
  readonly sessionId: Uint8Array;
  readonly mechanismData: Uint8Array;
}

export function encodeAuthenticated(authenticated: Authenticated): Uint8Array {
  if (authenticated.sessionId.length !== SESSION_ID_BYTES) throw new RangeError("a session id has 16 bytes");
  return new BodyWriter(FRAME_TYPE.AUTHENTICATED)
    .bytes(authenticated.sessionId)
    .bytes16(authenticated.mechanismData)
    .frame();
}

export function parseAuthenticated(body: Uint8Array): Authenticated {
  const reader = new BodyReader("AUTHENTICATED", body);
  const sessionId = reader.bytes("session-id", SESSION_ID_BYTES).slice();
  const mechanismData = reader.bytes16("mechanism-data").slice();
  reader.end();
  return { sessionId, mechanismData };
}

export interface Refused {
  /** A reason of spec section 6.2, or `unknown-N` when parsed from a later server. */
  readonly reason: RefusalReason | `unknown-${number}`;
  readonly retryAfterMs: number;
  readonly triesLeft: number;
}

export function encodeRefused(refused: Refused & { readonly reason: RefusalReason }): Uint8Array {
  return new BodyWriter(FRAME_TYPE.REFUSED)
    .u8(REFUSAL_REASON[refused.reason])
    .u32(refused.retryAfterMs)
    .u8(refused.triesLeft)
    .frame();
}

export function parseRefused(body: Uint8Array): Refused {
  const reader = new BodyReader("REFUSED", body);
  const reason = codeName(REFUSAL_REASON, reader.u8("reason"));
  const retryAfterMs = reader.u32("retry-after-ms");
  const triesLeft = reader.u8("tries-left");
  reader.end();
  return { reason, retryAfterMs, triesLeft };
}
