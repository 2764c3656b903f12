// What a run says, in each of its forms, of texts that are hostile or secret.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseExchange, type Exchange } from "../../src/conformance/exchange/exchange.ts";
import type { Requirement } from "../../src/conformance/exchange/requirements.ts";
import type { Result, TranscriptEntry, Verdict } from "../../src/conformance/play/result.ts";
import {
  idleExpectations,
  reportedCase,
  reportedRequirements,
  stepText,
  totalsOf,
} from "../../src/conformance/report/collect.ts";
import { junitOf } from "../../src/conformance/report/junit.ts";
import type { Report, ReportedCase } from "../../src/conformance/report/report.ts";
import { caseLine, caseText, printable, summaryText } from "../../src/conformance/report/terminal.ts";
import { reportedEntries } from "../../src/conformance/report/transcript.ts";
import type { Played } from "../../src/conformance/suite/case-run.ts";
import { parseExpectations } from "../../src/conformance/suite/expectations.ts";
import { fromHex, toHex, utf8 } from "../../src/conformance/wire/bytes.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { bytes16, frame, string8 } from "./fakes.ts";

const table = wireTable();
const secret = "correct horse battery";

function sent(from: "C" | "S", bytes: Uint8Array, at = 0): TranscriptEntry {
  return { at, from, kind: "bytes", bytes };
}

const auth = frame("AUTH", string8("PASSWORD"), string8("alice"), bytes16(utf8(secret)));

describe("reportedEntries", () => {
  it("puts each piece of what is no whole frame where it came", () => {
    const entries = reportedEntries(table, [
      sent("C", utf8("\0"), 10),
      sent("C", utf8("\0\0"), 11),
      { at: 12, from: "S", kind: "end" },
    ]);
    expect(entries.map(({ atMs, from, kind, bytes }) => [atMs, from, kind, bytes])).toEqual([
      [0, "C", "bytes", 1],
      [1, "C", "bytes", 2],
      [2, "S", "end", 0],
    ]);
    const trickle = Array.from({ length: 100 }, (_byte, index) => sent("C", utf8("z"), index));
    expect(reportedEntries(table, trickle)).toMatchObject([{ atMs: 99, bytes: 100 }]);
  });

  it("gives a frame the time of its last byte", () => {
    const stop = frame("STOP");
    const entries = reportedEntries(table, [
      sent("C", stop.subarray(0, 3), 5),
      sent("C", stop.subarray(3), 9),
    ]);
    expect(entries).toMatchObject([{ atMs: 4, kind: "frame", summary: "STOP", hex: toHex(stop), bytes: 5 }]);
  });
});

const exchangeText = `id: made-up
title: Made up
covers: [TB-DEMO-1, TB-DEMO-2]
steps:
- C: { HELLO: $any }
- S:
    WELCOME:
      version: 1
- one-of:
    good:
      - S: end
    bad:
      - S: reset
`;

function exchangeFile(): Exchange {
  const file = join(makeTemporaryFolder(), "made-up.yaml");
  writeFileSync(file, exchangeText);
  return parseExchange(exchangeText, file);
}

describe("stepText", () => {
  it.each([
    [5, "- C: { HELLO: $any }"],
    [6, "- S:\n    WELCOME:\n      version: 1"],
    [11, "- S: end"],
    [13, "- S: reset"],
  ])("cuts the step at line %i out of its file", (line, text) => {
    expect(stepText(exchangeFile(), line)).toBe(text);
  });
});

const hostile = `\u001b[2J]]></failure><x a="&'>\u0000\ud800\uffff\u202e\r\n\tFAIL other: \u009b31m ${secret} é🙂`;

function playedOf(verdict: Verdict, more: Partial<Result> = {}): Played {
  const result: Result = {
    id: "made-up",
    role: "server",
    verdict,
    reason: verdict === "pass" ? "" : `because ${verdict}`,
    line: undefined,
    comparison: undefined,
    branches: [],
    notReached: undefined,
    timings: [],
    shortestLimitMs: undefined,
    transcript: [],
    driverErrors: [],
    segmentation: "whole",
    seed: 1,
    ...more,
  };
  return { result, lagMs: 0, durationMs: 1.6 };
}

function reported(plays: readonly Played[], known = ""): ReportedCase {
  const exchange = exchangeFile();
  return reportedCase(
    { exchange, plays, gone: undefined },
    {
      table,
      secrets: [secret],
      transcripts: "all",
      known: known === "" ? [] : parseExpectations(`- { case: made-*, reason: ${known} }`, "known.yaml"),
      repeatOf: (_exchange, play) => `again ${play?.result.segmentation ?? "all"}`,
    },
  );
}

const hostileCase = (): ReportedCase =>
  reported([
    playedOf("fail", {
      reason: hostile,
      line: 6,
      comparison: { expected: [hostile], received: [`${hostile} ${toHex(utf8(secret))}`] },
      driverErrors: [`login: ${hostile}`],
      transcript: [sent("C", auth), sent("S", fromHex("00000003ff1b5b"))],
    }),
  ]);

describe("reportedCase", () => {
  it.each<[Verdict[], Verdict, string]>([
    [["pass"], "pass", ""],
    [["warn", "pass"], "warn", "whole: because warn (every-byte pass)"],
    [["pass", "fail", "warn"], "fail", "every-byte: because fail (whole pass, random-cuts warn)"],
    [["inconclusive", "warn"], "inconclusive", "whole: because inconclusive (every-byte warn)"],
    [["fail", "inconclusive"], "fail", "whole: because fail (every-byte inconclusive)"],
    [["unsupported"], "unsupported", "because unsupported"],
  ])("of %j is %s", (verdicts, verdict, reason) => {
    const names = ["whole", "every-byte", "random-cuts"] as const;
    const plays = verdicts.map((one, index) => playedOf(one, { segmentation: names[index] ?? "whole" }));
    expect(reported(plays)).toMatchObject({ verdict, reason, known: undefined });
  });

  it("repeats the worst play, and shows it", () => {
    const plays = [playedOf("warn"), playedOf("fail", { segmentation: "every-byte", line: 6 })];
    expect(reported(plays).repeat).toBe("again every-byte");
    expect(caseText(reported(plays), [])).toContain("the step at line 6");
  });

  it("was not played where there is no play", () => {
    expect(reported([])).toMatchObject({ verdict: "inconclusive", reason: "it was not played" });
  });

  it.each<[Verdict, string, string]>([
    ["fail", "known-failure", "because fail"],
    ["pass", "fail", "it is known to fail (it is old), but it passed: take it off the list"],
    ["warn", "fail", "it is known to fail (it is old), but it passed: take it off the list"],
    ["inconclusive", "inconclusive", "because inconclusive"],
    ["unsupported", "unsupported", "because unsupported"],
  ])("of a known failure that is %s is %s", (verdict, shown, reason) => {
    expect(reported([playedOf(verdict)], "it is old")).toMatchObject({
      verdict: shown,
      reason,
      known: "it is old",
    });
  });

  it("holds no secret anywhere", () => {
    const text = JSON.stringify(hostileCase());
    expect(text).not.toContain("horse");
    expect(text).not.toContain(toHex(utf8("horse")));
    expect(text.match(/\*{21}/g)?.length).toBeGreaterThanOrEqual(5);
  });
});

describe("a case that never came to what it is about", () => {
  const idle = playedOf("pass", { notReached: "it went another way" });

  it("says so, unless one of its plays did come so far", () => {
    const one = reported([idle, idle]);
    expect(one).toMatchObject({ verdict: "pass", notReached: "it went another way" });
    expect(caseLine(one)).toBe("PASS made-up: not reached: it went another way");
    expect(summaryText(reportWith([one]))).toContain(
      "\n1 of those that passed never came to what they are about",
    );
    expect(reported([idle, playedOf("pass")]).notReached).toBeUndefined();
    expect(
      caseLine(reported([{ ...idle, result: { ...idle.result, verdict: "fail", reason: "crashed" } }])),
    ).toBe("FAIL made-up: crashed");
  });

  it("keeps no requirement", () => {
    const of = {
      level: "MUST",
      roles: ["server"],
      section: "1",
      text: "",
      proof: "exchange",
      line: 1,
    } as const;
    const verdictOf = (...plays: Played[]): string | undefined =>
      reportedRequirements([{ id: "TB-DEMO-1", ...of }], [reported(plays)], "server")[0]?.verdict;
    expect(verdictOf(idle)).toBe("not-played");
    expect(verdictOf(idle, playedOf("pass"))).toBe("pass");
  });
});

describe("idleExpectations", () => {
  it("names what fits no case", () => {
    const known = parseExpectations("- { case: made-*, reason: a }\n- { case: gone, reason: b }", "k.yaml");
    expect(idleExpectations(known, [reported([playedOf("fail")]).id])).toEqual([
      'the known failure "gone" fits no case: take it off the list',
    ]);
  });
});

describe("reportedRequirements", () => {
  it("takes the worst case of each, and leaves out what can't be tested", () => {
    const of = (id: string, more: Partial<Requirement> = {}): Requirement => ({
      id,
      level: "MUST",
      roles: ["server"],
      section: "1",
      text: "A server MUST.",
      proof: "exchange",
      line: 1,
      ...more,
    });
    const cases = [reported([playedOf("pass")]), { ...reported([playedOf("fail")]), covers: ["TB-DEMO-2"] }];
    const requirements = [
      of("TB-DEMO-1"),
      of("TB-DEMO-2"),
      of("TB-DEMO-3"),
      of("TB-DEMO-4", { level: "MAY" }),
      of("TB-DEMO-5", { proof: "review" }),
      of("TB-DEMO-6", { roles: ["client"] }),
    ];
    const found = reportedRequirements(requirements, cases, "server");
    expect(found.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      "TB-DEMO-1 pass",
      "TB-DEMO-2 fail",
      "TB-DEMO-3 not-played",
      "TB-DEMO-4 not-testable",
      "TB-DEMO-5 not-testable",
    ]);
  });
});

function reportWith(cases: readonly ReportedCase[]): Report {
  return {
    format: "talkbyte-conformance-report",
    version: 1,
    suite: { protocol: "TalkByte/1", version: "0", exchanges: 1 },
    implementation: { name: hostile.replace(secret, ""), role: "server", transport: "tls", variables: {} },
    run: {
      startedAt: "2026-01-02T03:04:05.678Z",
      durationMs: 1234,
      seed: 1,
      timeScale: 2,
      strict: true,
      jobs: 1,
      segmentations: ["whole"],
      only: [],
      skip: [],
    },
    requirements: [],
    cases,
    totals: totalsOf(cases),
    remarks: [hostile.replace(secret, "")],
    exitCode: 1,
  };
}

// Enough of XML 1.0 to find what isn't well-formed: characters, references, and tags that close in order.
function xmlProblem(text: string): string | undefined {
  const bad = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(text);
  if (bad !== null) return `the character ${JSON.stringify(bad[0])}`;
  const open: string[] = [];
  const body = text.replace(/^<\?xml [^?]*\?>\n/, "");
  const token = /<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>|[^<&>]+|&(?:amp|lt|gt|quot);/y;
  while (token.lastIndex < body.length) {
    const at = token.lastIndex;
    const [whole, closing, name = "", attributes = "", empty] = token.exec(body) ?? [];
    if (whole === undefined) return `at ${at}: ${body.slice(at, at + 40)}`;
    if (/&(?!(?:amp|lt|gt|quot);)/.test(attributes)) return `an attribute of ${name}`;
    if (name === "" || empty === "/") continue;
    if (closing === "") open.push(name);
    else if (open.pop() !== name) return `</${name}>`;
  }
  return open.length === 0 ? undefined : `${open.join(" ")} stays open`;
}

describe("junitOf", () => {
  it("is well-formed whatever the implementation says", () => {
    const cases = [
      hostileCase(),
      reported([playedOf("pass")]),
      reported([playedOf("warn", { reason: hostile })]),
      reported([playedOf("inconclusive", { reason: hostile })]),
      reported([playedOf("unsupported")]),
      reported([playedOf("fail")], "old"),
    ];
    const xml = junitOf([reportWith(cases), reportWith([])]);
    expect(xmlProblem(xml)).toBeUndefined();
    expect(xml).toContain('tests="6" failures="1" errors="1" skipped="3" time="1.234"');
    expect(xml.match(/<failure /g)).toHaveLength(1);
    expect(xml.match(/<skipped /g)).toHaveLength(3);
  });

  it.each(["<a>", "<a></b>", '<a b="<"/>', "a & b", "a\u0000", '<a b="&"/>'])(
    "the check finds %j",
    (text) => {
      expect(xmlProblem(text)).toBeDefined();
    },
  );
});

describe("the terminal", () => {
  it("shows no control character, and no line of the implementation as its own", () => {
    const texts = [
      caseText(hostileCase(), []),
      caseLine(hostileCase()),
      summaryText(reportWith([hostileCase()])),
    ];
    for (const text of texts) {
      // oxlint-disable-next-line no-control-regex -- control characters are the point
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(text).not.toMatch(/^\s*FAIL other/m);
      expect(text).not.toContain("horse");
      expect(text).toContain("é🙂");
    }
  });

  it("escapes what a terminal would obey", () => {
    expect(printable("a\u001b[1m\u202eb\u2028\nc")).toBe("a\\x1b[1m\\u{202e}b\\u{2028}\nc");
  });

  it("adds up", () => {
    const text = summaryText(reportWith([reported([playedOf("pass")]), reported([playedOf("fail")])]));
    expect(text).toContain(": 2 cases in 1.2 s: 1 passed, 1 failed\n");
    expect(text).toMatch(/seed 1, whole, time scale 2, strict$/);
  });
});
