import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadCatalog } from "../../src/conformance/exchange/catalog.ts";
import { extractRequirements, type ProblemKind } from "../../src/conformance/exchange/requirements.ts";
import { traceability, type CoveringExchange } from "../../src/conformance/exchange/traceability.ts";
import { specFolder } from "../../src/conformance/wire/wire-table.ts";

const spec = `# A spec

The keywords MUST, MUST NOT and MAY are used as in RFC 2119, with an id such as **TB-DEMO-1**.

## 3. Frames

### 3.1 Lengths

- **[TB-DEMO-1]** A server MUST refuse
  a frame of length 0. It is odd.
- **[TB-DEMO-2]** A peer SHOULD NOT send TLS 1.2. **[TB-DEMO-3, test]** The client MUST say \`MUST\` once.

\`\`\`
In code a server MUST be silent.
\`\`\`

<!-- generated: table -->
| a | A server MUST | b |
<!-- end -->

Prose must not need a tag. **[TB-DEMO-4, review]** An endpoint MUST be kind: it may be terse.
`;

const server = (id: string, ...covers: string[]): CoveringExchange => ({ id, covers, roles: ["server"] });
const client = (id: string, ...covers: string[]): CoveringExchange => ({ id, covers, roles: ["client"] });
const tests = [{ path: "test/a.test.ts", text: "// TB-DEMO-3: says it once" }];
const complete = [server("a", "TB-DEMO-1", "TB-DEMO-2"), client("b", "TB-DEMO-2")];

describe("the requirements", () => {
  it("are extracted with level, roles, section, text and proof", () => {
    const { requirements, problems } = extractRequirements(spec);
    expect(problems).toEqual([]);
    expect(requirements).toEqual([
      {
        id: "TB-DEMO-1",
        level: "MUST",
        roles: ["server"],
        section: "3.1",
        text: "A server MUST refuse a frame of length 0.",
        proof: "exchange",
        line: 9,
      },
      {
        id: "TB-DEMO-2",
        level: "SHOULD NOT",
        roles: ["server", "client"],
        section: "3.1",
        text: "A peer SHOULD NOT send TLS 1.2.",
        proof: "exchange",
        line: 11,
      },
      {
        id: "TB-DEMO-3",
        level: "MUST",
        roles: ["client"],
        section: "3.1",
        text: "The client MUST say `MUST` once.",
        proof: "test",
        line: 11,
      },
      {
        id: "TB-DEMO-4",
        level: "MUST",
        roles: ["server", "client"],
        section: "3.1",
        text: "An endpoint MUST be kind: it may be terse.",
        proof: "review",
        line: 21,
      },
    ]);
  });

  it.each([
    ["untagged-keyword", "A server MUST be quick."],
    ["two-keywords", "**[TB-DEMO-9]** A server MUST be quick and MUST NOT be slow."],
    ["two-tags", "**[TB-DEMO-8]** **[TB-DEMO-9]** A server MUST be quick."],
    ["tag-without-keyword", "**[TB-DEMO-9]** A server is quick."],
    ["misplaced-tag", "A server **[TB-DEMO-9]** MUST be quick."],
    ["malformed-tag", "**[TB-DEMO-09]** A server MUST be quick."],
    ["malformed-tag", "**[TB-DEMO-9, tests]** A server MUST be quick."],
    ["unclear-subject", "**[TB-DEMO-9]** Servers MUST be quick."],
    ["unclear-subject", "**[TB-DEMO-9]** After login a server MUST be quick."],
    ["unused-keyword", "**[TB-DEMO-9]** A server SHALL be quick."],
    ["reused-id", "**[TB-DEMO-1]** A server MAY be quick."],
  ] as [ProblemKind, string][])("must be sound: %s", (kind, sentence) => {
    const { problems } = extractRequirements(`${spec}\n${sentence}\n`);
    expect(problems.map((problem) => problem.kind)).toContain(kind);
    expect(problems[0]?.line).toBe(23);
  });
});

describe("traceability", () => {
  const kinds = (exchanges: readonly CoveringExchange[], files = tests, text = spec): string[] =>
    traceability(text, exchanges, files).map((problem) => `${problem.kind} ${problem.id}`);

  it("is content when every requirement has its case", () => {
    expect(kinds(complete)).toEqual([]);
  });

  it("misses a case for each role that a requirement binds", () => {
    expect(kinds([server("a", "TB-DEMO-1", "TB-DEMO-2")])).toEqual(["uncovered TB-DEMO-2"]);
    expect(kinds([])).toEqual(["uncovered TB-DEMO-1", "uncovered TB-DEMO-2", "uncovered TB-DEMO-2"]);
    expect(kinds([client("a", "TB-DEMO-1"), ...complete.slice(1)])).toContain("uncovered TB-DEMO-1");
  });

  it("misses a test that names the requirement, and not one that names a longer id", () => {
    expect(kinds(complete, [])).toEqual(["untested TB-DEMO-3"]);
    expect(kinds(complete, [{ path: "a", text: "TB-DEMO-30" }])).toEqual(["untested TB-DEMO-3"]);
  });

  it("finds ids that the specification doesn't have", () => {
    expect(kinds([...complete, server("c", "TB-DEMO-1", "TB-DEMO-7")])).toEqual(["unknown-id TB-DEMO-7"]);
  });

  it("finds a case that tests a side of which it covers nothing", () => {
    expect(kinds([...complete, client("c", "TB-DEMO-1")])).toEqual(["idle-role undefined"]);
  });

  it("asks for nothing where the sentence says MAY", () => {
    expect(kinds(complete, tests, `${spec}\n**[TB-DEMO-5]** A client MAY sing.\n`)).toEqual([]);
  });

  it("passes on what is wrong with the prose", () => {
    expect(kinds(complete, tests, `${spec}\nA client MUST sing.\n`)).toEqual(["untagged-keyword undefined"]);
  });

  it("holds for the project's specification and exchanges", () => {
    const prose = readFileSync(new URL("talkbyte.md", specFolder), "utf8");
    const found = traceability(prose, loadCatalog().exchanges, []);
    const lacking = found.filter((problem) => problem.kind !== "untested");
    expect(lacking.map((problem) => `line ${problem.line}: ${problem.message}`)).toEqual([]);
  });
});
