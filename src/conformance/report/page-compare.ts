// What a step asks for beside what came. Both are annotated lines (wire/annotate.ts): an offset, hexadecimal, a meaning
// such as "tries-left = 2". Lines that speak of the same field stand side by side, and where their bytes differ the page
// marks them; what the step leaves open ("any") differs from nothing.

import { markup, type Markup } from "./page-markup.ts";
import type { ReportedFailure } from "./report.ts";

export interface AnnotatedLine {
  readonly offset: string;
  // Undefined: the whole line is prose, and stands in `meaning`.
  readonly hex: string | undefined;
  readonly meaning: string;
}

export interface Pair {
  readonly expected: AnnotatedLine | undefined;
  readonly received: AnnotatedLine | undefined;
  readonly differs: boolean;
}

const annotated = /^([ \d]{6,}?) {2}(?: {20}|(\S(?:.*?\S)??) *) {2}(\S.*)$/;
// The alignment takes time by the product of both lengths.
const alignedLines = 300;

export function parseLine(line: string): AnnotatedLine {
  const found = annotated.exec(line);
  if (found === null) return { offset: "", hex: undefined, meaning: line.trim() };
  const [, offset = "", hex = "", meaning = ""] = found;
  return { offset: offset.trim(), hex, meaning };
}

export function pairLines(expected: readonly string[], received: readonly string[]): Pair[] {
  const left = expected.slice(0, alignedLines).map(parseLine);
  const right = received.slice(0, alignedLines).map(parseLine);
  const common = commonLengths(left.map(subjectOf), right.map(subjectOf));
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [one, other] = [left[i], right[j]];
    if (one !== undefined && other !== undefined && subjectOf(one) === subjectOf(other)) {
      pairs.push({ expected: one, received: other, differs: differ(one, other) });
      i++;
      j++;
    } else if (
      other === undefined ||
      (one !== undefined && lengthAt(common, i + 1, j) >= lengthAt(common, i, j + 1))
    ) {
      pairs.push({ expected: one, received: undefined, differs: one === undefined || missed(one, left) });
      i++;
    } else {
      pairs.push({ expected: undefined, received: other, differs: missed(other, right) });
      j++;
    }
  }
  return closeRanks(pairs);
}

export function comparison(failure: ReportedFailure): Markup {
  const pairs = pairLines(failure.expected, failure.received);
  const cut = Math.max(failure.expected.length, failure.received.length) - alignedLines;
  return markup`<table class="compare"><caption>− expected, + received</caption>
<thead><tr><th scope="col">expected</th><th scope="col">received</th></tr></thead>
<tbody>${pairs.map(pairRow)}</tbody></table>${cut > 0 ? markup`<p class="note">Cut off here: ${cut} more lines.</p>` : ""}`;
}

function pairRow({ expected, received, differs }: Pair): Markup {
  const state = differs ? "differs" : "same";
  return markup`<tr class="${state}">${side("expected", expected, differs)}${side("received", received, differs)}</tr>`;
}

function side(name: "expected" | "received", line: AnnotatedLine | undefined, differs: boolean): Markup {
  if (line === undefined) return markup`<td class="${name} none"></td>`;
  const mark = differs ? markup`<b class="mark"><span class="unseen">differs: </span></b>` : "";
  const bytes = line.hex === undefined ? "" : markup`<code>${line.hex}</code> `;
  return markup`<td class="${name}">${mark}${bytes}<span>${line.meaning}</span></td>`;
}

// "tries-left = 2" speaks of tries-left, "length 7" of the length.
function subjectOf({ hex, meaning }: AnnotatedLine): string {
  return hex === undefined
    ? meaning
    : (/^(length|type)\b/.exec(meaning)?.[1] ?? meaning.split(" = ")[0] ?? meaning);
}

// Prose among bytes, such as "then end of stream", explains and is no difference of its own.
function missed(line: AnnotatedLine, among: readonly AnnotatedLine[]): boolean {
  return line.hex !== undefined || among.every(({ hex }) => hex === undefined);
}

function differ(expected: AnnotatedLine, received: AnnotatedLine): boolean {
  if (expected.hex === undefined) return expected.meaning !== received.meaning;
  return expected.hex !== "any" && expected.hex !== received.hex;
}

// An expected line and a received one that have nothing in common still read best beside each other.
function closeRanks(pairs: readonly Pair[]): Pair[] {
  const closed: Pair[] = [];
  for (const pair of pairs) {
    const open = closed.findLastIndex((one) => one.expected !== undefined && one.received !== undefined);
    const free =
      pair.expected === undefined
        ? closed.findIndex((one, index) => index > open && one.received === undefined)
        : closed.findIndex(
            (one, index) => index > open && pair.received === undefined && one.expected === undefined,
          );
    const place = closed[free];
    if (place === undefined) closed.push(pair);
    else
      closed[free] = {
        expected: place.expected ?? pair.expected,
        received: place.received ?? pair.received,
        differs: place.differs || pair.differs,
      };
  }
  return closed;
}

function commonLengths(left: readonly string[], right: readonly string[]): number[][] {
  const lengths = Array.from({ length: left.length + 1 }, () =>
    Array.from({ length: right.length + 1 }, () => 0),
  );
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row === undefined) continue;
      row[j] =
        left[i] === right[j]
          ? lengthAt(lengths, i + 1, j + 1) + 1
          : Math.max(lengthAt(lengths, i + 1, j), lengthAt(lengths, i, j + 1));
    }
  }
  return lengths;
}

function lengthAt(lengths: readonly (readonly number[])[], i: number, j: number): number {
  return lengths[i]?.[j] ?? 0;
}
