// The bytes of every frame that the page's conversations name, each written once: most exchanges open alike, so a page
// with thousands of arrows has a few hundred different frames. An arrow links to its frame here, and the page's script
// fetches the bytes to where the arrow is.

import { parseLine } from "./page-compare.ts";
import { markup, plural, type Content, type Markup } from "./page-markup.ts";
import type { ReportedEntry } from "./report.ts";

export interface FrameStore {
  // The number of a frame, which is new or has been seen.
  numberOf(entry: ReportedEntry): number;
  appendix(): Markup;
}

export function createFrameStore(): FrameStore {
  const numbers = new Map<string, number>();
  const frames: ReportedEntry[] = [];
  return {
    numberOf(entry) {
      const key = JSON.stringify([entry.hex, entry.bytes, entry.difference, entry.annotated]);
      const known = numbers.get(key);
      if (known !== undefined) return known;
      frames.push(entry);
      numbers.set(key, frames.length);
      return frames.length;
    },
    appendix() {
      if (frames.length === 0) return markup``;
      const items = frames.map(
        (entry, index) =>
          markup`<li id="f${index + 1}"><b>${frameName(entry.summary)}</b>${frameBytes(entry)}</li>\n`,
      );
      return markup`<section><h2>Bytes of the frames</h2>
<details id="frames"><summary>${plural(frames.length, "different frame")} of the conversations, but for those that stand beside a failure</summary>
<ol class="frames">${items}</ol></details></section>`;
    },
  };
}

export function frameBytes(entry: ReportedEntry): Markup {
  const lines = entry.annotated.map(parseLine);
  const fields = lines.map(({ offset, hex, meaning }) =>
    hex === undefined
      ? markup`<em>${meaning}</em>\n`
      : markup`<i>${offset}</i> <code>${hex}</code> <span>${meaning}</span>\n`,
  );
  const table = fields.length === 0 ? "" : markup`<div class="fields">${fields}</div>`;
  // Field by field, long contents are cut off; then all that the report has follows.
  const complete = entry.annotated.length > 0 && !entry.annotated.some((line) => line.includes("…"));
  if (complete || entry.hex === "") return markup`<div class="bytes">${table}</div>`;
  const shown = entry.hex.length / 2;
  const note =
    shown < entry.bytes
      ? `the first ${shown} of ${plural(entry.bytes, "byte")}`
      : plural(entry.bytes, "byte");
  return markup`<div class="bytes">${table}<p class="note">${note}</p>${hexDump(entry.hex, 0, entry)}${around(entry)}</div>`;
}

// The bytes around the one that differs, where the frame's first bytes don't reach it.
function around(entry: ReportedEntry): Markup {
  const { difference } = entry;
  if (difference === undefined || difference.hex === "") return markup``;
  const { start, hex, offset } = difference;
  return markup`<p class="note">the bytes around offset ${offset}, which differs</p>${hexDump(hex, start, entry)}`;
}

// "REFUSED reason=…" is a REFUSED; what begins with a small letter ("frame of length 0") has no name but itself.
export function frameName(summary: string): string {
  return /^[A-Z]+(?= |$)/.exec(summary)?.[0] ?? summary;
}

const rowBytes = 16;

// Each row in two halves: where there's no room for both, the style shows the second one's offset, in a line of its own.
function hexDump(hex: string, start: number, { difference }: ReportedEntry): Markup {
  const bytes = hex.match(/.{1,2}/g) ?? [];
  const width = Math.max(4, String(start + bytes.length).length);
  const offsetOf = (at: number): string => String(start + at).padStart(width);
  const half = (at: number): Content => {
    const place = difference === undefined ? -1 : difference.offset - start - at;
    const some = bytes.slice(at, at + rowBytes / 2);
    const wrong = some[place];
    if (wrong === undefined) return some.join(" ");
    const [before, after] = [some.slice(0, place), some.slice(place + 1)];
    return markup`${before.map((byte) => `${byte} `)}<mark>${wrong}</mark>${after.map((byte) => ` ${byte}`)}`;
  };
  const rows = [];
  for (let at = 0; at < bytes.length; at += rowBytes) {
    const second = at + rowBytes / 2;
    rows.push(
      markup`${offsetOf(at)}  ${half(at)}${second < bytes.length ? markup`  <i>\n${offsetOf(second)}  </i>${half(second)}` : ""}\n`,
    );
  }
  return markup`<pre class="hex">${rows}</pre>`;
}
