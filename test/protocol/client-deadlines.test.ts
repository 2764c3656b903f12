// The client's own deadline for each answer that it waits for (TB-TIME-6).

import { describe, expect, test } from "vitest";
import { frame, hex, reply } from "./bytes.ts";
import { ANSWER_MS, ClientBench, GOAWAY, PING_DATA, welcome } from "./client-bench.ts";
import { encodeByTable } from "./field-table.ts";

const PING = encodeByTable("PING", { data: PING_DATA });
const PONG = encodeByTable("PONG", { data: PING_DATA });
const EXTENSION = frame(0xff, hex("00"));

describe("the answer deadline (TB-TIME-6)", () => {
  /** What is sent and told just before the deadline, and at it. */
  const expiry = (bench: ClientBench): unknown => {
    bench.sent();
    bench.actions();
    bench.pass(ANSWER_MS - 1);
    const early = bench.sent();
    bench.pass(1);
    return { early, sent: bench.sent(), actions: bench.actions(), dueAt: bench.session.dueAt };
  };
  const TIMEOUT = {
    early: [],
    sent: ["ERROR timeout"],
    actions: ["failed timeout by peer", "close"],
    dueAt: Infinity,
  };

  test("runs for WELCOME, for the answer to AUTH and to RESPONSE", () => {
    const bench = new ClientBench();
    expect(expiry(bench)).toEqual(TIMEOUT);
    const early = new ClientBench();
    early.login();
    early.pass(500);
    early.receive(welcome());
    expect(expiry(early)).toEqual(TIMEOUT);
    const responding = new ClientBench();
    responding.login("TWO-STEPS");
    responding.receive(welcome(), frame(0x04, hex("0000")));
    responding.pass(100_000);
    responding.session.respond(hex("01"), responding.now);
    expect(expiry(responding)).toEqual(TIMEOUT);
  });

  test("does not run while it is the application's turn", () => {
    const bench = new ClientBench();
    bench.receive(welcome());
    expect(bench.session.dueAt).toBe(Infinity);
    expect(ClientBench.ready().session.dueAt).toBe(Infinity);
  });

  test("runs for the oldest reply, and starts again with each", () => {
    const bench = ClientBench.ready();
    bench.send("a");
    bench.pass(400);
    bench.send("b");
    expect(bench.session.dueAt).toBe(ANSWER_MS);
    bench.pass(400);
    bench.receive(reply(1, ""));
    expect(bench.session.dueAt).toBe(800 + ANSWER_MS);
    bench.receive(reply(2, ""));
    expect(bench.session.dueAt).toBe(Infinity);
    bench.pass(100);
    bench.send("c");
    expect(expiry(bench)).toEqual(TIMEOUT);
  });

  test("is not put off by frames that answer nothing", () => {
    const bench = ClientBench.ready();
    bench.send("a");
    bench.pass(600);
    bench.receive(PING, GOAWAY, EXTENSION, reply(1, "").subarray(0, 8));
    expect(bench.session.dueAt).toBe(ANSWER_MS);
  });

  test("runs for a PONG by itself", () => {
    const bench = ClientBench.ready();
    bench.send("a");
    bench.pass(300);
    bench.session.ping(PING_DATA, bench.now);
    bench.receive(reply(1, ""));
    expect(bench.session.dueAt).toBe(300 + ANSWER_MS);
    bench.receive(PONG);
    expect(bench.session.dueAt).toBe(Infinity);
    bench.session.ping(PING_DATA, bench.now);
    expect(expiry(bench)).toEqual(TIMEOUT);
  });

  test("runs for STOPPED, replies or not", () => {
    const bench = ClientBench.ready();
    bench.send("a");
    bench.pass(300);
    bench.session.stop(bench.now);
    expect(bench.session.dueAt).toBe(300 + ANSWER_MS);
    bench.pass(700);
    bench.receive(reply(1, ""));
    expect(expiry(bench)).toEqual(TIMEOUT);
  });

  test("a tick too early does nothing", () => {
    const bench = new ClientBench();
    bench.session.tick(ANSWER_MS - 1);
    expect(bench.session.state).toBe("awaiting-welcome");
  });
});
