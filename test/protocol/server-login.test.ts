// The server's side of opening and login (spec sections 4.1 to 4.7 and 6), attempt by attempt.

import { describe, expect, test } from "vitest";
import { PASSWORD } from "../../src/protocol/mechanism.ts";
import { concat, frame, hex, message, toHex } from "./bytes.ts";
import { encodeByTable } from "./field-table.ts";
import {
  auth,
  HELLO,
  PEER_ERROR,
  SERVER_SETTINGS,
  ServerBench,
  SESSION_ID,
  TWO_STEPS,
} from "./server-bench.ts";

const hello = (min: number, max: number): Uint8Array =>
  encodeByTable("HELLO", { "min-version": min, "max-version": max, agent: "x" });

describe("opening", () => {
  test("HELLO is answered by WELCOME once the source is admitted (TB-WELCOME-1)", () => {
    const bench = new ServerBench({ answers: "by hand" });
    bench.receive(HELLO);
    expect([bench.session.state, bench.sent(), bench.actions()]).toEqual(["admitting", [], ["admit test/1"]]);
    bench.session.admitted(bench.now);
    expect(bench.session.state).toBe("awaiting-auth");
    const welcome = encodeByTable("WELCOME", {
      version: 1,
      agent: SERVER_SETTINGS.agent,
      "max-frame-bytes": SERVER_SETTINGS.maxFrameBytes,
      "max-under-way": SERVER_SETTINGS.maxUnderWay,
      "idle-timeout-ms": SERVER_SETTINGS.idleMs,
      mechanisms: [
        { name: "TWO-STEPS", parameters: { hex: "01" } },
        { name: "PASSWORD", parameters: "" },
      ],
    });
    expect(concat(...bench.out.take())).toEqual(welcome);
  });

  test.each([
    [1, 1, "WELCOME"],
    [1, 255, "WELCOME"],
    [2, 2, "ERROR unsupported-version"],
    [2, 255, "ERROR unsupported-version"],
    [2, 1, "ERROR malformed"],
    [0, 1, "ERROR malformed"],
  ])("versions %i to %i get %s (TB-HELLO-2, TB-HELLO-3, TB-WELCOME-2)", (min, max, answer) => {
    const bench = new ServerBench();
    bench.receive(concat(hello(1, 1).subarray(0, 13), Uint8Array.of(min, max), hello(1, 1).subarray(15)));
    expect(bench.sent()).toEqual([answer]);
  });

  test("ERROR carries the server's range (TB-ERROR-5)", () => {
    const bench = new ServerBench();
    bench.receive(hello(7, 9));
    const [error] = bench.sentFrames();
    expect(toHex(error!.body.subarray(0, 3))).toBe("060101");
  });

  test.each(["busy", "throttled"] as const)(
    "a source that is %s is refused at once (TB-REFUSED-7)",
    (reason) => {
      const bench = new ServerBench({ answers: "by hand" });
      bench.receive(HELLO, auth("correct"));
      bench.session.notAdmitted(reason, 1500);
      expect(bench.sent()).toEqual(["WELCOME", `REFUSED ${reason} after 1500 left 0`]);
      expect(bench.actions()).toEqual(["admit test/1", `refused nobody ${reason} left 0`, "close"]);
      expect(bench.session.state).toBe("closing");
    },
  );

  test("late decisions about the source change nothing", () => {
    const bench = new ServerBench();
    bench.receive(HELLO);
    bench.sent();
    bench.session.admitted(bench.now);
    bench.session.notAdmitted("busy", 1);
    expect([bench.sent(), bench.session.state]).toEqual([[], "awaiting-auth"]);
  });
});

describe("in one step", () => {
  test("the right password logs in", () => {
    const bench = new ServerBench();
    bench.receive(HELLO);
    bench.receive(auth("correct"));
    const [welcome, authenticated, ...more] = bench.sentFrames();
    expect([welcome!.name, more]).toEqual(["WELCOME", []]);
    expect(authenticated!.body).toEqual(concat(SESSION_ID, hex("00 00")));
    expect(bench.actions()).toEqual(["admit test/1", "verify alice", "authenticated alice"]);
    expect(bench.session.state).toBe("ready");
  });

  test("a wrong one costs a try each time, and the last one the connection (TB-REFUSED-1, -2, -3)", () => {
    const bench = new ServerBench();
    bench.receive(HELLO, auth("wrong"), auth("wrong"));
    expect(bench.session.state).toBe("awaiting-auth");
    bench.receive(auth("wrong"));
    expect(bench.sent()).toEqual([
      "WELCOME",
      ...[2, 1, 0].map((left) => `REFUSED bad-credentials after 0 left ${left}`),
    ]);
    expect(bench.actions().slice(1)).toEqual([
      ...[2, 1, 0].flatMap((left) => [
        "verify alice",
        "penalise alice",
        `refused alice bad-credentials left ${left}`,
      ]),
      "close",
    ]);
    bench.receive(auth("correct"));
    expect([bench.sent(), bench.session.state]).toEqual([[], "closing"]);
  });

  test("a wrong one, then the right one", () => {
    const bench = new ServerBench();
    bench.receive(HELLO, auth("wrong"), auth("correct"), message(1, "hi"));
    expect(bench.sent().slice(1)).toEqual([
      "REFUSED bad-credentials after 0 left 2",
      "AUTHENTICATED",
      "REPLY 1 hi",
    ]);
  });

  test("busy and an unknown mechanism cost nothing (TB-AUTH-5)", () => {
    const bench = new ServerBench();
    bench.receive(HELLO, auth("busy"), auth("x", "OTHER"), auth("wrong"), auth("busy"), auth("correct"));
    expect(bench.sent().slice(1)).toEqual([
      "REFUSED busy after 700 left 3",
      "REFUSED mechanism-unavailable after 0 left 3",
      "REFUSED bad-credentials after 0 left 2",
      "REFUSED busy after 700 left 2",
      "AUTHENTICATED",
    ]);
    expect(bench.actions().filter((action) => action.startsWith("penalise"))).toEqual(["penalise alice"]);
  });

  test("a mechanism that WELCOME did not list is not verified, whatever its data", () => {
    const bench = new ServerBench({ settings: { mechanisms: [TWO_STEPS] } });
    bench.receive(HELLO, auth(""));
    expect(bench.sent()).toEqual(["WELCOME", "REFUSED mechanism-unavailable after 0 left 3"]);
    expect(bench.actions()).toEqual(["admit test/1", "refused alice mechanism-unavailable left 3"]);
  });

  test("throttled ends the connection without a try (TB-REFUSED-1)", () => {
    const bench = new ServerBench();
    bench.receive(HELLO, auth("throttled"), auth("correct"));
    expect(bench.sent().slice(1)).toEqual(["REFUSED throttled after 700 left 0"]);
    expect(bench.actions().slice(2)).toEqual(["refused alice throttled left 0", "close"]);
  });

  test.each([
    ["empty", ""],
    ["too long", "x".repeat(1025)],
  ])("a password that is %s is malformed (TB-PASSWORD-1)", (_, password) => {
    const bench = new ServerBench();
    bench.receive(HELLO, auth(password));
    expect([bench.sent(), bench.attempts]).toEqual([["WELCOME", "ERROR malformed"], []]);
  });

  test("one try is one try", () => {
    const bench = new ServerBench({ settings: { tries: 1, mechanisms: [PASSWORD] } });
    bench.receive(HELLO, auth("wrong"));
    expect(bench.sent().slice(1)).toEqual(["REFUSED bad-credentials after 0 left 0"]);
    expect(bench.session.state).toBe("closing");
  });
});

describe("while a credential is being verified", () => {
  const verifying = (): ServerBench => {
    const bench = new ServerBench({ answers: "by hand" });
    bench.receive(HELLO);
    bench.session.admitted(0);
    bench.receive(auth("correct"));
    bench.sent();
    bench.actions();
    expect(bench.session.state).toBe("verifying");
    return bench;
  };
  const accepted = { type: "accepted", sessionId: SESSION_ID, mechanismData: new Uint8Array(0) } as const;

  test("no frame is processed, and one login frame is held (TB-LIMIT-3)", () => {
    const bench = verifying();
    bench.receive(frame(0x30));
    expect([bench.sent(), bench.session.wantsInput]).toEqual([[], true]);
    bench.receive(new Uint8Array(4094));
    expect(bench.session.wantsInput).toBe(true);
    bench.receive(new Uint8Array(1));
    expect(bench.session.wantsInput).toBe(false);
    bench.session.verified(accepted, 0);
    expect(bench.sent()).toEqual(["AUTHENTICATED", "ERROR unknown-type"]);
  });

  test("a MESSAGE behind AUTH waits and is then answered", () => {
    const bench = verifying();
    bench.receive(message(1, "early"));
    expect(bench.sent()).toEqual([]);
    bench.session.verified(accepted, 0);
    expect(bench.sent()).toEqual(["AUTHENTICATED", "REPLY 1 early"]);
  });

  test("behind a refusal the MESSAGE is a breach (TB-FRAME-10)", () => {
    const bench = verifying();
    bench.receive(message(1, "early"));
    bench.session.verified({ type: "rejected", retryAfterMs: 0 }, 0);
    expect(bench.sent()).toEqual(["REFUSED bad-credentials after 0 left 2", "ERROR unexpected-frame"]);
  });

  test("the limit changes right behind AUTHENTICATED (TB-LIMIT-2)", () => {
    const bench = verifying();
    bench.receive(message(1, "x".repeat(65_531)));
    bench.session.verified(accepted, 0);
    expect(bench.sentFrames()[1]!.body.length).toBe(65_535);
    bench.receive(hex("00 01 00 01"));
    expect(bench.sent()).toEqual(["ERROR frame-too-large"]);
  });

  test.each(["end of stream", "reset"])("%s cancels it, and its outcome is ignored (TB-AUTH-11)", (what) => {
    const bench = verifying();
    if (what === "reset") bench.session.receiveReset();
    else bench.session.receiveEnd(0);
    const ending = what === "reset" ? [] : ["close"];
    expect(bench.actions()).toEqual(["penalise alice", "cancel-verification", ...ending]);
    for (const outcome of [accepted, { type: "rejected", retryAfterMs: 0 } as const]) {
      bench.session.verified(outcome, 0);
    }
    bench.session.receiveReset();
    expect([bench.sent(), bench.actions(), bench.session.state]).toEqual([[], [], "closing"]);
  });

  test("ERROR from the client is not seen before the outcome", () => {
    const bench = verifying();
    bench.receive(PEER_ERROR);
    expect(bench.session.state).toBe("verifying");
    bench.session.verified(accepted, 0);
    expect([bench.sent(), bench.session.state]).toEqual([["AUTHENTICATED"], "closing"]);
  });
});

describe("in one flight", () => {
  const flight = concat(HELLO, auth("correct"), message(1, "a"), message(2, "b"));
  const expected = ["WELCOME", "AUTHENTICATED", "REPLY 1 a", "REPLY 2 b"];

  test.each(["at once", "after"] as const)(
    "answers come %s: HELLO, AUTH and MESSAGE together (TB-HELLO-4)",
    (answers) => {
      const bench = new ServerBench({ answers });
      bench.receive(flight);
      expect(bench.sent()).toEqual(expected);
    },
  );

  test("refusals that do not count are bounded too, and do not pile up on the stack (TB-REFUSED-9)", () => {
    const bench = new ServerBench({ answers: "at once" });
    bench.receive(HELLO, ...Array.from({ length: 20_000 }, () => auth("busy")));
    const sent = bench.sent();
    expect(sent).toHaveLength(1 + 3 + 16);
    expect(sent.at(-1)).toMatch(/^REFUSED busy .*\b0$/);
    expect(bench.session.state).toBe("closing");
  });
});
