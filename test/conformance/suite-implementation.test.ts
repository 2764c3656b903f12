// What is under test: the profile file, the command line, the environment, and the command that is launched.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CommandError } from "../../src/cli/command-error.ts";
import type { RunOptions } from "../../src/cli/conformance-options.ts";
import { subjectOf } from "../../src/cli/conformance-subject.ts";
import { ExchangeError } from "../../src/conformance/exchange/strict-yaml.ts";
import {
  numbersOf,
  parseImplementation,
  scaled,
  secretsOf,
} from "../../src/conformance/suite/implementation.ts";
import { launchOf } from "../../src/conformance/suite/launch-command.ts";
import { NotReady } from "../../src/conformance/suite/target.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";

const text = `name: mine
transport: plaintext
launch: [./server, "--port={port}", "{login-ms}/{tries}"]
start-ms: 700
variables:
  username: alice
  password: correct horse
  tries: 4
  login-ms: 2000
  slack-ms: 500
`;
const parse = (from: string): ReturnType<typeof parseImplementation> =>
  parseImplementation(from, "/profiles/mine.yaml");

describe("parseImplementation", () => {
  it("reads a profile", () => {
    expect(parse(text)).toMatchObject({
      name: "mine",
      transport: "plaintext",
      folder: "/profiles",
      host: "127.0.0.1",
      port: undefined,
      startMs: 700,
      fingerprint: undefined,
    });
    expect(numbersOf(parse(text).profile)).toEqual({
      tries: 4,
      "tries-minus-1": 3,
      "tries-minus-2": 2,
      "login-ms": 2000,
      "slack-ms": 500,
    });
  });

  it("is TLS with any key, running already, where nothing else is said", () => {
    expect(parse("variables: {}")).toMatchObject({ transport: "tls", launch: undefined, port: undefined });
  });

  it.each([
    ["", "/profiles/mine.yaml"],
    ["name: x\n", 'mine.yaml:1: the key "variables" is missing'],
    ["name: x\nvariable: {}\n", 'mine.yaml:2: variable: unknown key "variable"'],
    ["transport: udp\nvariables: {}\n", "mine.yaml:1: transport: must be tls or plaintext"],
    ["variables: {}\nfingerprint: ABC\n", "mine.yaml:2: fingerprint: must be 64 lower-case"],
    ["variables: {}\nport: 70000\n", "mine.yaml:2: port: must be between 1 and 65535"],
    ["variables:\n  tries: 3\n  logn-ms: 4\n", 'mine.yaml:3: variables.logn-ms: unknown key "logn-ms"'],
    ["variables:\n  password: 1234\n", "mine.yaml:2: variables.password: must be a text; quote it"],
    ["variables:\n  login-ms: soon\n", "mine.yaml:2: variables.login-ms: must be a whole number"],
    ["variables:\n  login-ms: -1\n", "mine.yaml:2: variables.login-ms: must be a whole number"],
    ["variables:\n  tries: 2\n", "mine.yaml:1: variables: tries must be at least 3"],
    ["variables: {\n", "mine.yaml:2: "],
    ["launch: []\nvariables: {}\n", "mine.yaml:1: launch: must have at least 1 element"],
    ["launch: ./server\nvariables: {}\n", "mine.yaml:1: launch: must be a list"],
    ["launch: [a, 7]\nvariables: {}\n", "mine.yaml:1: launch[1]: must be a text"],
  ])("refuses %j by file, line and key", (from, message) => {
    expect(() => parse(from)).toThrow(ExchangeError);
    expect(() => parse(from)).toThrow(message);
  });

  it.each(["password", "wrong-password", "disabled-password", "username", "prt", "", "PORT"])(
    "lets no {%s} stand in a command",
    (name) => {
      expect(() => parse(`launch:\n- a\n- "--x={${name}}"\nvariables: {}\n`)).toThrow(
        `mine.yaml:3: launch[1]: {${name}} can't stand here`,
      );
    },
  );
});

describe("launchOf", () => {
  it("fills in the command and the environment with numbers alone", () => {
    expect(launchOf(parse(text), 4711)).toEqual({
      command: ["./server", "--port=4711", "2000/4"],
      folder: "/profiles",
      environment: {
        TALKBYTE_PORT: "4711",
        TALKBYTE_TRIES: "4",
        TALKBYTE_TRIES_MINUS_1: "3",
        TALKBYTE_TRIES_MINUS_2: "2",
        TALKBYTE_LOGIN_MS: "2000",
        TALKBYTE_SLACK_MS: "500",
      },
    });
    expect(launchOf(parse("variables: {}"), 1)).toBeUndefined();
  });

  it("can't fill in what has no value", () => {
    const implementation = parse('launch: [a, "{idle-ms}"]\nvariables: {}\n');
    expect(() => launchOf(implementation, 1)).toThrow(NotReady);
    expect(() => launchOf(implementation, 1)).toThrow("{idle-ms}");
  });
});

describe("scaled", () => {
  it("stretches the deadlines of what is launched, and of others the slack alone", () => {
    const launched = scaled(parse(text), 1.5);
    expect(numbersOf(launched.profile)).toMatchObject({ "login-ms": 3000, "slack-ms": 750, tries: 4 });
    expect(launchOf(launched, 1)?.command.at(-1)).toBe("3000/4");
    const running = scaled({ ...parse(text), launch: undefined }, 2);
    expect(numbersOf(running.profile)).toMatchObject({ "login-ms": 2000, "slack-ms": 1000 });
  });
});

describe("secretsOf", () => {
  it("knows passwords as they are written and as they are sent", () => {
    const { profile } = parse('variables:\n  password: "Ju\\u0308rgen\\u00a0x"\n  wrong-password: plain\n');
    expect(secretsOf(profile)).toEqual(["Ju\u0308rgen\u00a0x", "J\u00fcrgen x", "plain"]);
  });
});

const options: RunOptions = {
  sanity: "echo-basic",
  segmentation: "whole",
  seed: 1,
  timeScale: 1,
  timeoutMs: 5000,
  jobs: 1,
  transcripts: "all",
};

function subject(
  more: Partial<RunOptions> & { text?: string; command?: string[] },
  environment: Record<string, string> = {},
): ReturnType<typeof subjectOf> {
  const path = join(makeTemporaryFolder(), "mine.yaml");
  writeFileSync(path, more.text ?? text);
  return subjectOf({ ...options, profile: path, ...more }, more.command ?? [], environment);
}

describe("subjectOf", () => {
  it("lets the command line win over the file", () => {
    const found = subject({
      name: "yours",
      host: "::1",
      port: 99,
      command: ["other"],
      set: ["username=bob=x", "login-ms=9", "username=carol=x"],
    });
    expect(found).toMatchObject({
      name: "yours",
      host: "::1",
      port: 99,
      launch: ["other"],
      folder: process.cwd(),
      profile: { variables: { username: "carol=x", "login-ms": 9, "slack-ms": 500 } },
    });
    expect(subject({ text: "variables: {}", plaintext: true }).transport).toBe("plaintext");
  });

  it("moves what follows from tries with tries", () => {
    const { variables } = subject({ set: ["tries=7"] }).profile;
    expect(variables).toMatchObject({ tries: 7, "tries-minus-1": 6, "tries-minus-2": 5 });
    const own = subject({ set: ["tries=7", "tries-minus-1=2"] }).profile.variables;
    expect(own).toMatchObject({ tries: 7, "tries-minus-1": 2, "tries-minus-2": 5 });
  });

  it("takes passwords that the file leaves out from the environment", () => {
    const environment = { TALKBYTE_PASSWORD: "from outside", TALKBYTE_WRONG_PASSWORD: "wrong outside" };
    expect(subject({}, environment).profile.variables).toMatchObject({
      password: "correct horse",
      "wrong-password": "wrong outside",
    });
  });

  it.each(["password=hunter22", "wrong-password=hunter22", "disabled-password=hunter22"])(
    "refuses --set %s without repeating it",
    (setting) => {
      const refused = (): unknown => subject({ set: [setting] });
      expect(refused).toThrow(CommandError);
      expect(refused).toThrow(/^--set takes no passwords(?!.*hunter22)/);
    },
  );

  it.each([
    ["tries", "--set takes NAME=VALUE"],
    ["colour=red", "--set takes NAME=VALUE"],
    ["tries=many", "--set tries takes a whole number"],
    ["tries=-3", "--set tries takes a whole number"],
    ["tries=", "--set tries takes a whole number"],
    ["tries=2", "tries must be at least 3"],
  ])("refuses --set %s", (setting, message) => {
    expect(() => subject({ set: [setting] })).toThrow(message);
  });
});
