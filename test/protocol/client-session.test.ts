// The client's side of messages and endings (spec sections 7 to 10), and its own deadlines.

import { describe, expect, test } from "vitest";
import { MessageIds } from "../../src/protocol/message-ids.ts";
import { concat, frame, hex, message, Random, reply } from "./bytes.ts";
import { ClientBench, GOAWAY, PING_DATA, refused, stopped, welcome } from "./client-bench.ts";
import { encodeByTable } from "./field-table.ts";
import { isForgotten } from "./memory.ts";

const PING = encodeByTable("PING", { data: PING_DATA });
const PONG = encodeByTable("PONG", { data: PING_DATA });
const EXTENSION = frame(0xff, hex("00"));

describe("messages", () => {
  test("carry ids that count up from 1, and replies are told in order", () => {
    const bench = ClientBench.ready();
    bench.send("a", "", "c");
    expect([bench.sent(), bench.session.unanswered]).toEqual([
      ["MESSAGE 1 a", "MESSAGE 2", "MESSAGE 3 c"],
      3,
    ]);
    bench.receiveReplies("A", "B", "");
    expect([bench.actions(), bench.session.unanswered]).toEqual([["reply A", "reply B", "reply"], 0]);
  });

  test("up to the limit that WELCOME announced (TB-LIMIT-1)", () => {
    const bench = ClientBench.ready();
    const payload = new Random(1).bytes(65_531);
    bench.session.send(payload, 0);
    expect(Buffer.compare(concat(...bench.out.take()), message(1, payload))).toBe(0);
    expect(() => bench.session.send(new Uint8Array(65_532), 0)).toThrow(
      expect.objectContaining({ code: "message-too-large", side: "local", retryable: false }),
    );
    expect([bench.sent(), bench.session.unanswered]).toEqual([[], 1]);
  });

  test.each([
    ["another id", reply(2, "")],
    ["a higher one, as large as it gets", reply(0xffff_ffff, "")],
  ])("a REPLY with %s is reply-mismatch (TB-MSG-5)", (_, bytes) => {
    const bench = ClientBench.ready();
    bench.send("a", "b");
    bench.sent();
    bench.receive(bytes);
    expect([bench.sent(), bench.actions()]).toEqual([
      ["ERROR reply-mismatch"],
      ["failed reply-mismatch by peer", "close"],
    ]);
  });

  test("a REPLY that nobody waits for, and one that comes twice, are reply-mismatch", () => {
    for (const sends of [[], ["a"]]) {
      const bench = ClientBench.ready();
      bench.send(...sends);
      bench.receiveReplies(...sends);
      bench.sent();
      bench.receive(reply(1, ""));
      expect(bench.sent()).toEqual(["ERROR reply-mismatch"]);
    }
  });

  test("a REPLY without a whole id is malformed", () => {
    const bench = ClientBench.ready();
    bench.receive(frame(0x11, hex("00 00 01")));
    expect(bench.sent()).toEqual(["ERROR malformed"]);
  });

  test("the callback may send, stop, and let go", () => {
    const bench = ClientBench.ready({ onReply: (bench) => bench.send("again") });
    bench.send("first");
    bench.receiveReplies("x");
    expect(bench.sent()).toEqual(["MESSAGE 1 first", "MESSAGE 2 again"]);

    const stopping = ClientBench.ready({ onReply: ({ session }) => session.stop(0) });
    stopping.send("a", "b");
    stopping.receive(reply(1, ""));
    expect(stopping.sent()).toEqual(["MESSAGE 1 a", "MESSAGE 2 b", "STOP"]);

    const leaving = ClientBench.ready({ onReply: ({ session }) => session.abandon() });
    leaving.send("a", "b");
    leaving.receiveReplies("x", "y");
    expect(leaving.actions()).toEqual(["reply x", "close"]);
  });

  test("an error of the callback's own is not the server's", () => {
    const bench = ClientBench.ready({ onReply: ({ session }) => session.respond(new Uint8Array(0), 0) });
    bench.send("a", "b");
    bench.sent();
    expect(() => bench.receiveReplies("x")).toThrow(expect.objectContaining({ code: "wrong-state" }));
    expect([bench.sent(), bench.session.state]).toEqual([[], "ready"]);
  });

  test("a payload is let go once it has been told", async () => {
    const bench = ClientBench.ready();
    bench.send("x");
    const old = ((): WeakRef<object>[] => {
      const bytes = reply(1, new Uint8Array(30_000));
      const pieces = [bytes.slice(0, 10_000), bytes.slice(10_000)];
      for (const piece of pieces) bench.session.receive(piece, 0);
      return pieces.map(({ buffer }) => new WeakRef(buffer));
    })();
    for (const buffer of old) expect(await isForgotten(buffer)).toBe(true);
    expect(bench.session.unanswered).toBe(0);
  });
});

describe("ids", () => {
  test("go on from 2^32 - 1 to 0 (TB-MSG-4)", () => {
    const ids = new MessageIds(0xffff_fffe);
    expect([ids.take(), ids.take(), ids.take(), ids.take()]).toEqual([0xffff_fffe, 0xffff_ffff, 0, 1]);
    expect([ids.answer(0), ids.answer(0xffff_fffe), ids.answer(0xffff_ffff)]).toEqual([false, true, true]);
    expect([ids.answer(0), ids.unanswered, ids.answered]).toEqual([true, 1, 3]);
    expect([ids.answer(1), ids.answer(2), ids.unanswered]).toEqual([true, false, 0]);
  });
});

describe("PING and PONG", () => {
  test("every PING is answered, after STOP too (TB-PING-1, TB-PING-5)", () => {
    const bench = ClientBench.ready();
    bench.receive(PING, PING);
    bench.session.stop(0);
    bench.receive(PING);
    const pong = "PONG 0102030405060708";
    expect(bench.sent()).toEqual([pong, pong, "STOP", pong]);
  });

  test("one of its own at a time (TB-PING-2), and none after STOP (TB-END-1)", () => {
    const bench = ClientBench.ready();
    expect([bench.session.ping(PING_DATA, 0), bench.session.ping(PING_DATA, 0)]).toEqual([true, false]);
    bench.receive(PONG);
    expect(bench.actions()).toEqual(["pong"]);
    expect(bench.session.ping(PING_DATA, 0)).toBe(true);
    bench.session.stop(0);
    bench.receive(PONG);
    expect(bench.session.ping(PING_DATA, 0)).toBe(false);
    expect(bench.sent()).toEqual(["PING 0102030405060708", "PING 0102030405060708", "STOP"]);
  });

  test("a PONG without its PING is a breach (TB-PING-3)", () => {
    for (const pinged of [false, true]) {
      const bench = ClientBench.ready();
      if (pinged) bench.session.ping(hex("ffffffffffffffff"), 0);
      bench.sent();
      bench.receive(PONG);
      expect(bench.sent()).toEqual(["ERROR unexpected-frame"]);
    }
  });
});

describe("STOP and STOPPED", () => {
  test("the session ends as it should", () => {
    const bench = ClientBench.ready();
    bench.send("a");
    bench.session.stop(0);
    bench.receive(reply(1, "A"), stopped(1), EXTENSION);
    expect([bench.sent(), bench.actions()]).toEqual([
      ["MESSAGE 1 a", "STOP"],
      ["reply A", "stopped 1", "close"],
    ]);
    bench.session.receiveEnd(0);
    expect([bench.actions(), bench.session.dueAt, bench.session.state]).toEqual([[], Infinity, "closing"]);
  });

  test("nothing can be sent after STOP, nor STOP twice (TB-END-1)", () => {
    const bench = ClientBench.ready();
    bench.session.stop(0);
    bench.sent();
    for (const call of [() => bench.send("x"), () => bench.session.stop(0), () => bench.session.end(0)]) {
      expect(call).toThrow(expect.objectContaining({ code: "wrong-state" }));
    }
    expect(bench.sent()).toEqual([]);
  });

  test.each([
    ["too few", 1, false],
    ["too many", 3, false],
    ["fewer than were sent, without GOAWAY (TB-END-20)", 2, true],
  ])("a count that does not fit is reply-mismatch: %s (TB-END-4)", (_, count, oneMore) => {
    const bench = ClientBench.ready();
    bench.send("a", "b", ...(oneMore ? ["c"] : []));
    bench.receiveReplies("A", "B");
    bench.session.stop(0);
    bench.sent();
    bench.receive(stopped(count));
    expect(bench.sent()).toEqual(["ERROR reply-mismatch"]);
  });

  test("without STOP or GOAWAY, STOPPED is a breach", () => {
    const bench = ClientBench.ready();
    bench.receive(stopped(0));
    expect(bench.sent()).toEqual(["ERROR unexpected-frame"]);
  });

  test("let go from within the callback, it closes once", () => {
    const bench = ClientBench.ready({
      onAction: (action, { session }) => {
        if (action.type === "stopped") session.abandon();
      },
    });
    bench.session.stop(0);
    bench.receive(stopped(0));
    expect(bench.actions()).toEqual(["stopped 0", "close"]);
  });
});

describe("GOAWAY", () => {
  test("is told; messages may go on, and STOPPED may come by itself (TB-END-13)", () => {
    const bench = ClientBench.ready();
    bench.send("a");
    bench.receive(GOAWAY, reply(1, "A"));
    bench.send("b", "c");
    expect(bench.session.state).toBe("draining");
    bench.receive(reply(2, "B"), stopped(2));
    expect(bench.actions()).toEqual(["goaway shutdown 2000", "reply A", "reply B", "stopped 2", "close"]);
    expect([bench.session.unanswered, bench.sent().at(-1)]).toEqual([1, "MESSAGE 3 c"]);
  });

  test("may be answered by STOP, from within the callback too (TB-END-15)", () => {
    const bench = ClientBench.ready({
      onAction: (action, { session }) => {
        if (action.type === "goaway") session.stop(0);
      },
    });
    bench.receive(GOAWAY, stopped(0));
    expect([bench.sent(), bench.actions().slice(1)]).toEqual([["STOP"], ["stopped 0", "close"]]);
  });

  test("may cross STOP, and excuses what was not accepted", () => {
    const bench = ClientBench.ready();
    bench.send("a");
    bench.session.stop(0);
    bench.receive(GOAWAY, stopped(0));
    expect(bench.actions()).toEqual(["goaway shutdown 2000", "stopped 0", "close"]);
  });

  test("a second one is a breach (TB-END-12)", () => {
    for (const stop of [false, true]) {
      const bench = ClientBench.ready();
      bench.receive(GOAWAY);
      if (stop) bench.session.stop(0);
      bench.sent();
      bench.receive(GOAWAY);
      expect(bench.sent()).toEqual(["ERROR unexpected-frame"]);
    }
  });

  test("a reason that is not known is told by its number (TB-END-14)", () => {
    const bench = ClientBench.ready();
    bench.receive(frame(0x22, hex("09 00000001")));
    expect(bench.actions()).toEqual(["goaway unknown-9 1"]);
  });
});

describe("the client's own end of stream, without STOP", () => {
  test("takes the replies still due, answers no PING, and reports the missing STOPPED (TB-END-9)", () => {
    const bench = ClientBench.ready();
    bench.send("a", "b");
    bench.session.end(0);
    bench.sent();
    bench.receive(reply(1, "A"), PING, GOAWAY, reply(2, "B"));
    expect([bench.sent(), bench.session.state]).toEqual([[], "ending"]);
    bench.session.receiveEnd(0);
    expect(bench.actions().slice(-2)).toEqual(["failed ended-early by peer", "close"]);
  });

  test("STOPPED fits only behind GOAWAY, and no ERROR can be sent any more", () => {
    for (const goaway of [true, false]) {
      const bench = ClientBench.ready();
      bench.session.end(0);
      bench.receive(...(goaway ? [GOAWAY] : []), stopped(0));
      const last = goaway ? "stopped 0" : "failed unexpected-frame by peer";
      expect([bench.sent(), bench.actions().slice(-2)]).toEqual([[], [last, "close"]]);
    }
  });

  test("has its answer deadline, too", () => {
    const bench = ClientBench.ready();
    bench.send("a", "b");
    bench.session.end(0);
    bench.sent();
    bench.pass(600);
    bench.receive(reply(1, ""));
    bench.pass(999);
    expect(bench.session.state).toBe("ending");
    bench.pass(1);
    expect([bench.sent(), bench.actions().slice(-2)]).toEqual([[], ["failed timeout by peer", "close"]]);
  });
});

test("end of stream without STOPPED is a failure in every state (TB-END-9)", () => {
  const benches = [new ClientBench(), ClientBench.ready()];
  const welcomed = new ClientBench();
  welcomed.receive(welcome());
  const refusedOnce = new ClientBench();
  refusedOnce.login();
  refusedOnce.receive(welcome(), refused("busy", 1));
  const stopping = ClientBench.ready();
  stopping.session.stop(0);
  for (const bench of [...benches, welcomed, refusedOnce, stopping]) {
    bench.sent();
    bench.receive(hex("00 00"));
    bench.session.receiveEnd(0);
    expect([bench.sent(), bench.actions().slice(-2)]).toEqual([[], ["failed ended-early by peer", "close"]]);
    expect(bench.errors[0]).toMatchObject({ retryable: true });
    bench.session.receiveEnd(0);
    bench.session.abandon();
    expect(bench.actions()).toEqual([]);
  }
});

test.each([
  [1, "malformed", "local", false],
  [8, "timeout", "local", true],
  [9, "shutdown", "peer", true],
  [10, "internal", "peer", true],
  [11, "revoked", "peer", false],
  [200, "internal", "peer", true],
] as const)(
  "ERROR %i from the server ends the session (TB-ERROR-3, TB-ERROR-4)",
  (code, name, side, retryable) => {
    const bench = ClientBench.ready();
    bench.receive(frame(0x23, Uint8Array.of(code, 1, 1, 2), hex("68 69")), PING);
    expect([bench.sent(), bench.actions()]).toEqual([[], [`failed ${name} by ${side}`, "close"]]);
    expect(bench.errors[0]).toMatchObject({ code: name, side, retryable });
  },
);
