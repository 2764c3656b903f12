// Line plots as SVG text, on logarithmic axes: enough for a bench's page, and nothing to load.

export interface Series {
  readonly title: string;
  readonly colour: string;
  readonly dashed: boolean;
  /** In rising order of x; both above 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  readonly title: string;
  readonly ticks: readonly number[];
  text(value: number): string;
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const WIDTH = 460;
const HEIGHT = 300;
const LEFT = 76;
const RIGHT = 24;
const TOP = 28;
const BOTTOM = 44;

/** Decades that hold all of the values, as ticks. */
export function decades(values: readonly number[]): number[] {
  const known = values.filter((value) => value > 0 && Number.isFinite(value));
  if (known.length === 0) return [1, 10];
  const first = Math.floor(Math.log10(Math.min(...known)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...known))));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

export function renderPlot({ title, x, y, series }: Plot): string {
  const xAt = scale(x.ticks, LEFT, WIDTH - RIGHT);
  const yAt = scale(y.ticks, HEIGHT - BOTTOM, TOP);
  const grid = [
    ...x.ticks.map((tick) => `<path class="grid" d="M${xAt(tick)} ${TOP}V${HEIGHT - BOTTOM}"/>`),
    ...y.ticks.map((tick) => `<path class="grid" d="M${LEFT} ${yAt(tick)}H${WIDTH - RIGHT}"/>`),
  ];
  const labels = [
    ...x.ticks.map((tick) => text(xAt(tick), HEIGHT - BOTTOM + 16, "middle", x.text(tick))),
    ...y.ticks.map((tick) => text(LEFT - 6, yAt(tick) + 4, "end", y.text(tick))),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle", x.title),
    text(LEFT, 14, "start", title),
    text(WIDTH - RIGHT, 14, "end", y.title),
  ];
  const lines = series.map((each) => line(each, xAt, yAt));
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">${[...grid, ...lines, ...labels].join("")}</svg>`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

function line({ title, colour, dashed, points }: Series, xAt: Scale, yAt: Scale): string {
  const places = points.map(([x, y]) => `${xAt(x)},${yAt(y)}`);
  const dash = dashed ? ' stroke-dasharray="5 4"' : "";
  const dots = points.length > MAX_DOTS ? [] : points.map(([x, y]) => dot(xAt(x), yAt(y), colour));
  return `<g><title>${escapeHtml(title)}</title><polyline fill="none" stroke-width="1.8" stroke="${colour}"${dash} points="${places.join(" ")}"/>${dots.join("")}</g>`;
}

const MAX_DOTS = 8;

function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`;
}

type Scale = (value: number) => number;

function scale(ticks: readonly number[], from: number, to: number): Scale {
  const low = Math.log(ticks[0]!);
  const high = Math.log(ticks.at(-1)!);
  return (value) => Math.round((from + ((Math.log(value) - low) / (high - low)) * (to - from)) * 10) / 10;
}

function text(x: number, y: number, anchor: "start" | "middle" | "end", content: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeHtml(content)}</text>`;
}
