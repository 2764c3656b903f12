// The findings of a bench as text: for each cell the ratios first, with the figures that they come from.

import { bytesText, describe } from "./cells.ts";
import { TRANSPORTS, type PeerName } from "./peers.ts";
import { judgeGoals, type CellResult, type Goal, type PeerResult, type Ratio } from "./result.ts";

export const PEER_TITLE: Readonly<Record<PeerName, string>> = {
  talkbyte: "TalkByte",
  redis: "Redis ECHO",
  node: "bare Node",
  ws: "ws",
  c: "C epoll",
};

const HEAD = [
  "",
  "ours ÷ it",
  "lowest–highest",
  "by CPU",
  "replies/s",
  "lowest–highest",
  "p50 µs",
  "p99 µs",
  "server",
  "generator",
];

export function cellText(result: CellResult): string {
  const { cell } = result;
  const title = `${cell.name}: ${describe(cell)}`;
  if (result.skipped !== undefined)
    return `${title}: skipped, ${result.skipped} (${bytesText(result.inFlightBytes)})\n`;
  const rows = TRANSPORTS.flatMap((transport) =>
    result.peers
      .filter((each) => each.transport === transport)
      .map((each) =>
        rowOf(
          each,
          result.ratios.find((ratio) => ratio.against === each.peer && ratio.transport === transport),
        ),
      ),
  );
  const failures = result.failures.map((failure) => `  ! ${failure}\n`);
  return `${title}\n${columns([HEAD, ...rows])}${failures.join("")}`;
}

/** The goals that this run could judge. */
export function goalsText(cells: readonly CellResult[]): string {
  const lines = judgeGoals(cells).map(
    ({ goal, found, met }) =>
      `  ${met ? "met" : "MISSED"}: ${goalText(goal)} ${times(found)}, goal ${times(goal.atLeast)}\n`,
  );
  return lines.length === 0 ? "" : `Goals\n${lines.join("")}`;
}

export function goalText({ cell, transport, against }: Goal): string {
  return `${cell}, ${transport}, ours ÷ ${PEER_TITLE[against]}`;
}

function rowOf(result: PeerResult, ratio: Ratio | undefined): string[] {
  const { repliesPerSecond: rate, latencyUs } = result;
  return [
    `${PEER_TITLE[result.peer]}, ${result.transport}`,
    ratio === undefined ? "" : times(ratio.median),
    ratio === undefined ? "" : `${times(ratio.low)}–${times(ratio.high)}`,
    ratio?.perCpu === undefined ? "" : times(ratio.perCpu),
    count(rate.median),
    `${count(rate.low)}–${count(rate.high)}`,
    latencyUs.p50.toFixed(0),
    latencyUs.p99.toFixed(0),
    share(result.serverBusy),
    `${share(result.generatorBusy)}${result.generatorBound ? " !" : ""}${result.generator === "node" ? " (Node)" : ""}`,
  ];
}

export function times(ratio: number): string {
  return ratio.toFixed(2);
}

export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function share(value: number): string {
  return `${Math.round(value * 100)} %`;
}

/** The first column to the left, figures to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => {
      const cells = row.map((text, column) =>
        column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!),
      );
      return `  ${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}
