// What a step asks for beside what came. Both are annotated lines (wire/annotate.ts): an offset, hexadecimal, a meaning
// such as "tries-left = 2". Lines that speak of the same field stand side by side. A line is marked where its bytes are not
// those beside it: what the step leaves open ("any") differs from nothing in that field, and the same bytes are no
// difference, whatever field they are in.

import { markup, type Content, type Markup } from "./page-markup.ts";
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
  // Which of the two are marked.
  readonly missing: boolean;
  readonly extra: boolean;
}

type Sides = Pick<Pair, "expected" | "received">;

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
  const pairs: Sides[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [one, other] = [left[i], right[j]];
    if (one !== undefined && other !== undefined && subjectOf(one) === subjectOf(other)) {
      pairs.push({ expected: one, received: other });
      i++;
      j++;
    } else if (
      other === undefined ||
      (one !== undefined && lengthAt(common, i + 1, j) >= lengthAt(common, i, j + 1))
    ) {
      pairs.push({ expected: one, received: undefined });
      i++;
    } else {
      pairs.push({ expected: undefined, received: other });
      j++;
    }
  }
  const [expectsBytes, receivedBytes] = [left.some(isBytes), right.some(isBytes)];
  return closeRanks(pairs).map((pair) => ({
    ...pair,
    missing: isMarked(pair.expected, pair.received, expectsBytes),
    extra: isMarked(pair.received, pair.expected, receivedBytes),
  }));
}

export function comparison(failure: ReportedFailure): Markup {
  const pairs = pairLines(failure.expected, failure.received);
  const cut = Math.max(failure.expected.length, failure.received.length) - alignedLines;
  const alike = pairs.every((pair) => !differs(pair));
  return markup`<table class="compare"><caption>− expected, + received</caption>
<thead><tr><th scope="col">expected</th><th scope="col">received</th></tr></thead>
${hunksOf(pairs).map((hunk) => markup`<tbody>${hunk.map(pairRow)}</tbody>\n`)}</table>${alike ? markup`<p class="note">${alikeNote(pairs)}</p>` : ""}${cut > 0 ? markup`<p class="note">Cut off here: ${cut} more lines.</p>` : ""}`;
}

function alikeNote(pairs: readonly Pair[]): string {
  const isCut = pairs.some(({ received }) => received?.hex?.includes("…"));
  return isCut
    ? "These lines are cut off at …, and alike as far as they go; the reason above says where the bytes differ."
    : "None of these lines differs; the reason above says what did not hold.";
}

function differs({ missing, extra }: Pair): boolean {
  return missing || extra;
}

// What reads as one where the two columns are stacked: a field, or neighbours that have no field in common.
function hunksOf(pairs: readonly Pair[]): Pair[][] {
  const hunks: Pair[][] = [];
  for (const pair of pairs) {
    const hunk = hunks.at(-1);
    const before = hunk?.at(-1);
    if (hunk !== undefined && before !== undefined && !sameField(before) && !sameField(pair)) hunk.push(pair);
    else hunks.push([pair]);
  }
  return hunks;
}

function sameField({ expected, received }: Sides): boolean {
  return expected !== undefined && received !== undefined && subjectOf(expected) === subjectOf(received);
}

function pairRow(pair: Pair): Markup {
  const { expected, received, missing, extra } = pair;
  const state = differs(pair) ? "differs" : sameField(pair) && expected?.hex !== "any" ? "same" : "open";
  const place =
    missing && extra && sameField(pair) ? firstUnlike(expected?.hex ?? "", received?.hex ?? "") : -1;
  return markup`<tr class="${state}">${side("expected", expected, missing, place)}${side("received", received, extra, place)}</tr>`;
}

// Where the first byte that differs stands in both texts, of contents too long to see it; -1: nowhere.
function firstUnlike(one: string, other: string): number {
  if (!one.includes("…") || !other.includes("…")) return -1;
  let same = 0;
  while (same < one.length && one[same] === other[same]) same++;
  const before = /[0-9a-f]*$/.exec(one.slice(0, same))?.[0].length ?? 0;
  return same - (before % 2);
}

function hexText(hex: string, place: number): Content {
  const byte = place < 0 ? "" : hex.slice(place, place + 2);
  if (!/^[0-9a-f]{2}$/.test(byte)) return hex;
  return markup`${hex.slice(0, place)}<mark>${byte}</mark>${hex.slice(place + 2)}`;
}

function side(
  name: "expected" | "received",
  line: AnnotatedLine | undefined,
  marked: boolean,
  place: number,
): Markup {
  if (line === undefined) return markup`<td class="${name} none"></td>`;
  const mark = marked ? markup`<b class="mark"><span class="unseen">differs: </span></b>` : "";
  const bytes = line.hex === undefined ? "" : markup`<code>${hexText(line.hex, place)}</code> `;
  return markup`<td class="${name}${marked ? " marked" : ""}">${mark}${bytes}<span>${line.meaning}</span></td>`;
}

// "tries-left = 2" speaks of tries-left, "length 7" of the length.
function subjectOf({ hex, meaning }: AnnotatedLine): string {
  return hex === undefined
    ? meaning
    : (/^(length|type)\b/.exec(meaning)?.[1] ?? meaning.split(" = ")[0] ?? meaning);
}

function isBytes({ hex }: AnnotatedLine): boolean {
  return hex !== undefined;
}

// Prose among bytes, such as "then end of stream", explains and is no difference of its own.
function isMarked(
  line: AnnotatedLine | undefined,
  beside: AnnotatedLine | undefined,
  amongBytes: boolean,
): boolean {
  if (line === undefined || line.hex === "any") return false;
  if (line.hex === undefined) return !amongBytes && line.meaning !== beside?.meaning;
  if (beside?.hex === "any") return subjectOf(line) !== subjectOf(beside);
  if (line.hex !== beside?.hex) return true;
  // Two long contents that begin alike.
  return line.hex.includes("…") && line.meaning !== beside.meaning;
}

// An expected line and a received one that have nothing in common still read best beside each other.
function closeRanks(pairs: readonly Sides[]): Sides[] {
  const closed: Sides[] = [];
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
