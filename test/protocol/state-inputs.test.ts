// What is no whole, well-formed frame, in every state: broken frames, end of stream, a reset, the deadlines, and a
// server that is being stopped; and what the rest of the program asks out of turn. With the frames of states.test.ts,
// every input that section 5 knows meets every state.

import { describe, expect, test } from "vitest";
import {
  CLIENT_STATES,
  isBeforeLogin,
  SERVER_STATES,
  type ClientStateName,
  type ServerStateName,
  type StateRow,
} from "../../src/protocol/states.ts";
import { frame, hex } from "./bytes.ts";
import { ANSWER_MS, ClientBench } from "./client-bench.ts";
import { FRAMES } from "./field-table.ts";
import { SERVER_SETTINGS, ServerBench, SESSION_ID } from "./server-bench.ts";
import { CLIENT_PATHS, SERVER_PATHS, wellFormed } from "./state-paths.ts";

type Rows = Readonly<Record<string, StateRow<string, string>>>;

function serverIn(state: ServerStateName): ServerBench {
  const bench = new ServerBench({ answers: "by hand", message: (_, bench) => bench.defer() });
  SERVER_PATHS[state](bench);
  bench.sent();
  bench.actions();
  return bench;
}

function clientIn(state: ClientStateName): ClientBench {
  const bench = new ClientBench();
  CLIENT_PATHS[state](bench);
  bench.sent();
  bench.actions();
  return bench;
}

/** Broken bytes by name, each with the code that they are refused with. */
function brokenBytes({
  frames,
}: StateRow<string, string>): [name: string, bytes: Uint8Array, code: string][] {
  const judged = Object.entries(frames).filter(([name, step]) => name !== "ERROR" && step.do !== "skip");
  return [
    ["length 0", hex("00000000"), "malformed"],
    ["oversize", hex("01000000"), "frame-too-large"],
    ...judged.map(([name]): [string, Uint8Array, string] => [`${name}, faulty`, faulty(name), "malformed"]),
  ];
}

/** A frame of this kind with a body that its field table has no place for. */
function faulty(name: string): Uint8Array {
  const type = FRAMES.find((known) => known.name === name)!.type;
  if (name === "STOP") return frame(type, hex("00"));
  if (name === "MESSAGE" || name === "REPLY") return frame(type, hex("000000"));
  return frame(type, wellFormed(name).subarray(5, -1));
}

const errors = (sent: readonly string[]): string[] => sent.filter((line) => line.startsWith("ERROR"));
const casesOf = (rows: Rows, state: string) => brokenBytes(rows[state]!);
const waits = (rows: Rows, state: string): boolean => rows[state]!.input !== undefined;

describe.each(Object.keys(SERVER_STATES) as ServerStateName[])(
  "a server in %s, beyond whole frames",
  (state) => {
    test.each(casesOf(SERVER_STATES, state))("meets %s", (_, bytes, code) => {
      const bench = serverIn(state);
      bench.receive(bytes);
      const still = waits(SERVER_STATES, state);
      expect(errors(bench.sent())).toEqual(still ? [] : [`ERROR ${code}`]);
      expect(bench.session.state).toBe(still ? state : "closing");
    });

    test("meets end of stream", () => {
      const bench = serverIn(state);
      bench.session.receiveEnd(bench.now);
      expect(errors(bench.sent())).toEqual([]);
      const unmoved = ["stopping", "drained", "finishing"].includes(state);
      expect(bench.session.state).toBe(unmoved ? state : "closing");
    });

    test("meets a reset", () => {
      const bench = serverIn(state);
      bench.session.receiveReset();
      expect([bench.sent(), bench.session.state, bench.session.dueAt]).toEqual([[], "closing", Infinity]);
    });

    test("meets shutdown", () => {
      const bench = serverIn(state);
      bench.session.drain(bench.now);
      const early = isBeforeLogin(state);
      const sent = early ? ["ERROR shutdown"] : state === "ready" ? ["GOAWAY shutdown 2000"] : [];
      expect(bench.sent()).toEqual(sent);
      expect(bench.session.state).toBe(early ? "closing" : state === "ready" ? "draining" : state);
    });

    test("meets revocation", () => {
      const bench = serverIn(state);
      bench.session.revoke();
      const ends = !isBeforeLogin(state) && state !== "closing";
      expect(bench.sent()).toEqual(ends ? ["ERROR revoked"] : []);
      expect(bench.session.state).toBe(ends ? "closing" : state);
    });

    test("meets outcomes that it does not wait for", () => {
      const bench = serverIn(state);
      if (state !== "admitting") {
        bench.session.admitted(bench.now);
        bench.session.notAdmitted("busy", 1);
      }
      if (state !== "verifying") {
        const mechanismData = new Uint8Array(0);
        bench.session.verified({ type: "accepted", sessionId: SESSION_ID, mechanismData }, bench.now);
        bench.session.verified({ type: "challenge", mechanismData }, bench.now);
        bench.session.verified({ type: "rejected", retryAfterMs: 0 }, bench.now);
      }
      expect([bench.sent(), bench.actions(), bench.session.state]).toEqual([[], [], state]);
    });

    test("meets the frame deadline, where frames are processed", () => {
      const bench = serverIn(state);
      bench.receive(hex("00 00 00"));
      bench.pass(SERVER_SETTINGS.frameMs);
      const runs = !waits(SERVER_STATES, state) && state !== "drained";
      expect(errors(bench.sent())).toEqual(runs ? ["ERROR timeout"] : []);
      expect(bench.session.state).toBe(runs ? "closing" : state);
    });
  },
);

describe.each(Object.keys(CLIENT_STATES) as ClientStateName[])(
  "a client in %s, beyond whole frames",
  (state) => {
    test.each(casesOf(CLIENT_STATES, state))("meets %s", (_, bytes, code) => {
      const bench = clientIn(state);
      bench.receive(bytes);
      const still = waits(CLIENT_STATES, state);
      // Behind its own end of stream a client can send no ERROR.
      expect(errors(bench.sent())).toEqual(still || state === "ending" ? [] : [`ERROR ${code}`]);
      expect(bench.session.state).toBe(still ? state : "closing");
      expect(bench.actions()).toEqual(still ? [] : [`failed ${code} by peer`, "close"]);
    });

    test("meets end of stream", () => {
      const bench = clientIn(state);
      bench.session.receiveEnd(bench.now);
      expect([bench.sent(), bench.session.state]).toEqual([[], "closing"]);
      expect(bench.actions()).toEqual(state === "closing" ? [] : ["failed ended-early by peer", "close"]);
    });

    test("meets a reset", () => {
      const bench = clientIn(state);
      bench.session.abandon();
      expect([bench.sent(), bench.session.state, bench.session.dueAt]).toEqual([[], "closing", Infinity]);
    });

    test("meets calls that it has no place for", () => {
      const bench = clientIn(state);
      const data = new Uint8Array(8);
      const auth = { mechanism: "PASSWORD", username: "alice", mechanismData: data };
      const { session } = bench;
      const talks = state === "ready" || state === "draining";
      const throwing = [
        // Behind HELLO one AUTH may ride.
        ...(state === "unauthenticated" || state === "awaiting-welcome"
          ? []
          : [() => session.login(auth, 0)]),
        ...(state === "responding" ? [] : [() => session.respond(data, 0)]),
        ...(talks ? [] : [() => session.send(data, 0), () => session.stop(0), () => session.end(0)]),
      ];
      for (const call of throwing) expect(call).toThrow(expect.objectContaining({ code: "wrong-state" }));
      // In ready and draining a PING of its own is unanswered.
      expect(session.ping(data, 0)).toBe(false);
      expect([bench.sent(), bench.actions(), session.state]).toEqual([[], [], state]);
    });

    test("meets the answer deadline, where an answer is due", () => {
      const bench = clientIn(state);
      bench.pass(ANSWER_MS);
      const idle = state === "unauthenticated" || state === "responding" || state === "closing";
      expect(errors(bench.sent())).toEqual(idle || state === "ending" ? [] : ["ERROR timeout"]);
      expect(bench.session.state).toBe(idle ? state : "closing");
    });
  },
);
