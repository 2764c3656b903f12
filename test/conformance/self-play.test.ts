import { describe, expect, it } from "vitest";
import { loadCatalog } from "../../src/conformance/exchange/catalog.ts";
import { parseProfile } from "../../src/conformance/exchange/profile.ts";
import { selfPlay } from "../../src/conformance/play/self-play.ts";
import { exchangeOf, login } from "./exchange-text.ts";
import { profile } from "./fakes.ts";

describe("self-play", () => {
  it.each(loadCatalog().exchanges.map((exchange) => [exchange.id, exchange] as const))(
    "%s agrees with itself",
    (_id, exchange) => {
      expect(selfPlay(exchange, profile)).toEqual({ unsupported: undefined, problems: [] });
    },
  );

  it("says what the profile lacks", () => {
    const lacking = parseProfile({});
    expect(selfPlay(exchangeOf(login), lacking).unsupported).toBe("the profile has no $password");
  });

  it.each([
    ["a frame of the other side", "- C: { WELCOME: $any }\n- S: end", "a client never sends WELCOME"],
    [
      "a field out of its bounds",
      '- C: { AUTH: { username: "" } }\n- S: end',
      "username a length of 0 is below 1",
    ],
    ["a name with a space", '- C: { AUTH: { username: "a b" } }\n- S: end', "outside 0x21"],
    [
      "versions upside down",
      "- C: { HELLO: { min-version: 3, max-version: 2 } }\n- S: end",
      "above max-version",
    ],
    ["a string that is no UTF-8", '- C: { HELLO: { agent: { hex: "ff" } } }\n- S: end', "UTF-8"],
    ["a code without a name", "- S: { REFUSED: { reason: 200 } }", "no code"],
    [
      "raw bytes that are no frame",
      '- C: { raw: "0000000201" }\n- C: { raw: "ff" }\n- S: end',
      "malformed HELLO",
    ],
    ["an extension before HELLO", "- C: { extension: { type: 128, length: 1 } }\n- S: end", "before HELLO"],
    [
      "a frame over the limit",
      '- C: { HELLO: $any }\n- C: { MESSAGE: { payload: { repeat: "00", times: 4092 } } }\n- S: end',
      "over the limit of 4096",
    ],
    [
      "a step after the end",
      "- S: end\n- C: { HELLO: $any }\n- S: { WELCOME: $any }",
      "S speaks after its own end",
    ],
    [
      "a range that its default misses",
      "- S: { WELCOME: { version: { between: [2, 1] } } }".replace("[2, 1]", "[$tries, 2]"),
      "is not what is expected",
    ],
    ["a value that doesn't fit", "- S: { REFUSED: { tries-left: $max-frame-bytes } }", "does not fit"],
  ])("finds %s", (_name, steps, problem) => {
    expect(selfPlay(exchangeOf(steps), profile).problems.join("\n")).toContain(problem);
  });

  it("goes every branch", () => {
    const fork =
      "- C: { HELLO: $any }\n- one-of: { good: [{ S: { WELCOME: $any } }], bad: [{ S: { MESSAGE: $any } }] }";
    expect(selfPlay(exchangeOf(fork), profile).problems).toEqual([
      "line 6: a server never sends MESSAGE; mark the step illegal",
    ]);
  });

  it("lets an illegal step be what it says", () => {
    const steps = `- C: [{ HELLO: { min-version: 3, max-version: 2 } }, { WELCOME: $any }]\n  illegal: true\n- S: { closes: malformed }`;
    expect(selfPlay(exchangeOf(steps), profile).problems).toEqual([]);
  });
});
