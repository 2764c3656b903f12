// The suite as data (spec/cases.md): every exchange, resolved for one profile, as bytes and templates. A pure
// function of the exchanges, the profile and spec/wire.json.

import type { Catalog } from "../exchange/catalog.ts";
import { valuesOf, type Role } from "../exchange/exchange-checks.ts";
import type { Connection, Exchange } from "../exchange/exchange.ts";
import type { Profile } from "../exchange/profile.ts";
import { plainSteps } from "../exchange/steps.ts";
import { parseFields } from "../exchange/values.ts";
import { unsupportedReason } from "../play/player.ts";
import { createScript, templateOf, type Computations } from "../play/scene.ts";
import { frameNamed, wireTable } from "../wire/wire-table.ts";
import type { CasePart } from "./case-part.ts";
import type { CasePermission, CaseStep } from "./case-step.ts";
import { frameParts } from "./frame-parts.ts";
import { openingPermission, roleSteps } from "./role-steps.ts";

export const casesFormat = 1;

export interface CasesFile {
  readonly format: typeof casesFormat;
  readonly protocol: "TalkByte";
  readonly version: number;
  readonly alpn: string;
  readonly profile: Profile["variables"];
  readonly opening: Required<CasePermission>;
  readonly between: Between;
  // Frames of a server that say nothing about the case in which they come unexpected.
  readonly inconclusive: readonly NamedTemplate[];
  readonly cases: readonly Case[];
}

export interface CaseNeed {
  readonly variable: string;
  readonly equals?: number;
  // The deadline before it, of which `share` must surely have passed first.
  readonly outlasts?: string;
  readonly share?: number;
}

// What may come between the steps: extension frames, and PING, which is answered.
export interface Between {
  readonly extension: { readonly "first-type": string; readonly "last-type": string };
  readonly ping: { readonly expect: readonly CasePart[]; readonly answer: readonly CasePart[] };
}

export interface NamedTemplate {
  readonly note: string;
  readonly expect: readonly CasePart[];
}

export interface Case {
  readonly id: string;
  readonly title: string;
  readonly covers: readonly string[];
  readonly roles: readonly Role[];
  readonly tags: readonly string[];
  readonly needs: readonly CaseNeed[];
  readonly variables: readonly string[];
  readonly probe?: string;
  // How to connect, where it isn't the usual way; a player that can't calls the case unsupported.
  readonly connection?: Connection;
  readonly computed?: readonly string[];
  // Why the profile can't play it; then it has no steps.
  readonly unsupported?: string;
  readonly server?: readonly CaseStep[];
  readonly client?: readonly CaseStep[];
}

export function casesFor(catalog: Catalog, profile: Profile): CasesFile {
  const { version, alpn } = wireTable();
  return {
    format: casesFormat,
    protocol: "TalkByte",
    version,
    alpn,
    profile: profile.variables,
    opening: openingPermission(),
    between: between(profile),
    inconclusive: ["busy", "throttled"].map((reason) => ({
      note: `REFUSED ${reason}`,
      expect: oneFrame(profile, "expect", "REFUSED", { reason }),
    })),
    cases: catalog.exchanges.map((exchange) => caseOf(exchange, profile)),
  };
}

function caseOf(exchange: Exchange, profile: Profile): Case {
  const { id, title, covers, roles, tags, probe, connection, variables } = exchange;
  const computed = computedNames(exchange);
  // Whoever plays the case computes these; here they only have to have a name.
  const computations: Computations = Object.fromEntries(
    computed.map((name) => [name, () => new Uint8Array()]),
  );
  const unsupported = unsupportedReason(exchange, profile, computations);
  const needs = exchange.needs.map(({ variable, value, outlasts }) => ({
    variable,
    ...(value === undefined ? {} : { equals: value }),
    ...(outlasts === undefined ? {} : { outlasts: outlasts.variable, share: outlasts.share }),
  }));
  const steps =
    unsupported === undefined
      ? Object.fromEntries(roles.map((role) => [role, roleSteps(exchange, role, profile, computations)]))
      : { unsupported };
  return {
    id,
    title,
    covers,
    roles,
    tags,
    needs,
    variables,
    ...(probe === undefined ? {} : { probe }),
    ...(connection === undefined ? {} : { connection }),
    ...(computed.length === 0 ? {} : { computed }),
    ...steps,
  };
}

function computedNames(exchange: Exchange): string[] {
  const names = plainSteps(exchange.steps)
    .flatMap(valuesOf)
    .flatMap((value) => (value.kind === "computed" ? [value.name] : []));
  return [...new Set(names)];
}

function between(profile: Profile): Between {
  const { first, last } = wireTable().extension;
  return {
    extension: { "first-type": first.toString(16), "last-type": last.toString(16) },
    ping: {
      expect: oneFrame(profile, "expect", "PING", { data: { capture: "ping" } }),
      answer: oneFrame(profile, "send", "PONG", { data: { ref: "ping" } }),
    },
  };
}

function oneFrame(
  profile: Profile,
  mode: "send" | "expect",
  name: string,
  fields: Readonly<Record<string, unknown>>,
): CasePart[] {
  const table = wireTable();
  const frame = frameNamed(table, name);
  if (frame === undefined) throw new TypeError(`wire.json has no ${name}`);
  const source = { file: "cases", lineOf: () => undefined };
  const values = parseFields(table, frame.fields, { value: fields, path: [], source });
  const template = templateOf(createScript(table, profile, {}), { kind: "frame", frame, values });
  const { limit } = openingPermission();
  const widths = new Map([["ping", 8]]);
  return frameParts({ table, mode, repeated: false, known: new Map(), widths, limitBytes: limit }, template);
}
