// Known failures of an implementation (spec/conformance.md, section 4). The list can't go stale in silence: what is on
// it and passes is an error, and so is an entry that fits no case.

import { readFileSync } from "node:fs";
import { asList, asMap, asText, parseStrictYaml } from "../exchange/strict-yaml.ts";
import { patternOf } from "./pattern.ts";

export interface KnownFailure {
  readonly pattern: string;
  readonly reason: string;
  fits(id: string): boolean;
}

export function loadExpectations(path: string): readonly KnownFailure[] {
  return parseExpectations(readFileSync(path, "utf8"), path);
}

export function parseExpectations(text: string, file: string): readonly KnownFailure[] {
  return asList(parseStrictYaml(text, file), 0).map((cursor) => {
    const map = asMap(cursor, ["case", "reason"], ["case", "reason"]);
    const pattern = asText(map["case"] ?? cursor);
    const reason = asText(map["reason"] ?? cursor);
    const expression = patternOf(pattern);
    return { pattern, reason, fits: (id) => expression.test(id) };
  });
}
