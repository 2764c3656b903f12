// Every frame's encode and parse behind one shape, by the field names of spec/wire.json, so that one test can
// hold for all of them; and random values for every frame.

import { Decoder } from "../../src/protocol/decoder.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import * as login from "../../src/protocol/login-frames.ts";
import { PayloadView } from "../../src/protocol/payload.ts";
import * as session from "../../src/protocol/session-frames.ts";
import { LIMIT } from "../../src/protocol/wire.ts";
import wire from "../../spec/wire.json" with { type: "json" };
import { concat, frame, toHex, type Random } from "./bytes.ts";
import { bytesOf, shapeOf, type Field, type FieldValue, type FieldValues } from "./field-table.ts";

/** What a parsed field is compared as: numbers and texts as they are, bytes in hex. */
export type Plain = number | string | readonly { readonly [field: string]: Plain }[];
export type PlainValues = Readonly<Record<string, Plain>>;

export interface Codec {
  encode(values: FieldValues): Uint8Array;
  parse(body: Uint8Array): PlainValues;
}

const number = (value: FieldValue | undefined): number => value as number;
const text = (value: FieldValue | undefined): string => value as string;
const bytes = (value: FieldValue | undefined): Uint8Array => bytesOf(value!);
const versions = (values: FieldValues): login.VersionRange => ({
  min: number(values["min-version"]),
  max: number(values["max-version"]),
});

/** MESSAGE and REPLY have no function of their own: FrameWriter writes them and Decoder reads them. */
function messageCodec(type: number): Codec {
  return {
    encode: (values) => {
      const out = new FrameWriter();
      out.message(type, number(values["id"]), bytes(values["payload"]));
      return concat(...out.take());
    },
    parse: (body) => {
      const decoder = new Decoder(LIMIT.maxFrameBytesHighest);
      decoder.push(frame(type, body));
      if (!decoder.next()) throw new Error("the frame is whole");
      return { id: decoder.bodyId(), payload: toHex(decoder.payloadInto(new PayloadView()).bytes) };
    },
  };
}

function dataCodec(
  field: string,
  encode: (data: Uint8Array) => Uint8Array,
  parse: (body: Uint8Array) => Uint8Array,
): Codec {
  return {
    encode: (values) => encode(bytes(values[field])),
    parse: (body) => ({ [field]: toHex(parse(body)) }),
  };
}

export const CODECS: Readonly<Record<string, Codec>> = {
  HELLO: {
    encode: (values) => login.encodeHello({ versions: versions(values), agent: text(values["agent"]) }),
    parse: (body) => {
      const hello = login.parseHello(body);
      return { "min-version": hello.versions.min, "max-version": hello.versions.max, agent: hello.agent };
    },
  },
  WELCOME: {
    encode: (values) =>
      login.encodeWelcome({
        version: number(values["version"]),
        agent: text(values["agent"]),
        maxFrameBytes: number(values["max-frame-bytes"]),
        maxUnderWay: number(values["max-under-way"]),
        idleTimeoutMs: number(values["idle-timeout-ms"]),
        mechanisms: (values["mechanisms"] as readonly FieldValues[]).map(({ name, parameters }) => ({
          name: text(name),
          parameters: bytes(parameters),
        })),
      }),
    parse: (body) => {
      const welcome = login.parseWelcome(body);
      return {
        version: welcome.version,
        agent: welcome.agent,
        "max-frame-bytes": welcome.maxFrameBytes,
        "max-under-way": welcome.maxUnderWay,
        "idle-timeout-ms": welcome.idleTimeoutMs,
        mechanisms: welcome.mechanisms.map(({ name, parameters }) => ({
          name,
          parameters: toHex(parameters),
        })),
      };
    },
  },
  AUTH: {
    encode: (values) =>
      login.encodeAuth({
        mechanism: text(values["mechanism"]),
        username: text(values["username"]),
        mechanismData: bytes(values["mechanism-data"]),
      }),
    parse: (body) => {
      const auth = login.parseAuth(body);
      return {
        mechanism: auth.mechanism,
        username: auth.username,
        "mechanism-data": toHex(auth.mechanismData),
      };
    },
  },
  CHALLENGE: dataCodec("mechanism-data", login.encodeChallenge, login.parseChallenge),
  RESPONSE: dataCodec("mechanism-data", login.encodeResponse, login.parseResponse),
  AUTHENTICATED: {
    encode: (values) =>
      login.encodeAuthenticated({
        sessionId: bytes(values["session-id"]),
        mechanismData: bytes(values["mechanism-data"]),
      }),
    parse: (body) => {
      const { sessionId, mechanismData } = login.parseAuthenticated(body);
      return { "session-id": toHex(sessionId), "mechanism-data": toHex(mechanismData) };
    },
  },
  REFUSED: {
    encode: (values) =>
      login.encodeRefused({
        reason: values["reason"] as "busy",
        retryAfterMs: number(values["retry-after-ms"]),
        triesLeft: number(values["tries-left"]),
      }),
    parse: (body) => {
      const { reason, retryAfterMs, triesLeft } = login.parseRefused(body);
      return { reason, "retry-after-ms": retryAfterMs, "tries-left": triesLeft };
    },
  },
  MESSAGE: messageCodec(0x10),
  REPLY: messageCodec(0x11),
  PING: dataCodec("data", session.encodePing, session.parsePing),
  PONG: dataCodec("data", session.encodePong, session.parsePong),
  STOP: {
    encode: () => session.encodeStop(),
    parse: (body) => {
      session.parseStop(body);
      return {};
    },
  },
  STOPPED: {
    encode: (values) => session.encodeStopped(number(values["accepted"])),
    parse: (body) => ({ accepted: session.parseStopped(body) }),
  },
  GOAWAY: {
    encode: (values) =>
      session.encodeGoaway({ reason: values["reason"] as "shutdown", drainMs: number(values["drain-ms"]) }),
    parse: (body) => {
      const { reason, drainMs } = session.parseGoaway(body);
      return { reason, "drain-ms": drainMs };
    },
  },
  ERROR: {
    encode: (values) =>
      session.encodeError({
        code: values["code"] as "malformed",
        versions: versions(values),
        detail: text(values["detail"]),
      }),
    parse: (body) => {
      const { code, versions, detail } = session.parseError(body);
      return { code, "min-version": versions.min, "max-version": versions.max, detail };
    },
  },
};

/** The values as `parse` gives them back. */
export function plain(fields: readonly Field[], values: FieldValues): PlainValues {
  const entries = fields
    .filter(({ value }) => value === undefined)
    .map((field): [string, Plain] => {
      const value = values[field.name]!;
      if (field.type === "list8") {
        return [field.name, (value as readonly FieldValues[]).map((group) => plain(field.fields!, group))];
      }
      if (["bytes", "bytes16", "rest"].includes(field.type)) return [field.name, toHex(bytesOf(value))];
      return [field.name, value as number | string];
    });
  return Object.fromEntries(entries);
}

const TEXTS = ["", "a", "example/1", "ünïcödé ✓", "\u{feff}mark", "\u0000\u001b[0m", "😀".repeat(63)];
const NAME_LETTERS = "ABCXYZ0189-".split("");
const MOST: Readonly<Record<string, number>> = {
  u8: 0xff,
  u16: 0xffff,
  u32: 0xffff_ffff,
  u64: Number.MAX_SAFE_INTEGER,
};

/** Random values that the frame's field table allows, its bounds among them. */
export function randomValues(frameName: string, random: Random): FieldValues {
  const values = randomGroup(shapeOf(frameName).fields, random);
  const [min, max] = [values["min-version"] as number, values["max-version"] as number];
  return min > max ? { ...values, "min-version": max, "max-version": min } : values;
}

function randomGroup(fields: readonly Field[], random: Random): FieldValues {
  return Object.fromEntries(fields.map((field) => [field.name, randomValue(field, random)]));
}

function randomValue(field: Field, random: Random): FieldValue {
  if (field.codes !== undefined)
    return random.pick(wire[field.codes as "errors" | "refusals" | "goaways"]).name;
  if (field.type in MOST) {
    const [low, high] = [field.min ?? 0, field.max ?? MOST[field.type]!];
    return random.pick([low, high, random.between(low, Math.min(high, 0xffff_ffff))]);
  }
  switch (field.type) {
    case "string8": {
      if (field.min === undefined) return random.pick(TEXTS);
      const count = random.pick([field.min, field.max!, random.between(field.min, field.max!)]);
      const letter = (): string =>
        field.name === "username"
          ? String.fromCodePoint(random.between(0x21, 0x7e))
          : random.pick(NAME_LETTERS);
      return Array.from({ length: count }, letter).join("");
    }
    case "list8": {
      const groups = Array.from({ length: random.between(field.min!, field.max!) }, () =>
        randomGroup(field.fields!, random),
      );
      return groups.filter(({ name }, at) => groups.findIndex((group) => group["name"] === name) === at);
    }
    case "bytes":
      return random.bytes(field.length!);
    default:
      return random.bytes(random.pick([0, 1, random.below(150)]));
  }
}
