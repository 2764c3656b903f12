import { describe, expect, it } from "vitest";
import { annotate, summarize } from "../../src/conformance/wire/annotate.ts";
import { concat, fromHex, toHex, utf8 } from "../../src/conformance/wire/bytes.ts";
import { createSplitter, readFrame } from "../../src/conformance/wire/frames.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";
import { bytes16, errorFrame, frame, rawFrame, string8, u16, u32, u8, welcome } from "./fakes.ts";

const hello = frame("HELLO", utf8("TalkByte"), u8(1), u8(1), string8("x"));

describe("the splitter", () => {
  it("gives the same frames however the bytes are cut", () => {
    const stream = concat([hello, fromHex("00000000"), welcome(), frame("STOP")]);
    for (const size of [1, 2, 3, 7, stream.length]) {
      const splitter = createSplitter(4096);
      const frames: string[] = [];
      for (let offset = 0; offset < stream.length; offset += size) {
        splitter.push(stream.subarray(offset, offset + size), offset);
        for (let split = splitter.next(); split !== undefined; split = splitter.next())
          frames.push(toHex(split.bytes));
      }
      expect(frames).toEqual([hello, fromHex("00000000"), welcome(), frame("STOP")].map(toHex));
      expect(splitter.partial()).toHaveLength(0);
    }
  });

  it("dates a frame by the arrival of its last byte", () => {
    const splitter = createSplitter(4096);
    splitter.push(hello.subarray(0, 9), 10);
    expect(splitter.next()).toBeUndefined();
    expect(toHex(splitter.partial())).toBe(toHex(hello.subarray(0, 9)));
    splitter.push(hello.subarray(9), 20);
    expect(splitter.next()?.at).toBe(20);
  });

  it("tells a frame over the limit from its four length bytes", () => {
    const splitter = createSplitter(4096);
    splitter.push(fromHex("00001001"), 5);
    expect(splitter.next()).toMatchObject({ kind: "oversize", length: 4097 });
  });
});

describe("readFrame", () => {
  it.each([
    ["a sound frame", hello, []],
    ["an extension frame", rawFrame(0x80, utf8("whatever")), []],
    ["length 0", fromHex("00000000"), ["length"]],
    ["an undefined type", rawFrame(0x7f), ["type"]],
    ["a body cut short", frame("PING", new Uint8Array(7)), ["data"]],
    ["bytes after the last field", frame("STOP", u8(0)), [""]],
    ["another magic", frame("HELLO", utf8("TalkBite"), u8(1), u8(1), string8("")), ["magic"]],
    ["a version below 1", frame("HELLO", utf8("TalkByte"), u8(0), u8(1), string8("")), ["min-version"]],
    ["versions upside down", frame("HELLO", utf8("TalkByte"), u8(3), u8(2), string8("")), ["min-version"]],
    ["a string that is no UTF-8", frame("ERROR", u8(1), u8(1), u8(1), u8(1), u8(0xff)), ["detail"]],
    ["a code that isn't defined", errorFrame(200), ["code"]],
    ["a username with a space", frame("AUTH", string8("PASSWORD"), string8("a b"), u16(0)), ["username"]],
    ["a mechanism in lower case", frame("AUTH", string8("password"), string8("a"), u16(0)), ["mechanism"]],
    ["an empty username", frame("AUTH", string8("PASSWORD"), string8(""), u16(0)), ["username"]],
  ])("finds the faults of %s", (_name, bytes, paths) => {
    expect(readFrame(wireTable(), bytes).faults.map((fault) => fault.path)).toEqual(paths);
  });

  it("finds a mechanism that is named twice", () => {
    const twice = frame(
      "WELCOME",
      u8(1),
      string8(""),
      u32(4096),
      u16(1),
      u32(1),
      u8(2),
      string8("A"),
      u16(0),
      string8("A"),
      u16(0),
    );
    expect(readFrame(wireTable(), twice).faults).toMatchObject([{ path: "mechanisms[1].name" }]);
  });
});

describe("annotate", () => {
  const auth = frame("AUTH", string8("PASSWORD"), string8("alice"), bytes16(utf8("hunter22")));

  it("names every field beside its bytes", () => {
    expect(annotate(wireTable(), hello)).toEqual([
      "     0  0000000d              length 13",
      "     4  01                    type HELLO",
      '     5  54616c6b42797465      magic = "TalkByte"',
      "    13  01                    min-version = 1",
      "    14  01                    max-version = 1",
      '    15  01 78                 agent = "x"',
    ]);
    expect(annotate(wireTable(), rawFrame(0x90, u8(1))).at(-1)).toContain("body");
    expect(annotate(wireTable(), frame("STOP", u8(0))).at(-1)).toContain("bytes after the last field");
  });

  it("leaves secrets out unless asked for them", () => {
    expect(annotate(wireTable(), auth).join("\n")).not.toContain("hunter22");
    expect(annotate(wireTable(), auth).join("\n")).not.toContain(toHex(utf8("hunter22")));
    expect(annotate(wireTable(), auth, { secrets: true }).join("\n")).toContain("hunter22");
    expect(summarize(wireTable(), auth)).toBe(
      'AUTH mechanism="PASSWORD" username="alice" mechanism-data=(secret, 8 bytes)',
    );
  });

  it("keeps control characters off the terminal, and long payloads short", () => {
    const reply = frame("REPLY", u32(1), utf8("\u001b[2J"));
    expect(summarize(wireTable(), reply)).toBe("REPLY id=1 payload=1b5b324a");
    expect(summarize(wireTable(), frame("REPLY", u32(1), new Uint8Array(5000)))).toContain("(5000 bytes)");
    expect(summarize(wireTable(), errorFrame(1))).toContain("code=malformed");
    expect(summarize(wireTable(), fromHex("00000000"))).toBe("frame of length 0");
    expect(summarize(wireTable(), rawFrame(0x7f))).toBe("undefined type 0x7f");
    // A later version may send such a code.
    expect(summarize(wireTable(), errorFrame(77))).toMatch(/^ERROR code=77 .* \(unknown code\)$/);
    expect(summarize(wireTable(), rawFrame(0x23, fromHex("4d01")))).toMatch(
      /\(unknown code\) \(malformed\)$/,
    );
    expect(summarize(wireTable(), rawFrame(0x80, u8(1)))).toBe("extension frame 0x80 of 1 bytes");
  });
});
