// What a dissector should show of a play, found out with the suite's own reader: each frame in the order in which its
// last byte passes, with the bytes of its fields and its faults.

import type { Speaker } from "../../src/conformance/exchange/steps.ts";
import type { TranscriptEntry } from "../../src/conformance/play/result.ts";
import { createWatch } from "../../src/conformance/play/watch.ts";
import { filterName } from "../../src/conformance/report/dissector.ts";
import { decodeUtf8, readInteger, toHex } from "../../src/conformance/wire/bytes.ts";
import { createSplitter, readFrame, type FieldReading } from "../../src/conformance/wire/frames.ts";
import { integerWidth, type FrameKind, type WireTable } from "../../src/conformance/wire/wire-table.ts";
import { brief } from "./tshark.ts";

export interface ExpectedFrame {
  readonly from: Speaker;
  /** Filter names with the bytes, in order; lengths of texts aside. */
  readonly fields: readonly (readonly [name: string, hex: string])[];
  /** What numbers, codes and plain texts look like in the tree. */
  readonly labels: readonly string[];
  readonly faults: readonly string[];
}

export interface Expected {
  readonly frames: readonly ExpectedFrame[];
  /** What follows a length over the limit, from each side. */
  readonly discarded: Readonly<Record<Speaker, string>>;
}

export function expectedFrames(table: WireTable, transcript: readonly TranscriptEntry[]): Expected {
  const watch = createWatch(table);
  const frames: ExpectedFrame[] = [];
  const sides = {
    C: { splitter: createSplitter(0), ended: false, broken: false },
    S: { splitter: createSplitter(0), ended: false, broken: false },
  };
  for (const entry of transcript.toSorted((a, b) => a.at - b.at)) {
    if (entry.kind === "call" || sides[entry.from].ended) continue;
    const { splitter } = sides[entry.from];
    if (entry.kind !== "bytes") {
      sides[entry.from].ended = true;
      if (entry.kind === "reset") break;
      continue;
    }
    splitter.push(entry.bytes, entry.at);
    while (!sides[entry.from].broken) {
      splitter.limitBytes = watch.limitBytes();
      const split = splitter.next();
      if (split === undefined) break;
      if (split.kind === "oversize") {
        sides[entry.from].broken = true;
        const problem = `length: ${split.length} is over the limit of ${splitter.limitBytes}`;
        frames.push(lengthAlone(entry.from, split.bytes, problem));
      } else if (split.bytes.length === 4) {
        frames.push(lengthAlone(entry.from, split.bytes, "length: is 0"));
      } else {
        frames.push(wholeFrame(table, entry.from, split.bytes));
        watch.see(entry.from, readFrame(table, split.bytes));
      }
    }
  }
  const after = ({ splitter, broken }: (typeof sides)[Speaker]) =>
    broken ? brief(toHex(splitter.partial().subarray(4))) : "";
  return { frames, discarded: { C: after(sides.C), S: after(sides.S) } };
}

function lengthAlone(from: Speaker, length: Uint8Array, fault: string): ExpectedFrame {
  const fields = [["talkbyte.length", toHex(length)] as const];
  return { from, fields, labels: [`length: ${readInteger(length)}`], faults: [fault] };
}

function wholeFrame(table: WireTable, from: Speaker, bytes: Uint8Array): ExpectedFrame {
  const reading = readFrame(table, bytes);
  const { kind } = reading;
  const fields: [string, string][] = [
    ["talkbyte.length", toHex(bytes.subarray(0, 4))],
    ["talkbyte.type", toHex(bytes.subarray(4, 5))],
  ];
  const labels = [`length: ${bytes.length - 4}`];
  for (const field of reading.fields) {
    fields.push([nameOf(kind!, field), toHex(field.content)]);
    labels.push(...labelOf(table, field));
  }
  const faults = reading.faults.map(({ path, problem }) => (path === "" ? problem : `${path}: ${problem}`));
  const trailing = reading.faults.find(({ path }) => path === "");
  if (trailing !== undefined) fields.push(["talkbyte.trailing", toHex(bytes.subarray(trailing.offset))]);
  if (reading.extension) fields.push(["talkbyte.extension", toHex(bytes.subarray(5))]);
  else if (kind === undefined) fields.push(["talkbyte.unknown", toHex(bytes.subarray(5))]);
  if (kind !== undefined) {
    labels.push(`type: ${kind.name} (0x${toHex(bytes.subarray(4, 5))})`);
    const sender = from === "C" ? "client" : "server";
    if (kind.sender !== "both" && kind.sender !== sender)
      faults.push(`type: only the ${kind.sender} sends ${kind.name}`);
  }
  return { from, fields: fields.map(([name, hex]) => [name, brief(hex)]), labels, faults };
}

function nameOf(kind: FrameKind, { path }: FieldReading): string {
  return filterName(kind, path.replaceAll(/\[\d+\]/g, "").split("."));
}

function labelOf(table: WireTable, { field, content }: FieldReading): string[] {
  if (integerWidth(field.type) !== undefined || field.type === "list8") {
    const value = readInteger(content);
    if (field.codes === undefined) return [`${field.name}: ${value}`];
    const code = table[field.codes].find((candidate) => BigInt(candidate.code) === value);
    return [`${field.name}: ${code?.name ?? "Unknown"} (${value})`];
  }
  if (content.length === 0) return [`${field.name}: (empty)`];
  const text = decodeUtf8(content);
  return field.type === "string8" && text !== undefined && /^[ -~]*$/.test(text) && !/["\\]/.test(text)
    ? [`${field.name}: ${text}`]
    : [];
}
