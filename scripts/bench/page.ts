// The findings of a bench as one HTML page that needs nothing else: throughput against depth, the latency distribution of
// each cell, and the figures.

import { bytesText, describe } from "./cells.ts";
import type { PeerName, Transport } from "./peers.ts";
import { decades, escapeHtml, renderPlot, type Axis, type Series } from "./plot.ts";
import { judgeGoals, type BenchResult, type CellResult, type PeerResult } from "./result.ts";
import { valueOf, type Histogram } from "./statistics.ts";
import { count, goalText, PEER_TITLE, share, times } from "./table.ts";

const COLOUR: Readonly<Record<PeerName, string>> = {
  talkbyte: "#c2410c",
  redis: "#1d4ed8",
  node: "#15803d",
  ws: "#7e22ce",
  c: "#6b7280",
};
const NS_PER_US = 1000;
/** Where the latency plot has its ticks: shares of replies that took longer. */
const TAILS = [1, 0.1, 0.01, 0.001, 0.0001] as const;

const STYLE = `body{font:15px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}
svg{width:100%;max-width:30rem;font:11px system-ui,sans-serif}.grid{stroke:#e2e4e8;fill:none}.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(22rem,1fr))}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #e2e4e8}
td:first-child,th:first-child{text-align:left}.key span{margin-right:1.2rem;white-space:nowrap}.key i{display:inline-block;width:1.6rem;border-top:3px solid;margin-right:.4rem;vertical-align:middle}`;

export function renderPage(result: BenchResult): string {
  const parts = [
    `<h1>TalkByte beside its peers</h1>`,
    `<p>${escapeHtml(result.date)}, <code>${escapeHtml(result.command)}</code>: ${result.rounds} rounds of ${result.measureMs} ms a cell, in turns; medians, with the lowest and the highest round. Every reply was compared with what was due.</p>`,
    `<p>${Object.entries(result.machine)
      .map(([name, value]) => `${escapeHtml(name)}: ${escapeHtml(String(value))}`)
      .join("; ")}</p>`,
    ...result.absent.map((line) => `<p>Left out: ${escapeHtml(line)}</p>`),
    renderKey(),
    `<h2>Throughput against depth</h2><div class="plots">${throughputPlots(result.cells).join("")}</div>`,
    `<h2>Latency</h2><p>The share of replies that took longer, against their microseconds; nothing was held back to a rate, so a queue of the depth is part of it.</p><div class="plots">${latencyPlots(result.cells).join("")}</div>`,
    `<h2>Figures</h2><p>“By CPU” is the ratio of replies for each second of the server’s CPU time. The load generator took more of a core than the server did where its share has “!”: there the server could have done better.</p>`,
    renderGoals(result.cells),
    ...result.cells.map(renderCell),
  ];
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>TalkByte beside its peers</title><style>${STYLE}</style>\n${parts.join("\n")}\n</html>\n`;
}

function renderKey(): string {
  const peers = Object.entries(COLOUR).map(
    ([peer, colour]) => `<span><i style="color:${colour}"></i>${PEER_TITLE[peer as PeerName]}</span>`,
  );
  return `<p class="key">${peers.join("")}<span>plain: solid, TLS: dashed</span></p>`;
}

/** One plot for each payload and number of connections that was measured at more than one depth. */
function throughputPlots(cells: readonly CellResult[]): string[] {
  const measured = cells.filter(({ peers }) => peers.length > 0);
  const groups = Map.groupBy(
    measured,
    ({ cell }) => `${bytesText(cell.payloadBytes)}, ${count(cell.connections)} connections`,
  );
  return Array.from(groups).flatMap(([title, group]) => {
    const depths = group.map(({ cell }) => cell.depth).toSorted((a, b) => a - b);
    if (depths.length < 2) return [];
    const series = seriesOf(group, (peer, transport) =>
      group
        .flatMap(({ cell, peers }) => {
          const found = peers.find((each) => each.peer === peer && each.transport === transport);
          return found === undefined ? [] : [[cell.depth, found.repliesPerSecond.median] as const];
        })
        .toSorted(([a], [b]) => a - b),
    );
    const x: Axis = { title: "depth", ticks: depths, text: String };
    return [renderPlot({ title, x, y: axisOf("replies/s", series), series })];
  });
}

function latencyPlots(cells: readonly CellResult[]): string[] {
  return cells.flatMap((result) => {
    if (result.peers.length === 0) return [];
    const series = seriesOf([result], (peer, transport) => {
      const found = result.peers.find((each) => each.peer === peer && each.transport === transport);
      return found === undefined ? [] : tailOf(found.histogram);
    });
    const x: Axis = {
      title: "share that took longer",
      ticks: TAILS.map((tail) => 1 / tail),
      text: (value) => `${100 / value} %`,
    };
    return [renderPlot({ title: describe(result.cell), x, y: axisOf("µs", series), series })];
  });
}

function seriesOf(
  cells: readonly CellResult[],
  pointsOf: (peer: PeerName, transport: Transport) => Series["points"],
): Series[] {
  const present = new Map(
    cells.flatMap(({ peers }) => peers).map((each) => [`${each.peer} ${each.transport}`, each]),
  );
  return Array.from(present.values(), ({ peer, transport }) => ({
    title: `${PEER_TITLE[peer]}, ${transport}`,
    colour: COLOUR[peer],
    dashed: transport === "tls",
    points: pointsOf(peer, transport).filter(([, y]) => y > 0),
  }));
}

/** How rare it is that a reply took longer, as one in so many, and how long that is. */
function tailOf(histogram: Histogram): (readonly [number, number])[] {
  const total = histogram.reduce((sum, [, replies]) => sum + replies, 0);
  const rarest = 1 / TAILS.at(-1)!;
  let seen = 0;
  return histogram.flatMap(([bucket, replies]) => {
    const oneIn = total / (total - seen);
    seen += replies;
    return oneIn > rarest ? [] : [[oneIn, valueOf(bucket) / NS_PER_US] as const];
  });
}

function axisOf(title: string, series: readonly Series[]): Axis {
  const ticks = decades(series.flatMap(({ points }) => points.map(([, y]) => y)));
  return { title, ticks, text: (value) => (value < 1 ? String(value) : count(value)) };
}

function renderGoals(cells: readonly CellResult[]): string {
  const rows = judgeGoals(cells).map(({ goal, found, met }) => [
    goalText(goal),
    times(found),
    times(goal.atLeast),
    met ? "met" : "missed",
  ]);
  return rows.length === 0 ? "" : renderTable("Goals", ["", "ratio", "at least", ""], rows);
}

function renderCell(result: CellResult): string {
  const title = `${result.cell.name}: ${describe(result.cell)}`;
  if (result.skipped !== undefined)
    return `<p>${escapeHtml(title)}: skipped, ${escapeHtml(result.skipped)}</p>`;
  const head = [
    "",
    "ours ÷ it",
    "by CPU",
    "replies/s",
    "p50 µs",
    "p99 µs",
    "p99.9 µs",
    "server",
    "generator",
  ];
  const failures = result.failures.map((failure) => `<p>Failed: ${escapeHtml(failure)}</p>`);
  return (
    renderTable(
      title,
      head,
      result.peers.map((each) => cellRow(each, result)),
    ) + failures.join("")
  );
}

function cellRow(each: PeerResult, { ratios }: CellResult): string[] {
  const ratio = ratios.find(
    ({ against, transport }) => against === each.peer && transport === each.transport,
  );
  const { repliesPerSecond: rate, latencyUs } = each;
  return [
    `${PEER_TITLE[each.peer]}, ${each.transport}`,
    ratio === undefined ? "" : `${times(ratio.median)} (${times(ratio.low)}–${times(ratio.high)})`,
    ratio?.perCpu === undefined ? "" : times(ratio.perCpu),
    `${count(rate.median)} (${count(rate.low)}–${count(rate.high)})`,
    ...[latencyUs.p50, latencyUs.p99, latencyUs.p999].map((us) => us.toFixed(0)),
    share(each.serverBusy),
    `${share(each.generatorBusy)}${each.generatorBound ? " !" : ""}`,
  ];
}

function renderTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: "th" | "td", texts: readonly string[]): string =>
    `<tr>${texts.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join("")}</tr>`;
  return `<h3>${escapeHtml(title)}</h3><table>${line("th", head)}${rows.map((row) => line("td", row)).join("")}</table>`;
}
