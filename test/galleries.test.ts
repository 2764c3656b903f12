// The tables of the galleries hold together; whether the exchanges notice each mutant is shown by `npm run galleries`,
// which takes minutes. A patch that no longer fits its file fails here, before it could be taken for a mutant.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadCatalog } from "../src/conformance/exchange/catalog.ts";
import type { Role } from "../src/conformance/exchange/exchange-checks.ts";
import { extractRequirements } from "../src/conformance/exchange/requirements.ts";
import { mutants, oddballs, patchesOf } from "./galleries/gallery.ts";
import { applyPatches, PatchError, type Patch } from "./galleries/mutant.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const { exchanges } = loadCatalog();
const { requirements } = extractRequirements(readFileSync(join(project, "spec/talkbyte.md"), "utf8"));
const roles: readonly Role[] = ["server", "client"];
const LEAST = { server: 40, client: 20, oddballs: 12 };

function misfits(owner: string, patches: readonly Patch[]): string[] {
  const files = new Set(patches.map(({ file }) => file));
  return [...files].flatMap((file) => {
    try {
      const source = readFileSync(join(project, file), "utf8");
      const patched = applyPatches(owner, file, source, patches);
      return patched === source ? [`${owner}: its patches leave ${file} as it is`] : [];
    } catch (error) {
      return [String(error)];
    }
  });
}

describe.each(roles)("the mutants of a %s", (role) => {
  const all = mutants[role];

  it("are enough, and each has a name of its own and a sentence", () => {
    expect(all.length).toBeGreaterThanOrEqual(LEAST[role]);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(all.filter(({ what }) => what.length < 12 || what.endsWith("."))).toEqual([]);
    expect(all.filter(({ patches }) => patches.length === 0)).toEqual([]);
  });

  it("break requirements that bind the role and have a case for it", () => {
    const bound = new Set(requirements.filter(({ roles }) => roles.includes(role)).map(({ id }) => id));
    const covered = new Set(
      exchanges.filter(({ roles }) => roles.includes(role)).flatMap(({ covers }) => covers),
    );
    expect(all.filter(({ violates }) => !bound.has(violates) || !covered.has(violates))).toEqual([]);
  });

  it("break every requirement that an exchange can show", () => {
    const broken = new Set(all.filter(({ strict }) => strict !== true).map(({ violates }) => violates));
    const testable = requirements.filter(
      ({ proof, level, roles }) => proof === "exchange" && level !== "MAY" && roles.includes(role),
    );
    expect(testable.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([]);
  });

  it("have patches that fit", () => {
    expect(all.flatMap(({ name, patches }) => misfits(`${role}/${name}`, patches))).toEqual([]);
  });
});

describe("the oddballs", () => {
  it("are enough, of both roles, and each has a name of its own", () => {
    expect(oddballs.length).toBeGreaterThanOrEqual(LEAST.oddballs);
    expect(new Set(oddballs.map(({ role }) => role))).toEqual(new Set(roles));
    expect(new Set(oddballs.map(({ name }) => name)).size).toBe(oddballs.length);
  });

  it("have patches that fit", () => {
    expect(oddballs.flatMap(({ name, patches }) => misfits(`oddball/${name}`, patches))).toEqual([]);
  });
});

describe("a patch", () => {
  const patches = [{ file: "a.ts", find: "one", put: "two" }];

  it("replaces its text in its file", () => {
    expect(applyPatches("x", "a.ts", "one, $&", patches)).toBe("two, $&");
    expect(applyPatches("x", "b.ts", "one", patches)).toBe("one");
  });

  it.each(["", "one one"])("is refused for a text that is missing or ambiguous: %j", (source) => {
    expect(() => applyPatches("x", "a.ts", source, patches)).toThrow(PatchError);
  });

  it("is found by the peer's full name, or nobody has it", () => {
    expect(patchesOf("server/limit-one-too-high")).toEqual(
      mutants.server.find(({ name }) => name === "limit-one-too-high")!.patches,
    );
    expect(() => patchesOf("server/no-such-mutant")).toThrow(TypeError);
  });
});

describe("the README's figures", () => {
  const readme = readFileSync(join(project, "README.md"), "utf8");
  const table = /<!-- galleries -->\n([\s\S]*?)<!-- end -->/.exec(readme)?.[1] ?? "";

  it("count the mutants and the oddballs that there are", () => {
    const counted = roles.map((role) => {
      const found = new RegExp(
        `^\\| ${role}s that are wrong .* (\\d+) of (\\d+) found out: (\\d+) by a failure, (\\d+) by`,
        "m",
      );
      return found.exec(table)?.slice(1).map(Number);
    });
    const strict = (role: Role): number => mutants[role].filter((mutant) => mutant.strict === true).length;
    expect(counted).toEqual(
      roles.map((role) => {
        const all = mutants[role].length;
        return [all, all, all - strict(role), strict(role)];
      }),
    );
    expect(/(\d+) of (\d+) let pass/.exec(table)?.slice(1).map(Number)).toEqual([
      oddballs.length,
      oddballs.length,
    ]);
  });
});
