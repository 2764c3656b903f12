// The page of a report as text: nothing that a report holds becomes HTML, nothing that was not shown looks shown, and what
// the page links to is there.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { pairLines, parseLine } from "../../src/conformance/report/page-compare.ts";
import { escapeText, markup } from "../../src/conformance/report/page-markup.ts";
import { mergeReports } from "../../src/conformance/report/page-merge.ts";
import { sectionTitles } from "../../src/conformance/report/page-sections.ts";
import { headline } from "../../src/conformance/report/page-summary.ts";
import { verdictOrder, verdictWords } from "../../src/conformance/report/page-verdict.ts";
import { pageOf, titleOf } from "../../src/conformance/report/page.ts";
import type { Verdict } from "../../src/conformance/play/result.ts";
import type { CaseVerdict, Report, RequirementVerdict } from "../../src/conformance/report/report.ts";
import { annotate, annotatedLine } from "../../src/conformance/wire/annotate.ts";
import { fromHex } from "../../src/conformance/wire/bytes.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";
import { fewIds, hostileReport, playedReport, wrongCodeServer } from "./page-fixture.ts";

let right: Report;
let wrong: Report;

beforeAll(async () => {
  right = await playedReport({ ids: fewIds });
  wrong = await playedReport({ name: "wrong code", server: wrongCodeServer, ids: fewIds });
});

/** What is left of the page when its own style and script are taken away. */
const bodyOf = (html: string): string => html.replaceAll(/<(style|script)>.*?<\/\1>/gs, "");

/** With a session id of its own in each AUTHENTICATED, as a real server has. */
function ownSessions(report: Report, seed: number): Report {
  let count = seed << 24;
  const renumbered = (hex: string, summary: string): string =>
    summary.startsWith("AUTHENTICATED")
      ? hex.slice(0, 10) + String(count++).padStart(32, "0") + hex.slice(42)
      : hex;
  const cases = report.cases.map((one) => ({
    ...one,
    plays: one.plays.map((play) => ({
      ...play,
      transcript: play.transcript.map((entry) => ({ ...entry, hex: renumbered(entry.hex, entry.summary) })),
    })),
  }));
  return { ...report, cases };
}

describe("escaping", () => {
  it("leaves no character of a text that could be HTML", () => {
    expect(escapeText(`<a href="x" title='y'>&amp;`)).toBe(
      "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;",
    );
    expect(markup`<p>${"<b>"}${["<i>", markup`<u>`]}${undefined}${7}</p>`.text).toBe(
      "<p>&lt;b&gt;&lt;i&gt;<u>7</p>",
    );
  });

  it("shows by its number what has no look of its own or turns the writing round", () => {
    expect(escapeText("a\u0000\u001b[31m\u202egnp\u2066\ud800\u007f\u0085")).toBe(
      "a⟨U+0000⟩⟨U+001B⟩[31m⟨U+202E⟩gnp⟨U+2066⟩⟨U+D800⟩⟨U+007F⟩⟨U+0085⟩",
    );
    expect(escapeText("tab\tline\nünïcode 🙂")).toBe("tab\tline\nünïcode 🙂");
  });

  it("holds for every text of a report", () => {
    const html = bodyOf(pageOf([hostileReport(wrong, `"'><script>x</script><img src=x onerror=x>{{`)]));
    expect(html.includes("&lt;script&gt;x&lt;/script&gt;")).toBe(true);
    expect(html.match(/<script|<img|<[^>"]*(?:"[^"]*"[^>"]*)*\sonerror/)?.[0]).toBeUndefined();
  });
});

describe("the page", () => {
  it("asks nothing of the network, and its policy is that of its own style and script", () => {
    const html = pageOf([right, wrong]);
    expect(
      html.match(/<[^>]*\s(?:src|srcset|action|data|poster)=|@import|url\(|https?:/i)?.[0],
    ).toBeUndefined();
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]?.replaceAll("&#39;", "'");
    const hash = (tag: string): string => {
      const text = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(html)?.[1] ?? "";
      expect(text.length).toBeGreaterThan(1000);
      return `${tag}-src 'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    };
    expect(policy).toBe(
      `default-src 'none'; ${hash("style")}; ${hash("script")}; base-uri 'none'; form-action 'none'`,
    );
    expect(bodyOf(html).match(/<[^>"]*(?:"[^"]*"[^>"]*)*\s(?:style|on[a-z]+)=/)?.[0]).toBeUndefined();
  });

  it("has each id once, and something behind each link", () => {
    const html = bodyOf(pageOf([right, wrong]));
    const ids = Array.from(html.matchAll(/\sid="([^"]*)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const links = Array.from(html.matchAll(/\shref="#([^"]*)"/g), ([, id]) => id);
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it("has the bytes that show a failure beside those that were expected", () => {
    const html = bodyOf(pageOf([wrong]));
    const failure = /<details class="case v-fail"[^>]* open>(.*?)<\/table>/s.exec(html)?.[1] ?? "";
    expect(failure).toContain("A frame of length 0 is refused");
    expect(failure).toContain("S: { closes: malformed }");
    const row = /<tr class="differs">(.*?)<\/tr>/s.exec(failure)?.[1];
    expect(row).toMatch(
      /<code>01<\/code> <span>code = malformed<.*<code>02<\/code> <span>code = frame-too-large</s,
    );
  });

  it("takes three implementations, each with all cases, and stays under 3 MB", async () => {
    const all = await playedReport();
    expect(all.cases.length).toBeGreaterThan(150);
    const html = pageOf([all, ownSessions(all, 1), ownSessions(all, 2)]);
    expect(Buffer.byteLength(html)).toBeLessThan(3e6);
    expect(Buffer.byteLength(html)).toBeGreaterThan(1e6);
  }, 60_000);

  it("shows long runs of like frames by their ends, and a repeated conversation once", async () => {
    const ids = ["message-several-under-way", "message-more-than-under-way"];
    const many = await playedReport({ ids, segmentations: ["whole", "every-byte"] });
    const html = bodyOf(pageOf([many]));
    expect(html.match(/\d+ more (?:MESSAGE|REPLY)</)).not.toBeNull();
    expect(html.match(/<b>every-byte<\/b>: pass; the same conversation/)).not.toBeNull();
  });

  it("says of each verdict what it is, and marks the place only where one step did not hold", () => {
    const shown = (verdict: Verdict, known?: string): string => {
      const [one] = wrong.cases.filter(({ id }) => id === "frame-length-zero");
      const plays = one!.plays.map((play) => ({ ...play, verdict }));
      const turned = {
        ...one!,
        verdict: known === undefined ? verdict : ("known-failure" as const),
        known,
        plays,
      };
      return bodyOf(pageOf([{ ...wrong, cases: [turned] }]));
    };
    expect(/Here it [^<]*/.exec(shown("fail"))?.[0]).toBe("Here it departs from line 7.");
    expect(/Here it [^<]*/.exec(shown("inconclusive"))?.[0]).toBe(
      "Here it can&#39;t be decided any more: line 7.",
    );
    expect(/Here it [^<]*/.exec(shown("warn"))).toBeNull();
    expect(/announced: [^<]*/.exec(shown("fail", "mended in 0.2"))?.[0]).toBe("announced: mended in 0.2");
  });

  it("says in its title who fails, and else no more than that nobody was seen to", () => {
    expect(titleOf([wrong])).toBe("wrong code fails");
    expect(titleOf([right])).toBe("example 1.0: no failure seen");
    expect(titleOf([right, wrong])).toBe("1 of 2 implementations fails: wrong code");
    expect(titleOf([right, right])).toBe("example 1.0, example 1.0: no failure seen");
    expect(titleOf([wrong, wrong, wrong, wrong])).toBe("4 of 4 implementations fail");
    expect(pageOf([])).toContain("<h1>No reports</h1>");
  });
});

describe("verdicts", () => {
  it("have a word of their own each, and only a pass is one", () => {
    const words = verdictOrder.map((verdict) => verdictWords[verdict].word);
    expect(new Set(words).size).toBe(verdictOrder.length);
    expect(Object.keys(verdictWords).toSorted()).toEqual(verdictOrder.toSorted());
    for (const verdict of ["unsupported", "not-played", "not-testable"] as const)
      expect(verdictWords[verdict].meaning).toMatch(/^nothing was shown: /);
  });

  const summed = (
    requirements: readonly RequirementVerdict[],
    cases: readonly CaseVerdict[] = ["pass"],
  ): string => {
    const [requirement] = right.requirements;
    const [played] = right.cases;
    return headline({
      ...right,
      requirements: requirements.map((verdict) => ({ ...requirement!, verdict })),
      cases: cases.map((verdict) => ({ ...played!, verdict })),
    });
  };

  it("are summed up without a claim that nothing supports", () => {
    expect(summed(["pass", "warn"])).toBe("All 2 requirements were seen to hold.");
    expect(summed(["pass", "unsupported", "not-played", "not-testable", "inconclusive"])).toBe(
      "No failure; 1 of 5 requirements were seen to hold, 4 were not shown.",
    );
    expect(summed(["pass", "fail", "known-failure"], ["fail"])).toBe("Fails 2 of 3 requirements.");
    expect(summed(["pass"], ["fail"])).toBe("1 case failed.");
    expect(headline({ ...right, cases: [] })).toBe("Nothing was played: this run shows nothing about it.");
  });
});

describe("merging", () => {
  it("puts servers and clients side by side in the order of the specification", async () => {
    const client = await playedReport({ name: "client", role: "client", ids: ["echo-basic"] });
    const { rows, cautions } = mergeReports([wrong, client]);
    expect(rows.map(({ id }) => id)).toEqual([...new Set(rows.map(({ id }) => id))]);
    const server = wrong.requirements.map(({ id }) => id);
    expect(rows.map(({ id }) => id).filter((id) => server.includes(id))).toEqual(server);
    const row = (id: string) => rows.find((one) => one.id === id)?.cells.map(({ verdict }) => verdict);
    expect(row("TB-FRAME-1")).toEqual(["fail", "not-played"]);
    expect(row("TB-HELLO-1")?.[0]).toBe("not-bound");
    expect(row("TB-HELLO-2")?.[1]).toBe("not-bound");
    expect(cautions).toEqual(["Not every run played all cases; what was left out shows as “not played”."]);
  });

  it("names what makes columns hard to compare", () => {
    const other: Report = {
      ...wrong,
      suite: { ...wrong.suite, version: "9" },
      requirements: wrong.requirements.map((one) =>
        one.id === "TB-FRAME-1" ? { ...one, text: "new" } : one,
      ),
    };
    const { cautions } = mergeReports([wrong, other]);
    expect(cautions.join("\n")).toMatch(
      /different suites \(TalkByte\/1, suite 0\.1\.0; TalkByte\/1, suite 9\)/,
    );
    expect(cautions.join("\n")).toMatch(/read differently.*: TB-FRAME-1\./);
  });
});

describe("annotated lines", () => {
  it("are read as they are written", () => {
    expect(parseLine(annotatedLine(5, "01", "code = malformed"))).toEqual({
      offset: "5",
      hex: "01",
      meaning: "code = malformed",
    });
    expect(parseLine(annotatedLine("", "any", "length"))).toEqual({
      offset: "",
      hex: "any",
      meaning: "length",
    });
    expect(parseLine(annotatedLine(46, "", `x = ""`)).offset).toBe("46");
    const long = `${"61".repeat(32)}… (40 bytes)`;
    expect(parseLine(annotatedLine(9, long, "payload = x"))).toEqual({
      offset: "9",
      hex: long,
      meaning: "payload = x",
    });
    expect(parseLine("then end of stream").hex).toBeUndefined();
    for (const line of annotate(wireTable(), fromHex("0000000a100000000768656c6c6f")))
      expect(parseLine(line).hex).toMatch(/^[0-9a-f]+$/);
  });

  it("stand beside those of the same field, and differ where their bytes do", () => {
    const expected = [
      annotatedLine("", "07", "type REFUSED"),
      annotatedLine("", "any", "retry-after-ms = any"),
      annotatedLine("", "02", "tries-left = 2"),
    ];
    const received = [
      annotatedLine(4, "07", "type REFUSED"),
      annotatedLine(6, "00000000", "retry-after-ms = 0"),
      annotatedLine(10, "01", "tries-left = 1"),
    ];
    expect(pairLines(expected, received).map(({ differs }) => differs)).toEqual([false, false, true]);
    const other = pairLines(["end of stream"], received);
    expect(other.map((pair) => [pair.expected?.meaning, pair.received?.meaning, pair.differs])).toEqual([
      ["end of stream", "type REFUSED", true],
      [undefined, "retry-after-ms = 0", true],
      [undefined, "tries-left = 1", true],
    ]);
  });
});

it("the headings that the page shows are the specification's", () => {
  const spec = readFileSync(new URL("../../spec/talkbyte.md", import.meta.url), "utf8");
  const headings = spec.matchAll(/^#{2,} ([0-9]+(?:\.[0-9]+)*)\.? (.*)$/gm);
  expect(Object.fromEntries(Array.from(headings, ([, number, title]) => [number, title]))).toEqual(
    sectionTitles,
  );
});
