// What the page shows of a fault: the very byte, which requirements it may be about, and what was not played.

import { beforeAll, expect, it } from "vitest";
import { pageOf } from "../../src/conformance/report/page.ts";
import type { Report } from "../../src/conformance/report/report.ts";
import { fewIds, playedReport, wrongCodeServer, wrongLastByteServer } from "./page-fixture.ts";

let wrong: Report;

beforeAll(async () => {
  wrong = await playedReport({ name: "wrong code", server: wrongCodeServer, ids: fewIds });
});

/** What is left of the page when its own style and script are taken away. */
const bodyOf = (html: string): string => html.replaceAll(/<(style|script)>.*?<\/\1>/gs, "");

it("says of an unsupported case why it was not played, and no time that it took", () => {
  const one = wrong.cases[0]!;
  const reason = "the runner can't connect like this here: tls";
  const play = { ...one.plays[0]!, verdict: "unsupported" as const, reason, transcript: [] };
  const unsupported = { ...one, verdict: "unsupported" as const, reason, plays: [play] };
  const html = bodyOf(
    pageOf([{ ...wrong, cases: [wrong.cases.find(({ id }) => id === "echo-basic")!, unsupported] }]),
  );
  expect(html).toContain("It was not played: the runner can&#39;t connect like this here: tls.");
  expect(html.match(/Played whole/g)?.length).toBe(1);
  expect(html).toContain("wrong code: 2 cases: 1 pass, 1 unsupported</summary>");
  expect(html).toMatch(/or the runner can&#39;t connect/);
});

it("shows a wrong byte however far it is into a frame, and says where", async () => {
  const report = await playedReport({ server: wrongLastByteServer, ids: ["message-largest"] });
  const [one] = report.cases;
  const offset = Number(
    /^REPLY: payload, from offset (\d+) of the frame on, should be/.exec(one!.reason)?.[1],
  );
  expect(offset).toBeGreaterThan(512);
  const html = bodyOf(pageOf([report]));
  expect(html).not.toContain("None of these lines");
  const row = /<tr class="differs">(.*?)<\/tr>/s.exec(html)?.[1];
  expect(row).toMatch(
    new RegExp(
      `… from offset ${offset - 8}: .*<mark>61</mark>.*… from offset ${offset - 8}: .*<mark>2a</mark>`,
    ),
  );
  expect(row?.match(/payload = \d+ bytes/g)?.length).toBe(2);
  expect(html).toMatch(
    new RegExp(`the bytes around offset ${offset}, which differs</p><pre class="hex">[^]*?<mark>2a</mark>`),
  );
  const wrongFrame = one!.plays[0]!.transcript.filter(({ difference }) => difference !== undefined);
  expect(wrongFrame).toMatchObject([{ bytes: offset + 1, difference: { offset } }]);
  expect(JSON.stringify(wrongFrame).length).toBeLessThan(3000);
});

it("expects of a repeated frame what is due in that repetition", async () => {
  const report = await playedReport({ server: wrongLastByteServer, ids: ["message-more-than-under-way"] });
  const failure = report.cases[0]?.plays[0]?.failure;
  const id = (lines: readonly string[] = []): string | undefined =>
    lines.find((line) => line.includes("id ="));
  expect(id(failure?.expected)?.slice(6)).toBe(id(failure?.received)?.slice(6));
  expect(id(failure?.received)).toMatch(/id = 1[0-9]{2}$/);
});

it("blames no requirement alone where others are named as often", () => {
  const [one] = wrong.cases.filter(({ verdict }) => verdict === "fail");
  const ids = wrong.requirements.slice(0, 4).map(({ id }) => id);
  const failing = [ids.slice(0, 3), ids.slice(1, 4)].map((covers, index) => ({
    ...one!,
    id: `${index}`,
    covers,
  }));
  const passing = { ...one!, id: "2", verdict: "pass" as const, covers: ids.slice(1, 2) };
  const cases = [...failing, passing];
  const requirements = wrong.requirements.map((each) => {
    const own = cases.filter(({ covers }) => covers.includes(each.id));
    return {
      ...each,
      verdict: own.length > 0 ? ("fail" as const) : each.verdict,
      cases: own.map(({ id }) => id),
    };
  });
  const html = bodyOf(pageOf([{ ...wrong, cases, requirements }]));
  const listed = Array.from(
    html.matchAll(/data-open="0 ([^"]*)">[^<]*<\/a> <small>([^<]*)/g),
    ([, id, share]) => [id, share],
  );
  expect(listed).toEqual([
    [ids[2], "named by 2 of 2; 2 of its 2 fail"],
    [ids[1], "named by 2 of 2; 2 of its 3 fail"],
    [ids[0], "named by 1 of 2; its only case fails"],
    [ids[3], "named by 1 of 2; its only case fails"],
  ]);
  const inQuestion =
    /in question<\/h4><p class="note">A case names every.*?<dl class="covers">(.*?)<\/dl>/s.exec(html)?.[1];
  expect(Array.from(inQuestion!.matchAll(/<dt>([^<]*)/g), ([, id]) => id)).toEqual([ids[2], ids[1], ids[0]]);
});
