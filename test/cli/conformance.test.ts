// The command line of talkbyte-conformance: what it prints without playing, what it refuses, and the reports of a run.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exchangesFolder } from "../../src/conformance/exchange/catalog.ts";
import {
  clientProfile,
  conform,
  only,
  password,
  profileFile,
  reportOf,
  serverProfile,
  wrongPassword,
} from "../conformance/peers/command.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";

function fileWith(name: string, text: string): string {
  const path = join(makeTemporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

describe("--list and --dry-run", () => {
  it("lists the chosen cases, without a profile", async () => {
    const { code, out } = await conform(["server", "--list", ...only("TB-PING-*"), "--skip", "ping-short"]);
    expect(out).toMatch(/^ping-answered\n {2}.+\n {2}tests server.*; TB-PING-1.*; level:\w+/m);
    expect(out).not.toMatch(/^ping-short$/m);
    expect(out).not.toMatch(/^ {2}tests client;/m);
    const count = out.match(/^[a-z-]+$/gm)?.length;
    expect(out).toMatch(new RegExp(`\n${count} cases\n$`));
    expect(code).toBe(0);
  });

  it("says which cases would be played, and why others not", async () => {
    const profile = profileFile({ variables: { "wrong-password": undefined } });
    const chosen = only("echo-basic", "login-wrong-password-then-right", "deadline-login-silent");
    const { code, out } = await conform(["server", "--profile", profile, "--dry-run", ...chosen]);
    expect(out.split("\n")).toEqual([
      "unsupported deadline-login-silent: the profile has no $login-ms",
      "play echo-basic",
      "unsupported login-wrong-password-then-right: the profile has no $wrong-password",
      "1 of 3 cases would be played",
      "",
    ]);
    expect(code).toBe(0);
    const none = await conform([
      "server",
      "--profile",
      profile,
      "--dry-run",
      ...only("deadline-login-silent"),
    ]);
    expect(none.code).toBe(2);
  });
});

describe("self", () => {
  it("plays the chosen cases against themselves", async () => {
    const { code, out } = await conform(["self", ...only("echo-basic", "ping-*")]);
    expect(out).toMatch(/^\d+ cases against themselves: 0 contradict themselves\n$/m);
    expect(code).toBe(0);
  });
});

describe("wrong usage gives 2", () => {
  it.each<[string, string[], string]>([
    ["no command", [], "Usage: talkbyte-conformance"],
    ["an unknown option", ["server", "--jbos=3"], "unknown option"],
    ["a number that is none", ["server", "--jobs=0"], "It must be a whole number from 1 to 256."],
    ["a scale that is none", ["server", "--time-scale=fast"], "It must be a number from 0.1 to 100."],
    ["an unknown segmentation", ["server", "--segmentation=some"], "Allowed choices are whole"],
    ["a fingerprint that is none", ["server", "--fingerprint=ab"], "It must have 64 hexadecimal digits."],
    [
      "a pattern that fits nothing",
      ["server", ...only("no-such")],
      '"no-such" fits no case that tests a server',
    ],
    [
      "a skip that fits nothing",
      ["client", "--skip=level:none"],
      '"level:none" fits no case that tests a client',
    ],
    [
      "a profile that isn't there",
      ["server", "--profile=none.yaml"],
      "no such file or directory, open 'none.yaml'",
    ],
    ["an exchange that isn't there", ["server", "--exchange=none.yaml"], "no such file or directory"],
    ["a password as an argument", ["server", "--set=password=hunter22"], "--set takes no passwords"],
    ["a sanity case that isn't there", ["server", "--sanity=nope"], '--sanity: there is no case "nope"'],
    [
      "no password",
      ["server", "--set=username=alice"],
      "echo-basic can't be played: the profile has no $password",
    ],
    ["a report that isn't there", ["report", "none.json"], "no such file or directory"],
  ])("%s", async (_what, argv, message) => {
    const { code, out, err } = await conform(argv);
    expect(out).toBe("");
    expect(err).toContain(message);
    expect(err).not.toContain("hunter22");
    expect(err).not.toContain("unexpected error");
    expect(code).toBe(2);
  });

  it("a broken profile, by file and line", async () => {
    const path = fileWith("mine.yaml", "name: mine\nvariables:\n  username: alice\n   password: x\n");
    const { code, err } = await conform(["server", "--profile", path]);
    expect(err).toMatch(/^talkbyte-conformance: \/.*\/mine\.yaml:[34]: /);
    expect(code).toBe(2);
  });

  it("a broken list of known failures, before anything is launched", async () => {
    const path = fileWith("known.yaml", "- case: echo-basic\n");
    const { code, err } = await conform([
      "server",
      "--profile",
      serverProfile("exits-at-once"),
      "--expect",
      path,
    ]);
    expect(err).toContain(`known.yaml:1: [0]: the key "reason" is missing`);
    expect(code).toBe(2);
  });

  it("a folder for reports that isn't there, before anything is launched", async () => {
    const missing = join(makeTemporaryFolder(), "none", "report.json");
    writeFileSync(join(missing, "..", "..", "none"), "a file");
    for (const option of ["--json", "--junit", "--html", "--pcap"]) {
      const profile = serverProfile("exits-at-once");
      const { code, err } = await conform([
        "server",
        "--profile",
        profile,
        ...only("echo-basic"),
        option,
        missing,
      ]);
      expect(err).toContain("ENOTDIR");
      expect(code).toBe(2);
    }
  });

  it.each<[string, (broken: string) => string[], string]>([
    ["a broken profile", (broken) => ["--profile", broken], "broken.yaml"],
    ["a choice that fits nothing", () => only("no-such"), '"no-such" fits no case'],
    ["no password", () => ["--set=username=alice"], "has no $password"],
    [
      "a broken list of known failures",
      (broken) => ["--profile", serverProfile(), "--expect", broken],
      "broken.yaml",
    ],
  ])("and is told in the reports: %s", async (_what, argvOf, reason) => {
    const argv = argvOf(fileWith("broken.yaml", "{{"));
    const folder = makeTemporaryFolder();
    const [json, junit, html] = ["a.json", "a.xml", "a.html"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(json, "fine\n");
    const files = [`--json=${json}`, `--junit=${junit}`, `--html=${html}`];
    expect((await conform(["server", ...argv, ...files])).code).toBe(2);
    const report = reportOf(readFileSync(json, "utf8"));
    expect(report).toMatchObject({ cases: [], exitCode: 2, remarks: [expect.stringContaining(reason)] });
    expect(readFileSync(junit, "utf8")).toContain('tests="0" failures="0" errors="1"');
    expect(existsSync(html)).toBe(true);
    // What only looks writes nothing.
    writeFileSync(json, "fine\n");
    await conform(["server", ...argv, ...files, "--list"]);
    expect(readFileSync(json, "utf8")).toBe("fine\n");
  });

  it("a port for several servers at once", async () => {
    const argv = ["server", "--profile", serverProfile(), "--port=9", "--jobs=2", ...only("echo-basic")];
    const { code, err } = await conform(argv);
    expect(err).toContain("--jobs needs free ports");
    expect(code).toBe(2);
  });

  it("nothing that could be played", async () => {
    const argv = ["server", "--profile", serverProfile(), ...only("deadline-login-silent")];
    const { code, out } = await conform(argv);
    expect(out).toContain("1 unsupported");
    expect(code).toBe(2);
  });
});

const ownExchange = (id: string, letter: string): string => `id: ${id}
title: An echo of our own
covers: [TB-MSG-6]
steps:
- app: { login: { username: $username, password: $password } }
- C: { HELLO: $any }
- S: { WELCOME: $any }
- C: { AUTH: { mechanism: PASSWORD, username: $username, mechanism-data: $password } }
- S: { AUTHENTICATED: $any }
- app: { send: a }
- C: { MESSAGE: { payload: a } }
- S: { REPLY: { payload: ${letter} } }
`;

describe("--exchange", () => {
  it("plays a file of one's own alone, or beside others, and in place of its namesake", async () => {
    const own = fileWith("own-echo.yaml", ownExchange("own-echo", "a"));
    const profile = ["server", "--profile", serverProfile(), "--verbose"];
    const alone = await conform([...profile, "--exchange", own]);
    expect(alone.out).toMatch(/^PASS own-echo\npeer \(server, plaintext\): 1 cases/);
    const beside = await conform([...profile, "--exchange", own, ...only("own-echo", "message-empty")]);
    expect(beside.out).toContain("2 cases");
    const namesake = fileWith("message-empty.yaml", ownExchange("message-empty", "b"));
    const replaced = await conform([...profile, "--exchange", namesake, ...only("message-empty")]);
    expect(replaced.out).toContain("FAIL message-empty: REPLY: payload");
    expect(replaced.out).toContain(`--exchange ${namesake} --segmentation whole`);
    expect(replaced.code).toBe(1);
  });

  it("refuses a file that tests the other side", async () => {
    const text = `${ownExchange("own-breach", "a")}- C: { raw: "00" }\n  illegal: true\n- S: end\n`;
    const own = fileWith("own-breach.yaml", text.replaceAll(/- app.*\n/g, ""));
    const { code, err } = await conform(["client", "--profile", clientProfile(), "--exchange", own]);
    expect(err).toBe("talkbyte-conformance: nothing is selected\n");
    expect(code).toBe(2);
  });
});

interface Reported {
  readonly folder: string;
  readonly code: number;
  readonly out: string;
  readonly read: (name: string) => string;
}

// Crashes on an oversize frame, and says what it has heard.
async function tellingRun(role: "server" | "client"): Promise<Reported> {
  const folder = makeTemporaryFolder();
  const path = (name: string): string => join(folder, name);
  const profile = role === "server" ? serverProfile("tells-passwords") : clientProfile("tells-passwords");
  const files = [`--json=${path("a.json")}`, `--junit=${path("a.xml")}`, `--html=${path("a.html")}`];
  const cases = ["echo-basic", "message-empty", "login-wrong-password-then-right"];
  const own =
    role === "server"
      ? only("auth-short", "frame-length-over-limit-after-login")
      : [
          "--exchange",
          fileWith(
            "own-echo.yaml",
            ownExchange("own-echo", "a").replace("C: { MESSAGE: { payload: a", "C: { MESSAGE: { payload: b"),
          ),
          ...only("own-echo"),
        ];
  const more = ["--segmentation=all", "--verbose", `--pcap=${path("packets")}`];
  const { code, out } = await conform([
    role,
    "--profile",
    profile,
    ...only(...cases),
    ...own,
    ...files,
    ...more,
  ]);
  return { folder, code, out, read: (name) => readFileSync(path(name), "latin1") };
}

describe("reports", () => {
  it.each(["server", "client"] as const)("of a %s hold no password, whole or cut short", async (role) => {
    const { folder, out, read, code } = await tellingRun(role);
    expect(code).toBe(1);
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(names.length).toBeGreaterThan(10);
    for (const [name, text] of [
      ["output", out],
      ...names.map((name) => [name, readFileSync(name, "latin1")]),
    ]) {
      for (const secret of [password, wrongPassword])
        for (const part of [secret, secret.slice(0, -1), secret.slice(1)]) {
          expect(text, name).not.toContain(part);
          expect(text?.toLowerCase(), name).not.toContain(Buffer.from(part).toString("hex"));
        }
    }
    expect(out).toContain("*".repeat(password.length));
    expect(read("a.json")).toContain("*".repeat(password.length));
  });

  it("agree with each other and with the exit code", async () => {
    const { folder, out, read, code } = await tellingRun("server");
    const report = reportOf(Buffer.from(read("a.json"), "latin1").toString());
    expect(report.exitCode).toBe(code);
    expect(report.totals).toMatchObject({ pass: 4, fail: 1 });
    expect(out).toContain("5 cases in ");
    expect(out).toContain("4 passed, 1 failed");
    expect(report.cases.map(({ id }) => id)).toEqual([
      "auth-short",
      "echo-basic",
      "frame-length-over-limit-after-login",
      "login-wrong-password-then-right",
      "message-empty",
    ]);
    expect(read("a.xml")).toContain('tests="5" failures="1" errors="0" skipped="0"');
    for (const { id, verdict, plays } of report.cases) {
      expect(read("a.html")).toContain(id);
      expect(read("a.xml")).toContain(`name="${id}"`);
      expect(out).toMatch(new RegExp(`^${verdict.toUpperCase()} ${id}`, "m"));
      for (const { segmentation } of plays)
        expect(existsSync(join(folder, "packets", `${id}.${segmentation}.pcapng`))).toBe(true);
    }
    expect(report.suite.exchanges).toBe(readdirSync(exchangesFolder).length);
  });
});

describe("--transcripts", () => {
  it.each(["all", "failed"])("%s: which conversations are kept", async (which) => {
    const folder = makeTemporaryFolder();
    const [json, html] = [join(folder, "a.json"), join(folder, "a.html")];
    const chosen = only("echo-basic", "frame-length-over-limit-after-login");
    const argv = ["server", "--profile", serverProfile("crashes-on-oversize"), ...chosen];
    await conform([...argv, `--transcripts=${which}`, "--json", json, "--html", html]);
    const kept = reportOf(readFileSync(json, "utf8")).cases.map(
      ({ verdict, plays }) => `${verdict} ${plays.every(({ transcript }) => transcript.length > 0)}`,
    );
    expect(kept).toEqual([`pass ${which === "all"}`, "fail true"]);
    const says = readFileSync(html, "utf8").includes("The run kept no conversations of cases that passed.");
    expect(says).toBe(which === "failed");
  });
});

describe("report", () => {
  async function jsonOf(fault: string, name: string): Promise<string> {
    const path = join(makeTemporaryFolder(), `${name}.json`);
    const chosen = only("echo-basic", "frame-length-over-limit-after-login");
    await conform(["server", "--profile", serverProfile(fault), "--name", name, ...chosen, "--json", path]);
    return path;
  }

  it("merges several, and fails if one of them did", async () => {
    const [good, bad] = [await jsonOf("none", "good"), await jsonOf("crashes-on-oversize", "bad")];
    const folder = makeTemporaryFolder();
    const [xml, html] = [join(folder, "all.xml"), join(folder, "all.html")];
    const { code, out } = await conform(["report", good, bad, "--junit", xml, "--html", html]);
    expect(out).toMatch(/^good \(server, plaintext\): 2 cases.*\n.*\n.*\nbad \(server, plaintext\): 2 cases/);
    expect(readFileSync(xml, "utf8").match(/<testsuite /g)).toHaveLength(2);
    expect(readFileSync(html, "utf8")).toContain("bad");
    expect(code).toBe(1);
    expect((await conform(["report", good])).code).toBe(0);
    const undecided = fileWith(
      "late.json",
      readFileSync(good, "utf8").replace('"exitCode":0', '"exitCode":3'),
    );
    expect((await conform(["report", good, undecided])).code).toBe(3);
    expect((await conform(["report", undecided, bad])).code).toBe(1);
  });

  it.each([
    ["not JSON", "is not JSON"],
    ["[]", "is no report of talkbyte-conformance"],
    ['{"format":"talkbyte-conformance-report","version":2}', "has version 2; this program reads version 1"],
    ['{"format":"talkbyte-conformance-report","version":1}', "is only a part of a report"],
  ])("refuses %s", async (text, message) => {
    const path = fileWith("broken.json", text);
    const { code, err } = await conform(["report", path]);
    expect(err).toContain(`broken.json: ${message}`);
    expect(code).toBe(2);
  });
});
