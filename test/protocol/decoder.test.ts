// Spec section 3: the same frames however the stream is cut, faults from the length alone, and little memory.

import { describe, expect, test } from "vitest";
import { Decoder } from "../../src/protocol/decoder.ts";
import { TalkByteError } from "../../src/protocol/error.ts";
import { PayloadView } from "../../src/protocol/payload.ts";
import { concat, everyByte, frame, hex, message, Random, randomCuts, toHex, unsigned } from "./bytes.ts";
import { isForgotten } from "./memory.ts";

const LIMIT = 1 << 24;

interface Seen {
  readonly type: number;
  /** Undefined for an extension frame. */
  readonly body: Uint8Array | undefined;
}

/** All frames of a stream that comes in these chunks, read by every way that the decoder offers. */
function decode(chunks: readonly Uint8Array[], decoder = new Decoder(LIMIT)): Seen[] {
  const seen: Seen[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    while (decoder.next()) seen.push(look(decoder));
    if (decoder.heldBytes > 0) throw new Error("next() left input behind");
  }
  return seen;
}

function look(decoder: Decoder): Seen {
  const { type, bodyLength } = decoder;
  if (type >= 0x80) {
    expect(bodyLength).toBe(0);
    return { type, body: undefined };
  }
  const body = decoder.body.slice();
  expect(body.length).toBe(bodyLength);
  if (bodyLength >= 4) {
    expect(decoder.bodyId()).toBe(Buffer.from(body).readUInt32BE());
    const payload = decoder.payloadInto(new PayloadView());
    expect(payload.byteLength).toBe(bodyLength - 4);
    expect(Buffer.compare(payload.copy(), body.subarray(4))).toBe(0);
    expect(Buffer.compare(concat(...payload.parts), payload.bytes)).toBe(0);
  }
  if (bodyLength < 8000) expect(decoder.raw()).toEqual(frame(type, body));
  return { type, body };
}

function randomFrame(random: Random, largest: number): Seen & { bytes: Uint8Array } {
  const type = random.pick([0x01, 0x10, 0x11, 0x7f, 0x80, 0xff, random.below(256)]);
  const size = random.pick([0, 1, 3, 4, random.below(40), random.below(300), random.below(largest)]);
  const body = random.bytes(size);
  return { type, body: type < 0x80 ? body : undefined, bytes: frame(type, body) };
}

function fault(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof TalkByteError) return error.code;
    throw error;
  }
  return "none";
}

describe("the same frames however the stream is cut (TB-FRAME-4)", () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))("random frames, seed %i", (seed) => {
    const random = new Random(seed);
    const frames = Array.from({ length: random.between(1, 12) }, () =>
      randomFrame(random, seed % 4 === 0 ? 20_000 : 600),
    );
    const expected = frames.map(({ type, body }) => ({ type, body }));
    const stream = concat(...frames.map(({ bytes }) => bytes));
    expect(decode([stream])).toEqual(expected);
    expect(decode(everyByte(stream))).toEqual(expected);
    for (const largest of [2, 7, 64, 5000, 30_000]) {
      expect(decode(randomCuts(stream, random, largest))).toEqual(expected);
    }
  });

  test.each([8187, 8188, 8189, 8192, 8193, 12_288, 16_389])(
    "a frame of length %i, cut anywhere",
    (length) => {
      const body = new Random(length).bytes(length - 1);
      const stream = concat(message(1, "a"), frame(0x10, body), message(2, "b"));
      const cutPoints = [
        1, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 16, 18, 19, 22, 4096, 4115, 4116, 4120, 8191, 8200,
      ];
      for (const first of cutPoints) {
        for (const second of [first + 1, first + 3, first + 4095, first + 4096, first + 4097]) {
          const chunks = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
          const seen = decode(chunks.filter(({ length }) => length > 0));
          expect(seen.map(({ type }) => type)).toEqual([0x10, 0x10, 0x10]);
          expect(Buffer.compare(seen[1]!.body!, body)).toBe(0);
        }
      }
    },
  );

  test("a frame of 1 MiB", () => {
    const random = new Random(7);
    const body = random.bytes(1 << 20);
    const stream = concat(frame(0x10, body), message(2, "next"));
    for (const chunks of [
      [stream],
      everyByte(stream),
      ...[3, 9000, 65_536].map((n) => randomCuts(stream, random, n)),
    ]) {
      const [large, next] = decode(chunks);
      expect(Buffer.compare(large!.body!, body)).toBe(0);
      expect(next).toEqual({ type: 0x10, body: concat(unsigned(2, 4), Buffer.from("next")) });
    }
  });

  test("chunks pushed together, empty ones among them", () => {
    const decoder = new Decoder(LIMIT);
    const stream = concat(message(1, "one"), frame(0x90, new Uint8Array(9)), message(2, "two"));
    for (const chunk of everyByte(stream)) {
      decoder.push(chunk);
      decoder.push(new Uint8Array(0));
    }
    expect(decoder.heldBytes).toBe(stream.length);
    const types: number[] = [];
    while (decoder.next()) types.push(decoder.type);
    expect(types).toEqual([0x10, 0x90, 0x10]);
    expect(decoder.heldBytes).toBe(0);
  });
});

describe("the length alone", () => {
  const inEveryWay = (header: string): Uint8Array[][] => {
    const bytes = hex(header);
    return [
      [bytes],
      everyByte(bytes),
      [bytes.subarray(0, 3), bytes.subarray(3)],
      [concat(message(1, "before"), bytes)],
      [concat(message(1, "before"), bytes.subarray(0, 2)), bytes.subarray(2)],
    ];
  };

  test.each([
    ["0", "00 00 00 00", 4096, "malformed"],
    ["0, with more behind", "00 00 00 00 10", 4096, "malformed"],
    ["one over the limit", "00 00 10 01", 4096, "frame-too-large"],
    ["one over the limit, an extension", "00 00 10 01 80", 4096, "frame-too-large"],
    ["the largest", "ff ff ff ff", LIMIT, "frame-too-large"],
    ["with the highest bit set", "80 00 00 01 10", LIMIT, "frame-too-large"],
    ["the limit itself", "00 00 10 00", 4096, "none"],
    ["1", "00 00 00 01", 4096, "none"],
  ])("%s (TB-FRAME-1, TB-FRAME-2, TB-FRAME-3, TB-EXT-5)", (_, header, limit, code) => {
    for (const chunks of inEveryWay(header)) {
      const decoder = new Decoder(limit);
      expect(fault(() => decode(chunks, decoder))).toBe(code);
    }
  });

  test("the limit may change between two frames of one chunk", () => {
    const decoder = new Decoder(10);
    const large = frame(0x10, new Uint8Array(20));
    decoder.push(concat(message(1, ""), large, large));
    expect(decoder.next()).toBe(true);
    decoder.limit = 21;
    expect(decoder.next()).toBe(true);
    decoder.limit = 20;
    expect(fault(() => decoder.next())).toBe("frame-too-large");
  });
});

describe("memory", () => {
  test("a declared length sets nothing aside (TB-FRAME-5)", () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 100 }, () => {
      const decoder = new Decoder(LIMIT);
      for (const byte of everyByte(concat(unsigned(LIMIT, 4), hex("10 00 00 00 01 61")))) {
        decoder.push(byte);
        expect(decoder.next()).toBe(false);
      }
      return decoder;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(LIMIT);
    expect(decoders.every(({ insideFrame }) => insideFrame)).toBe(true);
  });

  test("a frame that is whole in its chunk is a view on it", () => {
    const chunk = concat(message(1, "a"), frame(0x10, new Uint8Array(100_000)));
    const decoder = new Decoder(LIMIT);
    decoder.push(chunk);
    for (let frames = 0; frames < 2; frames++) {
      expect(decoder.next()).toBe(true);
      expect(decoder.body.buffer).toBe(chunk.buffer);
      expect(decoder.payloadInto(new PayloadView()).bytes.buffer).toBe(chunk.buffer);
    }
  });

  test("a large frame in large chunks stays views on them", () => {
    const chunks = randomCuts(frame(0x10, new Uint8Array(200_000)), new Random(3), 16_384).map((cut) =>
      cut.slice(),
    );
    const large = chunks.filter(({ length }) => length >= 8192).map(({ buffer }) => buffer);
    const decoder = new Decoder(LIMIT);
    for (const chunk of chunks) {
      decoder.push(chunk);
      if (!decoder.next()) continue;
      const { parts } = decoder.payloadInto(new PayloadView());
      const buffers = new Set(parts.map(({ buffer }) => buffer));
      expect(large.every((buffer) => buffers.has(buffer))).toBe(true);
      return;
    }
    expect.unreachable();
  });

  test("a large frame sent byte by byte stays a short list of parts", () => {
    const body = new Random(1).bytes(1 << 18);
    const decoder = new Decoder(LIMIT);
    const view = new PayloadView();
    for (const byte of everyByte(frame(0x10, body))) {
      decoder.push(byte);
      if (decoder.next()) decoder.payloadInto(view);
    }
    expect(Buffer.compare(view.bytes, body.subarray(4))).toBe(0);
    expect(view.parts.length).toBeLessThanOrEqual(body.length / 4096 + 1);
    const held = [...new Set(view.parts.map(({ buffer }) => buffer))].reduce(
      (sum, b) => sum + b.byteLength,
      0,
    );
    expect(held).toBeLessThan(body.length * 1.1);
  });

  test("an extension frame is reported at its header and never kept (TB-EXT-6)", () => {
    const decoder = new Decoder(LIMIT);
    decoder.push(concat(unsigned(LIMIT, 4), Uint8Array.of(0xc0)));
    expect([decoder.next(), decoder.type, decoder.body.length]).toEqual([true, 0xc0, 0]);
    const before = process.memoryUsage().arrayBuffers;
    const chunk = new Uint8Array(65_536);
    for (let left = LIMIT - 1; left > 0; left -= chunk.length) {
      decoder.push(chunk.subarray(0, left));
      expect(decoder.next()).toBe(false);
      expect(decoder.heldBytes).toBe(0);
    }
    expect(decoder.insideFrame).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    decoder.push(message(5, "next"));
    expect(decoder.next() && decoder.bodyId()).toBe(5);
  });

  test("a frame that has been read is let go with the next look", async () => {
    const decoder = new Decoder(LIMIT);
    const chunks = (): WeakRef<object>[] =>
      [frame(0x10, new Uint8Array(9000)), frame(0x10, new Uint8Array(20))].flatMap((bytes) => {
        const halves = [bytes.slice(0, 4500), bytes.slice(4500)].filter(({ length }) => length > 0);
        for (const half of halves) decoder.push(half);
        while (decoder.next()) expect(decoder.bodyLength).toBeGreaterThan(0);
        return halves.map(({ buffer }) => new WeakRef(buffer));
      });
    for (const buffer of chunks()) expect(await isForgotten(buffer)).toBe(true);
    expect(decoder.insideFrame).toBe(false);
  });
});

describe("a Buffer is read as any other array", () => {
  test("raw() and copy() are copies although Buffer's own slice() is none", () => {
    for (const size of [10, 100]) {
      const decoder = new Decoder(LIMIT);
      const chunk = Buffer.from(message(1, "x".repeat(size)));
      decoder.push(chunk);
      expect(decoder.next()).toBe(true);
      const raw = decoder.raw();
      const copy = decoder.payloadInto(new PayloadView()).copy();
      chunk.fill(0);
      expect(toHex(raw)).toBe(toHex(message(1, "x".repeat(size))));
      expect(Buffer.from(copy).toString()).toBe("x".repeat(size));
    }
  });

  test("what it hands out is a plain Uint8Array", () => {
    const decoder = new Decoder(LIMIT);
    decoder.push(Buffer.from(message(1, "abc")));
    expect(decoder.next()).toBe(true);
    expect(Buffer.isBuffer(decoder.body)).toBe(false);
    expect(Buffer.isBuffer(decoder.payloadInto(new PayloadView()).bytes)).toBe(false);
  });
});

describe("where the decoder stands", () => {
  test("insideFrame, heldBytes and framesEnded, byte by byte", () => {
    const stream = concat(
      message(1, "a"),
      frame(0x80, hex("00 00")),
      frame(0x81),
      frame(0x10, new Uint8Array(8200)),
    );
    const ends = [10, 17, 22, 22 + 8205];
    const decoder = new Decoder(LIMIT);
    for (const [at, byte] of everyByte(stream).entries()) {
      decoder.push(byte);
      expect(decoder.heldBytes).toBe(1);
      decoder.next();
      expect(decoder.next()).toBe(false);
      expect(decoder.heldBytes).toBe(0);
      expect(decoder.insideFrame, `after byte ${at}`).toBe(!ends.includes(at + 1));
      expect(decoder.framesEnded, `after byte ${at}`).toBe(ends.filter((end) => end <= at + 1).length);
    }
  });

  test("discard drops the input and any frame that has begun", () => {
    const beginnings = [
      message(1, "a").subarray(0, 3),
      message(1, "a").subarray(0, 7),
      frame(0x80, new Uint8Array(10)).subarray(0, 9),
      frame(0x10, new Uint8Array(9000)).subarray(0, 50),
      frame(0x10, new Uint8Array(9000)).subarray(0, 5000),
    ];
    for (const beginning of beginnings) {
      const decoder = new Decoder(LIMIT);
      decoder.push(beginning);
      while (decoder.next());
      expect(decoder.insideFrame).toBe(true);
      decoder.push(new Uint8Array(20));
      decoder.push(new Uint8Array(20));
      expect(decoder.heldBytes).toBe(40);
      decoder.discard();
      expect([decoder.insideFrame, decoder.heldBytes, decoder.next()]).toEqual([false, 0, false]);
      decoder.push(message(9, "fresh"));
      expect(decoder.next() && decoder.bodyId()).toBe(9);
    }
  });

  test("raw() serves no frame in pieces", () => {
    const decoder = new Decoder(LIMIT);
    for (const chunk of randomCuts(frame(0x10, new Uint8Array(9000)), new Random(1), 5000))
      decoder.push(chunk);
    expect(decoder.next()).toBe(true);
    expect(() => decoder.raw()).toThrow(TypeError);
  });
});

test("a payload view: parts, joined once, copied by hand or whole", () => {
  const buffer = Uint8Array.from({ length: 200 }, (_, at) => at);
  const view = new PayloadView();
  for (const [start, end] of [
    [3, 10],
    [3, 67],
    [3, 68],
    [5, 5],
    [0, 200],
  ] as const) {
    view.pointAt(buffer, start, end);
    const target = new Uint8Array(210).fill(0xee);
    view.copyInto(target, 4);
    const expected = buffer.slice(start, end);
    expect(target).toEqual(
      concat(target.slice(0, 4).fill(0xee), expected, new Uint8Array(206 - expected.length).fill(0xee)),
    );
    expect([view.bytes, view.copy(), ...view.parts]).toEqual([expected, expected, expected]);
  }
  view.pointAtParts([buffer.subarray(0, 2), buffer.subarray(2, 100)], 100);
  expect(view.bytes).toBe(view.bytes);
  expect(view.copy()).not.toBe(view.copy());
  const target = new Uint8Array(101);
  view.copyInto(target, 1);
  expect(target.subarray(1)).toEqual(view.bytes);
});
