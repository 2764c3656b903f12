// One exchange file as a typed model (spec/exchanges.md). Loading is strict: an exchange with a slip in it
// would test something else than it says.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { checkSteps, type Role } from "./exchange-checks.ts";
import type { VariableName } from "./profile.ts";
import { asShare, parseSteps, type Step } from "./steps.ts";
import {
  asInteger,
  asList,
  asMap,
  asText,
  fail,
  isMapping,
  parseStrictYaml,
  type Cursor,
} from "./strict-yaml.ts";
import { asName, asVariable } from "./values.ts";
import { wireTable, type WireTable } from "../wire/wire-table.ts";

export interface Need {
  readonly variable: VariableName;
  // The value that it must have; undefined for any.
  readonly value: number | undefined;
  // The deadline that must surely have passed before it, or a share of that.
  readonly outlasts: { readonly variable: VariableName; readonly share: number } | undefined;
}

export interface Exchange {
  readonly id: string;
  readonly title: string;
  readonly covers: readonly string[];
  readonly needs: readonly Need[];
  readonly tags: readonly string[];
  readonly probe: string | undefined;
  // What the connection is like; undefined for whatever the profile says.
  readonly connection: Connection | undefined;
  // Whether a step asks something of whoever runs the server.
  readonly operated: boolean;
  readonly steps: readonly Step[];
  // What it can test, by section 2.1.
  readonly roles: readonly Role[];
  // Every variable that its steps or needs name.
  readonly variables: readonly VariableName[];
  readonly file: string;
}

// Ways to connect (spec/exchanges.md, section 1.1), over TLS but for the first.
export const connections = [
  "plaintext",
  "tls",
  "tls-1.2",
  "no-alpn",
  "other-alpn",
  "no-handshake",
  "other-key",
  "stranger",
  "resumption",
] as const;
export type Connection = (typeof connections)[number];

export const requirementPattern = /^TB-[A-Z]+-[1-9][0-9]*$/;
const keys = ["id", "title", "covers", "needs", "tags", "probe", "connection", "steps"];

export function loadExchange(path: string, table: WireTable = wireTable()): Exchange {
  return parseExchange(readFileSync(path, "utf8"), path, table);
}

export function parseExchange(text: string, file: string, table: WireTable = wireTable()): Exchange {
  const root = parseStrictYaml(text, file);
  const map = asMap(root, keys, ["id", "title", "covers", "steps"]);
  const at = (key: string): Cursor => map[key] ?? root;
  const id = asName(at("id"));
  if (id !== basename(file, ".yaml"))
    fail(at("id"), `must equal the file's name, "${basename(file, ".yaml")}"`);
  const title = asText(at("title"));
  if (title.endsWith(".")) fail(at("title"), "is a title: no full stop at its end");
  const covers = asList(at("covers"), 1).map((cursor) => {
    const requirement = asText(cursor);
    if (!requirementPattern.test(requirement)) fail(cursor, 'must be an id such as "TB-FRAME-1"');
    return requirement;
  });
  refuseTwice(covers, at("covers"));
  const tags = map["tags"] === undefined ? [] : asList(map["tags"], 1).map(asName);
  refuseTwice(tags, at("tags"));
  const needs = map["needs"] === undefined ? [] : asList(map["needs"], 1).map(parseNeed);
  const probe = map["probe"] === undefined ? undefined : asName(map["probe"]);
  if (probe === id) fail(at("probe"), "an exchange can't be its own probe");
  const connection = map["connection"] === undefined ? undefined : parseConnection(map["connection"]);
  const steps = parseSteps(table, at("steps"));
  const { roles, variables, unlawful, operated } = checkSteps(steps, at("steps"));
  const named = new Set<VariableName>([...variables, ...needs.flatMap(variablesOfNeed)]);
  return {
    id,
    title,
    covers,
    needs,
    tags,
    probe: probe ?? (unlawful ? "echo-basic" : undefined),
    connection,
    operated,
    steps,
    roles,
    variables: [...named].toSorted(),
    file,
  };
}

function parseConnection(cursor: Cursor): Connection {
  const text = asText(cursor);
  const found = connections.find((connection) => connection === text);
  return found ?? fail(cursor, `must be one of ${connections.join(", ")}`);
}

function parseNeed(cursor: Cursor): Need {
  if (!isMapping(cursor.value))
    return { variable: asVariable(cursor), value: undefined, outlasts: undefined };
  const map = asMap(cursor, ["var", "equals", "outlasts", "share"], ["var"]);
  const { equals, outlasts, share } = map;
  const variable = asVariable(map["var"] ?? cursor, "number");
  if ((equals === undefined) === (outlasts === undefined))
    fail(cursor, 'must have either "equals" or "outlasts"');
  if (share !== undefined && outlasts === undefined) fail(share, 'goes with "outlasts", which is missing');
  return {
    variable,
    value: equals === undefined ? undefined : asInteger(equals, 0, Number.MAX_SAFE_INTEGER),
    outlasts:
      outlasts === undefined
        ? undefined
        : {
            variable: asVariable(outlasts, "number"),
            share: share === undefined ? 1 : asShare(share),
          },
  };
}

function variablesOfNeed({ variable, outlasts }: Need): VariableName[] {
  return outlasts === undefined ? [variable] : [variable, outlasts.variable, "slack-ms"];
}

function refuseTwice(values: readonly string[], cursor: Cursor): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) fail(cursor, `names "${twice}" twice`);
}
