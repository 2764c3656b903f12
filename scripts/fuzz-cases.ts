// What to throw at a running server: random streams, and what the client says in each exchange with one bit flipped.
// A seed repeats them.

import { bytesOfAct, createScript } from "../src/conformance/play/scene.ts";
import { loadCatalog } from "../src/conformance/exchange/catalog.ts";
import type { Exchange } from "../src/conformance/exchange/exchange.ts";
import { readFrame } from "../src/conformance/wire/frames.ts";
import { parseProfile, type Profile } from "../src/conformance/exchange/profile.ts";
import { pathsOf } from "../src/conformance/play/self-play.ts";
import { wireTable } from "../src/conformance/wire/wire-table.ts";
import { concat, frame, message, unsigned, utf8, type Random } from "../test/protocol/bytes.ts";
import { PASSWORD, USERNAME } from "./fuzz-server.ts";

const KIB = 1024;
/** Longer fields than this are flipped at their ends alone. */
const LONG_BYTES = 64;
/** A frame that comes later than this in a stream is one of many alike. */
const FAR_BYTES = 1024 * KIB;

export const PROFILE: Profile = parseProfile({
  username: USERNAME,
  password: PASSWORD,
  "wrong-password": "wrong",
  "unknown-username": "Alice",
  "disabled-username": "disabled",
  "disabled-password": PASSWORD,
  tries: 3,
  "max-frame-bytes": 1_048_581,
  "max-under-way": 256,
  "login-ms": 30_000,
  "frame-ms": 20_000,
  "idle-ms": 300_000,
  "drain-ms": 10_000,
  "write-stall-ms": 30_000,
  "slack-ms": 1000,
});

/** HELLO and AUTH of a user who may log in. */
export const LOGIN: Uint8Array = concat(
  frame(0x01, utf8("TalkByte"), Uint8Array.of(1, 1, 0)),
  frame(
    0x03,
    Uint8Array.of(8),
    utf8("PASSWORD"),
    Uint8Array.of(USERNAME.length),
    utf8(USERNAME),
    unsigned(PASSWORD.length, 2),
    utf8(PASSWORD),
  ),
);

export interface RandomStream {
  /** Bytes without TLS on the TLS port count as `handshake`. */
  readonly to: "plain" | "tls" | "handshake";
  readonly bytes: Uint8Array;
}

/** Random streams of so many bytes in all: from the first byte, behind a login, and in the shape of frames. */
export function* randomStreams(random: Random, totalBytes: number): Generator<RandomStream> {
  for (let left = totalBytes; left > 0;) {
    const to = random.pick(["plain", "plain", "tls", "tls", "handshake"] as const);
    const shape = random.below(4);
    const size = Math.min(left, KIB * random.pick(shape === 3 ? [256, 1024] : [1, 16, 64, 128]));
    const bytes = shape === 3 && to !== "handshake" ? randomFrames(random, size) : fastRandom(random, size);
    left -= bytes.length;
    yield { to, bytes: shape >= 2 && to !== "handshake" ? concat(LOGIN, bytes) : bytes };
  }
}

/** Frames that are whole and mostly legal, so that they get past the first judgement. */
function randomFrames(random: Random, size: number): Uint8Array {
  const frames: Uint8Array[] = [];
  for (let bytes = 0; bytes < size;) {
    const bodyBytes = random.below(random.pick([16, 300, 9000, 65_536]));
    const type = random.pick([0x10, 0x10, 0x10, 0x12, 0x80 + random.below(0x80)]);
    const body = fastRandom(random, type === 0x12 ? 8 : bodyBytes);
    const next = type === 0x10 ? message(random.below(1000), body) : frame(type, body);
    frames.push(next);
    bytes += next.length;
  }
  if (random.below(2) === 0) frames.push(fastRandom(random, 64));
  return concat(...frames);
}

/** Random enough to be rubbish, and fast enough for megabytes. */
function fastRandom(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = random.below(0x7fff_ffff) + 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export interface Flipped {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * What the client says in each exchange, with one bit flipped in each field of each frame, or in turn each bit.
 * Exchanges that begin alike are flipped there once.
 */
export function* flippedExchanges(random: Random, everyBit: boolean): Generator<Flipped> {
  const seen = new Set<string>();
  for (const exchange of loadCatalog().exchanges) {
    const pieces = clientPieces(exchange);
    const whole = concat(...pieces.map(({ bytes }) => bytes));
    let at = 0;
    for (const { bytes, isFrame } of pieces) {
      const start = at;
      at += bytes.length;
      const known = Buffer.from(whole.subarray(0, at)).toString("latin1");
      if (!isFrame || start > FAR_BYTES || seen.has(known)) continue;
      seen.add(known);
      for (const [name, from, to] of regionsOf(bytes)) {
        const bits = everyBit ? bitsOf(to - from) : [random.below(8 * (to - from))];
        for (const bit of bits) {
          const flipped = whole.slice(0, at + 64 * KIB);
          flipped[start + from + (bit >> 3)]! ^= 1 << (bit & 7);
          yield { name: `${exchange.id} at ${start}: ${name} bit ${bit}`, bytes: flipped };
        }
      }
    }
  }
}

/** Every bit of so many bytes, but of a long run only those at its ends. */
function bitsOf(byteLength: number): number[] {
  const bits = Array.from({ length: 8 * Math.min(byteLength, LONG_BYTES) }, (_, index) => index);
  if (byteLength <= LONG_BYTES) return bits;
  const half = bits.length / 2;
  return bits.map((bit) => (bit < half ? bit : bit - bits.length + 8 * byteLength));
}

/** The client's bytes of an exchange, each frame by itself. */
function clientPieces(exchange: Exchange): { bytes: Uint8Array; isFrame: boolean }[] {
  const script = createScript(wireTable(), PROFILE, {});
  const pieces: { bytes: Uint8Array; isFrame: boolean }[] = [];
  for (const step of pathsOf(exchange)[0] ?? []) {
    if (step.kind !== "wire") continue;
    for (const act of step.acts) {
      try {
        const bytes = bytesOfAct(script, step.speaker, act);
        if (bytes === undefined || step.speaker === "S") continue;
        pieces.push({ bytes, isFrame: act.kind === "frame" });
      } catch {
        return pieces; // it needs what nobody computes here, such as another mechanism's data
      }
    }
  }
  return pieces;
}

/** Each part of a frame by name: length, type, then every field with its own length before it. */
function regionsOf(bytes: Uint8Array): [name: string, from: number, to: number][] {
  const { kind, fields } = readFrame(wireTable(), bytes);
  const regions: [string, number, number][] = [
    ["length", 0, 4],
    ["type", 4, 5],
  ];
  let from = 5;
  for (const { path, offset, content } of fields) {
    const to = offset + content.length;
    if (to > from) regions.push([`${kind?.name}.${path}`, from, to]);
    from = Math.max(from, to);
  }
  return regions;
}
