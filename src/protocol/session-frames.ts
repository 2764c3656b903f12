// The frames after login and those that end a session (spec sections 4.8 to 4.15): each kind's encode and parse
// side by side. MESSAGE and REPLY are encoded by FrameWriter and parsed by Decoder, which copy no payload.

import { BodyReader, BodyWriter } from "./body.ts";
import { codeName } from "./codes.ts";
import { parseVersionRange, writeVersionRange, type VersionRange } from "./login-frames.ts";
import {
  ERROR_CODE,
  FRAME_TYPE,
  GOAWAY_REASON,
  PING_BYTES,
  type GoawayReason,
  type WireErrorCode,
} from "./wire.ts";

export function encodePing(data: Uint8Array): Uint8Array {
  return new BodyWriter(FRAME_TYPE.PING).bytes(eightBytes(data)).frame();
}

export function parsePing(body: Uint8Array): Uint8Array {
  return parseEightBytes("PING", body);
}

export function encodePong(data: Uint8Array): Uint8Array {
  return new BodyWriter(FRAME_TYPE.PONG).bytes(eightBytes(data)).frame();
}

export function parsePong(body: Uint8Array): Uint8Array {
  return parseEightBytes("PONG", body);
}

function eightBytes(data: Uint8Array): Uint8Array {
  if (data.length !== PING_BYTES) throw new RangeError("ping data has 8 bytes");
  return data;
}

function parseEightBytes(frame: string, body: Uint8Array): Uint8Array {
  const reader = new BodyReader(frame, body);
  const data = reader.bytes("data", PING_BYTES).slice();
  reader.end();
  return data;
}

export function encodeStop(): Uint8Array {
  return new BodyWriter(FRAME_TYPE.STOP).frame();
}

export function parseStop(body: Uint8Array): void {
  new BodyReader("STOP", body).end();
}

export function encodeStopped(accepted: number): Uint8Array {
  return new BodyWriter(FRAME_TYPE.STOPPED).u64(accepted).frame();
}

/** The number of messages that the server accepted. */
export function parseStopped(body: Uint8Array): number {
  const reader = new BodyReader("STOPPED", body);
  const accepted = reader.u64("accepted");
  reader.end();
  return accepted;
}

export interface Goaway {
  readonly reason: GoawayReason | `unknown-${number}`;
  readonly drainMs: number;
}

export function encodeGoaway(goaway: Goaway & { readonly reason: GoawayReason }): Uint8Array {
  return new BodyWriter(FRAME_TYPE.GOAWAY).u8(GOAWAY_REASON[goaway.reason]).u32(goaway.drainMs).frame();
}

export function parseGoaway(body: Uint8Array): Goaway {
  const reader = new BodyReader("GOAWAY", body);
  const reason = codeName(GOAWAY_REASON, reader.u8("reason"));
  const drainMs = reader.u32("drain-ms");
  reader.end();
  return { reason, drainMs };
}

export interface ErrorFrame {
  readonly code: WireErrorCode | `unknown-${number}`;
  readonly versions: VersionRange;
  /** For people; at most 255 bytes of UTF-8. */
  readonly detail: string;
}

export function encodeError(error: ErrorFrame & { readonly code: WireErrorCode }): Uint8Array {
  const writer = new BodyWriter(FRAME_TYPE.ERROR).u8(ERROR_CODE[error.code]);
  return writeVersionRange(writer, error.versions).string8(error.detail).frame();
}

export function parseError(body: Uint8Array): ErrorFrame {
  const reader = new BodyReader("ERROR", body);
  const code = codeName(ERROR_CODE, reader.u8("code"));
  const versions = parseVersionRange("ERROR", reader);
  const detail = reader.string8("detail");
  reader.end();
  return { code, versions, detail };
}
