// HTML that can't be broken by what it shows. What a report holds was in part chosen by the peer under test, so every
// value that goes into a template is escaped, unless it is a template's result itself. Control characters and those that
// turn the direction of writing are shown by their number: a peer's text must not look like the report's own.

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | number | undefined | Markup | readonly Content[];

export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, index) => part + rendered(values[index])).join(""));
}

// For texts of this project alone: its style and its script.
export function asItStands(text: string): Markup {
  return new Markup(text);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const unseen =
  // oxlint-disable-next-line no-control-regex -- these are the ones to show
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

export function escapeText(text: string): string {
  return text
    .replaceAll(unseen, (character) => `⟨U+${codePoint(character)}⟩`)
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}

// A sentence of the specification: code stands between backticks, emphasis between asterisks, and its one keyword says
// the level.
export function sentence(text: string, level: string): Markup {
  const spans = text.split("`");
  if (spans.length % 2 === 0) return markup`${text}`;
  return markup`${spans.map((span, index) => (index % 2 === 1 ? markup`<code>${span}</code>` : emphasized(span, level)))}`;
}

function emphasized(text: string, level: string): Content {
  const spans = text.split("*");
  if (spans.length % 2 === 0) return withKeyword(text, level);
  return spans.map((span, index) => (index % 2 === 1 ? markup`<em>${span}</em>` : withKeyword(span, level)));
}

function withKeyword(text: string, level: string): Content {
  const at = text.indexOf(level);
  if (at === -1 || level === "") return text;
  return markup`${text.slice(0, at)}<strong>${level}</strong>${text.slice(at + level.length)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}

function rendered(value: Content): string {
  if (value === undefined) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(rendered).join("");
  return escapeText(String(value));
}

function codePoint(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
