// What is under test, from its profile file (spec/conformance.md, section 2): how it is reached or launched, and the
// values of the variables that exchanges name.

import { dirname, resolve } from "node:path";
import { readFileSync } from "node:fs";
import {
  isVariableName,
  parseProfile,
  readVariables,
  variables as variableKinds,
  type Profile,
  type VariableName,
} from "../exchange/profile.ts";
import {
  asInteger,
  asList,
  asMap,
  asText,
  fail,
  parseStrictYaml,
  type Cursor,
} from "../exchange/strict-yaml.ts";

export interface Implementation {
  readonly name: string;
  readonly transport: "tls" | "plaintext";
  // TLS: SHA-256 of the server's SubjectPublicKeyInfo; undefined takes any key.
  readonly fingerprint: string | undefined;
  // A command without a shell; undefined if the implementation runs already.
  readonly launch: readonly string[] | undefined;
  // Where it is launched.
  readonly folder: string;
  readonly host: string;
  // Undefined: the runner chooses a free one.
  readonly port: number | undefined;
  readonly startMs: number;
  readonly profile: Profile;
}

const keys = ["name", "transport", "fingerprint", "launch", "host", "port", "start-ms", "variables"];

export function loadImplementation(path: string): Implementation {
  return parseImplementation(readFileSync(path, "utf8"), path);
}

export function parseImplementation(text: string, file: string): Implementation {
  const root = parseStrictYaml(text, file);
  const map = asMap(root, keys, ["variables"]);
  const { transport, fingerprint, launch, port } = map;
  const variables = map["variables"] ?? root;
  return {
    name: map["name"] === undefined ? "implementation under test" : asText(map["name"]),
    transport: transport === undefined ? "tls" : asTransport(transport),
    fingerprint: fingerprint === undefined ? undefined : asFingerprint(fingerprint),
    launch: launch === undefined ? undefined : asCommand(launch),
    folder: dirname(resolve(file)),
    host: map["host"] === undefined ? "127.0.0.1" : asText(map["host"]),
    port: port === undefined ? undefined : asInteger(port, 1, 65_535),
    startMs: map["start-ms"] === undefined ? 10_000 : asInteger(map["start-ms"], 1, 600_000),
    profile: readVariables(variables),
  };
}

// An implementation without a profile file: everything comes from the command line.
export const unprofiled: Implementation = {
  name: "implementation under test",
  transport: "tls",
  fingerprint: undefined,
  launch: undefined,
  folder: process.cwd(),
  host: "127.0.0.1",
  port: undefined,
  startMs: 10_000,
  profile: parseProfile({}),
};

// The deadlines of an implementation that the runner launches, and the slack of any, times this factor.
export function scaled(implementation: Implementation, timeScale: number): Implementation {
  const values = Object.entries(implementation.profile.variables).map(([name, value]) => {
    const scales = name === "slack-ms" || (implementation.launch !== undefined && name.endsWith("-ms"));
    return [name, scales ? Math.max(1, Math.round(Number(value) * timeScale)) : value];
  });
  return { ...implementation, profile: parseProfile(Object.fromEntries(values)) };
}

// The profile's numbers, which may stand in a launch command and in reports; texts may not.
export function numbersOf(profile: Profile): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(profile.variables).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number",
    ),
  );
}

const secretNames: readonly VariableName[] = ["password", "wrong-password", "disabled-password"];

// What no report may hold: passwords as the profile has them, and as OpaqueString makes them before they're sent.
export function secretsOf(profile: Profile): readonly string[] {
  return secretNames.flatMap((name) => {
    const value = profile.variables[name];
    if (typeof value !== "string" || value === "") return [];
    return [...new Set([value, value.replaceAll(/\p{Zs}/gu, " ").normalize("NFC")])];
  });
}

function asTransport(cursor: Cursor): "tls" | "plaintext" {
  const text = asText(cursor);
  return text === "tls" || text === "plaintext" ? text : fail(cursor, "must be tls or plaintext");
}

function asFingerprint(cursor: Cursor): string {
  const text = asText(cursor);
  if (!/^[0-9a-f]{64}$/.test(text)) fail(cursor, "must be 64 lower-case hexadecimal digits");
  return text;
}

function asCommand(cursor: Cursor): string[] {
  return asList(cursor, 1).map((word) => {
    const text = asText(word);
    for (const [placeholder, name = ""] of text.matchAll(/\{([^{}]*)\}/g))
      if (name !== "port" && !(isVariableName(name) && variableKinds[name] === "number"))
        fail(word, `${placeholder} can't stand here: only {port} and variables that are numbers can`);
    return text;
  });
}
