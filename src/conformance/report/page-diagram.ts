// A conversation as a sequence diagram: two lifelines, an arrow for each frame, time on the left. It is a list in plain
// HTML, so that it wraps on a phone, is read aloud in order, and needs no script; the lines are drawn by the style.

import { nothingInTime } from "../play/result.ts";
import { frameName, frameBytes, type FrameStore } from "./page-frames.ts";
import { grouped, markup, plural, type Content, type Markup } from "./page-markup.ts";
import type { ReportedEntry, ReportedImplementation, ReportedPlay } from "./report.ts";

// Runs of like frames longer than this are shown by their ends.
const shownOfRun = 3;
// Pauses from here on are worth a line of their own.
const pauseMs = 100;
// Most entries of one conversation that the page draws.
const drawnEntries = 400;

export interface DiagramContext {
  readonly implementation: ReportedImplementation;
  // Undefined: the bytes stand beside their arrow, as a failure's should.
  readonly store: FrameStore | undefined;
}

export function diagramOf(play: ReportedPlay, context: DiagramContext): Markup {
  if (play.transcript.length === 0 && !nothingCame(play))
    return markup`<p class="note">Nothing was sent.</p>`;
  const items: Markup[] = [];
  let before = 0;
  const drawn = play.transcript.slice(0, drawnEntries);
  for (const run of runsOf(drawn)) {
    const [first] = run;
    if (first === undefined) continue;
    const pause = first.atMs - before;
    if (pause >= pauseMs)
      items.push(markup`<li class="pause"><time></time><p>${grouped(Math.round(pause))} ms pass</p></li>`);
    items.push(...drawRun(run, context));
    before = run.at(-1)?.atMs ?? before;
  }
  const more = play.transcript.length - drawn.length;
  if (more > 0)
    items.push(
      markup`<li class="pause"><time></time><p>${plural(more, "more entry", "more entries")}</p></li>`,
    );
  if (nothingCame(play)) items.push(markup`<li class="pause silence"><time></time><p>nothing came</p></li>`);
  if (play.failure !== undefined && play.verdict !== "warn")
    items.push(
      markup`<li class="broken"><time></time><p>${play.verdict === "fail" ? "Here it departs from" : "Here it can't be decided any more:"} line ${play.failure.line}.</p></li>`,
    );
  return markup`<div class="diagram">${lifelines(context.implementation)}<ol>${items}</ol></div>`;
}

function nothingCame({ failure }: ReportedPlay): boolean {
  return failure?.received.length === 1 && failure.received[0] === nothingInTime;
}

function lifelines({ role, name }: ReportedImplementation): Markup {
  const head = (side: "client" | "server"): Markup =>
    side === role
      ? markup`<p class="tested"><b>${side}</b> <small>${name}</small></p>`
      : markup`<p><b>${side}</b> <small>played by the suite</small></p>`;
  return markup`<div class="heads"><time>ms</time>${head("client")}${head("server")}</div>`;
}

// Neighbours that are the same kind of frame from the same side.
function runsOf(entries: readonly ReportedEntry[]): ReportedEntry[][] {
  const runs: ReportedEntry[][] = [];
  for (const entry of entries) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    if (run !== undefined && first !== undefined && alike(first, entry)) run.push(entry);
    else runs.push([entry]);
  }
  return runs;
}

function alike(a: ReportedEntry, b: ReportedEntry): boolean {
  return (
    a.kind === "frame" &&
    b.kind === "frame" &&
    a.from === b.from &&
    frameName(a.summary) === frameName(b.summary)
  );
}

function drawRun(run: readonly ReportedEntry[], context: DiagramContext): Markup[] {
  if (run.length <= 2 * shownOfRun) return run.map((entry) => drawEntry(entry, context));
  const left = run.length - 2 * shownOfRun;
  return [
    ...run.slice(0, shownOfRun).map((entry) => drawEntry(entry, context)),
    markup`<li class="pause"><time></time><p>${grouped(left)} more ${frameName(run[0]?.summary ?? "")}</p></li>`,
    ...run.slice(-shownOfRun).map((entry) => drawEntry(entry, context)),
  ];
}

function drawEntry(entry: ReportedEntry, { implementation, store }: DiagramContext): Markup {
  const time = markup`<time>${timeText(entry.atMs)}</time>`;
  if (entry.from === "app" || entry.from === "operator")
    return markup`<li class="app">${time}<p><span>${entry.from}</span> ${entry.summary}</p></li>`;
  const tested = (entry.from === "C") === (implementation.role === "client") ? " tested" : "";
  const way = entry.from === "C" ? "to-server" : "to-client";
  const says = entry.from === "C" ? "client" : "server";
  const item = (content: Content): Markup =>
    markup`<li class="${way} k-${entry.kind}${tested}">${time}${content}</li>\n`;
  const label = markup`<span class="unseen">${says}: </span>${labelOf(entry)}`;
  if (entry.hex === "" && entry.annotated.length === 0) return item(markup`<p class="arrow">${label}</p>`);
  const number = store?.numberOf(entry);
  const bytes =
    number === undefined
      ? frameBytes(entry)
      : markup`<a class="bytes" href="#f${number}">the bytes of this frame</a>`;
  return item(markup`<details><summary class="arrow">${label}</summary>${bytes}</details>`);
}

function labelOf({ kind, summary, bytes }: ReportedEntry): Markup {
  switch (kind) {
    case "frame": {
      const name = frameName(summary);
      return markup`<b>${name}</b> <small>${summary.slice(name.length).trim()}</small>`;
    }
    case "bytes":
      return markup`<b>${plural(bytes, "byte")}</b> <small>no whole frame</small>`;
    case "end":
      return markup`<b>end of stream</b>`;
    case "reset":
      return markup`<b>reset</b>`;
    case "call":
      return markup`<b>${summary}</b>`;
  }
}

function timeText(atMs: number): string {
  return atMs < 10 ? String(Math.round(atMs * 10) / 10) : grouped(Math.round(atMs));
}
