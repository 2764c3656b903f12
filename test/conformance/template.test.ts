import { describe, expect, it } from "vitest";
import { concat, fromHex, toHex, utf8 } from "../../src/conformance/wire/bytes.ts";
import { createScript, countFrames, templateOf } from "../../src/conformance/play/scene.ts";
import type { FrameAct } from "../../src/conformance/exchange/steps.ts";
import {
  match,
  materialize,
  type FrameTemplate,
  type Mismatch,
} from "../../src/conformance/play/template.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";
import { exchangeOf } from "./exchange-text.ts";
import { bytes16, frame, profile, refusedFrame, string8, u16, u32, u64, u8, welcome } from "./fakes.ts";

// Every template goes through JSON once, for that is how it's published.
function template(source: string, repeated = false): FrameTemplate {
  const exchange = exchangeOf(repeated ? `- S: [{ repeat: 3, of: ${source} }]` : `- S: ${source}`);
  const [step] = exchange.steps;
  const act = step?.kind === "wire" ? step.acts[0] : undefined;
  const frameAct = act?.kind === "repeat" ? act.of : act;
  const script = createScript(wireTable(), profile, {});
  const made = templateOf(script, frameAct as FrameAct, repeated);
  return JSON.parse(JSON.stringify(made)) as FrameTemplate;
}

const none = { captures: new Map<string, Uint8Array>() };

function mismatchOf(source: string, bytes: Uint8Array): Mismatch {
  const result = match(template(source), bytes, none);
  if (result.ok) throw new Error("it matched");
  return result.mismatch;
}

describe("materialize", () => {
  it("fills in the defaults of section 3.1", () => {
    const made = materialize(template("{ WELCOME: $any }"), none);
    const expected = frame(
      "WELCOME",
      u8(1),
      string8("conformance"),
      u32(1_048_581),
      u16(256),
      u32(300_000),
      u8(1),
      string8("PASSWORD"),
      u16(0),
    );
    expect(toHex(made)).toBe(toHex(expected));
    expect(toHex(materialize(template("{ PING: $any }"), none))).toBe("00000009120000000000000000");
    expect(toHex(materialize(template("{ HELLO: { agent: x } }"), none))).toBe(
      "0000000d0154616c6b4279746501010178",
    );
  });

  it("writes nested and outer lengths", () => {
    const made = materialize(
      template('{ WELCOME: { mechanisms: [{ name: A, parameters: { hex: "0102" } }, { name: BC }] } }'),
      none,
    );
    expect(toHex(made).endsWith("02 0141 00020102 024243 0000".replaceAll(" ", ""))).toBe(true);
    expect(made.length - 4).toBe(new DataView(made.buffer).getUint32(0));
  });

  it("takes values from the profile and the captures", () => {
    const auth = materialize(template("{ AUTH: { mechanism: PASSWORD, username: $username } }"), none);
    expect(toHex(auth)).toContain(toHex(string8("alice")));
    const captures = new Map([["id", u32(77)]]);
    const source = exchangeOf(
      "- S: { REPLY: { id: { capture: id } } }\n- S: { REPLY: { id: { ref: id }, payload: x } }",
    );
    const step = source.steps[1];
    const act = step?.kind === "wire" ? step.acts[0] : undefined;
    const made = templateOf(createScript(wireTable(), profile, {}), act as FrameAct);
    expect(toHex(materialize(made, { captures }))).toBe(toHex(frame("REPLY", u32(77), utf8("x"))));
  });

  it("turns the lowest bit of one byte of a capture", () => {
    const source = exchangeOf(
      "- S: { REPLY: { id: { capture: id } } }\n- S: { REPLY: { id: { ref: id, flip: 1 }, payload: x } }",
    );
    const step = source.steps[1];
    const act = step?.kind === "wire" ? step.acts[0] : undefined;
    const made = templateOf(createScript(wireTable(), profile, {}), act as FrameAct);
    const captures = new Map([["id", u32(0x01020304)]]);
    const bytes = materialize(made, { captures });
    expect(toHex(bytes)).toBe(toHex(frame("REPLY", u32(0x01030304), utf8("x"))));
    expect(match(made, bytes, { captures }).ok).toBe(true);
    expect(match(made, frame("REPLY", u32(0x01020304), utf8("x")), { captures }).ok).toBe(false);
    expect(captures.get("id")).toEqual(u32(0x01020304));
  });

  it("says another number than those that it must differ from", () => {
    const [step] = exchangeOf(
      "- S: { REPLY: { id: { capture: a } } }\n- S: { REPLY: { id: { capture: b, not: [a] } } }",
    ).steps.slice(1);
    const act = step?.kind === "wire" ? step.acts[0] : undefined;
    const made = templateOf(createScript(wireTable(), profile, {}), act as FrameAct);
    const idFor = (a: number): string =>
      toHex(materialize(made, { captures: new Map([["a", u32(a)]]) })).slice(10, 18);
    expect([idFor(7), idFor(1)]).toEqual(["00000001", "00000002"]);
  });

  it("counts ids up over the conversation and within a repeat", () => {
    const script = createScript(wireTable(), profile, {});
    const [step] = exchangeOf("- C: { MESSAGE: $any }\n- S: end").steps;
    const act = (step?.kind === "wire" ? step.acts[0] : undefined) as FrameAct;
    countFrames(script, act, 5);
    expect(toHex(materialize(templateOf(script, act), none)).slice(10, 18)).toBe("00000006");
    const repeated = template("{ REPLY: { id: { count: 4294967295 }, payload: x } }", true);
    const ids = [0, 1, 2].map((repetition) =>
      toHex(materialize(repeated, { ...none, repetition })).slice(10, 18),
    );
    expect(ids).toEqual(["ffffffff", "00000000", "00000001"]);
  });

  it("makes a megabyte from a few characters", () => {
    const made = template('{ REPLY: { id: 1, payload: { repeat: "6162", times: 524288 } } }');
    expect(JSON.stringify(made).length).toBeLessThan(400);
    const bytes = materialize(made, none);
    expect(bytes.length).toBe(1_048_576 + 9);
    expect(match(made, bytes, none).ok).toBe(true);
    bytes[1_000_000] = 0;
    expect(match(made, bytes, none)).toMatchObject({
      ok: false,
      mismatch: { offset: 1_000_000, field: "payload" },
    });
  });
});

describe("match", () => {
  it("accepts what the field table allows where the file leaves a field open", () => {
    expect(match(template("{ WELCOME: $any }"), welcome(), none).ok).toBe(true);
    expect(match(template("{ REFUSED: { reason: bad-credentials } }"), refusedFrame(1, 9), none).ok).toBe(
      true,
    );
  });

  it("remembers captures, and nothing of a frame that doesn't match", () => {
    const source = "{ REPLY: { id: { capture: id }, payload: { capture: body } } }";
    const result = match(template(source), frame("REPLY", u32(9), utf8("abc")), none);
    expect(result.ok && [...result.captures].map(([name, bytes]) => [name, toHex(bytes)])).toEqual([
      ["id", "00000009"],
      ["body", "616263"],
    ]);
    expect(none.captures.size).toBe(0);
  });

  it("says which field is wrong, where, and how", () => {
    expect(mismatchOf("{ REFUSED: { reason: bad-credentials, tries-left: 2 } }", refusedFrame(1, 1))).toEqual(
      {
        offset: 10,
        same: 0,
        field: "tries-left",
        expected: "02",
        received: "01",
      },
    );
    expect(mismatchOf("{ REPLY: { payload: hello } }", frame("REPLY", u32(1), utf8("help")))).toMatchObject({
      offset: 12,
      same: 3,
      field: "payload",
      expected: "6c6f",
      received: "70",
    });
    expect(
      mismatchOf("{ STOPPED: { accepted: { between: [2, 4] } } }", frame("STOPPED", u64(5))),
    ).toMatchObject({
      field: "accepted",
      expected: "a number from 2 to 4",
      received: "5",
    });
    expect(mismatchOf("{ PONG: $any }", frame("PONG", new Uint8Array(7)))).toMatchObject({
      field: "data",
      expected: "at least 8 bytes",
    });
    expect(mismatchOf("{ PONG: $any }", frame("PONG", new Uint8Array(9)))).toMatchObject({
      field: "length",
      expected: "nothing more",
    });
    expect(
      mismatchOf("{ ERROR: { detail: ab } }", frame("ERROR", u8(1), u8(1), u8(1), u8(3), utf8("ab"))),
    ).toMatchObject({
      field: "detail",
      expected: "a length up to 2",
      received: "3",
    });
    const noMechanism = concat([welcome().subarray(0, 21), Uint8Array.of(0)]);
    noMechanism.set([0, 0, 0, noMechanism.length - 4]);
    expect(mismatchOf("{ WELCOME: $any }", noMechanism)).toMatchObject({
      field: "mechanisms",
      received: "0",
    });
  });

  it("keeps secrets out of a mismatch", () => {
    const auth = frame("AUTH", string8("PASSWORD"), string8("alice"), bytes16(utf8("hunter22")));
    const found = mismatchOf("{ AUTH: { mechanism-data: $password } }", auth);
    expect(found).toMatchObject({ field: "mechanism-data" });
    expect(JSON.stringify(found)).not.toContain(toHex(utf8("hunter22")));
  });

  it("tells captures apart", () => {
    const source = "- S: { REPLY: { id: { capture: a } } }\n- S: { REPLY: { id: { capture: b, not: [a] } } }";
    const step = exchangeOf(source).steps[1];
    const act = (step?.kind === "wire" ? step.acts[0] : undefined) as FrameAct;
    const made = templateOf(createScript(wireTable(), profile, {}), act);
    const captures = new Map([["a", u32(3)]]);
    expect(match(made, frame("REPLY", u32(4)), { captures }).ok).toBe(true);
    expect(match(made, frame("REPLY", u32(3)), { captures })).toMatchObject({
      ok: false,
      mismatch: { field: "id", expected: "other than a" },
    });
  });

  it("asks for computed values by name", () => {
    const made = template("{ CHALLENGE: { mechanism-data: { computed: ke2 } } }");
    const compute = (name: string): Uint8Array => utf8(`made for ${name}`);
    const bytes = materialize(made, { ...none, compute });
    expect(toHex(bytes)).toBe(toHex(frame("CHALLENGE", bytes16(utf8("made for ke2")))));
    expect(match(made, bytes, { ...none, compute }).ok).toBe(true);
    expect(() => materialize(made, none)).toThrow(TypeError);
  });

  it("takes any list, item by item", () => {
    const two = frame(
      "WELCOME",
      u8(1),
      string8(""),
      u32(4096),
      u16(1),
      u32(1),
      u8(2),
      string8("A"),
      bytes16(fromHex("0102")),
      string8("B"),
      u16(0),
    );
    expect(match(template("{ WELCOME: $any }"), two, none).ok).toBe(true);
    const cutShort = concat([u32(two.length - 5), two.subarray(4, -1)]);
    expect(mismatchOf("{ WELCOME: $any }", cutShort)).toMatchObject({ field: "mechanisms[].parameters" });
  });
});
