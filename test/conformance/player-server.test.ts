// The player against a server under test, over the simulated link: what holds and what does not.

import { describe, expect, it } from "vitest";
import { concat, fromHex, toHex, utf8 } from "../../src/conformance/wire/bytes.ts";
import { fieldContent } from "../../src/conformance/wire/frames.ts";
import type { Link } from "../../src/conformance/play/link.ts";
import { simulateLink } from "../../src/conformance/play/simulated-link.ts";
import { bytesFrom } from "../../src/conformance/play/stage.ts";
import { serverLogin } from "./exchange-text.ts";
import { errorFrame, fakeServer, frame, rawFrame, u32, u64, welcome } from "./fakes.ts";
import type { FakeOptions } from "./fakes.ts";
import { hello, playServer } from "./play-server.ts";

describe("pass", () => {
  it("plays login, echo and stop, in every segmentation", async () => {
    const steps = `${serverLogin}
- C: { MESSAGE: { payload: { repeat: "61", times: 100000 } } }
- S: { REPLY: { id: 1, payload: { repeat: "61", times: 100000 } } }
- C: { STOP: $any }
- S: { STOPPED: { accepted: 1 } }
- S: end`;
    for (const segmentation of ["whole", "every-byte", "random-cuts"] as const) {
      const result = await playServer(steps, {}, { segmentation, seed: 42 });
      expect(result).toMatchObject({ verdict: "pass", reason: "", line: undefined, segmentation, seed: 42 });
      expect(result.transcript.map((entry) => `${entry.from} ${entry.kind}`)).toContain("S end");
      expect(bytesFrom(result.transcript, "C").length).toBeGreaterThan(100_000);
    }
  });

  it("holds captures to their refs, and counts repeats", async () => {
    const steps = `${serverLogin}
- C: [{ repeat: 300, of: { MESSAGE: { payload: x } } }]
- S: [{ repeat: 300, of: { REPLY: { id: { count: 1 }, payload: x } } }]
- C: { MESSAGE: { id: { capture: id }, payload: { capture: body } } }
- S: { REPLY: { id: { ref: id }, payload: { ref: body } } }
- C: [{ MESSAGE: { id: 7 } }, { STOP: $any }, end]
- S: [{ REPLY: { id: 7 } }, { STOPPED: { accepted: 302 } }, end]`;
    expect(await playServer(steps)).toMatchObject({ verdict: "pass" });
    const swapped: FakeOptions = {
      on: { MESSAGE: (_reading, wire) => wire.send(frame("REPLY", u32(5), utf8("x"))) },
    };
    expect(await playServer(steps, swapped)).toMatchObject({
      verdict: "fail",
      reason: "REPLY: id, from offset 8 of the frame on, should be 01, but is 05",
    });
  });

  it("passes over extension frames and answers PING", async () => {
    const chatty: FakeOptions = {
      on: {
        MESSAGE(reading, wire) {
          wire.send(rawFrame(0x85, utf8("noise")));
          wire.send(frame("PING", fromHex("0102030405060708")));
          wire.send(frame("REPLY", fieldContent(reading, "id") ?? u32(0), utf8("x")));
        },
        PONG: () => undefined,
      },
    };
    const steps = `${serverLogin}\n- C: { MESSAGE: { payload: x } }\n- S: { REPLY: { payload: x } }`;
    const result = await playServer(steps, chatty);
    expect(result.verdict).toBe("pass");
    expect(toHex(bytesFrom(result.transcript, "C"))).toContain(
      toHex(frame("PONG", fromHex("0102030405060708"))),
    );
  });

  it("sends raw, cut, altered and extension steps as they are", async () => {
    const steps = `
- C: { cut: { HELLO: $any }, bytes: 3 }
- C: { cut: { HELLO: $any }, from: 3, bytes: 4 }
- C: { cut: { HELLO: $any }, from: 7 }
- S: { WELCOME: $any }
- C: { extension: { type: 0x80, length: 6 } }
- C: [{ altered: { STOP: $any }, add: "aabb" }, { altered: { PING: $any }, drop: 7 }, { raw: "01" }]
  illegal: true
- C: { cut: { PING: $any }, bytes: -8 }
- S: quiet
  for: 5`;
    const result = await playServer(steps, { on: { STOP: () => undefined, PING: () => undefined } });
    expect(result.verdict).toBe("pass");
    const sent = toHex(bytesFrom(result.transcript, "C"));
    const helloBytes = toHex(
      frame("HELLO", utf8("TalkByte"), fromHex("0101"), fromHex("0b"), utf8("conformance")),
    );
    expect(sent).toBe(
      [helloBytes, "00000006800506070809", "0000000320aabb", "000000021200", "01", "0000000912"].join(""),
    );
  });

  it("compares computed values by name", async () => {
    const steps = `${hello}- S: { WELCOME: { agent: { computed: name } } }`;
    const compute = { name: (): Uint8Array => utf8("fake") };
    expect(await playServer(steps, {}, { compute })).toMatchObject({ verdict: "pass" });
    const other = { name: (): Uint8Array => utf8("fork") };
    expect(await playServer(steps, {}, { compute: other })).toMatchObject({ verdict: "fail" });
  });
});

describe("closes", () => {
  const steps = '- C: { raw: "00000000" }\n  illegal: true\n- S: { closes: malformed }';
  const zero = (react: NonNullable<FakeOptions["on"]>[string]): FakeOptions => ({ on: { zero: react } });

  it.each([
    ["error", "pass", zero((_reading, wire) => (wire.send(errorFrame(1)), wire.end()))],
    ["error", "pass", zero((_reading, wire) => (wire.send(errorFrame(1)), wire.reset()))],
    ["end", "warn", zero((_reading, wire) => wire.end())],
    ["reset", "warn", zero((_reading, wire) => wire.reset())],
    ["reset", "warn", zero((_reading, wire) => (wire.send(fromHex("0000")), wire.reset()))],
  ])("takes the branch %s, and gives %s", async (name, verdict, fake) => {
    expect(await playServer(steps, fake)).toMatchObject({
      verdict,
      branches: [{ name, advisedAgainst: name !== "error" }],
    });
  });

  it.each([
    ["another code", "ERROR code=timeout", zero((_reading, wire) => (wire.send(errorFrame(8)), wire.end()))],
    ["a code that isn't defined", "malformed ERROR", zero((_reading, wire) => wire.send(errorFrame(77)))],
    ["no end after ERROR", "after ERROR malformed", zero((_reading, wire) => wire.send(errorFrame(1)))],
    [
      "a frame after ERROR",
      "STOPPED",
      zero((_reading, wire) => wire.send(concat([errorFrame(1), frame("STOPPED", u64(0))]))),
    ],
    [
      "an extension after ERROR",
      "after ERROR",
      zero((_reading, wire) => wire.send(concat([errorFrame(1), rawFrame(0x80)]))),
    ],
    ["another frame", "got WELCOME", zero((_reading, wire) => wire.send(welcome()))],
    ["nothing", "nothing in time", zero(() => undefined)],
    [
      "an end inside a frame",
      "inside a frame",
      zero((_reading, wire) => (wire.send(fromHex("00")), wire.end())),
    ],
    [
      "an ERROR with bytes after it",
      "malformed ERROR",
      zero((_reading, wire) => wire.send(rawFrame(0x23, fromHex("0101010000")))),
    ],
  ])("is not satisfied by %s", async (_name, reason, fake) => {
    const result = await playServer(steps, fake);
    expect(result).toMatchObject({ verdict: "fail", line: 7 });
    expect(result.reason).toContain(reason);
  });
});

it("answers a PING in a quiet time", async () => {
  const pinging: FakeOptions = {
    on: { STOP: (_r, wire) => wire.send(frame("PING", new Uint8Array(8))), PONG: () => undefined },
  };
  const steps = `${serverLogin}- C: { STOP: $any }\n- S: quiet\n  for: 10`;
  expect(await playServer(steps, pinging)).toMatchObject({ verdict: "pass" });
});

describe("fail", () => {
  it.each([
    ["another frame", `${hello}- S: { PONG: $any }`, {}, "expected PONG, but got WELCOME"],
    [
      "silence",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: () => undefined } },
      "expected WELCOME, but got nothing in time",
    ],
    [
      "an end where a frame is due",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: (_r, wire) => wire.end() } },
      "got end of stream",
    ],
    [
      "a reset where a frame is due",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: (_r, wire) => wire.reset() } },
      "got a reset",
    ],
    [
      "a reset where an end is due",
      `${hello}- S: end`,
      { on: { HELLO: (_r, wire) => wire.reset() } },
      "expected end of stream, but got a reset",
    ],
    [
      "an end where a reset is due",
      `${hello}- S: reset`,
      { on: { HELLO: (_r, wire) => wire.end() } },
      "expected a reset, but got end of stream",
    ],
    [
      "an end inside a frame",
      `${hello}- S: end`,
      { on: { HELLO: (_r, wire) => (wire.send(fromHex("0000")), wire.end()) } },
      "inside a frame",
    ],
    [
      "an end inside a frame where closed is due",
      `${hello}- S: closed`,
      { on: { HELLO: (_r, wire) => (wire.send(fromHex("0000")), wire.end()) } },
      "inside a frame",
    ],
    [
      "a frame in a quiet time",
      `${hello}- S: quiet\n  for: 10`,
      {},
      "expected nothing for 10 ms, but got WELCOME",
    ],
    [
      "a malformed frame",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: (_r, wire) => wire.send(rawFrame(2, fromHex("01"))) } },
      "a malformed WELCOME",
    ],
    [
      "an undefined type",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: (_r, wire) => wire.send(rawFrame(0x70)) } },
      "type 0x70",
    ],
    [
      "a frame over the limit",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: (_r, wire) => wire.send(fromHex("00001001")) } },
      "over the limit in force of 4096",
    ],
    [
      "an extension before WELCOME",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: (_r, wire) => wire.send(concat([rawFrame(0x80), welcome()])) } },
      "an extension frame before WELCOME",
    ],
    [
      "a PING before login",
      `${hello}- S: { WELCOME: $any }`,
      { on: { HELLO: (_r, wire) => wire.send(concat([frame("PING", new Uint8Array(8)), welcome()])) } },
      "got PING",
    ],
    [
      "a PING in a quiet time, where PING is asked for later",
      `${serverLogin}- C: { STOP: $any }\n- S: quiet\n  for: 10\n- S: { PING: $any }`,
      { on: { STOP: (_r, wire) => wire.send(frame("PING", new Uint8Array(8))) } },
      "got PING",
    ],
  ] as [string, string, FakeOptions, string][])("names %s", async (_name, steps, fake, reason) => {
    const result = await playServer(steps, fake);
    expect(result.reason).toContain(reason);
    expect(result.verdict).toBe("fail");
    expect(result.line).toBeGreaterThan(0);
  });

  it("moves the limit after AUTHENTICATED", async () => {
    const large = `${serverLogin}- C: { MESSAGE: $any }\n- S: { REPLY: { payload: { repeat: "00", times: 1048576 } } }`;
    const reply = (length: number): FakeOptions => ({
      on: { MESSAGE: (_reading, wire) => wire.send(frame("REPLY", u32(1), new Uint8Array(length))) },
    });
    expect(await playServer(large, reply(1_048_576))).toMatchObject({ verdict: "pass" });
    expect((await playServer(large, reply(1_048_577))).reason).toContain(
      "over the limit in force of 1048581",
    );
  });
});

describe("a runner that sends slowly", () => {
  const steps = `${serverLogin}\n- C: { MESSAGE: { payload: x } }\n- S: { REPLY: { payload: x } }`;
  /** A link on which each write takes so long. */
  const slowLink = (options: FakeOptions, writeMs: number): Link => {
    const link = simulateLink(fakeServer(options));
    let lateMs = 0;
    return {
      ...link,
      now: () => link.now() + lateMs,
      send(bytes, timeoutMs) {
        lateMs += writeMs;
        return link.send(bytes, timeoutMs);
      },
    };
  };
  const gone: FakeOptions = { on: { MESSAGE: (_reading, wire) => wire.send(errorFrame(8)) } };

  it.each([
    ["blames nobody for a server that went away meanwhile", gone, 11_000, "inconclusive"],
    ["blames the server where it was fast enough", gone, 9000, "fail"],
    [
      "blames the server for a wrong answer all the same",
      { on: { MESSAGE: (_reading, wire) => wire.send(frame("REPLY", u32(1), utf8("y"))) } },
      11_000,
      "fail",
    ],
  ] as [string, FakeOptions, number, string][])("%s", async (_, options, writeMs, verdict) => {
    const link = slowLink(options, writeMs);
    expect((await playServer(steps, {}, { link })).verdict).toBe(verdict);
  });
});
