// What leaves a session in one turn: in order, whole, in few pieces, and never written to again.

import { describe, expect, test } from "vitest";
import { FrameWriter, Slab, writeU32 } from "../../src/protocol/frame-writer.ts";
import { PayloadView } from "../../src/protocol/payload.ts";
import { concat, frame, message, Random, reply, unsigned } from "./bytes.ts";
import { isForgotten } from "./memory.ts";

const SLAB_BYTES = 65_536;
const REPLY = 0x11;

test("frames and messages leave in order, as one view", () => {
  const out = new FrameWriter();
  out.frame(frame(0x20));
  out.message(REPLY, 7, Buffer.from("hello"));
  out.message(0x10, 0xffff_ffff, new Uint8Array(0));
  out.frame(frame(0x13, new Uint8Array(8)));
  const [chunk, ...more] = out.take();
  expect(more).toEqual([]);
  expect(chunk).toEqual(
    concat(frame(0x20), reply(7, "hello"), message(0xffff_ffff, ""), frame(0x13, new Uint8Array(8))),
  );
  expect(out.take()).toEqual([]);
});

test("pendingBytes counts what waits to be taken", () => {
  const out = new FrameWriter();
  expect(out.pendingBytes).toBe(0);
  out.frame(frame(0x20));
  out.message(REPLY, 1, new Uint8Array(10));
  out.message(REPLY, 2, new Uint8Array(10_000));
  out.message(REPLY, 3, new PayloadView().pointAtParts([new Uint8Array(9000), new Uint8Array(1)], 9001));
  out.frame(new Uint8Array(8193));
  const expected = 5 + 19 + 10_009 + 9010 + 8193;
  expect(out.pendingBytes).toBe(expected);
  expect(concat(...out.take()).length).toBe(expected);
  expect(out.pendingBytes).toBe(0);
});

describe("payloads", () => {
  test("up to 8 KiB are copied, larger ones leave by reference", () => {
    for (const size of [0, 1, 64, 65, 8191, 8192]) {
      const payload = new Random(size).bytes(size);
      const expected = reply(9, payload);
      const out = new FrameWriter();
      out.message(REPLY, 9, payload);
      payload.fill(0);
      expect(out.take()).toEqual([expected]);
    }
    const payload = new Random(1).bytes(8193);
    const out = new FrameWriter();
    out.message(REPLY, 9, payload);
    const [header, body, ...more] = out.take();
    expect([header, more]).toEqual([concat(unsigned(8198, 4), Uint8Array.of(REPLY), unsigned(9, 4)), []]);
    expect(body).toBe(payload);
  });

  test("views are written as arrays are, whole or in parts", () => {
    const bytes = new Random(2).bytes(20_000);
    for (const size of [0, 5, 64, 65, 8000, 8192, 8193, 20_000]) {
      const parts = [bytes.subarray(0, size >> 1), bytes.subarray(size >> 1, size)];
      for (const view of [
        new PayloadView().pointAt(bytes, 0, size),
        new PayloadView().pointAtParts(parts, size),
      ]) {
        const out = new FrameWriter();
        out.message(REPLY, 3, view);
        expect(Buffer.compare(concat(...out.take()), reply(3, bytes.subarray(0, size)))).toBe(0);
      }
    }
    const out = new FrameWriter();
    out.message(
      REPLY,
      3,
      new PayloadView().pointAtParts([bytes.subarray(0, 10_000), bytes.subarray(10_000)], 20_000),
    );
    expect(out.take().map(({ buffer }) => buffer === bytes.buffer)).toEqual([false, true, true]);
  });

  test("what is small goes on in the slab behind a reference", () => {
    const out = new FrameWriter();
    const large = new Random(3).bytes(9000);
    out.message(REPLY, 1, large);
    out.message(REPLY, 2, large);
    out.frame(frame(0x20));
    const chunks = out.take();
    expect(chunks.length).toBe(5);
    expect(concat(...chunks)).toEqual(concat(reply(1, large), reply(2, large), frame(0x20)));
  });
});

describe("the slab", () => {
  test("is shared by writers that take turns, frame by frame", () => {
    const random = new Random(4);
    const slab = new Slab();
    const writers = [0, 1, 2].map(() => ({
      out: new FrameWriter(slab),
      expected: [] as Uint8Array[],
      sent: [] as Uint8Array[],
    }));
    for (let round = 0; round < 3000; round++) {
      const { out, expected, sent } = random.pick(writers);
      const payload = random.bytes(random.pick([0, 1, 50, 500, 8192, 8193]));
      if (random.below(3) === 0) {
        expected.push(frame(0x13, payload));
        out.frame(expected.at(-1)!);
      } else {
        expected.push(reply(round, payload));
        out.message(REPLY, round, payload);
      }
      if (random.below(20) === 0) sent.push(...out.take());
    }
    for (const { out, expected, sent } of writers) {
      expect(Buffer.compare(concat(...sent, ...out.take()), concat(...expected))).toBe(0);
    }
  });

  test("is replaced when it is full, and what was handed out stays as it was", () => {
    const slab = new Slab();
    const out = new FrameWriter(slab);
    const first = slab.buffer;
    const taken: { view: Uint8Array; copy: Uint8Array }[] = [];
    for (let round = 0; round < 100; round++) {
      out.message(REPLY, round, new Uint8Array(4000).fill(round));
      if (round % 7 === 6) for (const view of out.take()) taken.push({ view, copy: view.slice() });
    }
    expect(slab.buffer).not.toBe(first);
    for (const { view, copy } of taken) expect(Buffer.compare(view, copy)).toBe(0);
    const buffers = new Set(taken.map(({ view }) => view.buffer));
    expect(buffers.size).toBeGreaterThanOrEqual(5);
  });

  test("is filled to its last byte", () => {
    const slab = new Slab();
    const out = new FrameWriter(slab);
    for (let size = 0; size < SLAB_BYTES; size += 8192) out.frame(frame(0x13, new Uint8Array(8192 - 5)));
    expect([slab.used, out.take().length]).toEqual([SLAB_BYTES, 1]);
    out.frame(frame(0x20));
    expect(out.take()).toEqual([frame(0x20)]);
    expect(slab.used).toBe(5);
  });

  test("gives the two sides of its end to one writer in order", () => {
    const out = new FrameWriter();
    const frames = Array.from({ length: 10 }, (_, at) => reply(at, new Uint8Array(8000).fill(at)));
    for (const bytes of frames) out.frame(bytes);
    const chunks = out.take();
    expect(chunks.length).toBe(2);
    expect(Buffer.compare(concat(...chunks), concat(...frames))).toBe(0);
  });

  test("of the past is not held by a writer that has been emptied", async () => {
    const slab = new Slab();
    const idle = new FrameWriter(slab);
    const old = ((): WeakRef<object> => {
      idle.frame(frame(0x20));
      idle.take();
      return new WeakRef(slab.buffer.buffer);
    })();
    const busy = new FrameWriter(slab);
    for (let round = 0; round < 20; round++) busy.message(REPLY, round, new Uint8Array(8000));
    busy.take();
    expect(await isForgotten(old)).toBe(true);
    expect(idle.pendingBytes).toBe(0);
  });
});

test("writeU32 writes big-endian where it is told to", () => {
  const bytes = new Uint8Array(6);
  writeU32(bytes, 1, 0xfedc_ba98);
  expect(bytes).toEqual(Uint8Array.of(0, 0xfe, 0xdc, 0xba, 0x98, 0));
});
