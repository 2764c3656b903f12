// One TCP segment in one IPv4 packet, with its checksums (RFC 791, RFC 9293): what pcapng.ts makes its files of.

import { concat } from "../wire/bytes.ts";

export const tcpFlags = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;

export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

export interface Segment {
  readonly source: Endpoint;
  readonly target: Endpoint;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

// Largest segment 65,495; window scale 14, so that no play can fill a window.
const synOptions = Uint8Array.of(2, 4, 0xff, 0xd7, 1, 3, 3, 14);
const windowSize = 0xffff;
const ipHeaderBytes = 20;
const protocolTcp = 6;

export function packetOf(segment: Segment, identification: number): Uint8Array {
  const tcp = tcpBytes(segment);
  const header = new Uint8Array(ipHeaderBytes);
  const view = new DataView(header.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, ipHeaderBytes + tcp.length);
  view.setUint16(4, identification & 0xffff);
  // Don't fragment.
  view.setUint16(6, 0x4000);
  view.setUint8(8, 64);
  view.setUint8(9, protocolTcp);
  view.setUint32(12, segment.source.address);
  view.setUint32(16, segment.target.address);
  view.setUint16(10, checksum([header]));
  return concat([header, tcp]);
}

// The Internet checksum (RFC 1071); all parts but the last have an even number of bytes. Over bytes that hold
// their own checksum it is 0.
export function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts)
    for (let index = 0; index < part.length; index += 2)
      sum += ((part[index] ?? 0) << 8) | (part[index + 1] ?? 0);
  while (sum > 0xffff) sum = Math.floor(sum / 0x10000) + (sum & 0xffff);
  return ~sum & 0xffff;
}

export function pseudoHeader(source: number, target: number, tcpLength: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, source);
  view.setUint32(4, target);
  view.setUint8(9, protocolTcp);
  view.setUint16(10, tcpLength);
  return bytes;
}

function tcpBytes({ source, target, sequence, acknowledgement, flags, payload }: Segment): Uint8Array {
  const options = flags & tcpFlags.syn ? synOptions : new Uint8Array();
  const header = new Uint8Array(20 + options.length);
  const view = new DataView(header.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, target.port);
  view.setUint32(4, sequence);
  view.setUint32(8, acknowledgement);
  view.setUint8(12, (header.length / 4) << 4);
  view.setUint8(13, flags);
  view.setUint16(14, windowSize);
  header.set(options, 20);
  const pseudo = pseudoHeader(source.address, target.address, header.length + payload.length);
  view.setUint16(16, checksum([pseudo, header, payload]));
  return concat([header, payload]);
}
