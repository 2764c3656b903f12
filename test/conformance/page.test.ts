// The page of a report as text: nothing that a report holds becomes HTML, nothing that was not shown looks shown, and what
// the page links to is there.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { escapeText, markup, sentence } from "../../src/conformance/report/page-markup.ts";
import { mergeReports } from "../../src/conformance/report/page-merge.ts";
import { sectionTitles } from "../../src/conformance/report/page-sections.ts";
import { unlikeSettings } from "../../src/conformance/report/page-settings.ts";
import { headline } from "../../src/conformance/report/page-summary.ts";
import { verdictOrder, verdictWords } from "../../src/conformance/report/page-verdict.ts";
import { pageOf, titleOf } from "../../src/conformance/report/page.ts";
import type { Verdict } from "../../src/conformance/play/result.ts";
import type {
  CaseVerdict,
  Report,
  ReportedPlay,
  RequirementVerdict,
} from "../../src/conformance/report/report.ts";
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

  it("leaves of a sentence's notation nothing but its looks", () => {
    expect(sentence("In *admitting* it MUST send `a*b` once.", "MUST").text).toBe(
      "In <em>admitting</em> it <strong>MUST</strong> send <code>a*b</code> once.",
    );
    expect(sentence("2 * 3", "").text).toBe("2 * 3");
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

  it("shows columns in the order of the reports, and counts as conversations what was played", () => {
    const heads = (reports: readonly Report[]): string[] =>
      Array.from(bodyOf(pageOf(reports)).matchAll(/role="columnheader"><span>([^<]*)/g), ([, name]) => name!);
    expect(heads([wrong, right])).toEqual(["wrong code", "example 1.0"]);
    expect(heads([right, wrong])).toEqual(["example 1.0", "wrong code"]);
    const [first, ...others] = right.cases;
    const unsupported = { ...first!, verdict: "unsupported" as const, plays: [] };
    expect(pageOf([right])).toContain("in 6 conversations");
    expect(pageOf([{ ...right, cases: [unsupported, ...others] }])).toContain("in 5 conversations");
  });

  it("opens all failures where they are few, and else the first of each implementation", () => {
    const one = wrong.cases.find(({ id }) => id === "frame-length-zero")!;
    const failing = (count: number): Report => ({
      ...wrong,
      cases: Array.from({ length: count }, () => ({ ...one })),
    });
    const open = (reports: readonly Report[]): number =>
      bodyOf(pageOf(reports)).match(/<details class="case v-fail"[^>]* open>/g)?.length ?? 0;
    expect(open([failing(2), failing(10)])).toBe(12);
    expect(open([failing(3), failing(10)])).toBe(2);
    const html = bodyOf(pageOf([failing(3), right, failing(10)]));
    expect(html).toContain('<a href="#failures-2">wrong code</a> 10');
    expect(html).not.toContain("#failures-1");
  });

  it("says of a failure that no requirement of the role counts which it covers, and lists it", () => {
    const one = { ...wrong.cases.find(({ id }) => id === "frame-length-zero")!, covers: ["TB-END-1"] };
    const requirements = wrong.requirements.map((each) => ({ ...each, verdict: "pass" as const, cases: [] }));
    const html = bodyOf(pageOf([{ ...wrong, requirements, cases: [one] }]));
    const none = "none that binds a server: TB-END-1 binds the client alone.";
    expect(html).toContain(`<h4>The requirements in question</h4><p>${none}</p>`);
    expect(
      html.match(/Failures under none of these requirements<\/h3><ul><li data-id="frame-length-zero"/),
    ).not.toBeNull();
    expect(html).toContain('data-open="0 frame-length-zero"');
    expect(bodyOf(pageOf([wrong]))).not.toContain("under none of these");
  });

  it("says of a case that it never came to what it is about", () => {
    const one = {
      ...wrong.cases[0]!,
      verdict: "pass" as const,
      reason: "",
      notReached: "it went another way",
    };
    const html = bodyOf(pageOf([{ ...wrong, cases: [one] }]));
    expect(html).toContain('<span class="reason">not reached: it went another way</span>');
    expect(html).toMatch(/<details class="case v-not-reached"/);
    expect(html).toMatch(/<span>not reached<\/span><\/span><\/th><td><\/td><td>1<\/td>/);
    expect(html).toContain("wrong code: 1 case: 1 not reached</summary>");
    expect(html).toMatch(/<small>0 of 1 reached<\/small>/);
    expect(html).toMatch(/<dt>.*?not reached.*?<dd>nothing was shown: the case ran/);
    const legendless = bodyOf(pageOf([wrong])).replace(/<dl>.*?<\/dl>/s, "");
    expect(legendless.replaceAll(/<label class="chip.*?<\/label>/g, "")).not.toContain("not reached");
  });

  it("says of a deadline that nothing came, draws it past the band, and ends the conversation with it", () => {
    const one = wrong.cases.find(({ id }) => id === "frame-length-zero")!;
    const timing = { line: 7, deadlineMs: 1000, earliestMs: 900, latestMs: 1500, measuredMs: 1499.8 };
    const page = (came: boolean | undefined, received: readonly string[]): string => {
      const failure = {
        line: 7,
        step: "- S: { closes: timeout }\n  at: $tries\n  of: { ref: data }",
        expected: ["end of stream"],
        received,
      };
      const timings = [came === undefined ? timing : { ...timing, came }] as ReportedPlay["timings"];
      const plays = one.plays.map((play) => ({ ...play, failure, timings }));
      return bodyOf(pageOf([{ ...wrong, cases: [{ ...one, plays }] }]));
    };
    const silent = page(false, ["nothing in time"]);
    expect(silent).toContain("nothing came within 1,500 ms</b> (limit 1,000 ms, due from 900 to 1,500 ms).");
    expect(silent).toMatch(/gauge missed.*?class="needle" d="M158 7H199/s);
    expect(silent).toMatch(/<p>nothing came<\/p><\/li><li class="broken">/);
    for (const came of [true, undefined]) {
      const late = page(came, ["end of stream"]);
      expect(late).toMatch(/measured <b>1,500 ms<\/b>, within 900 to 1,500 ms/);
      expect(late).not.toContain("nothing came");
    }
    const notes = /<p class="note">(Values.*?)<\/p>/.exec(silent)?.[1];
    expect(notes).toBe(
      "Values that begin with $ come from the profile: $tries is 3. A value with ref: is the same bytes that an earlier step captured under that name.",
    );
    expect(silent).toContain("Played whole (the suite&#39;s bytes not cut)");
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

  it("takes three implementations, each with all cases, and stays under 4 kB for each", async () => {
    const all = await playedReport();
    expect(all.cases.length).toBeGreaterThan(150);
    const html = pageOf([all, ownSessions(all, 1), ownSessions(all, 2)]);
    expect(Buffer.byteLength(html)).toBeLessThan(3 * all.cases.length * 4000);
    expect(Buffer.byteLength(html)).toBeGreaterThan(1e6);
  }, 60_000);

  it("shows long runs of like frames by their ends, and a repeated conversation once", async () => {
    const ids = ["message-several-under-way", "message-more-than-under-way"];
    const many = await playedReport({ ids, segmentations: ["whole", "every-byte"] });
    const html = bodyOf(pageOf([many]));
    expect(html.match(/\d+ more (?:MESSAGE|REPLY)</)).not.toBeNull();
    expect(html.match(/<b>every-byte<\/b> \([^)]*\): pass; the same conversation/)).not.toBeNull();
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
      cases: cases.map((verdict) => ({ ...played!, verdict, covers: [requirement!.id] })),
    });
  };

  it("are summed up without a claim that nothing supports", () => {
    expect(summed(["pass", "warn"])).toBe("All 2 requirements were seen to hold.");
    expect(summed(["pass", "unsupported", "not-played", "not-testable", "inconclusive"])).toBe(
      "No failure; 1 of 5 requirements were seen to hold, 4 were not shown.",
    );
    expect(summed(["pass", "fail", "known-failure"], ["fail"])).toBe("Fails 2 of 3 requirements in 1 case.");
    expect(summed(["pass"], ["fail"])).toBe("1 case failed.");
    const [played] = right.cases;
    const uncounted = { ...played!, verdict: "fail" as const, covers: ["TB-END-1"] };
    expect(headline({ ...right, cases: [uncounted] })).toBe(
      "1 case failed, about no requirement that binds a server.",
    );
    expect(headline({ ...wrong, cases: [...wrong.cases, uncounted] })).toMatch(
      /^Fails 3 of \d+ requirements in 1 case, and 1 case about none that binds a server\.$/,
    );
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

  it("says in one sentence what runs were not held to alike", () => {
    const named = (name: string, part: Partial<Report>, slackMs = 500): Report => ({
      ...right,
      ...part,
      implementation: { ...right.implementation, name, variables: { "slack-ms": slackMs } },
    });
    expect(unlikeSettings([named("a", {}), named("b", {})])).toBeUndefined();
    const seeded = { run: { ...right.run, seed: 7 }, cases: right.cases.slice(1) };
    expect(unlikeSettings([named("a", {}), named("b", {}), named("c", seeded, 700)])).toBe(
      "Not all were held to quite the same, so columns may not compare: 6 cases for a and b, 5 cases for c; " +
        "slack 500 ms for a and b, 700 ms for c; seed 1 for a and b, 7 for c.",
    );
    const html = bodyOf(pageOf([named("a", {}), named("b", {}, 700)]));
    expect(html.match(/<tr class="unlike">.*?slack-ms.*?<td>500<\/td><td>700<\/td>/s)).not.toBeNull();
    expect(html.match(/<tr class="unlike">/g)?.length).toBe(1);
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
      /not compare: suite TalkByte\/1 0\.1\.0 for wrong code, TalkByte\/1 9 for wrong code\.$/m,
    );
    expect(cautions.join("\n")).toMatch(/read differently.*: TB-FRAME-1\./);
  });
});

it("the headings that the page shows are the specification's", () => {
  const spec = readFileSync(new URL("../../spec/talkbyte.md", import.meta.url), "utf8");
  const headings = spec.matchAll(/^#{2,} ([0-9]+(?:\.[0-9]+)*)\.? (.*)$/gm);
  expect(Object.fromEntries(Array.from(headings, ([, number, title]) => [number, title]))).toEqual(
    sectionTitles,
  );
});
