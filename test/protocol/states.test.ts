// The two tables of spec section 5: sound in themselves, and obeyed. Every state meets every kind of frame; what
// its row does not name must be refused.

import { describe, expect, test } from "vitest";
import {
  assertFollows,
  CLIENT_STATES,
  frameName,
  SERVER_STATES,
  type ClientStateName,
  type ServerStateName,
  type StateRow,
} from "../../src/protocol/states.ts";
import { ClientBench, GOAWAY } from "./client-bench.ts";
import { FRAMES } from "./field-table.ts";
import { ServerBench } from "./server-bench.ts";
import { CLIENT_PATHS, SERVER_PATHS, wellFormed } from "./state-paths.ts";

type Rows = Readonly<Record<string, StateRow<string, string>>>;

/** What the specification allows, written a second time. */
const SERVER_LEGAL: Readonly<Record<ServerStateName, string>> = {
  "awaiting-hello": "HELLO ERROR",
  admitting: "",
  "awaiting-auth": "AUTH ERROR EXTENSION",
  verifying: "",
  "awaiting-response": "RESPONSE ERROR EXTENSION",
  ready: "MESSAGE PING PONG STOP ERROR EXTENSION",
  draining: "MESSAGE PING PONG STOP ERROR EXTENSION",
  stopping: "PONG ERROR",
  drained: "MESSAGE PING PONG STOP ERROR EXTENSION",
  finishing: "",
  closing: "",
};
const CLIENT_LEGAL: Readonly<Record<ClientStateName, string>> = {
  "awaiting-welcome": "WELCOME ERROR",
  unauthenticated: "REFUSED ERROR EXTENSION",
  authenticating: "AUTHENTICATED REFUSED CHALLENGE ERROR EXTENSION",
  responding: "",
  confirming: "AUTHENTICATED REFUSED ERROR EXTENSION",
  ready: "REPLY PING PONG GOAWAY ERROR EXTENSION",
  draining: "REPLY PING PONG STOPPED ERROR EXTENSION",
  stopping: "REPLY PING PONG GOAWAY STOPPED ERROR EXTENSION",
  ending: "REPLY PING PONG GOAWAY STOPPED ERROR EXTENSION",
  closing: "",
};

const sorted = (names: readonly string[]): string[] => names.toSorted((a, b) => (a < b ? -1 : 1));

describe.each<[string, Rows, Readonly<Record<string, string>>, string]>([
  ["server", SERVER_STATES, SERVER_LEGAL, "awaiting-hello"],
  ["client", CLIENT_STATES, CLIENT_LEGAL, "awaiting-welcome"],
])("the %s's table", (_, rows, legal, start) => {
  const targets = (state: string): string[] => {
    const { frames, events } = rows[state]!;
    return [...Object.values(frames), ...Object.values(events)].flatMap(({ to }) => to);
  };

  const names = Object.keys(rows);
  const framesOf = (state: string): string[] => Object.keys(rows[state]!.frames);

  test("names the frames that are legal, and no others", () => {
    const listed = names.map((state) => [state, sorted(framesOf(state)).join(" ")]);
    expect(Object.fromEntries(listed)).toEqual(
      Object.fromEntries(
        Object.entries(legal).map(([state, list]) => [state, sorted(list.split(" ")).join(" ")]),
      ),
    );
  });

  test("leads only to states that there are, and to each of them", () => {
    const reached = new Set([start]);
    for (const state of reached) for (const target of targets(state)) reached.add(target);
    expect(sorted([...reached])).toEqual(sorted(names));
  });

  test("ends in closing, from every state", () => {
    expect(targets("closing")).toEqual([]);
    const ends = (state: string, seen: ReadonlySet<string>): boolean =>
      state === "closing" ||
      targets(state).some((to) => !seen.has(to) && ends(to, new Set([...seen, state])));
    expect(names.filter((state) => !ends(state, new Set()))).toEqual([]);
  });

  test("holds or discards in exactly the states that name no frame", () => {
    const waiting = names.filter((state) => rows[state]!.input !== undefined);
    expect(waiting).toEqual(names.filter((state) => framesOf(state).length === 0));
  });

  test("ERROR closes wherever a frame is legal (TB-ERROR-3)", () => {
    const judging = names.filter((state) => framesOf(state).length > 0);
    const steps = judging.map((state) => rows[state]!.frames.ERROR);
    expect(steps).toEqual(judging.map(() => ({ do: "peer-failed", to: ["closing"] })));
  });

  test("is what assertFollows holds a session to", () => {
    const pairs = names.flatMap((from) => names.map((to) => ({ from, to })));
    const refusedPairs = pairs.filter(({ from, to }) => {
      try {
        assertFollows(rows, from, to);
        return false;
      } catch {
        return true;
      }
    });
    expect(refusedPairs).toEqual(
      pairs.filter(({ from, to }) => to !== "closing" && !targets(from).includes(to)),
    );
    expect(() => assertFollows(rows, "closing", start)).toThrow(`no transition from closing to ${start}`);
  });
});

test("a type has the name of its frame, or of none", () => {
  for (const { type, name } of FRAMES) expect(frameName(type)).toBe(name);
  for (const type of [0, 0x08, 0x0f, 0x14, 0x24, 0x7f]) expect(frameName(type)).toBeUndefined();
  for (const type of [0x80, 0xff]) expect(frameName(type)).toBe("EXTENSION");
});

const KINDS = [...FRAMES.map(({ name }) => name), "EXTENSION", "UNKNOWN"];

/** What must come of a frame, by the table: the states that may follow, and the ERROR that is sent. */
function verdict(rows: Rows, state: string, kind: string): { to: readonly string[]; error: string[] } {
  const { input, frames } = rows[state]!;
  if (input !== undefined) return { to: [state], error: [] };
  if (kind === "UNKNOWN") return { to: ["closing"], error: ["ERROR unknown-type"] };
  const step = frames[kind as "HELLO"];
  if (step === undefined) return { to: ["closing"], error: ["ERROR unexpected-frame"] };
  return { to: step.to.length === 0 ? [state] : step.to, error: [] };
}

const errors = (sent: readonly string[]): string[] => sent.filter((line) => line.startsWith("ERROR"));

describe.each(Object.keys(SERVER_STATES) as ServerStateName[])("a server in %s", (state) => {
  test.each(KINDS)("meets %s", (kind) => {
    const bench = new ServerBench({ answers: "by hand", message: (_, bench) => bench.defer() });
    SERVER_PATHS[state](bench);
    expect(bench.session.state).toBe(state);
    bench.sent();
    bench.receive(wellFormed(kind));
    const { to, error } = verdict(SERVER_STATES, state, kind);
    expect(errors(bench.sent())).toEqual(error);
    expect(to).toContain(bench.session.state);
  });
});

describe.each(Object.keys(CLIENT_STATES) as ClientStateName[])("a client in %s", (state) => {
  test.each(KINDS)("meets %s", (kind) => {
    const bench = new ClientBench();
    CLIENT_PATHS[state](bench);
    expect(bench.session.state).toBe(state);
    bench.sent();
    // STOPPED with a message unanswered, or without STOP, fits only behind GOAWAY.
    if (kind === "STOPPED" && (state === "stopping" || state === "ending")) bench.receive(GOAWAY);
    bench.receive(wellFormed(kind));
    const { to, error } = verdict(CLIENT_STATES, state, kind);
    expect(errors(bench.sent())).toEqual(state === "ending" ? [] : error);
    expect(to).toContain(bench.session.state);
    const failed = bench.actions().filter((action) => action.startsWith("failed"));
    expect(failed.length).toBe(
      error.length + (kind === "ERROR" && !("input" in CLIENT_STATES[state]) ? 1 : 0),
    );
  });
});
