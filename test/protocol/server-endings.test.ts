// How a server's session ends (spec section 9).

import { describe, expect, test } from "vitest";
import { frame, hex, message } from "./bytes.ts";
import { auth, HELLO, ping, PING_DATA, ServerBench, STOP, type ServerBenchOptions } from "./server-bench.ts";

const deferring: ServerBenchOptions = { message: (_, bench) => bench.defer() };
const EXTENSION = frame(0x80, new Uint8Array(3));

describe("STOP", () => {
  test("is answered by STOPPED with the count (TB-END-2, TB-END-3)", () => {
    const bench = ServerBench.ready();
    bench.receive(message(1, ""), message(1, ""), STOP, message(2, ""));
    expect(bench.sent()).toEqual(["REPLY 1", "REPLY 1", "STOPPED 2"]);
    expect([bench.actions(), bench.session.state]).toEqual([["close"], "closing"]);
  });

  test("waits for the replies still due", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), message(2, ""), STOP);
    bench.reply(1, "b");
    expect([bench.sent(), bench.session.state]).toEqual([[], "stopping"]);
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["REPLY 1 a", "REPLY 2 b", "STOPPED 2"]);
  });

  test("a failing application then makes it ERROR instead", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), message(2, ""), STOP);
    bench.session.failMessage(bench.tickets[1]);
    expect(bench.session.state).toBe("finishing");
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["REPLY 1 a", "ERROR internal"]);
  });

  test("with a body is malformed", () => {
    const bench = ServerBench.ready();
    bench.receive(frame(0x20, hex("00")));
    expect(bench.sent()).toEqual(["ERROR malformed"]);
  });

  test("nothing but PONG may follow it while replies are due (TB-FRAME-10, TB-EXT-4)", () => {
    for (const after of [STOP, message(2, ""), ping("PING"), EXTENSION, HELLO]) {
      const bench = ServerBench.ready(deferring);
      bench.receive(message(1, ""), STOP);
      bench.session.ping(PING_DATA);
      bench.receive(ping("PONG"), after);
      expect(bench.sent()).toEqual(["PING 0102030405060708", "ERROR unexpected-frame"]);
    }
  });
});

describe("end of stream", () => {
  test.each([
    ["awaiting-hello", (): ServerBench => new ServerBench()],
    ["admitting", () => afterHello("by hand")],
    ["awaiting-auth", () => afterHello("after")],
    [
      "verifying",
      () => {
        const bench = afterHello("by hand");
        bench.session.admitted(0);
        bench.receive(auth("x"));
        return bench;
      },
    ],
    [
      "awaiting-response",
      () => {
        const bench = afterHello("after");
        bench.receive(auth("x", "TWO-STEPS"));
        return bench;
      },
    ],
  ] as const)("in %s closes the connection without a frame (TB-END-8)", (state, make) => {
    for (const begun of [hex(""), hex("00 00")]) {
      const bench = make();
      bench.receive(begun);
      bench.sent();
      expect(bench.session.state).toBe(state);
      bench.session.receiveEnd(0);
      expect([bench.sent(), bench.actions().at(-1), bench.session.state]).toEqual([[], "close", "closing"]);
      expect(bench.session.dueAt).toBe(Infinity);
    }
  });

  function afterHello(answers: "by hand" | "after"): ServerBench {
    const bench = new ServerBench({ answers });
    bench.receive(HELLO);
    return bench;
  }

  test.each([
    ["on a frame boundary", hex("")],
    ["inside a frame (TB-END-7)", message(9, "dropped").subarray(0, 12)],
    ["inside a large frame", message(9, new Uint8Array(20_000)).subarray(0, 12_000)],
    ["inside an extension frame", EXTENSION.subarray(0, 6)],
  ])("after login, %s: the replies still due, then the end without STOPPED (TB-END-6)", (_, begun) => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), message(2, ""), begun);
    bench.session.receiveEnd(0);
    expect([bench.session.state, bench.actions(), bench.session.dueAt]).toEqual(["finishing", [], Infinity]);
    bench.reply(1, "b");
    bench.reply(0, "a");
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a", "REPLY 2 b"], ["close"]]);

    const idle = ServerBench.ready();
    idle.receive(message(1, "a"), begun);
    idle.session.receiveEnd(0);
    expect([idle.sent(), idle.actions()]).toEqual([["REPLY 1 a"], ["close"]]);
  });

  test("waits behind input that is held: all that came is answered", () => {
    const bench = ServerBench.ready({ ...deferring, settings: { maxUnderWay: 1 } });
    bench.receive(message(1, ""), message(2, ""), message(3, "").subarray(0, 3));
    bench.session.receiveEnd(0);
    expect(bench.session.state).toBe("ready");
    bench.reply(0, "a");
    expect(bench.session.state).toBe("ready");
    bench.reply(1, "b");
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a", "REPLY 2 b"], ["close"]]);

    const full = ServerBench.ready({ settings: { maxPendingBytes: 1 } });
    full.receive(message(1, ""), STOP);
    full.session.receiveEnd(0);
    expect(full.sent()).toEqual(["REPLY 1"]);
    full.session.resume(0);
    expect([full.sent(), full.actions()]).toEqual([["STOPPED 1"], ["close"]]);
  });

  test("after STOP changes nothing, not even inside a frame (TB-END-7)", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), STOP, ping("PONG").subarray(0, 7));
    bench.session.receiveEnd(0);
    bench.pass(100_000);
    bench.reply(0, "a");
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a", "STOPPED 1"], ["close"]]);
  });

  test("twice, or once it is over, changes nothing", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""));
    bench.session.receiveEnd(0);
    bench.session.receiveEnd(0);
    bench.reply(0, "a");
    bench.session.receiveEnd(0);
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a"], ["close"]]);
  });
});

test("reset ends the session without a frame, and with nothing to close", () => {
  const bench = ServerBench.ready(deferring);
  bench.receive(message(1, ""));
  bench.session.receiveReset();
  bench.session.receiveReset();
  bench.reply(0, "a");
  expect([bench.sent(), bench.actions(), bench.session.dueAt]).toEqual([[], [], Infinity]);
});

test("abort sends ERROR once", () => {
  const bench = ServerBench.ready(deferring);
  bench.session.abort("internal", "local", "told so");
  bench.session.abort("internal", "local", "told so");
  expect([bench.sent(), bench.actions()]).toEqual([
    ["ERROR internal"],
    ["failed internal by local", "close"],
  ]);
});

describe("drain", () => {
  test("sends GOAWAY once, and goes on accepting (TB-END-10, TB-END-23)", () => {
    const bench = ServerBench.ready();
    bench.session.drain(0);
    bench.session.drain(0);
    bench.receive(message(1, "a"), EXTENSION, ping("PING"), STOP);
    expect(bench.sent()).toEqual(["GOAWAY shutdown 2000", "REPLY 1 a", "PONG 0102030405060708", "STOPPED 1"]);
  });

  test("its deadline is as if STOP had arrived (TB-END-11)", () => {
    const bench = ServerBench.ready();
    bench.session.drain(0);
    bench.sent();
    bench.pass(1999);
    expect([bench.sent(), bench.session.state]).toEqual([[], "draining"]);
    bench.pass(1);
    expect([bench.sent(), bench.actions()]).toEqual([["STOPPED 0"], ["close"]]);
  });

  test("its deadline waits for the replies still due", () => {
    const bench = ServerBench.ready(deferring);
    bench.session.drain(0);
    bench.receive(message(1, ""));
    bench.sent();
    bench.pass(2000);
    expect([bench.sent(), bench.session.state]).toEqual([[], "drained"]);
    bench.reply(0, "a");
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a", "STOPPED 1"], ["close"]]);
  });

  test("behind its deadline what the client still sends is discarded, not refused (TB-END-19)", () => {
    const bench = ServerBench.ready(deferring);
    bench.session.drain(0);
    bench.receive(message(1, ""));
    bench.session.ping(PING_DATA);
    bench.pass(1800);
    bench.receive(message(2, "").subarray(0, 2));
    bench.pass(1_000_000);
    bench.receive(message(2, "").subarray(2), ping("PONG"), ping("PING"), EXTENSION, STOP, message(3, ""));
    expect([bench.session.state, bench.session.ping(PING_DATA)]).toEqual(["drained", false]);
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["GOAWAY shutdown 2000", "PING 0102030405060708", "REPLY 1 a", "STOPPED 1"]);
    expect(bench.actions()).toEqual(["close"]);
  });

  test("behind its deadline a breach is one all the same, and end of stream changes nothing", () => {
    const drained = (): ServerBench => {
      const bench = ServerBench.ready(deferring);
      bench.session.drain(0);
      bench.receive(message(1, ""));
      bench.pass(2000);
      bench.sent();
      return bench;
    };
    for (const [bytes, code] of [
      [frame(0x30), "unknown-type"],
      [HELLO, "unexpected-frame"],
      [hex("00000000"), "malformed"],
    ] as const) {
      const bench = drained();
      bench.receive(bytes);
      expect(bench.sent()).toEqual([`ERROR ${code}`]);
    }
    const bench = drained();
    bench.receive(message(2, "").subarray(0, 6));
    bench.session.receiveEnd(bench.now);
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["REPLY 1 a", "STOPPED 1"]);
  });

  test("before login it is ERROR shutdown", () => {
    const before = new ServerBench();
    before.session.drain(0);
    expect([before.sent(), before.actions()]).toEqual([
      ["ERROR shutdown"],
      ["failed shutdown by local", "close"],
    ]);

    const verifying = new ServerBench({ answers: "by hand" });
    verifying.receive(HELLO);
    verifying.session.admitted(0);
    verifying.receive(auth("x"));
    verifying.session.drain(0);
    expect(verifying.sent()).toEqual(["WELCOME", "ERROR shutdown"]);
    expect(verifying.actions().slice(2)).toEqual([
      "failed shutdown by local",
      "cancel-verification",
      "close",
    ]);
  });

  test("while it stops or has ended it changes nothing", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), STOP);
    bench.session.drain(0);
    bench.reply(0, "");
    bench.session.drain(0);
    expect(bench.sent()).toEqual(["REPLY 1", "STOPPED 1"]);
  });

  test("its deadline does not disturb a session that has failed and still owes replies", () => {
    const bench = ServerBench.ready(deferring);
    bench.session.drain(0);
    bench.receive(message(1, ""), message(2, ""), message(3, "").subarray(0, 6));
    bench.session.failMessage(bench.tickets[1]);
    bench.pass(100_000);
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["GOAWAY shutdown 2000", "REPLY 1 a", "ERROR internal"]);
  });
});
