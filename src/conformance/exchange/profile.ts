// What an implementation under test is like: the values of the variables that exchanges name
// (spec/exchanges.md, section 4).

import { asMap, fail, type Cursor } from "./strict-yaml.ts";

export const variables = {
  username: "text",
  password: "text",
  "wrong-password": "text",
  "unknown-username": "text",
  "disabled-username": "text",
  "disabled-password": "text",
  "opaque-username": "text",
  tries: "number",
  "tries-minus-1": "number",
  "tries-minus-2": "number",
  "max-frame-bytes": "number",
  "max-under-way": "number",
  "max-version": "number",
  "tls-ms": "number",
  "login-ms": "number",
  "frame-ms": "number",
  "idle-ms": "number",
  "drain-ms": "number",
  "write-stall-ms": "number",
  "slack-ms": "number",
} as const satisfies Record<string, "text" | "number">;

export type VariableName = keyof typeof variables;

export interface Profile {
  readonly variables: Readonly<Partial<Record<VariableName, string | number>>>;
}

export function isVariableName(name: string): name is VariableName {
  return Object.hasOwn(variables, name);
}

// The two variables that follow from `tries` are filled in when they are left out.
export function parseProfile(value: Record<string, unknown>): Profile {
  return readVariables({ value, path: [], source: { file: "profile", lineOf: () => undefined } });
}

export function readVariables(root: Cursor): Profile {
  const found: Partial<Record<VariableName, string | number>> = {};
  const entries = asMap(root, Object.keys(variables));
  for (const [name, cursor] of Object.entries(entries)) {
    if (cursor === undefined || !isVariableName(name)) continue;
    const { value } = cursor;
    if (variables[name] === "text") {
      if (typeof value !== "string") fail(cursor, "must be a text; quote it");
      found[name] = value;
    } else {
      if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
        fail(cursor, "must be a whole number, 0 or above");
      found[name] = value;
    }
  }
  const tries = found.tries;
  if (typeof tries === "number") {
    if (tries < 3) fail(root, "tries must be at least 3");
    found["tries-minus-1"] ??= tries - 1;
    found["tries-minus-2"] ??= tries - 2;
  }
  checkDeadlines(root, found);
  return { variables: found };
}

// The deadlines of a server.
export const deadlineVariables = [
  "tls-ms",
  "login-ms",
  "frame-ms",
  "idle-ms",
  "write-stall-ms",
  "drain-ms",
] as const satisfies readonly VariableName[];

// A frame deadline that was forgotten must not pass for another that happens to come about then.
function checkDeadlines(root: Cursor, values: Profile["variables"]): void {
  const { "frame-ms": frame, "slack-ms": slack, "drain-ms": drain, "idle-ms": idle } = values;
  if (typeof drain === "number" && typeof idle === "number" && drain >= idle * earliestShare)
    fail(root, `drain-ms (${drain}) must be below nine tenths of idle-ms (${idle})`);
  if (typeof frame !== "number" || typeof slack !== "number") return;
  // Nor one that was set back half-way.
  if (slack > frame / 2) fail(root, `slack-ms (${slack}) must be at most half of frame-ms (${frame})`);
  for (const name of ["login-ms", "idle-ms"] as const) {
    const other = values[name];
    if (typeof other === "number" && frame + slack >= other * earliestShare)
      fail(root, `frame-ms + slack-ms (${frame + slack}) must be below nine tenths of ${name} (${other})`);
  }
}

// Whether the first deadline surely comes after the second, or this share of it.
export function outlasts(
  profile: Profile,
  later: VariableName,
  { variable, share }: { readonly variable: VariableName; readonly share: number },
): boolean {
  const ms = (name: VariableName): number => Number(profile.variables[name]);
  return ms(later) * earliestShare > ms(variable) * share + ms("slack-ms");
}

// No earlier than this share of a deadline is its expiry taken for one.
export const earliestShare = 0.9;
