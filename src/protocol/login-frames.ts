// The frames of opening and login (spec sections 4.1 to 4.7): each kind's encode and parse side by side.
// Parsing takes the body alone and throws `malformed`; encoding returns the whole frame.

import { BodyReader, BodyWriter } from "./body.ts";
import { breach } from "./error.ts";
import { codeName } from "./codes.ts";
import { FRAME_TYPE, LIMIT, MAGIC, REFUSAL_REASON, SESSION_ID_BYTES, type RefusalReason } from "./wire.ts";

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

export interface Hello {
  readonly versions: VersionRange;
  readonly agent: string;
}

export function encodeHello(hello: Hello): Uint8Array {
  return new BodyWriter(FRAME_TYPE.HELLO)
    .bytes(MAGIC)
    .u8(hello.versions.min)
    .u8(hello.versions.max)
    .string8(hello.agent)
    .frame();
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
  const writer = new BodyWriter(FRAME_TYPE.WELCOME)
    .u8(welcome.version)
    .string8(welcome.agent)
    .u32(welcome.maxFrameBytes)
    .u16(welcome.maxUnderWay)
    .u32(welcome.idleTimeoutMs)
    .u8(welcome.mechanisms.length);
  for (const { name, parameters } of welcome.mechanisms) writer.string8(name).bytes16(parameters);
  return writer.frame();
}

export function parseWelcome(body: Uint8Array): Welcome {
  const reader = new BodyReader("WELCOME", body);
  const version = reader.u8("version", { min: 1 });
  const agent = reader.string8("agent");
  const maxFrameBytes = reader.u32("max-frame-bytes", {
    min: LIMIT.maxFrameBytesLowest,
    max: LIMIT.maxFrameBytesHighest,
  });
  const maxUnderWay = reader.u16("max-under-way", { min: 1 });
  const idleTimeoutMs = reader.u32("idle-timeout-ms", { min: 1 });
  const count = reader.u8("mechanisms", { min: 1, max: LIMIT.mechanisms });
  const mechanisms: MechanismOffer[] = [];
  for (let index = 0; index < count; index++) {
    const name = parseMechanismName("WELCOME", reader);
    if (mechanisms.some((offer) => offer.name === name)) {
      throw breach("malformed", "WELCOME: names a mechanism twice");
    }
    mechanisms.push({ name, parameters: reader.bytes16("parameters").slice() });
  }
  reader.end();
  return { version, agent, maxFrameBytes, maxUnderWay, idleTimeoutMs, mechanisms };
}

const MECHANISM_NAME = /^[A-Z0-9-]+$/;

function parseMechanismName(frame: string, reader: BodyReader): string {
  const name = reader.string8("mechanism", { min: 1, max: LIMIT.mechanismBytes });
  if (!MECHANISM_NAME.test(name)) throw breach("malformed", `${frame}: not a mechanism name`);
  return name;
}

export interface Auth {
  readonly mechanism: string;
  readonly username: string;
  /** The mechanism's first message: a secret for `PASSWORD`. */
  readonly mechanismData: Uint8Array;
}

export function encodeAuth(auth: Auth): Uint8Array {
  return new BodyWriter(FRAME_TYPE.AUTH)
    .string8(auth.mechanism)
    .string8(auth.username)
    .bytes16(auth.mechanismData)
    .frame();
}

const USERNAME = /^[!-~]+$/;

export function parseAuth(body: Uint8Array): Auth {
  const reader = new BodyReader("AUTH", body);
  const mechanism = parseMechanismName("AUTH", reader);
  const username = reader.string8("username", { min: 1, max: LIMIT.usernameBytes });
  if (!USERNAME.test(username)) throw breach("malformed", "AUTH: not a username");
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
