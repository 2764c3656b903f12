// The page of a report in a browser: filters, links, evidence, phones, contrast, hostile texts, and no script at all.
// Without a browser this is left out; with TALKBYTE_REQUIRE_PEERS=1 that is a failure.

import type { Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../../src/conformance/report/page.ts";
import { browserRequired, findBrowser, launchBrowser, type Browser } from "./browser.ts";
import { faintTexts } from "./page-contrast.ts";
import { fewIds, hostileReport, playedReport, wrongCodeServer } from "./page-fixture.ts";

const path = findBrowser();
if (path === undefined && !browserRequired)
  console.warn("skipped: the page's tests in a browser, for there is no chromium on the path");

it("there is a browser where one must be", () => {
  expect(path === undefined && browserRequired).toBe(false);
});

const failingCell = "tr[data-id=TB-FRAME-1] td:last-child a.cell";

describe.skipIf(path === undefined)("the page in a browser", () => {
  let browser: Browser;
  let html = "";

  beforeAll(async () => {
    browser = await launchBrowser(path ?? "");
    html = pageOf([
      await playedReport({ ids: fewIds, segmentations: ["whole", "every-byte"] }),
      await playedReport({ name: "wrong code 0.9", server: wrongCodeServer, ids: fewIds }),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
  });

  it("opens without an error, and asks for nothing", async () => {
    await using opened = await browser.open(html);
    expect(await opened.page.title()).toBe("1 of 2 implementations fails: wrong code 0.9");
    expect(await visibleRows(opened.page)).toBeGreaterThan(80);
    expect(opened.complaints).toEqual([]);
  });

  it("shows only failures by one click, and counts what is left", async () => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.click("[data-failures]");
    const failing = await page.$$eval("tr.requirement:not([hidden])", (all) =>
      all.map((row) => row.dataset["id"]),
    );
    expect(failing).toEqual(["TB-FRAME-1", "TB-ERROR-1", "TB-ERROR-2"]);
    expect(await textOf(page, ".total")).toMatch(/^3 of \d+ requirements$/);
    expect(new URL(page.url()).hash).toBe("#verdict=fail");
    const sections = await page.$$eval("table.matrix tbody:not([hidden])", (all) => all.length);
    expect(sections).toBe(2);
    await page.click("[data-failures]");
    expect(await textOf(page, ".total")).toMatch(/^All \d+ requirements$/);
    expect(new URL(page.url()).hash).toBe("");
  });

  it("filters by level, section, implementation and words, all at once", async () => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.select("select[name=level]", "MUST");
    await page.select("select[name=section]", "3");
    await page.select("select[name=implementation]", "1");
    await page.type("input[name=text]", "length 0");
    expect(await visibleRows(page)).toBe(1);
    expect(await textOf(page, "output[data-count=fail]")).toBe("1");
    expect(await textOf(page, ".total")).toMatch(/^1 of \d+ requirements, by what wrong code 0\.9 came to$/);
    expect(await textOf(page, ".filters legend")).toBe("Requirements where wrong code 0.9 came to");
    await page.type("input[name=text]", " nowhere");
    expect(await page.$eval(".nothing", (one) => one.checkVisibility())).toBe(true);
    await page.click(".shown [data-reset]");
    expect(await visibleRows(page)).toBeGreaterThan(80);
    expect(await textOf(page, ".filters legend")).toBe(
      "Requirements where at least one implementation came to",
    );
  });

  it("opens the evidence behind a failing cell: the bytes expected and received", async () => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.click(failingCell);
    const text = await textOf(page, "#decision[open]");
    expect(text).toContain("TB-FRAME-1 wrong code 0.9");
    expect(text).toContain("A receiver MUST refuse a frame whose length is 0");
    expect(await textOf(page, "#decision .differs .expected")).toBe("01 code = malformed");
    expect(await textOf(page, "#decision .differs .received")).toBe("02 code = frame-too-large");
    expect(text).toContain("talkbyte-conformance server --profile mine.yaml --only frame-length-zero");
    await page.click("#decision .to-client.tested summary");
    expect(await textOf(page, "#decision .to-client.tested .bytes")).toMatch(/02\s+code = frame-too-large/);
    await page.keyboard.press("Escape");
    expect(await page.$("#decision[open]")).toBeNull();
    expect(opened.complaints).toEqual([]);
  });

  it("is worked by keyboard, and gives the focus back", async () => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.focus("[data-failures]");
    await page.keyboard.press("Enter");
    expect(await visibleRows(page)).toBe(3);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    expect(await visibleRows(page)).toBeGreaterThan(3);
    await page.focus(failingCell);
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("decision-title");
    await page.keyboard.press("Escape");
    expect(await page.evaluate(`document.activeElement.closest("tr")?.dataset.id`)).toBe("TB-FRAME-1");
  });

  it("restores a view from its link", async () => {
    await using opened = await browser.open(html, {
      hash: "#verdict=fail+pass&level=MUST&section=3.1&text=frame&open=1+TB-FRAME-1",
    });
    const { page } = opened;
    expect(await page.$$eval("input[name=verdict]:checked", (all) => all.map((one) => one.value))).toEqual([
      "fail",
      "pass",
    ]);
    expect(await page.$eval("select[name=section]", (one) => one.value)).toBe("3.1");
    expect(await textOf(page, "#decision[open] h2")).toBe("TB-FRAME-1 wrong code 0.9");
    const hash = new URL(page.url()).hash;
    expect(hash).toBe("#verdict=fail+pass&level=MUST&section=3.1&text=frame&open=1+TB-FRAME-1");
    await page.evaluate(`location.hash = "#verdict=warn&open=9+<x>"`);
    await page.waitForFunction(`document.querySelector("#decision[open]") === null`);
    expect(await visibleRows(page)).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  it("brings the bytes of a frame to its arrow", async () => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.click("tr[data-id=TB-FRAME-1] td a.cell");
    await page.click("#decision summary.arrow");
    await page.waitForSelector("#decision div.bytes code");
    expect(await textOf(page, "#decision div.bytes")).toMatch(/^0\s+00000000\s+length 0/);
  });

  it.each([
    {
      clipboard: "{ writeText: async (text) => void (globalThis.copied = text) }",
      says: "Copied",
      from: "copied",
    },
    { clipboard: "undefined", says: "Selected", from: "getSelection().toString()" },
  ])("copies the command, or else selects it: $says", async ({ clipboard, says, from }) => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.evaluate(`Object.defineProperty(navigator, "clipboard", { value: ${clipboard} })`);
    await page.click("#failures button.copy");
    await page.waitForFunction(`document.querySelector("#status").textContent !== ""`);
    expect(await textOf(page, "#status")).toBe(says);
    expect(await page.evaluate(from)).toBe(
      "talkbyte-conformance server --profile mine.yaml --only frame-length-zero",
    );
  });

  it.each(["light", "dark"] as const)(
    "can be read in the %s scheme: contrast of at least 4.5",
    async (scheme) => {
      await using opened = await browser.open(html, { scheme });
      const { page } = opened;
      expect(await page.evaluate(faintTexts)).toEqual([]);
      await page.click("[data-failures]");
      await page.click(failingCell);
      for (const summary of await page.$$("#decision .diagram summary")) await summary.click();
      expect(await page.evaluate(faintTexts)).toEqual([]);
      const paper = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(paper).toBe(scheme === "dark" ? "rgb(23, 24, 27)" : "rgb(253, 252, 249)");
    },
  );

  it("fits a phone: nothing is wider than 360 px", async () => {
    await using opened = await browser.open(html, { widthPx: 360 });
    const { page } = opened;
    await page.$$eval("details", (all) => all.forEach((one) => (one.open = true)));
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
    const right = await page.$eval(failingCell, (one) => one.getBoundingClientRect().right);
    expect(right).toBeLessThanOrEqual(360);
    await page.click(failingCell);
    expect(await page.$eval("#decision", (one) => one.scrollWidth)).toBeLessThanOrEqual(360);
    const [title, steps] = await page.$$eval("#decision .bar > *", (all) =>
      all.map((one) => {
        const { top, bottom, height } = one.getBoundingClientRect();
        return { top, bottom, height };
      }),
    );
    expect(title!.height).toBeLessThan(60);
    expect(steps!.top).toBeGreaterThanOrEqual(title!.bottom);
  });

  it("says on a phone in one line what all came to, and opens it", async () => {
    await using opened = await browser.open(html, { widthPx: 360 });
    const { page } = opened;
    const row = "tr[data-id=TB-FRAME-5]";
    expect(await textOf(page, `${row} details.all`)).toBe("all 2 not testable");
    const seen = (): Promise<number> =>
      page.$$eval(`${row} td`, (all) => all.filter((one) => one.checkVisibility()).length);
    expect(await seen()).toBe(0);
    await page.click(`${row} summary`);
    expect(await seen()).toBe(2);
    expect(await page.$("tr[data-id=TB-FRAME-1] details.all")).toBeNull();
    await page.setViewport({ width: 1200, height: 900 });
    expect(await page.$eval(`${row} details.all`, (one) => one.checkVisibility())).toBe(false);
  });

  it("stacks on a phone what was expected over what came, and drops nothing", async () => {
    await using opened = await browser.open(html, { widthPx: 360 });
    const { page } = opened;
    const lines = await page.$$eval("#failures .compare td:not(.none)", (all) =>
      all
        .filter((one) => one.checkVisibility())
        .map((one) => ({
          text: one.querySelector("span:not(.unseen)")!.textContent,
          side: one.classList[0],
          top: one.getBoundingClientRect().top,
        })),
    );
    const order = lines.toSorted((a, b) => a.top - b.top).map(({ text, side }) => `${side}: ${text}`);
    const code = order.indexOf("expected: code = malformed");
    expect(order[code + 1]).toBe("received: code = frame-too-large");
    const any = order.indexOf("expected: min-version = 1 to 255");
    expect(any).toBeGreaterThan(code);
    expect(order[any + 1]).toBe("received: min-version = 1");
    const hidden = await page.$$eval(
      "#failures .copied pre, #failures .hex",
      (all) => all.filter((one) => one.scrollWidth > one.clientWidth).length,
    );
    expect(hidden).toBe(0);
    const whose = await page.evaluate(
      `[...document.querySelectorAll("#failures .compare td:not(.marked, .none)")]
        .filter((one) => one.checkVisibility()).map((one) => getComputedStyle(one, "::before").content)`,
    );
    expect(whose).toEqual(expect.arrayContaining(['"both"', '"expected"', '"received"']));
    expect(whose).not.toContain("none");
    await page.$$eval("#failures details", (all) => all.forEach((one) => (one.open = true)));
    expect(await page.$eval("#failures .fields i", (one) => one.checkVisibility())).toBe(true);
  });

  it("steps on to a failure that no requirement counts, and finds it again by its link", async () => {
    const wrong = await playedReport({ name: "wrong", server: wrongCodeServer, ids: fewIds });
    const lone = {
      ...wrong.cases.find(({ id }) => id === "frame-length-zero")!,
      id: "lone",
      covers: ["TB-END-1"],
    };
    await using opened = await browser.open(pageOf([{ ...wrong, cases: [...wrong.cases, lone] }]));
    const { page } = opened;
    await page.click("[data-failures]");
    await page.click("tr[data-id=TB-ERROR-2] td:last-child a.cell");
    await page.evaluate(`[...document.querySelectorAll("#decision .steps button")].at(-1).click()`);
    expect(await textOf(page, "#decision h2")).toBe("lone wrong");
    expect(await textOf(page, "#decision .text")).toContain("none that binds a server");
    expect(new URL(page.url()).hash).toBe("#verdict=fail&open=0+lone");
    await page.keyboard.press("Escape");
    await page.click(".card a[data-open='0 lone']");
    expect(await textOf(page, "#decision[open] h2")).toBe("lone wrong");
    await page.keyboard.press("Escape");
    await page.select("select[name=level]", "MUST");
    expect(await page.$eval(".uncounted", (one) => one.checkVisibility())).toBe(false);
    expect(opened.complaints).toEqual([]);
  });

  it("opens the bytes of all frames by a link at its top", async () => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.click(".top nav a[href='#frames']");
    await page.waitForSelector("#frames[open] #f1");
    expect(await page.$eval("#f1 .bytes", (one) => one.checkVisibility())).toBe(true);
  });

  it("marks what can be opened, and sets four cards two by two", async () => {
    const right = await playedReport({ ids: ["echo-basic"] });
    await using opened = await browser.open(pageOf([right, right, right, right]), { widthPx: 1280 });
    const { page } = opened;
    const marker = `getComputedStyle(document.querySelector("#cases .case > summary"), "::before").content`;
    expect(await page.evaluate(marker)).toBe('"▸"');
    const lefts = await page.$$eval(".card", (all) => all.map((one) => one.getBoundingClientRect().left));
    expect(new Set(lefts).size).toBe(2);
    const heights = (): Promise<number[]> =>
      page.$$eval(".card", (all) => all.map((one) => one.getBoundingClientRect().height));
    const before = await heights();
    await page.click(".how summary");
    expect(await heights()).toEqual(before);
  });

  it("runs nothing that a report says", async () => {
    const payloads = [
      `<script>globalThis.ran = 1</script>`,
      `"><img src=x onerror="globalThis.ran = 1"><svg onload="globalThis.ran = 1">`,
      `' onmouseover='globalThis.ran = 1' autofocus onfocus='globalThis.ran = 1'`,
      `</script></style></title></dialog><script>globalThis.ran = 1</script><!--`,
      `javascript:globalThis.ran=1`,
      `\u202e\u0000\u2028${"x".repeat(5000)}`,
    ];
    const report = await playedReport({ server: wrongCodeServer, ids: fewIds });
    await using opened = await browser.open(
      pageOf([
        hostileReport(report, payloads.join("")),
        ...payloads.map((text) => hostileReport(report, text)),
      ]),
      { widthPx: 360 },
    );
    const { page } = opened;
    await page.click("[data-failures]");
    await page.$$eval("details", (all) => all.forEach((one) => (one.open = true)));
    for (const cell of await page.$$("tr[data-id=TB-FRAME-1] a.cell")) {
      await cell.evaluate((one) => one.click());
      await page.$$eval("#decision *", (all) =>
        all.forEach((one) => one.dispatchEvent(new Event("mouseover"))),
      );
    }
    expect(await page.evaluate("globalThis.ran")).toBeUndefined();
    expect(
      await page.$$eval("img, svg:not(.sign, .bar, .gauge, .shapes), body script", (all) => all.length),
    ).toBe(1);
    expect(await textOf(page, "#i1")).toBe(payloads[0]);
    expect(opened.complaints).toEqual([]);
  });

  it("is whole without scripts, and shows no filter that would do nothing", async () => {
    await using opened = await browser.open(html, { scripts: false });
    const { page } = opened;
    expect(await page.$eval(".filters", (one) => one.checkVisibility())).toBe(false);
    expect(await page.$eval("noscript", (one) => one.textContent)).toContain("can't be filtered");
    expect(await page.$$eval("button", (all) => all.filter((one) => one.checkVisibility()).length)).toBe(0);
    expect(await textOf(page, "#failures .differs .received")).toBe("02 code = frame-too-large");
    expect(await visibleRows(page)).toBeGreaterThan(80);
    const target = await page.$eval(failingCell, (one) => one.getAttribute("href"));
    expect(await textOf(page, `${target} .title`)).toBe("A frame of length 0 is refused");
  });

  it("prints the failures, open or not, and no controls", async () => {
    await using opened = await browser.open(html);
    const { page } = opened;
    await page.$$eval("#failures details", (all) => all.forEach((one) => (one.open = false)));
    await page.emulateMediaType("print");
    expect(await page.$eval("#failures .compare", (one) => one.checkVisibility())).toBe(true);
    expect(await page.$eval(".filters", (one) => one.checkVisibility())).toBe(false);
  });
});

async function visibleRows(page: Page): Promise<number> {
  return await page.$$eval("tr.requirement", (all) => all.filter((row) => row.checkVisibility()).length);
}

/** As it is seen, on one line. */
async function textOf(page: Page, selector: string): Promise<string> {
  const text = await page.$eval(selector, (one) => {
    const copy = one.cloneNode(true);
    for (const unseen of copy.querySelectorAll(".unseen")) unseen.remove();
    return copy.textContent;
  });
  return text.replaceAll(/\s+/g, " ").trim();
}
