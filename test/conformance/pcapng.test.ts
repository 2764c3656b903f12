// The capture files byte by byte: blocks, options and padding, addresses and checksums, sequence numbers. What Wireshark
// makes of them is test/conformance/dissector.test.ts.

import { describe, expect, it } from "vitest";
import type { TranscriptEntry } from "../../src/conformance/play/result.ts";
import { largestPayloadBytes, pcapngOf, type PcapngHead } from "../../src/conformance/report/pcapng.ts";
import { checksum, pseudoHeader } from "../../src/conformance/report/tcp-packet.ts";

const head: PcapngHead = { id: "echo-basic", title: "A client – and its échos", verdict: "pass" };
const bytes = (from: "C" | "S", at: number, length: number, fill = 0x61): TranscriptEntry => ({
  at,
  from,
  kind: "bytes",
  bytes: new Uint8Array(length).fill(fill),
});
const end = (from: "C" | "S", at: number): TranscriptEntry => ({ at, from, kind: "end" });
const reset = (from: "C" | "S", at: number): TranscriptEntry => ({ at, from, kind: "reset" });
const call = (at: number, text: string): TranscriptEntry => ({ at, from: "app", kind: "call", text });

interface Block {
  readonly type: number;
  readonly body: DataView;
}

function blocksOf(file: Uint8Array): Block[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const blocks: Block[] = [];
  for (let offset = 0; offset < file.length;) {
    const length = view.getUint32(offset + 4, true);
    expect(length % 4, "blocks are padded").toBe(0);
    expect(view.getUint32(offset + length - 4, true), "both lengths agree").toBe(length);
    blocks.push({
      type: view.getUint32(offset, true),
      body: new DataView(file.buffer, file.byteOffset + offset + 8, length - 12),
    });
    offset += length;
  }
  return blocks;
}

const slice = (view: DataView, from: number, length: number) =>
  new Uint8Array(view.buffer, view.byteOffset + from, length);
const textOf = (content: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(content);

function optionsOf(body: DataView, from: number): [code: number, content: Uint8Array][] {
  const options: [number, Uint8Array][] = [];
  let offset = from;
  while (offset < body.byteLength) {
    const code = body.getUint16(offset, true);
    const length = body.getUint16(offset + 2, true);
    if (code === 0) {
      if (length !== 0 || offset + 4 !== body.byteLength)
        throw new Error("the options end before their block");
      return options;
    }
    options.push([code, slice(body, offset + 4, length)]);
    const padding = (4 - (length % 4)) % 4;
    expect(slice(body, offset + 4 + length, padding)).toEqual(new Uint8Array(padding));
    offset += 4 + length + padding;
  }
  expect(options, "options without an end").toEqual([]);
  return options;
}

interface Packet {
  readonly us: number;
  readonly comments: string[];
  readonly from: "C" | "S";
  readonly ports: number[];
  readonly flags: string;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly payload: Uint8Array;
}

const flagLetters = ["F", "S", "R", "P", "A"];

function packetOf({ body }: Block): Packet {
  expect(body.getUint32(0, true), "interface").toBe(0);
  const length = body.getUint32(12, true);
  expect(body.getUint32(16, true)).toBe(length);
  const ip = new DataView(body.buffer, body.byteOffset + 20, length);
  expect([ip.getUint8(0), ip.getUint16(2), ip.getUint8(9)]).toEqual([0x45, length, 6]);
  expect(checksum([slice(ip, 0, 20)]), "IPv4 checksum").toBe(0);
  const [source, target] = [ip.getUint32(12), ip.getUint32(16)];
  expect(checksum([pseudoHeader(source, target, length - 20), slice(ip, 20, length - 20)])).toBe(0);
  const flags = ip.getUint8(33);
  const dataOffset = 20 + (ip.getUint8(32) >> 4) * 4;
  return {
    us: body.getUint32(4, true) * 2 ** 32 + body.getUint32(8, true),
    comments: optionsOf(body, 20 + Math.ceil(length / 4) * 4).map(([code, text]) => {
      expect(code).toBe(1);
      return textOf(text);
    }),
    from: source < target ? "C" : "S",
    ports: [ip.getUint16(20), ip.getUint16(22)],
    flags: flagLetters.filter((_letter, bit) => (flags & (1 << bit)) !== 0).join(""),
    sequence: ip.getUint32(24),
    acknowledgement: ip.getUint32(28),
    payload: slice(ip, dataOffset, length - dataOffset),
  };
}

function packetsOf(transcript: TranscriptEntry[], more: Partial<PcapngHead> = {}): Packet[] {
  return blocksOf(pcapngOf({ ...head, ...more }, transcript))
    .slice(2)
    .map(packetOf);
}

const shape = (packets: Packet[]) =>
  packets.map(({ from, flags, payload }) => `${from} ${flags} ${payload.length}`);
const handshake = ["C S 0", "S SA 0", "C A 0"];

describe("the blocks of a file", () => {
  it("are a section header with the case, an interface, and a packet for each segment", () => {
    const blocks = blocksOf(pcapngOf(head, [bytes("C", 0, 5)]));
    expect(blocks.map(({ type }) => type)).toEqual([0x0a0d0d0a, 1, 6, 6, 6, 6, 6]);
    const [section, link] = blocks.map(({ body }) => body) as [DataView, DataView];
    expect([section.getUint32(0, true), section.getUint16(4, true), section.getUint16(6, true)]).toEqual([
      0x1a2b3c4d, 1, 0,
    ]);
    expect(optionsOf(section, 16).map(([code, content]) => [code, textOf(content)])).toEqual([
      [1, "echo-basic: A client – and its échos\nverdict: pass\nwritten from the play, not captured"],
      [4, "talkbyte-conformance"],
    ]);
    expect([link.getUint16(0, true), link.getUint32(4, true)], "raw IP, no snap length").toEqual([101, 0]);
    expect(optionsOf(link, 8)).toEqual([
      [2, new TextEncoder().encode("talkbyte")],
      [9, Uint8Array.of(6)],
    ]);
  });

  it("hold no packet where nothing went over the wire", () => {
    expect(blocksOf(pcapngOf(head, [call(0, "login")])).map(({ type }) => type)).toEqual([0x0a0d0d0a, 1]);
  });

  it.each([1, 2, 3, 4])("are padded for a payload of %i bytes", (length) => {
    expect(packetsOf([bytes("C", 0, length)])[3]!.payload).toEqual(new Uint8Array(length).fill(0x61));
  });
});

describe("the checksum", () => {
  it("is that of RFC 1071's example, however the bytes are parted, and pads an odd end", () => {
    const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(checksum([example])).toBe(0x220d);
    expect(checksum([example.subarray(0, 2), example.subarray(2)])).toBe(0x220d);
    expect(checksum([Uint8Array.of(0x12, 0x34, 0x56)])).toBe(~(0x1234 + 0x5600) & 0xffff);
  });
});

describe("the packets of a play", () => {
  it("open, acknowledge and end as TCP does", () => {
    const packets = packetsOf([
      bytes("C", 0, 5),
      bytes("S", 1, 7),
      end("C", 2),
      bytes("S", 3, 9),
      end("S", 4),
    ]);
    expect(shape(packets).slice(0, 3)).toEqual(handshake);
    expect(shape(packets).slice(3)).toEqual([
      "C PA 5",
      "S PA 7",
      "C FA 0",
      "S PA 9",
      "C A 0",
      "S FA 0",
      "C A 0",
    ]);
    expect(packets[0]!.ports).toEqual([40_000, 8080]);
    expect(packets[1]!.ports).toEqual([8080, 40_000]);
  });

  it("count their sequence numbers without a gap, and acknowledge exactly what was sent", () => {
    const packets = packetsOf([bytes("C", 0, 70_000), bytes("S", 0, 3), end("S", 9), end("C", 9)]);
    const next = { C: packets[0]!.sequence, S: packets[1]!.sequence };
    for (const { from, sequence, acknowledgement, flags, payload } of packets) {
      const other = from === "C" ? "S" : "C";
      expect(sequence).toBe(next[from]);
      expect(acknowledgement).toBe(flags.includes("A") ? next[other] : 0);
      next[from] += payload.length + (/[SF]/.test(flags) ? 1 : 0);
    }
    expect(next).toEqual({
      C: packets[0]!.sequence + 70_000 + 2,
      S: packets[1]!.sequence + 3 + 2,
    });
  });

  it("cut what is longer than a packet", () => {
    const packets = packetsOf([bytes("C", 0, 2 * largestPayloadBytes + 1)]);
    expect(shape(packets).slice(3)).toEqual(["C A 65495", "C A 65495", "C PA 1", "S A 0"]);
  });

  it("end with a reset, after which nothing goes", () => {
    const packets = packetsOf([
      bytes("C", 0, 5),
      reset("S", 1),
      bytes("C", 2, 6),
      end("C", 3),
      reset("C", 3),
    ]);
    expect(shape(packets)).toEqual([...handshake, "C PA 5", "S RA 0"]);
    expect(packets.at(-1)!.comments).toEqual(["left out: 6 bytes of C after the end"]);
  });

  it("leave out what a side says after its own end, but for a reset", () => {
    const packets = packetsOf([end("C", 0), bytes("C", 1, 6), end("C", 1), reset("C", 2)]);
    expect(shape(packets)).toEqual([...handshake, "C FA 0", "S A 0", "C RA 0"]);
    expect(packets.at(-1)!.comments).toEqual(["left out: 6 bytes of C after the end"]);
  });

  it("acknowledge at once what is answered late", () => {
    const packets = packetsOf([bytes("C", 0, 5), bytes("S", 41, 5)]);
    expect(shape(packets).slice(3)).toEqual(["C PA 5", "S A 0", "S PA 5", "C A 0"]);
    expect(packets.slice(3).map(({ us }) => us)).toEqual([0, 0, 41_000, 41_000]);
  });

  it("carry the application's calls as comments on what comes next, or on the last", () => {
    const packets = packetsOf([call(0, "login"), bytes("C", 5, 1), call(6, "send"), call(7, "stop")]);
    expect(packets.map(({ comments }) => comments)).toEqual([
      ["the application calls login"],
      [],
      [],
      [],
      ["the application calls send", "the application calls stop"],
    ]);
  });

  it("come in the order of their times, which count from the first", () => {
    const packets = packetsOf([bytes("C", 500, 1), bytes("C", 502.25, 2), bytes("S", 501.5, 3)], {
      startedAtMs: 1_700_000_000_000,
      clientPort: 40_123,
    });
    expect(shape(packets).slice(3)).toEqual(["C PA 1", "S PA 3", "C PA 2", "S A 0"]);
    expect(packets.slice(3).map(({ us }) => us - 1_700_000_000_000_000)).toEqual([0, 1500, 2250, 2250]);
    expect(packets[0]!.ports).toEqual([40_123, 8080]);
  });
});
