// What the sessions know of OPAQUE (spec section 6.4): how long its messages are, and the frames that it binds itself to.

import { describe, expect, test } from "vitest";
import { opaqueMechanism, PASSWORD } from "../../src/protocol/mechanism.ts";
import { concat, hex } from "./bytes.ts";
import { AUTHENTICATED, ClientBench, welcome } from "./client-bench.ts";
import { encodeByTable } from "./field-table.ts";
import { auth, HELLO, response, ServerBench, SESSION_ID } from "./server-bench.ts";

const OPAQUE = opaqueMechanism(hex("00004c00000201"));

const ofLength = (length: number): string => "x".repeat(length);
const data = (name: string, length: number, fields = {}): Uint8Array =>
  encodeByTable(name, { ...fields, "mechanism-data": ofLength(length) });
const sessionId = { "session-id": { hex: Buffer.from(SESSION_ID).toString("hex") } };

describe("at the server", () => {
  const serverBench = (): ServerBench =>
    new ServerBench({
      settings: { mechanisms: [OPAQUE, PASSWORD] },
      verify: ({ responseData }) =>
        responseData === undefined
          ? { type: "challenge", mechanismData: new Uint8Array(320) }
          : { type: "accepted", sessionId: SESSION_ID, mechanismData: new Uint8Array(32) },
    });

  test.each([0, 1, 95, 97])("an AUTH of %i bytes is malformed (TB-OPAQUE-4)", (length) => {
    const bench = serverBench();
    bench.receive(HELLO, auth(ofLength(length), "OPAQUE"));
    expect([bench.sent(), bench.attempts]).toEqual([["WELCOME", "ERROR malformed"], []]);
  });

  test.each([1, 64, 95, 97])("a RESPONSE of %i bytes is malformed (TB-OPAQUE-11)", (length) => {
    const bench = serverBench();
    bench.receive(HELLO, auth(ofLength(96), "OPAQUE"), response(ofLength(length)));
    expect(bench.sent()).toEqual(["WELCOME", "CHALLENGE", "ERROR malformed"]);
    expect(bench.attempts).toHaveLength(1);
  });

  test("a RESPONSE of 96 bytes is judged, an empty one abandons", () => {
    const bench = serverBench();
    const begin = auth(ofLength(96), "OPAQUE");
    bench.receive(HELLO, begin, response(""), begin, response(ofLength(96)));
    expect(bench.sent()).toEqual([
      "WELCOME",
      "CHALLENGE",
      "REFUSED abandoned after 0 left 2",
      "CHALLENGE",
      "AUTHENTICATED",
    ]);
    const { transcript } = bench.attempts.at(-1)!;
    expect(transcript.hello).toEqual(HELLO);
    expect(transcript.auth).toEqual(begin);
    expect(transcript.challenge).toEqual(
      encodeByTable("CHALLENGE", { "mechanism-data": { hex: "00".repeat(320) } }),
    );
    expect(transcript.response).toEqual(response(ofLength(96)));
  });
});

describe("at the client", () => {
  const offer = welcome({ mechanisms: [{ name: "OPAQUE", parameters: { hex: "00004c00000201" } }] });
  const begin = (...frames: Uint8Array[]): ClientBench => {
    const bench = new ClientBench();
    bench.login("OPAQUE");
    bench.receive(offer, ...frames);
    return bench;
  };

  test.each([0, 319, 321])("a CHALLENGE of %i bytes is malformed (TB-OPAQUE-7)", (length) => {
    const bench = begin(data("CHALLENGE", length));
    expect(bench.sent()).toEqual(["HELLO", "AUTH", "ERROR malformed"]);
    expect(bench.actions()).toEqual(["welcome", "failed malformed by peer", "close"]);
  });

  test.each([0, 31, 33])("an AUTHENTICATED with %i bytes is malformed (TB-OPAQUE-14)", (length) => {
    const bench = begin(data("CHALLENGE", 320));
    bench.session.respond(new Uint8Array(96), bench.now);
    bench.receive(data("AUTHENTICATED", length, sessionId));
    expect(bench.sent()).toEqual(["HELLO", "AUTH", "RESPONSE", "ERROR malformed"]);
    expect(bench.session.state).toBe("closing");
  });

  test("the transcript has the frames of this attempt as they went over the wire", () => {
    const bench = new ClientBench();
    const [hello] = bench.out.take();
    bench.login("OPAQUE");
    bench.receive(offer, data("CHALLENGE", 320));
    bench.session.respond(new Uint8Array(0), bench.now);
    bench.out.take();
    bench.receive(encodeByTable("REFUSED", { reason: "abandoned", "retry-after-ms": 0, "tries-left": 2 }));
    bench.login("OPAQUE");
    const second = concat(...bench.out.take());
    const { transcript } = bench.session;
    expect(transcript).toEqual({ hello, welcome: offer, auth: second });
    const challenge = data("CHALLENGE", 320);
    bench.receive(concat(encodeByTable("PONG", { data: { hex: "00".repeat(8) } })).with(4, 0x80), challenge);
    bench.session.respond(new Uint8Array(96), bench.now);
    const answer = concat(...bench.out.take());
    expect(bench.session.transcript).toEqual({ ...transcript, challenge, response: answer });
    bench.receive(data("AUTHENTICATED", 32, sessionId));
    expect(bench.session.state).toBe("ready");
  });

  test("a password is not kept in it", () => {
    const bench = new ClientBench();
    bench.login("PASSWORD");
    bench.receive(welcome(), AUTHENTICATED);
    expect(bench.session.transcript.auth).toEqual(new Uint8Array(0));
  });
});
