// The requirements of spec/talkbyte.md: each is one sentence with one keyword and one tag in front
// (talkbyte.md, section 1). The subject of the sentence says whom it binds.

import { readFileSync } from "node:fs";
import { specFolder } from "../wire/wire-table.ts";
import type { Role } from "./exchange-checks.ts";

export type Level = "MUST" | "MUST NOT" | "SHOULD" | "SHOULD NOT" | "MAY";
// How it's shown: by an exchange, by a test that names it, or by review alone.
export type Proof = "exchange" | "test" | "review";

export interface Requirement {
  readonly id: string;
  readonly level: Level;
  readonly roles: readonly Role[];
  readonly section: string;
  readonly text: string;
  readonly proof: Proof;
  readonly line: number;
}

export type ProblemKind =
  | "untagged-keyword"
  | "two-keywords"
  | "two-tags"
  | "tag-without-keyword"
  | "misplaced-tag"
  | "malformed-tag"
  | "unclear-subject"
  | "unused-keyword"
  | "reused-id"
  | "unknown-id"
  | "uncovered"
  | "idle-role"
  | "untested";

export interface Problem {
  readonly kind: ProblemKind;
  readonly id: string | undefined;
  readonly line: number | undefined;
  readonly message: string;
}

export interface Extraction {
  readonly requirements: readonly Requirement[];
  readonly problems: readonly Problem[];
}

const tagPattern = /\*\*\[(TB-[A-Z]+-[1-9][0-9]*)(?:, (test|review))?\]\*\*/g;
const keywordPattern = /\b(?:MUST NOT|SHOULD NOT|MUST|SHOULD|MAY)\b/g;
// RFC 2119 has more keywords; this project uses five.
const unusedPattern = /\b(?:SHALL|REQUIRED|RECOMMENDED|OPTIONAL)\b/;
const bothSubjects = ["peer", "sender", "receiver", "endpoint", "side"];

export function extractRequirements(markdown: string): Extraction {
  const requirements: Requirement[] = [];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const block of blocksOf(markdown)) {
    for (const sentence of sentencesOf(block.text)) {
      const problem = (kind: ProblemKind, message: string, id?: string): void => {
        problems.push({ kind, id, line: block.line, message: `${message}: ${shortened(sentence)}` });
      };
      const found = readSentence(sentence, problem);
      if (found === undefined) continue;
      if (seen.has(found.id)) problem("reused-id", `${found.id} names another requirement already`, found.id);
      seen.add(found.id);
      requirements.push({ ...found, section: block.section, line: block.line });
    }
  }
  return { requirements, problems };
}

// Those of the specification that this suite comes with.
export function loadRequirements(): readonly Requirement[] {
  return extractRequirements(readFileSync(new URL("talkbyte.md", specFolder), "utf8")).requirements;
}

type Report = (kind: ProblemKind, message: string, id?: string) => void;

function readSentence(sentence: string, problem: Report): Omit<Requirement, "section" | "line"> | undefined {
  const tags = [...sentence.matchAll(tagPattern)];
  const prose = sentence.replaceAll(tagPattern, "").replaceAll(/`[^`]*`/g, "``");
  const keywords = prose.match(keywordPattern) ?? [];
  if (prose.includes("**["))
    problem("malformed-tag", "a tag is written **[TB-AREA-1]**, with test or review after a comma");
  // The sentence that introduces the keywords names them all.
  if (tags.length === 0 && prose.includes("RFC 2119")) return undefined;
  if (unusedPattern.test(prose))
    problem("unused-keyword", "the keywords in use are MUST, MUST NOT, SHOULD, SHOULD NOT and MAY");
  const [tag] = tags;
  if (tag === undefined) {
    if (keywords.length > 0) problem("untagged-keyword", `${keywords[0]} without a tag`);
    return undefined;
  }
  const id = tag[1] ?? "";
  if (tags.length > 1) problem("two-tags", "one sentence has two tags", id);
  if (tag.index !== 0) problem("misplaced-tag", `the tag ${id} must stand directly before its sentence`, id);
  const [keyword] = keywords;
  if (keyword === undefined) {
    problem("tag-without-keyword", `${id} has no keyword`, id);
    return undefined;
  }
  if (keywords.length > 1) problem("two-keywords", `${id} has two keywords`, id);
  const text = sentence.replaceAll(tagPattern, "").trim();
  const roles = rolesOf(text);
  if (roles === undefined)
    problem("unclear-subject", `${id} must begin with "A server", "A client" or "A peer"`, id);
  const proof = tag[2] === "test" || tag[2] === "review" ? tag[2] : "exchange";
  return { id, level: keyword as Level, roles: roles ?? [], text, proof };
}

function rolesOf(text: string): readonly Role[] | undefined {
  const subject = /^(?:An?|The|Each|Every) ([a-z]+)\b/.exec(text)?.[1];
  if (subject === "server" || subject === "client") return [subject];
  return subject !== undefined && bothSubjects.includes(subject) ? ["server", "client"] : undefined;
}

interface Block {
  readonly section: string;
  readonly line: number;
  readonly text: string;
}

// Paragraphs and list items; code and generated parts are left out.
function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let section = "";
  let lines: string[] = [];
  let start = 0;
  let ignored: "code" | "generated" | undefined;
  const close = (): void => {
    if (lines.length > 0) blocks.push({ section, line: start, text: lines.join(" ") });
    lines = [];
  };
  for (const [index, line] of markdown.split("\n").entries()) {
    const text = line.trim();
    if (ignored !== undefined) {
      if (ignored === "code" ? text.startsWith("```") : text === "<!-- end -->") ignored = undefined;
      continue;
    }
    const heading = /^#{1,6} (?:([0-9]+(?:\.[0-9]+)*)\.? )?/.exec(text);
    if (text.startsWith("```")) ignored = "code";
    else if (text.startsWith("<!-- generated")) ignored = "generated";
    if (ignored !== undefined || text === "" || heading !== null || /^<!--.*-->$/.test(text)) {
      close();
      if (heading !== null) section = heading[1] ?? "";
      continue;
    }
    const item = /^(?:[-*+]|[0-9]+\.) +/.exec(text);
    if (item !== null || text.startsWith("|")) close();
    if (lines.length === 0) start = index + 1;
    lines.push(item === null ? text : text.slice(item[0].length));
  }
  close();
  return blocks;
}

function sentencesOf(text: string): string[] {
  return text
    .split(/(?<=[.!?:]["”)`]?)\s+(?=["“(`]?[A-Z]|\*\*\[)/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}

function shortened(text: string): string {
  return text.length <= 90 ? text : `${text.slice(0, 87)}…`;
}
