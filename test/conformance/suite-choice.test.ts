// Which cases a run plays, and which of them are known to fail.

import { describe, expect, it } from "vitest";
import { parseExchange, type Exchange } from "../../src/conformance/exchange/exchange.ts";
import { ExchangeError } from "../../src/conformance/exchange/strict-yaml.ts";
import type { Requirement } from "../../src/conformance/exchange/requirements.ts";
import { parseExpectations } from "../../src/conformance/suite/expectations.ts";
import { levelOf } from "../../src/conformance/suite/levels.ts";
import { choose, PatternError, patternOf, type Choice } from "../../src/conformance/suite/pattern.ts";
import { login } from "./exchange-text.ts";

const serverSteps = `- C: { HELLO: $any }\n- S: { WELCOME: $any }`;
const clientSteps = `- app: { login: { username: $username, password: $password } }\n- C: { HELLO: $any }\n- S: { raw: "00" }\n  illegal: true\n- C: { closes: malformed }`;

function exchange(id: string, covers: string, steps: string, head = ""): Exchange {
  return parseExchange(`id: ${id}\ntitle: A\ncovers: [${covers}]\n${head}steps:\n${steps}\n`, `${id}.yaml`);
}

const exchanges = [
  exchange("hello-short", "TB-HELLO-1", serverSteps, "tags: [slow]\n"),
  exchange("hello-twice", "TB-HELLO-2, TB-FRAME-1", serverSteps, "tags: [slow-ish, odd]\n"),
  exchange("login", "TB-AUTH-1", login.trim()),
  exchange("refused", "TB-REFUSED-1", clientSteps),
];
const requirement = (id: string): Requirement => ({ id }) as Requirement;
const requirements = ["TB-HELLO-1", "TB-REFUSED-1", "TB-TIME-9"].map(requirement);

function chosen(choice: Partial<Choice>, role: "server" | "client" | "any" = "server"): string[] {
  return choose(
    exchanges,
    requirements,
    { only: [], skip: [], ...choice },
    role === "any" ? undefined : role,
  ).map(({ id }) => id);
}

describe("choose", () => {
  it.each<[Partial<Choice>, string[]]>([
    [{}, ["hello-short", "hello-twice", "login"]],
    [{ only: ["login"] }, ["login"]],
    [{ only: ["hello-*"] }, ["hello-short", "hello-twice"]],
    [{ only: ["*-twice", "login"] }, ["hello-twice", "login"]],
    [{ only: ["TB-FRAME-1"] }, ["hello-twice"]],
    [{ only: ["TB-HELLO-*"] }, ["hello-short", "hello-twice"]],
    [{ only: ["tag:slow"] }, ["hello-short"]],
    [{ only: ["tag:slow*"] }, ["hello-short", "hello-twice"]],
    [{ only: ["level:framing"] }, ["hello-short", "hello-twice"]],
    [{ only: ["level:login"] }, ["login"]],
    [{ skip: ["tag:odd", "TB-AUTH-1"] }, ["hello-short"]],
    [{ only: ["hello-*"], skip: ["*-short"] }, ["hello-twice"]],
  ])("takes %j", (choice, ids) => {
    expect(chosen(choice)).toEqual(ids);
  });

  it("takes what tests the role, and all where there is none", () => {
    expect(chosen({}, "client")).toEqual(["login", "refused"]);
    expect(chosen({}, "any")).toHaveLength(4);
  });

  it.each<[Partial<Choice>, string]>([
    [{ only: ["helo-short"] }, '"helo-short" fits no case that tests a server'],
    [{ only: ["hello"] }, '"hello" fits no case that tests a server'],
    [{ only: ["login", "tag:fast"] }, '"tag:fast" fits no case that tests a server'],
    [{ skip: ["nobody"] }, '"nobody" fits no case that tests a server'],
    [{ only: ["level:advanced"] }, '"level:advanced" fits no case that tests a server'],
    [{ only: [""] }, '"" fits no case that tests a server'],
    [
      { only: ["refused"] },
      '"refused" fits no case that tests a server, only cases that test the other side',
    ],
    [{ only: ["TB-REFUSED-1"] }, "only cases that test the other side"],
    [{ only: ["TB-TIME-9"] }, "that requirement is shown by tests or by review"],
    [{ only: ["login"], skip: ["*"] }, "nothing is selected"],
  ])("refuses %j", (choice, message) => {
    expect(() => chosen(choice)).toThrow(PatternError);
    expect(() => chosen(choice)).toThrow(message);
  });
});

describe("patternOf", () => {
  it.each<[string, string, boolean]>([
    ["a*c", "abc", true],
    ["a*c", "ac", true],
    ["a*c", "abcd", false],
    ["*", "", true],
    ["a.c", "abc", false],
    ["(a|b)", "a", false],
    ["[a]", "[a]", true],
    ["a\\d", "a1", false],
    ["^a$", "a", false],
  ])("%s against %s", (pattern, text, fits) => {
    expect(patternOf(pattern).test(text)).toBe(fits);
  });
});

describe("levelOf", () => {
  it("needs what comes before a breach, and no more", () => {
    const breach = `${serverSteps}\n- C: { MESSAGE: $any }\n  illegal: true\n- S: { closes: unexpected-frame }`;
    expect(levelOf(exchange("early", "TB-FRAME-1", breach))).toBe("framing");
    expect(levelOf(exchange("subject", "TB-MSG-1", breach))).toBe("echo");
  });

  it("counts deadlines and extensions", () => {
    const late = `${serverSteps}\n- S: { closes: timeout }\n  at: $login-ms`;
    const extended = `${serverSteps}\n- C: { extension: { type: 0x80, length: 9 } }\n- C: end\n- S: end`;
    expect(levelOf(exchange("late", "TB-FRAME-1", late))).toBe("limits");
    expect(levelOf(exchange("extended", "TB-FRAME-1", extended))).toBe("extensions");
  });
});

describe("parseExpectations", () => {
  const parse = (text: string): ReturnType<typeof parseExpectations> => parseExpectations(text, "known.yaml");

  it("reads patterns and reasons", () => {
    const [first, second] = parse(
      "- { case: end-*, reason: closes early }\n- case: login\n  reason: later\n",
    );
    expect(first).toMatchObject({ pattern: "end-*", reason: "closes early" });
    expect(first?.fits("end-inside-frame")).toBe(true);
    expect(first?.fits("bend-inside-frame")).toBe(false);
    expect(second?.fits("login")).toBe(true);
    expect(second?.fits("login-twice")).toBe(false);
    expect(parse("[]")).toEqual([]);
  });

  it.each([
    ["- case: a\n  reason: b\n- case: c\n", 'known.yaml:3: [1]: the key "reason" is missing'],
    ["- case: a\n  reason: b\n  until: 2030\n", 'known.yaml:3: [0].until: unknown key "until"'],
    ["- case: a\n  reason: 7\n", "known.yaml:2: [0].reason: must be a text; quote it"],
    ["case: a\n", "known.yaml:1: must be a list"],
    ["- case: a\n  case: b\n", "known.yaml:2: "],
    ["- { case: a, reason: &x b }\n", "known.yaml:1: anchors are not allowed"],
  ])("refuses %j by file, line and key", (text, message) => {
    expect(() => parse(text)).toThrow(ExchangeError);
    expect(() => parse(text)).toThrow(message);
  });
});
