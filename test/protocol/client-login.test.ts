// The client's side of opening and login (spec sections 4.1 to 4.7 and 6).

import { describe, expect, test } from "vitest";
import { PASSWORD } from "../../src/protocol/mechanism.ts";
import { concat, frame, hex, message, utf8 } from "./bytes.ts";
import { AUTHENTICATED, CHALLENGE, ClientBench, refused, welcome } from "./client-bench.ts";
import { encodeByTable } from "./field-table.ts";

const NO_BYTES = new Uint8Array(0);

describe("opening", () => {
  test("HELLO goes out at once (TB-HELLO-1)", () => {
    const bench = new ClientBench();
    const hello = encodeByTable("HELLO", { "min-version": 1, "max-version": 1, agent: "client/1" });
    expect(concat(...bench.out.take())).toEqual(hello);
    expect([bench.session.state, bench.session.maxPayloadBytes]).toEqual(["awaiting-welcome", 0]);
  });

  test("WELCOME is told, mechanisms that nobody knows included (TB-WELCOME-5)", () => {
    let mechanisms: readonly string[] = [];
    const bench = new ClientBench({
      onAction: (action) => {
        if (action.type === "welcome") mechanisms = action.welcome.mechanisms.map(({ name }) => name);
      },
    });
    const offers = ["FUTURE", "PASSWORD"].map((name) => ({ name, parameters: "x" }));
    bench.receive(welcome({ mechanisms: offers }));
    expect([mechanisms, bench.session.state]).toEqual([["FUTURE", "PASSWORD"], "unauthenticated"]);
    expect(bench.session.maxPayloadBytes).toBe(65_531);
  });

  test.each([
    ["a version out of range (TB-WELCOME-3)", { version: 2 }],
    [
      "a mechanism twice (TB-WELCOME-4)",
      { mechanisms: ["A", "A"].map((name) => ({ name, parameters: "" })) },
    ],
    ["too small a limit", { "max-frame-bytes": 4095 }],
    ["too large a limit", { "max-frame-bytes": 16_777_217 }],
    ["no message under way", { "max-under-way": 0 }],
  ])("WELCOME with %s is malformed", (_, changes) => {
    const bench = new ClientBench();
    bench.sent();
    bench.receive(welcome(changes));
    expect([bench.sent(), bench.actions()]).toEqual([
      ["ERROR malformed"],
      ["failed malformed by peer", "close"],
    ]);
  });

  test("an extension frame before WELCOME is a breach, behind it none (TB-EXT-4)", () => {
    const bench = new ClientBench();
    bench.sent();
    bench.receive(frame(0x80));
    expect(bench.sent()).toEqual(["ERROR unexpected-frame"]);
    const patient = new ClientBench();
    patient.receive(welcome(), frame(0x80, new Uint8Array(4095)));
    expect(patient.session.state).toBe("unauthenticated");
  });
});

describe("AUTH", () => {
  test("may ride behind HELLO (TB-HELLO-4)", () => {
    const bench = new ClientBench();
    bench.login();
    expect(bench.sent()).toEqual(["HELLO", "AUTH"]);
    bench.receive(welcome());
    expect(bench.session.state).toBe("authenticating");
    bench.receive(AUTHENTICATED);
    expect([bench.session.state, bench.actions()]).toEqual(["ready", ["welcome", "authenticated"]]);
  });

  test("may follow WELCOME, also from within its callback", () => {
    const bench = new ClientBench({
      onAction: (action, bench) => {
        if (action.type === "welcome") bench.login();
      },
    });
    bench.receive(welcome(), AUTHENTICATED);
    expect([bench.sent(), bench.session.state]).toEqual([["HELLO", "AUTH"], "ready"]);
  });

  test("is sent once at a time (TB-AUTH-4)", () => {
    const wrong = { code: "wrong-state", side: "local" };
    const early = new ClientBench();
    early.login();
    expect(() => early.login()).toThrow(expect.objectContaining(wrong));
    early.receive(welcome());
    expect(() => early.login()).toThrow(expect.objectContaining(wrong));
    expect(() => ClientBench.ready().login()).toThrow(expect.objectContaining(wrong));
    expect(early.sent()).toEqual(["HELLO", "AUTH"]);
  });

  test("after a refusal another may follow, until tries-left is 0 (TB-REFUSED-4)", () => {
    const bench = new ClientBench();
    bench.login();
    bench.receive(welcome(), refused("bad-credentials", 1));
    expect([bench.session.state, bench.session.dueAt]).toEqual(["unauthenticated", Infinity]);
    bench.login();
    bench.receive(refused("bad-credentials", 0));
    expect(bench.session.state).toBe("closing");
    expect(() => bench.login()).toThrow(expect.objectContaining({ code: "wrong-state" }));
    expect(bench.sent()).toEqual(["HELLO", "AUTH", "AUTH"]);
    expect(bench.actions()).toEqual([
      "welcome",
      "refused bad-credentials left 1",
      "refused bad-credentials left 0",
      "close",
    ]);
  });

  test("from within the refusal's callback", () => {
    const bench = new ClientBench({
      onAction: (action, bench) => {
        if (action.type === "refused") bench.login();
      },
    });
    bench.login();
    bench.receive(welcome(), refused("busy", 3), AUTHENTICATED);
    expect([bench.sent(), bench.session.state]).toEqual([["HELLO", "AUTH", "AUTH"], "ready"]);
  });

  test("a reason that is not known is a refusal like any other (TB-REFUSED-5)", () => {
    const bench = new ClientBench();
    bench.login();
    bench.receive(welcome(), refused(77, 2));
    expect(bench.actions()).toEqual(["welcome", "refused unknown-77 left 2"]);
    expect(bench.session.state).toBe("unauthenticated");
  });

  test("without one, only the last word fits (TB-REFUSED-7, TB-REFUSED-8)", () => {
    for (const reason of ["busy", "throttled", "bad-credentials", 99]) {
      const bench = new ClientBench();
      bench.receive(welcome(), refused(reason, 0));
      expect(bench.sent()).toEqual(["HELLO"]);
      expect(bench.actions().at(-1)).toBe("close");
    }
    const bench = new ClientBench();
    bench.receive(welcome(), refused("busy", 1));
    expect(bench.sent()).toEqual(["HELLO", "ERROR unexpected-frame"]);
  });
});

describe("PASSWORD", () => {
  test("AUTHENTICATED with mechanism-data is malformed (TB-PASSWORD-6)", () => {
    const bench = new ClientBench();
    bench.login();
    bench.receive(welcome(), frame(0x06, new Uint8Array(16), hex("00 01 00")));
    expect(bench.sent().at(-1)).toBe("ERROR malformed");
  });

  test("CHALLENGE is a breach (TB-AUTH-8)", () => {
    const bench = new ClientBench();
    bench.login(PASSWORD.name);
    bench.receive(welcome(), CHALLENGE);
    expect(bench.sent().at(-1)).toBe("ERROR unexpected-frame");
    expect(bench.actions()).toEqual(["welcome", "failed unexpected-frame by peer", "close"]);
  });
});

describe("in two steps", () => {
  const challenged = (): ClientBench => {
    const bench = new ClientBench();
    bench.login("TWO-STEPS");
    bench.receive(welcome(), CHALLENGE);
    expect(bench.actions()).toEqual(["welcome", "challenge aabb"]);
    bench.sent();
    return bench;
  };

  test("CHALLENGE asks for RESPONSE; what comes meanwhile waits", () => {
    const bench = challenged();
    bench.receive(frame(0x30));
    expect([bench.session.state, bench.sent(), bench.session.dueAt]).toEqual(["responding", [], Infinity]);
    bench.session.respond(utf8("x"), bench.now);
    expect(bench.sent()).toEqual(["RESPONSE", "ERROR unknown-type"]);
  });

  test("AUTHENTICATED may carry mechanism-data", () => {
    const bench = challenged();
    bench.session.respond(utf8("x"), bench.now);
    bench.receive(frame(0x06, new Uint8Array(16), hex("00 02 01 02")));
    expect(bench.session.state).toBe("ready");
  });

  test("a CHALLENGE after RESPONSE is refused: it would cost another computation (TB-AUTH-12)", () => {
    const bench = challenged();
    bench.session.respond(utf8("x"), bench.now);
    bench.receive(CHALLENGE);
    expect(bench.sent()).toEqual(["RESPONSE", "ERROR unexpected-frame"]);
  });

  test("an empty RESPONSE abandons; another AUTH may follow", () => {
    const bench = challenged();
    bench.session.respond(NO_BYTES, bench.now);
    bench.receive(refused("abandoned", 2));
    bench.login("TWO-STEPS");
    expect(bench.sent()).toEqual(["RESPONSE", "AUTH"]);
    expect(bench.actions()).toEqual(["refused abandoned left 2"]);
  });

  test("RESPONSE may be given within the callback; what came behind CHALLENGE waits for its end", () => {
    let within: string | undefined;
    const bench = new ClientBench({
      onAction: (action, { session, now }) => {
        if (action.type !== "challenge") return;
        session.respond(action.mechanismData, now);
        within = session.state;
      },
    });
    bench.login("TWO-STEPS");
    bench.receive(welcome(), CHALLENGE, AUTHENTICATED);
    expect([within, bench.session.state]).toEqual(["confirming", "ready"]);
    expect(bench.sent()).toEqual(["HELLO", "AUTH", "RESPONSE"]);
  });

  test("none is due in any other state (TB-AUTH-8)", () => {
    for (const bench of [new ClientBench(), ClientBench.ready()]) {
      expect(() => bench.session.respond(NO_BYTES, 0)).toThrow(
        expect.objectContaining({ code: "wrong-state" }),
      );
    }
  });
});

test("nothing of the session can be sent before AUTHENTICATED (TB-AUTH-3)", () => {
  const bench = new ClientBench();
  bench.login();
  for (const ready of [false, true]) {
    if (ready) bench.receive(welcome());
    bench.sent();
    for (const call of [() => bench.send("x"), () => bench.session.stop(0), () => bench.session.end(0)]) {
      expect(call).toThrow(expect.objectContaining({ code: "wrong-state" }));
    }
    expect(bench.session.ping(new Uint8Array(8), 0)).toBe(false);
    expect(bench.sent()).toEqual([]);
  }
});

test("the login limit holds up to AUTHENTICATED, the server's from the next frame on", () => {
  const large = frame(0x11, new Uint8Array(65_535));
  const early = new ClientBench();
  early.login();
  early.sent();
  early.receive(welcome(), large.subarray(0, 4));
  expect(early.sent()).toEqual(["ERROR frame-too-large"]);

  const bench = new ClientBench();
  bench.login();
  bench.receive(welcome(), AUTHENTICATED);
  bench.send("x");
  bench.receive(hex("00 01 00 00 11 00 00 00 01"), new Uint8Array(65_531));
  expect(bench.actions().at(-1)).toMatch(/^reply/);
  bench.sent();
  bench.receive(hex("00 01 00 01"));
  expect(bench.sent()).toEqual(["ERROR frame-too-large"]);
});

test("ERROR from the server ends a login, before WELCOME too", () => {
  const error = frame(0x23, hex("06 02 05 00"));
  for (const before of [[], [welcome()]]) {
    const bench = new ClientBench();
    bench.sent();
    bench.receive(...before, error, message(1, "ignored"));
    expect(bench.actions().slice(-2)).toEqual(["failed unsupported-version by local", "close"]);
    expect(bench.sent()).toEqual([]);
  }
});
