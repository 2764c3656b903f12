// Spec sections 3.2 and 4: every frame against the specification's own bytes, against a second encoder, and
// against every way to break it.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BodyReader, BodyWriter } from "../../src/protocol/body.ts";
import { codeName } from "../../src/protocol/codes.ts";
import { TalkByteError } from "../../src/protocol/error.ts";
import * as login from "../../src/protocol/login-frames.ts";
import { PASSWORD } from "../../src/protocol/mechanism.ts";
import * as session from "../../src/protocol/session-frames.ts";
import { concat, hex, Random, unsigned, utf8 } from "./bytes.ts";
import { CODECS, plain, randomValues } from "./codecs.ts";
import { encodeByTable, FRAMES, layOut, shapeOf, type Field, type FieldValues } from "./field-table.ts";

const NAMES = FRAMES.map(({ name }) => name);
/** A `rest` field takes what is left, so these two have no end to miss; the sessions judge their ids. */
const ENDLESS = ["MESSAGE", "REPLY"];

/** The hex example of each frame in the specification's text. */
const EXAMPLES = new Map(
  Array.from(
    readFileSync(new URL("../../spec/talkbyte.md", import.meta.url), "utf8").matchAll(
      /<!-- generated: frame (\w+) -->[^]*?```\n([^]*?)```/g,
    ),
    ([, name, block]): [string, Uint8Array] => [
      name!,
      concat(...block!.split("\n").map((line) => hex(line.split("  ")[0]!))),
    ],
  ),
);

/** The detail of the `malformed` that a call must throw. */
function malformed(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof TalkByteError && error.code === "malformed") return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function bodyOf(name: string, values: FieldValues): Uint8Array {
  return encodeByTable(name, values).subarray(5);
}

test("the specification shows every frame, and there is a codec for each", () => {
  expect([...EXAMPLES.keys()]).toEqual(NAMES);
  expect(Object.keys(CODECS)).toEqual(NAMES);
});

describe.each(NAMES)("%s", (name) => {
  const codec = CODECS[name]!;
  const { fields, example } = shapeOf(name);
  const body = EXAMPLES.get(name)!.subarray(5);

  test("is encoded as the specification's example", () => {
    expect(codec.encode(example)).toEqual(EXAMPLES.get(name));
    expect(encodeByTable(name, example)).toEqual(EXAMPLES.get(name));
  });

  test("is parsed from the specification's example", () => {
    expect(codec.parse(body)).toEqual(plain(fields, example));
  });

  test("comes back from its encoding, of which there is one", () => {
    const random = new Random(NAMES.indexOf(name));
    for (let round = 0; round < 200; round++) {
      const values = randomValues(name, random);
      const encoded = codec.encode(values);
      expect(encoded).toEqual(encodeByTable(name, values));
      expect(codec.parse(encoded.subarray(5))).toEqual(plain(fields, values));
    }
  });
});

describe.each(NAMES.filter((name) => !ENDLESS.includes(name)))("%s", (name) => {
  const { fields, example } = shapeOf(name);
  const body = EXAMPLES.get(name)!.subarray(5);

  test("is malformed when it is cut short anywhere (TB-FRAME-6)", () => {
    const stretches = layOut(fields, example);
    for (let length = 0; length < body.length; length++) {
      let end = 0;
      const broken = stretches.find(({ bytes }) => (end += bytes.length) > length)!;
      const detail = malformed(() => CODECS[name]!.parse(body.subarray(0, length)));
      expect(detail).toBe(`${name}: cut short in ${broken.field}`);
    }
  });

  test("is malformed with a byte after its last field (TB-FRAME-6)", () => {
    const detail = malformed(() => CODECS[name]!.parse(concat(body, Uint8Array.of(0))));
    expect(detail).toBe(`${name}: 1 bytes after the last field`);
  });
});

const FIELDS = FRAMES.flatMap(({ name, fields, example }) =>
  fields.map((field): [string, string, Field, FieldValues] => [name, field.name, field, example]),
);

test.each(FIELDS.filter(([, , { type }]) => type === "string8"))(
  "%s is malformed when its %s is not UTF-8 (TB-FRAME-7)",
  (name, field, _, example) => {
    const detail = malformed(() =>
      CODECS[name]!.parse(bodyOf(name, { ...example, [field]: hex("41 c0 af") })),
    );
    expect(detail).toBe(`${name}: ${field} is not valid UTF-8`);
  },
);

test.each(FIELDS.filter(([, , field, example]) => outOfBounds(field, example).length > 0))(
  "%s is malformed when its %s is out of bounds (TB-FRAME-6)",
  (name, field, shape, example) => {
    for (const wrong of outOfBounds(shape, example)) {
      const values = { ...example, ...wrong };
      expect(malformed(() => CODECS[name]!.parse(bodyOf(name, values)))).toBe(
        `${name}: ${field} is out of bounds`,
      );
      expect(() => CODECS[name]!.encode(values)).toThrow(RangeError);
    }
  },
);

/** The example with this field just outside each of its bounds. */
function outOfBounds({ name, type, min, max }: Field, example: FieldValues): FieldValues[] {
  const make = (amount: number): FieldValues => {
    if (type === "string8") return { [name]: "A".repeat(amount) };
    if (type === "list8") {
      const [group] = example[name] as readonly FieldValues[];
      return { [name]: Array.from({ length: amount }, (_, at) => ({ ...group!, name: `M${at}` })) };
    }
    return { [name]: amount };
  };
  const low = min === undefined || min === 0 ? [] : [make(min - 1)];
  return max === undefined ? low : [...low, make(max + 1)];
}

describe("UTF-8", () => {
  const hello = (agent: Uint8Array): Uint8Array =>
    bodyOf("HELLO", { "min-version": 1, "max-version": 1, agent });

  test.each([
    ["overlong, 2 bytes", "c0 80"],
    ["overlong, 3 bytes", "e0 80 af"],
    ["overlong, 4 bytes", "f0 80 80 af"],
    ["lowest surrogate", "ed a0 80"],
    ["highest surrogate", "ed bf bf"],
    ["surrogate pair", "ed a0 bd ed b8 80"],
    ["above U+10FFFF", "f4 90 80 80"],
    ["five bytes", "f8 88 80 80 80"],
    ["cut short after 1 of 2", "c3"],
    ["cut short after 3 of 4", "f0 9f 98"],
    ["lone continuation", "80"],
    ["never legal", "ff"],
  ])("refuses the form: %s (TB-FRAME-7)", (_, form) => {
    for (const bytes of [hex(form), concat(utf8("ok "), hex(form), utf8(" ok"))]) {
      expect(malformed(() => login.parseHello(hello(bytes)))).toBe("HELLO: agent is not valid UTF-8");
    }
    expect(malformed(() => PASSWORD.checkAuthData(hex(form)))).toBe("AUTH: not a password");
  });

  test("keeps what is legal, byte order marks and controls included", () => {
    for (const text of ["\u{feff}a", "a\u{feff}", "\u0000\n\u001b", "\u{10ffff}\ud7ff\ue000", "e\u0301"]) {
      expect(login.parseHello(hello(utf8(text))).agent).toBe(text);
    }
  });
});

describe("names", () => {
  const auth = (values: FieldValues): (() => unknown) => {
    const body = bodyOf("AUTH", {
      mechanism: "PASSWORD",
      username: "alice",
      "mechanism-data": "x",
      ...values,
    });
    return () => login.parseAuth(body);
  };

  test("a mechanism name has letters, digits and hyphens alone", () => {
    for (const mechanism of ["password", "PASS WORD", "PASS_WORD", "PÄSS", "A\n", "\u{feff}A"]) {
      expect(malformed(auth({ mechanism }))).toBe("AUTH: mechanism is not a mechanism name");
      const mechanismData = new Uint8Array(0);
      expect(() => login.encodeAuth({ mechanism, username: "a", mechanismData })).toThrow(RangeError);
    }
    expect(auth({ mechanism: "SCRAM-SHA-256" })).not.toThrow();
  });

  test("a username has bytes from 0x21 to 0x7E alone", () => {
    for (const username of ["al ice", "alicé", "alice\n", "\u007f", "\u0000"]) {
      expect(malformed(auth({ username }))).toBe("AUTH: username is not a username");
      const mechanismData = new Uint8Array(0);
      expect(() => login.encodeAuth({ mechanism: "A", username, mechanismData })).toThrow(RangeError);
    }
    expect(auth({ username: "!~" })).not.toThrow();
  });

  test("WELCOME names a mechanism once (TB-WELCOME-4) and none that is ill-formed", () => {
    const { example } = shapeOf("WELCOME");
    const body = (...names: string[]): Uint8Array =>
      bodyOf("WELCOME", { ...example, mechanisms: names.map((name) => ({ name, parameters: "" })) });
    expect(malformed(() => login.parseWelcome(body("A", "B", "A")))).toBe("WELCOME: names a mechanism twice");
    expect(malformed(() => login.parseWelcome(body("A", "b")))).toBe("WELCOME: name is not a mechanism name");
    expect(malformed(() => login.parseWelcome(body("A", "")))).toBe("WELCOME: name is out of bounds");
  });
});

test("HELLO needs its magic", () => {
  const body = EXAMPLES.get("HELLO")!.slice(5);
  for (let at = 0; at < 8; at++) {
    const wrong = body.slice();
    wrong[at]! ^= 0x20;
    expect(malformed(() => login.parseHello(wrong))).toBe("HELLO: wrong magic");
  }
});

test.each(["HELLO", "ERROR"])("%s is malformed with min-version above max-version (TB-HELLO-2)", (name) => {
  const { example } = shapeOf(name);
  const body = bodyOf(name, { ...example, "min-version": 3, "max-version": 2 });
  expect(malformed(() => CODECS[name]!.parse(body))).toBe(`${name}: min-version is above max-version`);
});

test("a code that is not known keeps its number (TB-REFUSED-5, TB-END-14, TB-ERROR-4)", () => {
  expect(login.parseRefused(hex("63 00000000 01")).reason).toBe("unknown-99");
  expect(login.parseRefused(hex("00 00000000 01")).reason).toBe("unknown-0");
  expect(session.parseGoaway(hex("ff 00000000")).reason).toBe("unknown-255");
  expect(session.parseError(hex("0c 01 02 00")).code).toBe("unknown-12");
  expect(codeName({ toString: 3 }, 3)).toBe("toString");
});

test("u64 is read in full", () => {
  expect(session.parseStopped(hex("001fffffffffffff"))).toBe(Number.MAX_SAFE_INTEGER);
  expect(session.parseStopped(hex("ffffffffffffffff"))).toBe(2 ** 64);
});

describe("a caller's mistake is a RangeError", () => {
  const refused = { reason: "busy", retryAfterMs: 0, triesLeft: 0 } as const;
  const versions = { min: 1, max: 1 };
  const none = new Uint8Array(0);

  test.each<[string, () => unknown]>([
    ["below zero", () => login.encodeRefused({ ...refused, triesLeft: -1 })],
    ["over a u8", () => login.encodeRefused({ ...refused, triesLeft: 256 })],
    ["over a u32", () => login.encodeRefused({ ...refused, retryAfterMs: 2 ** 32 })],
    ["not whole", () => login.encodeRefused({ ...refused, retryAfterMs: 0.5 })],
    ["not a number", () => login.encodeRefused({ ...refused, retryAfterMs: Number.NaN })],
    ["not exact", () => session.encodeStopped(2 ** 53)],
    ["a text of 256 bytes", () => login.encodeHello({ versions, agent: "ä".repeat(128) })],
    [
      "a detail of 256 bytes",
      () => session.encodeError({ code: "internal", versions, detail: "x".repeat(256) }),
    ],
    ["65,536 bytes", () => login.encodeChallenge(new Uint8Array(65_536))],
    ["a frame over the login limit (TB-LIMIT-1)", () => login.encodeChallenge(new Uint8Array(4094))],
    [
      "a session id of 15 bytes",
      () => login.encodeAuthenticated({ sessionId: new Uint8Array(15), mechanismData: none }),
    ],
    ["ping data of 7 bytes", () => session.encodePing(new Uint8Array(7))],
    ["pong data of 9 bytes", () => session.encodePong(new Uint8Array(9))],
    ["min-version above max-version", () => login.encodeHello({ versions: { min: 2, max: 1 }, agent: "" })],
    [
      "a mechanism twice",
      () => {
        const offer = { name: "A", parameters: none };
        const limits = { maxFrameBytes: 4096, maxUnderWay: 1, idleTimeoutMs: 1 };
        login.encodeWelcome({ version: 1, agent: "", ...limits, mechanisms: [offer, offer] });
      },
    ],
  ])("%s", (_, call) => {
    expect(call).toThrow(RangeError);
  });

  test("the largest login frame is none", () => {
    expect(login.encodeChallenge(new Uint8Array(4093)).subarray(0, 4)).toEqual(unsigned(4096, 4));
  });
});

test("a body is read and written field by field, bounds of every width", () => {
  const bytes = new BodyWriter(0x7f).u8(1).u16(0x0203).u32(0x0405_0607).u64(0x08_090a_0b0c).frame();
  expect(bytes).toEqual(hex("00000010 7f 01 0203 04050607 000000 08090a0b0c"));
  const reader = new BodyReader("X", bytes.subarray(5));
  expect([reader.u8("a"), reader.u16("b"), reader.u32("c"), reader.u64("d")]).toEqual([
    1, 0x0203, 0x0405_0607, 0x08_090a_0b0c,
  ]);
  reader.end();
});

describe("PASSWORD", () => {
  test("takes 1 to 1,024 bytes of UTF-8 (TB-PASSWORD-1)", () => {
    for (const length of [1, 1024]) PASSWORD.checkAuthData(new Uint8Array(length).fill(0x61));
    for (const length of [0, 1025]) {
      const data = new Uint8Array(length).fill(0x61);
      expect(malformed(() => PASSWORD.checkAuthData(data))).toBe("AUTH: not a password");
    }
  });
});
