// The server's side of a mechanism of two steps (spec sections 4.4, 4.5 and 6.1): what CHALLENGE costs, and what RESPONSE
// gives back.

import { describe, expect, test } from "vitest";
import { concat, frame, hex } from "./bytes.ts";
import { auth, HELLO, response, ServerBench } from "./server-bench.ts";

describe("in two steps", () => {
  const begin = (settings = {}): ServerBench => {
    const bench = new ServerBench({ settings });
    bench.receive(HELLO, auth("name", "TWO-STEPS"));
    expect(bench.sent()).toEqual(["WELCOME", "CHALLENGE"]);
    expect(bench.session.state).toBe("awaiting-response");
    bench.actions();
    return bench;
  };

  test("CHALLENGE costs a try and a penalty at once (TB-AUTH-9)", () => {
    const bench = new ServerBench();
    bench.receive(HELLO, auth("name", "TWO-STEPS"));
    expect(bench.actions()).toEqual(["admit test/1", "verify alice", "penalise alice"]);
  });

  test("a verified RESPONSE takes the penalty back", () => {
    const bench = begin();
    bench.receive(response("correct"));
    expect(bench.sent()).toEqual(["AUTHENTICATED"]);
    expect(bench.actions()).toEqual(["verify alice", "forgive alice", "authenticated alice"]);
  });

  test("a wrong one costs no second try (TB-AUTH-2)", () => {
    const bench = begin();
    bench.receive(response("wrong"));
    expect(bench.sent()).toEqual(["REFUSED bad-credentials after 0 left 2"]);
    expect(bench.actions()).toEqual(["verify alice", "refused alice bad-credentials left 2"]);
  });

  test("an empty one abandons the attempt, unverified (TB-AUTH-10)", () => {
    const bench = begin();
    bench.receive(response(""));
    expect(bench.sent()).toEqual(["REFUSED abandoned after 0 left 2"]);
    expect(bench.actions()).toEqual(["refused alice abandoned left 2"]);
    expect(bench.session.state).toBe("awaiting-auth");
  });

  test("attempts that are only begun use up the tries", () => {
    const bench = begin({ tries: 2 });
    bench.receive(response(""), auth("name", "TWO-STEPS"), response(""));
    expect(bench.sent()).toEqual([
      "REFUSED abandoned after 0 left 1",
      "CHALLENGE",
      "REFUSED abandoned after 0 left 0",
    ]);
    expect(bench.session.state).toBe("closing");
  });

  test("a login takes back what abandoned attempts for its username cost, and no others (TB-AUTH-17)", () => {
    const bench = begin({ tries: 5 });
    bench.receive(
      response(""),
      auth("name", "TWO-STEPS", "bob"),
      response(""),
      auth("name", "TWO-STEPS"),
      response(""),
    );
    bench.receive(auth("wrong"));
    bench.actions();
    bench.receive(auth("correct"));
    expect(bench.actions()).toEqual([
      "verify alice",
      "forgive alice",
      "forgive alice",
      "authenticated alice",
    ]);
  });

  test("the last try can still succeed", () => {
    const bench = begin({ tries: 1 });
    bench.receive(response("correct"));
    expect([bench.sent(), bench.session.state]).toEqual([["AUTHENTICATED"], "ready"]);
  });

  test("the first step can be refused, which counts", () => {
    const bench = new ServerBench({ verify: () => ({ type: "rejected", retryAfterMs: 9 }) });
    bench.receive(HELLO, auth("name", "TWO-STEPS"));
    expect(bench.sent().slice(1)).toEqual(["REFUSED bad-credentials after 9 left 2"]);
    expect(bench.actions()).toContain("penalise alice");
  });

  test("busy at the second step takes the count and the penalty back (section 6.2)", () => {
    const bench = begin({ tries: 1 });
    bench.receive(response("busy"));
    expect(bench.sent()).toEqual(["REFUSED busy after 700 left 1"]);
    expect(bench.actions()).toEqual(["verify alice", "forgive alice", "refused alice busy left 1"]);
    expect(bench.session.state).toBe("awaiting-auth");
  });

  test.each(["end of stream", "reset"])("%s behind the CHALLENGE leaves the penalty", (what) => {
    for (const answered of [false, true]) {
      const bench = new ServerBench({ answers: "by hand" });
      bench.receive(HELLO);
      bench.session.admitted(0);
      bench.receive(auth("name", "TWO-STEPS"));
      bench.session.verified({ type: "challenge", mechanismData: hex("aa bb") }, 0);
      if (answered) bench.receive(response("correct"));
      if (what === "reset") bench.session.receiveReset();
      else bench.session.receiveEnd(0);
      const costs = bench.actions().filter((action) => /penalise|forgive/.test(action));
      expect(costs).toEqual(["penalise alice"]);
    }
  });

  test("throttled at the second step leaves the penalty", () => {
    const bench = begin();
    bench.receive(response("throttled"));
    expect(bench.sent()).toEqual(["REFUSED throttled after 700 left 0"]);
    expect(bench.actions()).toEqual(["verify alice", "refused alice throttled left 0", "close"]);
  });

  test("the transcript holds the frames of this attempt, whole, and nothing else", () => {
    const bench = new ServerBench();
    const skipped = frame(0x99, hex("dead"));
    bench.receive(
      HELLO,
      skipped,
      auth("first", "TWO-STEPS"),
      response(""),
      skipped,
      auth("name", "TWO-STEPS"),
    );
    bench.receive(skipped);
    bench.receive(response("correct"));
    const frames = bench.sentFrames();
    const welcome = frame(0x02, frames[0]!.body);
    const challenge = frame(0x04, hex("00 02 aa bb"));
    const [, first, second, ...more] = bench.attempts;
    expect(more).toEqual([]);
    expect(first!.transcript).toEqual({ hello: HELLO, welcome, auth: auth("name", "TWO-STEPS") });
    expect(second!.transcript).toEqual({ ...first!.transcript, challenge, response: response("correct") });
    expect(second).toMatchObject({ mechanism: "TWO-STEPS", username: "alice" });
    expect(Buffer.from(second!.responseData!).toString()).toBe("correct");
    expect(first!.responseData).toBeUndefined();
  });

  test("the transcript survives what happens to the chunks", () => {
    const bench = new ServerBench();
    const chunk = Buffer.from(concat(HELLO, auth("name", "TWO-STEPS")));
    const expected = { hello: HELLO, auth: auth("name", "TWO-STEPS") };
    bench.session.receive(chunk, 0);
    bench.receive();
    chunk.fill(0);
    expect(bench.attempts[0]!.transcript).toMatchObject(expected);
    expect(Buffer.from(bench.attempts[0]!.mechanismData).toString()).toBe("name");
  });
});
