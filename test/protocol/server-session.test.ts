// The server's side of messages (spec section 7): replies now and later, failures, and when to stop reading.

import { describe, expect, test } from "vitest";
import { TalkByteError } from "../../src/protocol/error.ts";
import { frame, hex, message, Random, reply, concat } from "./bytes.ts";
import { isForgotten } from "./memory.ts";
import { ping, PING_DATA, ServerBench, STOP, type ServerBenchOptions } from "./server-bench.ts";

const deferring: ServerBenchOptions = { message: (_, bench) => bench.defer() };

describe("replies", () => {
  test("carry the id and the payload back, whatever they are (TB-MSG-1, TB-MSG-3, TB-MSG-6)", () => {
    const bench = ServerBench.ready();
    const payload = new Random(1).bytes(60_000);
    const ids = [1, 1, 0, 0xffff_ffff, 7];
    bench.receive(...ids.map((id) => message(id, "x")), message(8, ""), message(9, payload));
    const sent = concat(...bench.out.take());
    expect(sent).toEqual(concat(...ids.map((id) => reply(id, "x")), reply(8, ""), reply(9, payload)));
    expect(bench.session.accepted).toBe(7);
  });

  test("a large payload that came in pieces goes back in pieces", () => {
    const bench = ServerBench.ready();
    const payload = new Random(2).bytes(50_000);
    const bytes = message(3, payload);
    for (let at = 0; at < bytes.length; at += 7001) bench.receive(bytes.subarray(at, at + 7001));
    expect(Buffer.compare(concat(...bench.out.take()), reply(3, payload))).toBe(0);
  });

  test("the application sees each payload, and may answer with bytes of its own", () => {
    const seen: string[] = [];
    const bench = ServerBench.ready({
      message: (payload) => {
        seen.push(Buffer.from(payload.bytes).toString());
        return Buffer.from(`${seen.length}`);
      },
    });
    bench.receive(message(1, "a"), message(2, "bc"));
    expect([seen, bench.sent()]).toEqual([
      ["a", "bc"],
      ["REPLY 1 1", "REPLY 2 2"],
    ]);
  });

  test("a MESSAGE without a whole id is malformed, behind the replies before it", () => {
    const bench = ServerBench.ready();
    bench.receive(message(1, "a"), frame(0x10, hex("00 00 01")), message(2, "b"));
    expect(bench.sent()).toEqual(["REPLY 1 a", "ERROR malformed"]);
    expect(bench.actions()).toEqual(["failed malformed by peer", "close"]);
  });

  test("a payload is let go once it has been answered", async () => {
    const bench = ServerBench.ready();
    const old = ((): WeakRef<object>[] => {
      const bytes = message(1, new Uint8Array(30_000));
      const pieces = [bytes.slice(0, 10_000), bytes.slice(10_000)];
      for (const piece of pieces) bench.session.receive(piece, 0);
      expect(bench.out.take().length).toBe(3);
      return pieces.map(({ buffer }) => new WeakRef(buffer));
    })();
    for (const buffer of old) expect(await isForgotten(buffer)).toBe(true);
    expect(bench.session.state).toBe("ready");
  });
});

describe("deferred replies", () => {
  test("leave in order, in whatever order they become known (TB-MSG-2)", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(11, ""), message(12, ""), message(13, ""));
    bench.reply(2, "c");
    bench.reply(1, "b");
    expect(bench.sent()).toEqual([]);
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["REPLY 11 a", "REPLY 12 b", "REPLY 13 c"]);
  });

  test("hold back those that are known at once, views among them", () => {
    const bench = ServerBench.ready({
      message: (payload, bench) => {
        const text = Buffer.from(payload.bytes).toString();
        if (text === "later") return bench.defer();
        return text === "array" ? Buffer.from("array") : payload;
      },
    });
    bench.receive(message(1, "later"), message(2, "view"), message(3, "array"));
    bench.receive(ping("PING"));
    expect(bench.sent()).toEqual([`PONG ${Buffer.from(PING_DATA).toString("hex")}`]);
    bench.reply(0, "now");
    expect(bench.sent()).toEqual(["REPLY 1 now", "REPLY 2 view", "REPLY 3 array"]);
    bench.receive(message(4, "view"));
    expect(bench.sent()).toEqual(["REPLY 4 view"]);
  });

  test("may come from within the callback that deferred them", () => {
    const bench = ServerBench.ready({
      message: (payload, bench) => {
        const copy = payload.copy();
        bench.session.reply(bench.session.defer(), copy, bench.now);
        expect(payload.bytes).toEqual(copy);
        return undefined;
      },
    });
    bench.receive(message(1, "a"), message(2, "b"), STOP);
    expect(bench.sent()).toEqual(["REPLY 1 a", "REPLY 2 b", "STOPPED 2"]);
  });

  test("are ignored when the session has ended, and when they come twice", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), message(2, ""));
    bench.reply(0, "a");
    bench.reply(0, "again");
    bench.receive(frame(0x01));
    bench.reply(1, "late");
    bench.session.failMessage(bench.tickets[1]);
    expect(bench.sent()).toEqual(["REPLY 1 a", "ERROR unexpected-frame"]);
    expect(bench.actions()).toEqual(["failed unexpected-frame by peer", "close"]);
  });
});

describe("an application that fails (TB-MSG-7)", () => {
  const failed = ["failed internal by local", "close"];

  test("at once, with nothing before it", () => {
    const bench = ServerBench.ready({ message: (_, bench) => bench.fail() });
    bench.receive(message(1, ""), message(2, ""));
    expect([bench.sent(), bench.actions()]).toEqual([["ERROR internal"], failed]);
    expect(bench.session.accepted).toBe(1);
  });

  test("at once, behind replies that are still due: they come first", () => {
    const bench = ServerBench.ready({
      message: (payload, bench) => (payload.byteLength === 0 ? bench.defer() : bench.fail()),
    });
    bench.receive(message(1, ""), message(2, ""), message(3, "fail"), message(4, ""));
    expect([bench.session.state, bench.session.accepted, bench.tickets.length]).toEqual(["finishing", 3, 2]);
    bench.reply(1, "b");
    bench.receive(message(5, ""));
    expect(bench.sent()).toEqual([]);
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["REPLY 1 a", "REPLY 2 b", "ERROR internal"]);
    expect(bench.actions()).toEqual(failed);
  });

  test("later: the earlier replies, ERROR, and none of the later ones", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), message(2, ""), message(3, ""));
    bench.reply(2, "c");
    bench.session.failMessage(bench.tickets[1]);
    bench.reply(2, "c");
    expect([bench.sent(), bench.session.state]).toEqual([[], "finishing"]);
    bench.reply(0, "a");
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a", "ERROR internal"], failed]);
  });

  test("twice, the earlier message last: nothing behind it is sent", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), message(2, ""), message(3, ""));
    bench.session.failMessage(bench.tickets[2]);
    bench.session.failMessage(bench.tickets[1]);
    bench.session.failMessage(bench.tickets[2]);
    bench.reply(0, "a");
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a", "ERROR internal"], failed]);
  });

  test.each([
    ["at once", 65_532, "ERROR internal"],
    ["at once, the largest", 65_531, `REPLY 1 ${"x".repeat(65_531)}`],
  ])("a reply over the limit is a failure: %s (TB-LIMIT-1)", (_, size, line) => {
    const bench = ServerBench.ready({ message: () => Buffer.alloc(size, "x") });
    bench.receive(message(1, ""));
    expect(bench.sent()).toEqual([line]);
  });

  test("a deferred reply over the limit is a failure too", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), message(2, ""));
    bench.reply(1, new Uint8Array(65_532));
    bench.reply(0, "a");
    expect([bench.sent(), bench.actions()]).toEqual([["REPLY 1 a", "ERROR internal"], failed]);
  });

  test("by throwing: the session leaves the error to its host, and goes on", () => {
    for (const error of [new Error("oh"), new TalkByteError("refused", "peer", "oh")]) {
      let throws = true;
      const bench = ServerBench.ready({
        message: (payload) => {
          if (throws) throw error;
          return payload;
        },
      });
      expect(() => bench.receive(message(1, ""))).toThrow(error);
      throws = false;
      bench.receive(message(2, ""));
      expect(bench.sent()).toEqual(["REPLY 2"]);
    }
  });

  test("by ending the session itself: no frame follows ERROR", () => {
    const abort = ({ session }: ServerBench): void => session.abort("shutdown", "local", "revoked");
    const endings: NonNullable<ServerBenchOptions["message"]>[] = [
      (payload, bench) => (abort(bench), payload),
      (_, bench) => (abort(bench), bench.defer()),
      (_, bench) => (abort(bench), bench.fail()),
    ];
    for (const message_ of endings) {
      const bench = ServerBench.ready({ message: message_ });
      bench.receive(message(1, "a"), message(2, "b"));
      if (bench.tickets.length > 0) bench.reply(0, "late");
      expect([bench.sent(), bench.actions()]).toEqual([
        ["ERROR shutdown"],
        ["failed shutdown by local", "close"],
      ]);
    }
  });
});

describe("reading stops and goes on", () => {
  test("at max-under-way messages (TB-MSG-8)", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(...[1, 2, 3].map((id) => message(id, "")));
    expect(bench.session.wantsInput).toBe(true);
    bench.receive(...[4, 5, 6].map((id) => message(id, "")));
    expect([bench.session.wantsInput, bench.session.accepted]).toEqual([false, 4]);
    bench.reply(1, "b");
    expect([bench.session.wantsInput, bench.session.accepted]).toEqual([false, 4]);
    bench.reply(0, "a");
    expect([bench.session.wantsInput, bench.session.accepted]).toEqual([false, 6]);
    for (const index of [2, 3, 4, 5]) bench.reply(index, "x");
    expect(bench.sent().map((line) => line.slice(0, 7))).toEqual(
      [1, 2, 3, 4, 5, 6].map((id) => `REPLY ${id}`),
    );
    expect(bench.session.wantsInput).toBe(true);
  });

  test("behind it nothing is judged, not even a breach", () => {
    const bench = ServerBench.ready({ ...deferring, settings: { maxUnderWay: 1 } });
    bench.receive(message(1, ""), hex("00 00 00 00"));
    expect(bench.sent()).toEqual([]);
    bench.reply(0, "a");
    expect(bench.sent()).toEqual(["REPLY 1 a", "ERROR malformed"]);
  });

  test("at maxPendingBytes, until the writer has been emptied (TB-MSG-9)", () => {
    const bench = ServerBench.ready({ settings: { maxPendingBytes: 30 } });
    bench.receive(...[1, 2, 3, 4, 5].map((id) => message(id, "1234567")));
    expect([bench.session.accepted, bench.session.wantsInput]).toEqual([2, false]);
    expect(bench.sent().length).toBe(2);
    bench.session.resume(bench.now);
    expect([bench.session.accepted, bench.session.wantsInput]).toEqual([4, false]);
    expect(bench.sent().length).toBe(2);
    bench.session.resume(bench.now);
    expect([bench.session.accepted, bench.session.wantsInput, bench.sent().length]).toEqual([5, true, 1]);
  });

  test("when the session is over, input is read to be discarded", () => {
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""));
    bench.session.receiveEnd(0);
    expect([bench.session.state, bench.session.wantsInput]).toEqual(["finishing", true]);
    bench.receive(new Uint8Array(100_000));
    bench.reply(0, "");
    expect([bench.session.state, bench.session.wantsInput]).toEqual(["closing", true]);
    bench.receive(new Uint8Array(100_000));
    expect(bench.sent()).toEqual(["REPLY 1"]);
  });
});

describe("PING and PONG", () => {
  test("every PING is answered (TB-PING-1)", () => {
    const bench = ServerBench.ready();
    bench.receive(ping("PING"), ping("PING", hex("ffffffffffffffff")));
    expect(bench.sent()).toEqual(["PONG 0102030405060708", "PONG ffffffffffffffff"]);
  });

  test("one of the server's own at a time (TB-PING-6), answered by the same data (TB-PING-3)", () => {
    const bench = ServerBench.ready();
    const data = Buffer.from(PING_DATA);
    expect(bench.session.ping(data)).toBe(true);
    expect(bench.session.ping(data)).toBe(false);
    data.fill(0);
    bench.receive(ping("PONG"));
    expect(bench.session.ping(hex("00 00 00 00 00 00 00 01"))).toBe(true);
    expect(bench.sent()).toEqual(["PING 0102030405060708", "PING 0000000000000001"]);
    bench.receive(ping("PONG"));
    expect(bench.sent()).toEqual(["ERROR unexpected-frame"]);
  });

  test("a PONG that nobody asked for is a breach, and so is a second one", () => {
    const bench = ServerBench.ready();
    bench.session.ping(PING_DATA);
    bench.receive(ping("PONG"), ping("PONG"));
    expect(bench.sent()).toEqual(["PING 0102030405060708", "ERROR unexpected-frame"]);
  });

  test("none of the server's own before login or after the end, but still while stopping", () => {
    const early = new ServerBench();
    expect(early.session.ping(PING_DATA)).toBe(false);
    const bench = ServerBench.ready(deferring);
    bench.receive(message(1, ""), STOP);
    expect(bench.session.ping(PING_DATA)).toBe(true);
    bench.receive(ping("PONG"));
    bench.reply(0, "a");
    expect(bench.session.ping(PING_DATA)).toBe(false);
    expect(bench.sent()).toEqual(["PING 0102030405060708", "REPLY 1 a", "STOPPED 1"]);
  });
});

test.each([
  ["internal", "peer"],
  ["timeout", "local"],
  ["malformed", "local"],
])("ERROR %s from the client ends the session, without an answer (TB-ERROR-3)", (code, side) => {
  const bench = ServerBench.ready(deferring);
  const numbers: Record<string, string> = { internal: "0a", timeout: "08", malformed: "01" };
  bench.receive(message(1, ""), frame(0x23, hex(`${numbers[code]} 01 01 02 68 69`)), message(2, ""));
  bench.reply(0, "late");
  expect([bench.sent(), bench.actions()]).toEqual([[], [`failed ${code} by ${side}`, "close"]]);
  expect(bench.errors[0]).toMatchObject({ message: `the client ended the session: ${code}: hi` });
});

test.each(["c8 01 09 00", "", "01 01", "0a 02 01 00", "0a 01 01 01 ff", "0a 01 01 00 00"])(
  "ERROR ends the session whatever it holds: %s (TB-ERROR-3, TB-ERROR-4)",
  (body) => {
    const bench = ServerBench.ready();
    bench.receive(frame(0x23, hex(body)), message(1, ""));
    expect([bench.sent(), bench.actions()]).toEqual([[], ["failed internal by peer", "close"]]);
  },
);
