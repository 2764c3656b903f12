// The published cases say what the engine does: the same bytes are sent, and the same frames are taken and refused,
// also after every single byte has been changed.

import { describe, expect, it } from "vitest";
import { casesFor } from "../../src/conformance/cases/cases.ts";
import { referenceProfile } from "../../src/conformance/cases/reference-profile.ts";
import { loadCatalog } from "../../src/conformance/exchange/catalog.ts";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import { parseProfile } from "../../src/conformance/exchange/profile.ts";
import { fits, spell, type Kept } from "./case-matcher.ts";
import { casePaths, enginePaths, stepsFor, type Event, type Linear } from "./case-paths.ts";
import { exchangeOf } from "./exchange-text.ts";

const catalog = loadCatalog();
// Other lengths than those of the reference profile, so that nothing rests on its values.
const otherProfile = parseProfile({
  ...referenceProfile.variables,
  username: "bo",
  password: "päßwörter",
  "max-frame-bytes": 70_000,
  "max-under-way": 7,
});
// Templates that hold nothing new have been tried already.
const tried = new Set<string>();

/** The frame with each of its first bytes changed, cut short, and with a byte too many. */
function* mutants(frame: string): Generator<string> {
  const bytes = Buffer.from(frame, "hex");
  for (let index = 0; index < Math.min(bytes.length, 80); index++)
    for (const change of [0x01, 0x80, 0xff]) {
      const mutant = Buffer.from(bytes);
      mutant.writeUInt8(mutant.readUInt8(index) ^ change, index);
      yield mutant.toString("hex");
    }
  yield frame.slice(0, -2);
  yield `${frame}00`;
}

function disagreements(step: Linear, event: Extract<Event, { kind: "came" }>, kept: Kept): string[] {
  const template = "expect" in step ? step.expect : "closes" in step ? step.closes : [];
  const [first = ""] = event.frames;
  const known = JSON.stringify([template, [...kept]]);
  if (first.length > 20_000 || tried.has(known)) return [];
  tried.add(known);
  return [...mutants(first)].filter(
    (mutant) => fits(template, mutant, new Map(kept)) !== event.accepts(Buffer.from(mutant, "hex")),
  );
}

/** What the published step and the engine's doing do not have in common. */
function differences(step: Linear, event: Event, kept: Kept): string[] {
  if (event.kind === "sent") {
    if (!("send" in step)) return ["should be sent"];
    const same = spell(step.send, kept) === event.hex && step.finish === event.finish;
    return same ? [] : [`${step.note}: other bytes, or another end`];
  }
  if (event.kind === "came") {
    const template = "expect" in step ? step.expect : "closes" in step ? step.closes : [];
    const times = "times" in step ? step.times : 1;
    const wrong = disagreements(step, event, kept);
    const misfits = event.frames.filter((frame, index) => !fits(template, frame, kept, index));
    return [...(times === event.frames.length ? [] : [`${times} times`]), ...wrong, ...misfits];
  }
  if (event.act === "quiet") return "quiet" in step || "wait" in step ? [] : ["should be quiet"];
  const ends = "ends" in step ? step.ends.join() : "";
  return ends === (event.act === "closed" ? "end,reset" : event.act) ? [] : [`should end by ${event.act}`];
}

describe.each([
  ["the reference profile", referenceProfile],
  ["another profile", otherProfile],
])("for %s", (_name, profile) => {
  const { cases } = casesFor(catalog, profile);

  it.each(cases.map((one) => [one.id, one] as const))("%s is what the engine plays", (id, one) => {
    const exchange = catalog.byId.get(id)!;
    expect(one.unsupported).toBeUndefined();
    expect(one.roles).toEqual(exchange.roles);
    for (const role of one.roles) {
      const published = casePaths(stepsFor(one, role));
      const played = enginePaths(exchange, role, profile);
      expect(published.length).toBe(played.length);
      for (const [index, events] of played.entries()) {
        const steps = published[index] ?? [];
        const kept: Kept = new Map();
        expect(steps.length).toBe(events.length);
        const differing = events.flatMap((event, at) => differences(steps[at]!, event, kept));
        expect(differing.map((difference) => difference.slice(0, 200))).toEqual([]);
      }
    }
  });

  it("tries what is worth trying, and finds a template that says too little", () => {
    expect(tried.size).toBeGreaterThan(50);
    tried.clear();
    const [event] = enginePaths(madeUp("S", "- S: { WELCOME: $any }"), "server", profile)[0] ?? [];
    const step = { note: "WELCOME", expect: [{ length: 4, of: ["02", { any: [0, 4095] }] }] } as const;
    expect(event?.kind === "came" && disagreements(step, event, new Map()).length).toBeGreaterThan(10);
  });
});

/** A server's step, or a client's behind its application. */
function madeUp(speaker: "C" | "S", steps: string): Exchange {
  const app = "- app: { login: { username: $username, password: $password } }\n";
  return exchangeOf(speaker === "C" ? app + steps : steps);
}

describe("a hole", () => {
  const everyByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
  const welcome = (...names: string[]): string => {
    const list = names
      .map((name) => `${(name.length / 2).toString(16).padStart(2, "0")}${name}0000`)
      .join("");
    const body = `020100000010000001000000010${names.length}${list}`;
    return (body.length / 2).toString(16).padStart(8, "0") + body;
  };
  const auth = (mechanism: string, username: string): string => `000000070301${mechanism}01${username}0000`;

  it.each<[string, "C" | "S", string, string[], number]>([
    ["for a code", "S", "- S: { REFUSED: $any }", everyByte.map((byte) => `0000000707${byte}0000000002`), 5],
    ["for a name", "S", "- S: { WELCOME: $any }", everyByte.map((byte) => welcome(byte)), 37],
    ["for a username", "C", "- C: { AUTH: $any }", everyByte.map((byte) => auth("41", byte)), 94],
    [
      "for distinct names",
      "S",
      "- S: { WELCOME: $any }",
      [
        welcome("41", "42"),
        welcome("41", "41"),
        welcome("41", "42", "41"),
        welcome("41", "42", "43"),
        welcome(),
      ],
      2,
    ],
    [
      "for a version behind one that is given",
      "C",
      "- C: { HELLO: { min-version: 5 } }",
      everyByte.map((byte) => `0000000c0154616c6b4279746505${byte}00`),
      251,
    ],
    [
      "for a version before one that is given",
      "C",
      "- C: { HELLO: { max-version: 5 } }",
      everyByte.map((byte) => `0000000c0154616c6b42797465${byte}0500`),
      5,
    ],
  ])("%s takes what the engine takes", (_name, speaker, steps, frames, good) => {
    const exchange = madeUp(speaker, steps);
    const role = speaker === "C" ? "client" : "server";
    const [event] = enginePaths(exchange, role, referenceProfile)[0] ?? [];
    const catalog = { folder: "", exchanges: [exchange], byId: new Map() };
    const [step] = casePaths(casesFor(catalog, referenceProfile).cases[0]?.[role] ?? [])[0] ?? [];
    if (event?.kind !== "came" || step === undefined || !("expect" in step)) throw new Error("no such step");
    const taken = frames.filter((frame) => fits(step.expect, frame, new Map()));
    expect(taken).toEqual(frames.filter((frame) => event.accepts(Buffer.from(frame, "hex"))));
    expect(taken.length).toBe(good);
  });
});
