// A Chromium without a window, for tests of pages: whichever is on the path, with a profile of its own that goes when it
// does. Pages are opened from a file, as people open a report.

import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, type Page } from "puppeteer-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The path of the first that is there. */
export function findBrowser(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

/** Whether tests that need a browser must run, though there may be none. */
export const browserRequired = process.env["TALKBYTE_REQUIRE_PEERS"] === "1";

export interface Browser extends AsyncDisposable {
  open(html: string, options?: OpenOptions): Promise<OpenPage>;
}

export interface OpenOptions {
  readonly hash?: string;
  readonly scheme?: "light" | "dark";
  readonly widthPx?: number;
  readonly scripts?: boolean;
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page complained about: errors, refusals by its policy, dialogs, requests to anywhere else. */
  readonly complaints: readonly string[];
}

export async function launchBrowser(executablePath: string): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), "talkbyte-browser-"));
  const browser = await launch({
    executablePath,
    userDataDir: join(folder, "profile"),
    pipe: true,
    // A container's root can't have Chromium's sandbox; what is opened here is this project's own.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  let pages = 0;
  return {
    async open(html, { hash = "", scheme = "light", widthPx = 1200, scripts = true } = {}) {
      pages++;
      const file = join(folder, `page-${pages}.html`);
      writeFileSync(file, html);
      const address = pathToFileURL(file).href;
      const page = await browser.newPage();
      const complaints = watch(page, address);
      await page.setJavaScriptEnabled(scripts);
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.setViewport({ width: widthPx, height: 900 });
      await page.goto(address + hash);
      return { page, complaints, [Symbol.asyncDispose]: async () => await page.close() };
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function watch(page: Page, address: string): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => void complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => void complaints.push(`error: ${String(error)}`));
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address) complaints.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return complaints;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
