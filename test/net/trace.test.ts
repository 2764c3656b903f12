// What --trace shows, frame by frame, however the bytes are cut; and what it never shows.

import { describe, expect, it } from "vitest";

import { Trace } from "../../src/net/trace.ts";
import { FRAME_SHAPE, FRAME_TYPE, type FrameName } from "../../src/protocol/wire.ts";
import { hex, reply } from "../protocol/bytes.ts";
import {
  auth,
  concat,
  errorFrame,
  frame,
  hello,
  message,
  refused,
  unsigned,
  utf8,
  welcome,
} from "./harness.ts";

/** What is shown of this conversation, one array a direction, 1.5 ms a look at the clock. */
function show(
  sent: readonly Uint8Array[],
  received: readonly Uint8Array[] = [],
  { colors = false, end = true }: { colors?: boolean; end?: boolean } = {},
): string {
  let text = "";
  let time = 8.5;
  const trace = new Trace({ write: (lines) => (text += lines), now: () => (time += 1.5), colors });
  for (const chunk of sent) trace.sent(chunk);
  for (const chunk of received) trace.received(chunk);
  if (end) trace.end();
  return text;
}

function fieldsOf(text: string): string[] {
  return text
    .split("\n")
    .slice(1, -1)
    .map((line) => line.trim().replace(/ {2,}/g, " "));
}

describe("a conversation", () => {
  it("looks like this", () => {
    const text = show(
      [hello(), auth("alice", "correct horse"), message(1, "hello"), frame(FRAME_TYPE.STOP)],
      [welcome(), frame(0x9c, new Uint8Array(14)), refused(1, 2000, 2), frame(0x21, unsigned(1, 8))],
    );
    expect(text).toBe(`\
     1.5 ms  →  HELLO         4.1   00 00 00 10 01  length 16, type 0x01
                magic             54 61 6c 6b 42 79 74 65  "TalkByte"
                min-version       1
                max-version       1
                agent             "test"
     3.0 ms  →  AUTH          4.3   00 00 00 1f 03  length 31, type 0x03
                mechanism         "PASSWORD"
                username          "alice"
                mechanism-data    •••• (13 bytes)
     4.5 ms  →  MESSAGE       4.8   00 00 00 0a 10  length 10, type 0x10
                id                1
                payload           "hello"
     6.0 ms  →  STOP          4.12  00 00 00 01 20  length 1, type 0x20
     7.5 ms  ←  WELCOME       4.2   00 00 00 1d 02  length 29, type 0x02
                version           1
                agent             "peer"
                max-frame-bytes   1048581
                max-under-way     256
                idle-timeout-ms   300000
                mechanisms        1
                – name            "PASSWORD"
                – parameters      empty
     9.0 ms  ←  extension     3.4   00 00 00 0f 9c  length 15, type 0x9c
                skipped           14 bytes
    10.5 ms  ←  REFUSED       4.7   00 00 00 07 07  length 7, type 0x07
                reason            bad-credentials (1)
                retry-after-ms    2000
                tries-left        2
    12.0 ms  ←  STOPPED       4.13  00 00 00 09 21  length 9, type 0x21
                accepted          1
`);
  });

  it("looks the same however it is cut", () => {
    const frames = [
      hello(),
      auth(),
      message(7, "a".repeat(5000)),
      frame(0x80),
      frame(0xff, new Uint8Array(300)),
      frame(0x20),
    ];
    const whole = concat(...frames);
    const expected = show([whole]);
    expect(show(frames)).toBe(expected);
    expect(show(Array.from(whole, (byte) => Uint8Array.of(byte)))).toBe(expected);
    for (let at = 1; at < 200; at++) expect(show([whole.subarray(0, at), whole.subarray(at)])).toBe(expected);
  });

  it.each(Object.keys(FRAME_TYPE) as FrameName[])("names %s and its section, even without a body", (name) => {
    const text = show([frame(FRAME_TYPE[name])]);
    expect(text).toMatch(new RegExp(`→ {2}${name} +${FRAME_SHAPE[name].section} `));
    expect(text.includes("malformed")).toBe(FRAME_SHAPE[name].fields.length > 0);
  });

  it("is coloured when asked to", () => {
    const text = show([auth()], [errorFrame(1, "oops")], { colors: true });
    expect(text).toContain("\u001b[1;36m→\u001b[0m");
    expect(text).toContain("\u001b[33m•••• (");
    expect(text).toContain("\u001b[1;31mERROR");
  });
});

describe("values", () => {
  it.each([
    ["an empty payload", message(1, ""), "payload empty"],
    ["bytes that are no text", message(1, Uint8Array.of(0xff, 1)), "payload ff 01 (2 bytes)"],
    [
      "many bytes that are no text",
      message(1, new Uint8Array(99).fill(0xff)),
      `payload ${"ff ".repeat(16)}… (99 bytes)`,
    ],
    ["a long text", message(1, "x".repeat(60)), `payload "${"x".repeat(56)}"… (60 bytes)`],
    [
      "a text longer than what is kept, cut in a character",
      message(1, "é".repeat(4000)),
      `payload "${"é".repeat(56)}"… (8000 bytes)`,
    ],
    ["control characters", reply(1, "\u001b[2J\r\n\u202e"), String.raw`payload "\x1b[2J\x0d\x0a\u{202e}"`],
    ["an unknown code", refused(77, 0, 0), "reason unknown-77 (77)"],
    ["a GOAWAY", frame(0x22, Uint8Array.of(1), unsigned(5000, 4)), "reason shutdown (1)"],
    ["a PING", frame(0x12, Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7)), "data 00 01 02 03 04 05 06 07"],
    [
      "an agent that is no UTF-8",
      frame(0x01, utf8("TalkByte"), Uint8Array.of(1, 1, 1, 0xff)),
      "agent ff (1 byte)",
    ],
  ])("show %s", (_, bytes, line) => {
    expect(fieldsOf(show([bytes]))).toContain(line);
  });
});

describe("what can't be read", () => {
  it.each([
    ["a body cut short", frame(0x12, Uint8Array.of(1)), "malformed cut short in data"],
    [
      "a list cut short",
      frame(0x02, hex("01 00 00 10 00 05 00 01 00 00 00 01 02 01 41 00 00")),
      "malformed cut short in name",
    ],
    ["bytes behind the last field", frame(0x20, Uint8Array.of(1)), "malformed 1 byte after the last field"],
    [
      "a huge login frame",
      frame(0x02, hex("01 00 00 10 00 05 00 01 00 00 00 01 02 01 41 20 00"), new Uint8Array(9000)),
      "… name is not shown",
    ],
  ])("is told: %s", (_, bytes, line) => {
    expect(fieldsOf(show([bytes]))).toContain(line);
  });

  it.each([
    ["a length of 0", Uint8Array.of(0, 0, 0, 0, 1, 2), /no frame +3\.1 +00 00 00 00 +a frame of length 0/],
    ["a header that ends", Uint8Array.of(0, 0), /no frame +3\.1 +00 00 +the stream ended in a header/],
    [
      "the length of a STOP alone",
      Uint8Array.of(0, 0, 0, 1),
      /no frame +3\.1 +00 00 00 01 +the stream ended in a header/,
    ],
    [
      "HTTP",
      utf8("HTTP/1.1 400"),
      /unknown +3\.3 +48 54 54 50 2f +length 1213486160, type 0x2f\n +unfinished +1213486152 bytes/,
    ],
    [
      "an unfinished message",
      message(1, "hello").subarray(0, 11),
      /payload +"he"… \(5 bytes\)\n +unfinished +3 bytes never came/,
    ],
  ])("is shown at the end: %s", (_, bytes, pattern) => {
    expect(show([], [bytes])).toMatch(pattern);
    expect(show([], [bytes, message(1, "x")], { end: false }).split("\n")).not.toContain("payload");
  });

  it("never keeps more than it shows", () => {
    const trace = new Trace({ write: () => undefined });
    trace.received(hex("ff ff ff ff 11"));
    const chunk = new Uint8Array(1_000_000);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 200; count++) trace.received(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
  });
});

describe("secrets", () => {
  const secret = "swordfish-7";

  it.each([
    ["AUTH", auth("alice", secret)],
    ["RESPONSE", frame(0x05, unsigned(secret.length, 2), utf8(secret))],
    ["AUTH that came back", auth("alice", secret)],
  ])("in %s are hidden, whole or unfinished, in both directions", (_, bytes) => {
    const hexadecimal = Array.from(utf8(secret), (byte) => byte.toString(16)).join(" ");
    for (let length = 1; length <= bytes.length; length++) {
      for (const text of [show([bytes.subarray(0, length)]), show([], [bytes.subarray(0, length)])]) {
        expect(text).not.toContain(secret.slice(0, 3));
        expect(text).not.toContain(hexadecimal.slice(0, 8));
      }
    }
    expect(show([bytes])).toContain("•••• (11 bytes)");
  });
});
