// A path as a person at this prompt would type it: relative when it lies below the folder that they stand in.

import { isAbsolute, relative } from "node:path";

import { escapeText } from "../net/display.ts";

export function displayPath(path: string): string {
  const below = relative(process.cwd(), path);
  const shown = below === "" || below.startsWith("..") || isAbsolute(below) ? path : below;
  return escapeText(shown);
}
