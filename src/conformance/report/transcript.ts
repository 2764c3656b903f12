// A transcript as reports show it: frame by frame in the order of time, without the profile's passwords.

import { annotate, shorten, summarize } from "../wire/annotate.ts";
import { concat, equalBytes, toHex, utf8 } from "../wire/bytes.ts";
import { createSplitter } from "../wire/frames.ts";
import type { Comparison, Difference, TranscriptEntry } from "../play/result.ts";
import { bytesFrom } from "../play/stage.ts";
import type { WireTable } from "../wire/wire-table.ts";
import { shownAround, shownBytes, type ReportedDifference, type ReportedEntry } from "./report.ts";
import { maskBytes } from "./secrets.ts";

type Speaker = "C" | "S";

// The same transcript with every secret overwritten by asterisks, wherever it stands in either stream, also across
// writes: lengths stay, so frames stay frames.
export function withoutSecrets(
  transcript: readonly TranscriptEntry[],
  secrets: readonly string[],
): readonly TranscriptEntry[] {
  const needles = needlesOf(secrets);
  const masked = { C: maskStream(transcript, "C", needles), S: maskStream(transcript, "S", needles) };
  const offsets = { C: 0, S: 0 };
  return transcript.map((entry) => {
    if (entry.kind !== "bytes") return entry;
    const start = offsets[entry.from];
    offsets[entry.from] += entry.bytes.length;
    return { ...entry, bytes: masked[entry.from].subarray(start, offsets[entry.from]) };
  });
}

export function withoutSecretsIn(
  comparison: Comparison | undefined,
  secrets: readonly string[],
): Difference | undefined {
  const difference = comparison?.difference;
  return difference && { ...difference, frame: maskBytes(difference.frame, needlesOf(secrets)) };
}

function needlesOf(secrets: readonly string[]): Uint8Array[] {
  return secrets.map(utf8).filter((needle) => needle.length > 0);
}

function maskStream(
  transcript: readonly TranscriptEntry[],
  speaker: Speaker,
  needles: readonly Uint8Array[],
): Uint8Array {
  return maskBytes(bytesFrom(transcript, speaker), needles);
}

export function reportedEntries(
  table: WireTable,
  transcript: readonly TranscriptEntry[],
  difference?: Difference,
): readonly ReportedEntry[] {
  const splitters = { C: createSplitter(0xffffffff), S: createSplitter(0xffffffff) };
  const entries: ReportedEntry[] = [];
  // The last frame with the bytes that did not hold.
  let wrong: ReportedEntry | undefined;
  // What an application asks for before there is a connection has no time of its own.
  const start = transcript.find(({ kind }) => kind !== "call")?.at ?? 0;
  const timeOf = (at: number): number => Math.max(0, Math.round((at - start) * 1000) / 1000);
  // What has come of a frame that isn't whole yet, piece by piece.
  const pieces: Record<Speaker, Piece[]> = { C: [], S: [] };
  // What is no whole frame when nothing more can come; each piece stands where it came.
  const leaveOver = (from: Speaker): void => {
    for (const { bytes, at } of fewPieces(pieces[from].splice(0))) {
      const left = partialEntry(bytes, from, timeOf(at));
      const later = entries.findIndex(({ atMs }) => atMs > left.atMs);
      entries.splice(later === -1 ? entries.length : later, 0, left);
    }
    splitters[from] = createSplitter(0xffffffff);
  };
  for (const entry of transcript) {
    if (entry.kind === "bytes") {
      const { from, at } = entry;
      const before = pieces[from].reduce((sum, { bytes }) => sum + bytes.length, 0);
      let framed = 0;
      splitters[from].push(entry.bytes, at);
      for (;;) {
        const split = splitters[from].next();
        if (split?.kind !== "frame") break;
        framed += split.bytes.length;
        const reported = frameEntry(table, split.bytes, from, timeOf(at));
        entries.push(reported);
        if (difference !== undefined && equalBytes(split.bytes, difference.frame)) wrong = reported;
      }
      const left = before + entry.bytes.length - framed;
      if (framed > 0) pieces[from] = [];
      const bytes = entry.bytes.subarray(entry.bytes.length - Math.min(left, entry.bytes.length));
      if (bytes.length > 0) pieces[from].push({ bytes, at });
      continue;
    }
    if (entry.kind !== "call") leaveOver(entry.from);
    const summary = { call: "", end: "end of stream", reset: "reset" }[entry.kind];
    entries.push({
      atMs: timeOf(entry.at),
      from: entry.from,
      kind: entry.kind,
      summary: entry.kind === "call" ? entry.text : summary,
      hex: "",
      bytes: 0,
      difference: undefined,
      annotated: [],
    });
  }
  leaveOver("C");
  leaveOver("S");
  if (wrong !== undefined && difference !== undefined)
    entries[entries.indexOf(wrong)] = withDifference(table, wrong, difference);
  return entries;
}

function withDifference(
  table: WireTable,
  entry: ReportedEntry,
  { frame, offset }: Difference,
): ReportedEntry {
  const isShown = offset < Math.min(shownBytes, frame.length);
  const start = Math.max(0, Math.floor((offset - shownAround / 2) / rowBytes) * rowBytes);
  const difference: ReportedDifference = {
    offset,
    start,
    hex: isShown ? "" : toHex(frame.subarray(start, start + shownAround)),
  };
  return { ...entry, difference, annotated: annotate(table, frame, { differsAt: offset }) };
}

// Dumps are read in rows of so many bytes.
const rowBytes = 16;

interface Piece {
  readonly bytes: Uint8Array;
  readonly at: number;
}

// A peer that trickles is shown as one that sent it all with its last piece.
function fewPieces(pieces: readonly Piece[]): readonly Piece[] {
  const last = pieces.at(-1);
  if (last === undefined || pieces.length <= shownPieces) return pieces;
  return [{ bytes: concat(pieces.map(({ bytes }) => bytes)), at: last.at }];
}

const shownPieces = 8;

function frameEntry(table: WireTable, bytes: Uint8Array, from: Speaker, atMs: number): ReportedEntry {
  return {
    atMs,
    from,
    kind: "frame",
    summary: summarize(table, bytes),
    hex: toHex(bytes.subarray(0, shownBytes)),
    bytes: bytes.length,
    difference: undefined,
    annotated: annotate(table, bytes),
  };
}

function partialEntry(bytes: Uint8Array, from: Speaker, atMs: number): ReportedEntry {
  return {
    atMs,
    from,
    kind: "bytes",
    summary: `${bytes.length} ${bytes.length === 1 ? "byte" : "bytes"} of no whole frame: ${shorten(bytes)}`,
    hex: toHex(bytes.subarray(0, shownBytes)),
    bytes: bytes.length,
    difference: undefined,
    annotated: [],
  };
}
