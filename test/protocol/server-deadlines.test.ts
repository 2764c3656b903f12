// The deadlines of a server's session: when each starts, stands still, starts again and stops (spec section 8.2).

import { describe, expect, test } from "vitest";
import { concat, frame, hex, message } from "./bytes.ts";
import {
  auth,
  HELLO,
  ping,
  PING_DATA,
  response,
  SERVER_SETTINGS,
  ServerBench,
  SESSION_ID,
  type ServerBenchOptions,
} from "./server-bench.ts";

const deferring: ServerBenchOptions = { message: (_, bench) => bench.defer() };
const EXTENSION = frame(0x80, new Uint8Array(3));

describe("the login deadline (TB-TIME-2)", () => {
  test.each([
    ["awaiting-hello", []],
    ["awaiting-auth", [HELLO]],
    ["awaiting-response", [HELLO, auth("x", "TWO-STEPS")]],
  ])("runs in %s, refusals and extension frames notwithstanding", (state, frames) => {
    const bench = new ServerBench();
    for (const bytes of frames) bench.receive(bytes);
    if (state === "awaiting-auth") {
      bench.pass(999);
      bench.receive(EXTENSION, auth("wrong"));
    } else bench.pass(999);
    expect(bench.session.state).toBe(state);
    bench.sent();
    bench.pass(1);
    expect(bench.sent()).toEqual(["ERROR timeout"]);
    expect(bench.actions().slice(-2)).toEqual(["failed timeout by peer", "close"]);
  });

  test("runs while the source is being judged", () => {
    const bench = new ServerBench({ answers: "by hand" });
    bench.receive(HELLO);
    bench.pass(1000);
    expect(bench.sent()).toEqual(["ERROR timeout"]);
    bench.session.admitted(bench.now);
    expect(bench.sent()).toEqual([]);
  });

  test("stands still while a credential is being verified, in each step", () => {
    const bench = new ServerBench({ answers: "by hand" });
    bench.receive(HELLO);
    bench.session.admitted(bench.now);
    bench.pass(600);
    bench.receive(auth("x", "TWO-STEPS"));
    expect(bench.session.dueAt).toBe(Infinity);
    bench.pass(50_000);
    bench.session.verified({ type: "challenge", mechanismData: hex("00") }, bench.now);
    expect(bench.session.dueAt).toBe(bench.now + 400);
    bench.pass(300);
    bench.receive(response("x"));
    bench.pass(50_000);
    bench.session.verified({ type: "rejected", retryAfterMs: 0 }, bench.now);
    expect(bench.session.dueAt).toBe(bench.now + 100);
    bench.sent();
    bench.pass(100);
    expect(bench.sent()).toEqual(["ERROR timeout"]);
  });

  test("ends with AUTHENTICATED; the idle deadline begins", () => {
    const bench = new ServerBench({ answers: "by hand" });
    bench.receive(HELLO);
    bench.session.admitted(0);
    bench.receive(auth("x"));
    bench.pass(700);
    bench.session.verified({ type: "accepted", sessionId: SESSION_ID, mechanismData: hex("") }, bench.now);
    expect(bench.session.dueAt).toBe(5700);
  });
});

describe("the frame deadline (TB-TIME-3)", () => {
  const dribble = (bench: ServerBench, bytes: Uint8Array, ms: number): void => {
    for (const byte of bytes) {
      bench.receive(Uint8Array.of(byte));
      bench.pass(ms);
    }
  };

  test.each([
    ["a message", message(1, "0123456789")],
    ["a large message", message(1, new Uint8Array(9000))],
    ["an extension frame, whose header is no fresh start (TB-EXT-7)", frame(0x80, new Uint8Array(20))],
  ])("runs from the first byte of %s", (_, bytes) => {
    const bench = ServerBench.ready();
    dribble(bench, bytes.subarray(0, 7), 57);
    expect([bench.sent(), bench.now]).toEqual([[], 399]);
    bench.pass(1);
    expect(bench.sent()).toEqual(["ERROR timeout"]);
  });

  test("starts afresh with each frame, also when one ends and the next begins in one chunk", () => {
    for (const first of [
      message(1, "12345678"),
      frame(0x80, new Uint8Array(12)),
      message(1, new Uint8Array(9000)),
    ]) {
      const bench = ServerBench.ready();
      const second = message(2, "b");
      bench.receive(first.subarray(0, 6));
      bench.pass(300);
      bench.receive(concat(first.subarray(6), second.subarray(0, 1)));
      bench.sent();
      expect(bench.session.dueAt).toBe(700);
      bench.pass(399);
      bench.receive(second.subarray(1));
      expect(bench.sent()).toEqual(["REPLY 2 b"]);
      expect(bench.session.dueAt).toBe(699 + 5000);
    }
  });

  test("runs before login too", () => {
    const bench = new ServerBench();
    dribble(bench, HELLO.subarray(0, 4), 100);
    expect(bench.sent()).toEqual(["ERROR timeout"]);
    expect(bench.errors[0]!.message).toBe("the frame deadline passed");
  });

  test("stands still while the server does not read", () => {
    const bench = ServerBench.ready({ ...deferring, settings: { maxPendingBytes: 10 } });
    bench.receive(message(1, ""), message(2, "").subarray(0, 6));
    bench.pass(300);
    bench.reply(0, "0123456789");
    expect([bench.session.wantsInput, bench.session.dueAt]).toEqual([false, Infinity]);
    bench.pass(1000);
    bench.sent();
    bench.session.resume(bench.now);
    expect(bench.session.dueAt).toBe(1400);
  });
});

describe("the idle deadline (TB-TIME-4)", () => {
  test("starts again with each frame and each reply, but not with extension frames (TB-EXT-7)", () => {
    const bench = ServerBench.ready(deferring);
    const restarted = (by: () => void): boolean => {
      bench.pass(1000);
      by();
      return bench.session.dueAt === bench.now + 5000;
    };
    bench.session.ping(PING_DATA);
    expect(restarted(() => bench.receive(EXTENSION))).toBe(false);
    expect(restarted(() => bench.receive(ping("PONG")))).toBe(true);
    expect(restarted(() => bench.receive(ping("PING")))).toBe(true);
    bench.receive(message(1, ""));
    expect(restarted(() => bench.reply(0, ""))).toBe(true);
    bench.sent();
    bench.pass(4999);
    bench.receive(EXTENSION);
    expect(bench.sent()).toEqual([]);
    bench.pass(1);
    expect([bench.sent(), bench.actions()]).toEqual([["ERROR timeout"], ["failed timeout by peer", "close"]]);
  });

  test("stands still with messages under way", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""));
    expect(bench.session.dueAt).toBe(Infinity);
    bench.pass(50_000);
    bench.session.tick(bench.now);
    bench.reply(0, "a");
    expect([bench.sent(), bench.session.dueAt]).toEqual([["REPLY 1 a"], 55_000]);
  });

  test("stands still while nothing is processed for what waits to be sent, then starts again", () => {
    const bench = ServerBench.ready({ settings: { maxPendingBytes: 10 } });
    bench.receive(message(1, "0123456789"));
    expect(bench.session.dueAt).toBe(Infinity);
    bench.pass(60_000);
    expect(bench.sent()).toEqual(["REPLY 1 0123456789"]);
    bench.session.resume(bench.now);
    expect(bench.session.dueAt).toBe(65_000);
    bench.pass(1000);
    bench.session.resume(bench.now);
    expect(bench.session.dueAt).toBe(65_000);
  });

  test("and the frame deadline stand still while the host says that the peer is behind", () => {
    const bench = ServerBench.ready();
    bench.session.stall(bench.now);
    bench.receive(message(1, "x"), hex("00000009"));
    expect([bench.sent(), bench.session.dueAt]).toEqual([[], Infinity]);
    bench.pass(60_000);
    bench.session.resume(bench.now);
    expect(bench.sent()).toEqual(["REPLY 1 x"]);
    expect(bench.session.dueAt).toBe(bench.now + SERVER_SETTINGS.frameMs);
  });

  test("runs on while the server drains", () => {
    const bench = ServerBench.ready({ settings: { drainMs: 60_000 } });
    bench.pass(1000);
    bench.session.drain(bench.now);
    bench.sent();
    bench.pass(4000);
    expect(bench.sent()).toEqual(["ERROR timeout"]);
  });

  test("a tick too early does nothing", () => {
    const bench = ServerBench.ready();
    bench.session.tick(4999);
    expect([bench.sent(), bench.session.state]).toEqual([[], "ready"]);
  });
});
