// A play as a pcapng file (draft-ietf-opsawg-pcapng) for Wireshark: written from the transcript, not captured. The bytes,
// their order and their times are the play's. What the transcript has not is made up: handshake, acknowledgements, segment
// borders and sequence numbers, such that TCP analysis finds nothing to say. Under TLS it shows what went on inside.
// The addresses are of those kept for documentation (RFC 5737), so that nobody takes the file for a capture.

import { concat } from "../wire/bytes.ts";
import { wireTable } from "../wire/wire-table.ts";
import type { Speaker } from "../exchange/steps.ts";
import type { TranscriptEntry } from "../play/result.ts";
import { packetOf, tcpFlags, type Endpoint } from "./tcp-packet.ts";

export interface PcapngHead {
  readonly id: string;
  readonly title: string;
  readonly verdict: string;
  // When the play began, as Date.now() has it; without it time starts in 1970.
  readonly startedAtMs?: number;
  // Two files whose ports differ can be appended to each other.
  readonly clientPort?: number;
}

// What IPv4's largest packet leaves beside two headers without options.
export const largestPayloadBytes = 65_495;

// A peer that has something to say soon acknowledges along with that, as TCP does.
const delayedAckMs = 40;

export function pcapngOf(head: PcapngHead, transcript: readonly TranscriptEntry[]): Uint8Array {
  const packets = packetsOf(head, transcript);
  return concat([
    sectionHeader(`${head.id}: ${head.title}\nverdict: ${head.verdict}\nwritten from the play, not captured`),
    interfaceDescription(),
    ...packets.map(enhancedPacket),
  ]);
}

const callers = { app: "the application", operator: "the operator" } as const;

type WireEntry = Exclude<TranscriptEntry, { readonly kind: "call" }>;

interface Packet {
  readonly atUs: bigint;
  readonly bytes: Uint8Array;
  readonly comments: readonly string[];
}

interface Side extends Endpoint {
  nextSequence: number;
  ended: boolean;
}

function packetsOf(head: PcapngHead, transcript: readonly TranscriptEntry[]): readonly Packet[] {
  // What arrived while the runner was writing is noted after that.
  const entries = transcript.toSorted((a, b) => a.at - b.at);
  const wire = entries.filter((entry) => entry.kind !== "call");
  // A call before the connection has no time of its own.
  const wireTap = createWireTap(head, wire[0]?.at ?? 0);
  let passed = 0;
  for (const entry of entries) {
    if (entry.kind === "call") wireTap.note(`${callers[entry.from]} calls ${entry.text}`);
    else wireTap.see(entry, wire[++passed]);
  }
  return wireTap.packets();
}

function createWireTap(head: PcapngHead, zeroMs: number) {
  const sides: Record<Speaker, Side> = {
    C: { port: head.clientPort ?? 40_000, address: 0xc0000201, nextSequence: 0x1000_0000, ended: false },
    S: { port: wireTable().port, address: 0xc0000202, nextSequence: 0x2000_0000, ended: false },
  };
  const packets: { atUs: bigint; bytes: Uint8Array; comments: string[] }[] = [];
  const notes: string[] = [];
  let dropped = false;

  function emit(from: Speaker, at: number, flags: number, payload: Uint8Array = new Uint8Array()): void {
    const [source, target] = from === "C" ? [sides.C, sides.S] : [sides.S, sides.C];
    const acknowledgement = (flags & tcpFlags.ack) === 0 ? 0 : target.nextSequence;
    const segment = { source, target, sequence: source.nextSequence, acknowledgement, flags, payload };
    const sinceZeroUs = Math.max(0, Math.round((at - zeroMs) * 1000));
    packets.push({
      atUs: BigInt(head.startedAtMs ?? 0) * 1000n + BigInt(sinceZeroUs),
      bytes: packetOf(segment, packets.length),
      comments: notes.splice(0),
    });
    const flag = (flags & (tcpFlags.syn | tcpFlags.fin)) === 0 ? 0 : 1;
    source.nextSequence = (source.nextSequence + payload.length + flag) >>> 0;
  }

  function open(at: number): void {
    emit("C", at, tcpFlags.syn);
    emit("S", at, tcpFlags.syn | tcpFlags.ack);
    emit("C", at, tcpFlags.ack);
  }

  function say(from: Speaker, at: number, bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; offset += largestPayloadBytes) {
      const payload = bytes.subarray(offset, offset + largestPayloadBytes);
      const last = offset + payload.length === bytes.length;
      emit(from, at, tcpFlags.ack | (last ? tcpFlags.psh : 0), payload);
    }
  }

  return {
    note: (text: string) => void notes.push(text),
    see(entry: WireEntry, next: WireEntry | undefined): void {
      const { from, at, kind } = entry;
      if (packets.length === 0) open(at);
      if (dropped || (sides[from].ended && kind !== "reset")) {
        // A runner may go on talking when the connection has gone; none of that is sent.
        if (kind === "bytes") notes.push(`left out: ${entry.bytes.length} bytes of ${from} after the end`);
        return;
      }
      if (kind === "reset") {
        emit(from, at, tcpFlags.rst | tcpFlags.ack);
        dropped = true;
        return;
      }
      if (kind === "bytes") say(from, at, entry.bytes);
      else emit(from, at, tcpFlags.fin | tcpFlags.ack);
      sides[from].ended = kind === "end";
      const other = from === "C" ? "S" : "C";
      const soon = next?.from === other && next.at - at <= delayedAckMs && !sides[other].ended;
      if (!soon) emit(other, at, tcpFlags.ack);
    },
    packets(): readonly Packet[] {
      packets.at(-1)?.comments.push(...notes.splice(0));
      return packets;
    },
  };
}

const option = { end: 0, comment: 1, userApplication: 4, interfaceName: 2, timeResolution: 9 } as const;
const rawIpLink = 101;
// An option's length has two bytes.
const mostCommentCharacters = 16_384;

function sectionHeader(comment: string): Uint8Array {
  const fixed = new Uint8Array(16);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, 0x1a2b3c4d, true);
  view.setUint16(4, 1, true);
  // The section's length is left open.
  view.setBigInt64(8, -1n, true);
  return block(0x0a0d0d0a, fixed, [
    textOption(option.comment, comment),
    textOption(option.userApplication, "talkbyte-conformance"),
  ]);
}

function interfaceDescription(): Uint8Array {
  const fixed = new Uint8Array(8);
  new DataView(fixed.buffer).setUint16(0, rawIpLink, true);
  return block(1, fixed, [
    textOption(option.interfaceName, "talkbyte"),
    // Powers of ten: microseconds.
    optionOf(option.timeResolution, Uint8Array.of(6)),
  ]);
}

function enhancedPacket({ atUs, bytes, comments }: Packet): Uint8Array {
  const fixed = new Uint8Array(20);
  const view = new DataView(fixed.buffer);
  view.setUint32(4, Number(atUs >> 32n), true);
  view.setUint32(8, Number(atUs & 0xffff_ffffn), true);
  view.setUint32(12, bytes.length, true);
  view.setUint32(16, bytes.length, true);
  const options = comments.map((comment) => textOption(option.comment, comment));
  return block(6, concat([fixed, padded(bytes)]), options);
}

function block(type: number, body: Uint8Array, options: readonly Uint8Array[]): Uint8Array {
  const closing = options.length === 0 ? [] : [optionOf(option.end, new Uint8Array())];
  const content = concat([body, ...options, ...closing]);
  const whole = new Uint8Array(content.length + 12);
  const view = new DataView(whole.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, whole.length, true);
  whole.set(content, 8);
  view.setUint32(whole.length - 4, whole.length, true);
  return whole;
}

function textOption(code: number, text: string): Uint8Array {
  return optionOf(code, new TextEncoder().encode(text.slice(0, mostCommentCharacters)));
}

function optionOf(code: number, value: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  const view = new DataView(head.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  return concat([head, padded(value)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return bytes.length % 4 === 0 ? bytes : concat([bytes, new Uint8Array(4 - (bytes.length % 4))]);
}
