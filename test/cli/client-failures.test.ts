// Each exit code and the words that come with it: credentials, trust, the network, and servers that misbehave.

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { sessionExitCodes } from "../../src/cli/client-failure.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { runNode, runProgram, type Finished } from "../credentials/child.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import {
  AUTHENTICATED,
  concat,
  errorFrame,
  frame,
  listenRaw,
  PASSWORD,
  refused,
  startServer,
  welcome,
} from "../net/harness.ts";
import { makeCertificate } from "../net/openssl.ts";
import { reply } from "../protocol/bytes.ts";
import { clientBin, clientCommand, login, runClient, serve, startClient } from "./client-process.ts";

/** What the client makes of a server that sends these bytes once it was greeted. */
async function meet(bytes: Uint8Array, ...more: readonly string[]): Promise<Finished> {
  const { port } = await listenRaw(async (peer) => {
    await peer.lines(2); // HELLO and AUTH
    peer.send(bytes);
  });
  return await runClient([...login(port), "--plaintext", ...more], "a\n");
}

describe("exit codes", () => {
  it.each([
    ["a wrong password", refused(1, 0, 2), 4, "refused the login: wrong username or password\n"],
    ["a busy server", refused(3, 1500, 0), 8, "refused the login: it is too busy; try again in 1.5 s\n"],
    ["a throttling server", refused(4, 60_000, 0), 8, "too many failed attempts; try again in 60 s\n"],
    ["a server without PASSWORD", refused(2, 0, 3), 4, "it takes no passwords\n"],
    ["a refusal from the future", refused(99, 0, 0), 4, "refused the login: unknown-99\n"],
    ["a server that is being stopped", errorFrame(9), 3, "the server ended the session: shutdown"],
    ["a server that failed", errorFrame(10, "oops\u001b[2J"), 3, "internal: oops\\x1b[2J\n"],
    ["a deadline of the server", errorFrame(8, "idle"), 7, "timeout: idle\n"],
    ["no version in common", errorFrame(6), 6, "unsupported-version"],
    [
      "a malformed frame",
      new Uint8Array(4),
      6,
      "the server broke the protocol: frame of length 0 (malformed)\n",
    ],
    ["a reply to nothing", concat(AUTHENTICATED, reply(7, "x")), 6, "(reply-mismatch)\n"],
  ])("tell of %s", async (_, bytes, code, words) => {
    expect(await meet(concat(welcome(), bytes))).toEqual({
      code,
      signal: null,
      out: "",
      err: expect.stringContaining(words),
    });
  });

  it("tell of a server that says nothing, with TLS and without", async () => {
    expect(await meet(new Uint8Array(), "--answer-timeout", "0.2")).toMatchObject({ code: 7 });
    const { port } = await listenRaw(() => undefined);
    const result = await runClient([...login(port), "--connect-timeout", "0.2"]);
    expect(result).toMatchObject({ code: 7, err: expect.stringContaining("within 0.2 s") });
  });

  it("tell of a port where nobody listens, and of one that speaks no TLS", async () => {
    const nobody = await startServer();
    await nobody.server.close();
    const refusing = await runClient([...login(nobody.port), "--plaintext"]);
    expect(refusing).toMatchObject({ code: 3, err: expect.stringContaining("nothing listens there") });
    const { port } = await listenRaw((peer) => peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const http = await runClient([...login(port)]);
    expect(http).toMatchObject({
      code: 6,
      err: expect.stringContaining("is this a TalkByte server with TLS?"),
    });
  });

  it("are those of --help", async () => {
    const { code, out } = await runNode([clientBin, "--help"]);
    expect(code).toBe(0);
    for (const exitCode of Object.values(exitCodes)) expect(out).toMatch(new RegExp(` ${exitCode} {2}\\S`));
    expect(Object.values(exitCodes)).toEqual(expect.arrayContaining(Object.values(sessionExitCodes)));
    expect(out).not.toMatch(/.{85}/);
  });

  it("come with an event and no other output for --json", async () => {
    const { code, out } = await meet(concat(welcome(), refused(3, 1500, 0)), "--json");
    expect({ code, event: JSON.parse(out) }).toEqual({
      code: 8,
      event: {
        type: "error",
        code: "busy",
        side: "peer",
        retryable: true,
        reason: "busy",
        retryAfterMs: 1500,
        triesLeft: 0,
        message: "the server refused the login: it is too busy; try again in 1.5 s",
        exitCode: 8,
      },
    });
  });
});

describe("the command line", () => {
  it.each([
    [["--port", "0"], "1 to 65535"],
    [["--port", "x"], "1 to 65535"],
    [["--host", "a b"], "a name or an address"],
    [["--fingerprint", "abc"], "64 hexadecimal digits"],
    [["--connect-timeout", "-1"], "seconds"],
    [["--answer-timeout", "0"], "seconds"],
    [["--plaintext", "--ca", "x"], "cannot be used with"],
    [["--plaintext", "--known-servers", "x"], "cannot be used with"],
    [["--ca", "x", "--fingerprint", "a".repeat(64)], "cannot be used with"],
    [["--fingerprint", "a".repeat(64), "--trust-new-server"], "cannot be used with"],
    [["--probe", "--raw"], "cannot be used with"],
    [["--password", PASSWORD], "never taken as an argument"],
    [["--password-stdin"], "unknown option '--password-stdin'"],
    [["alice", PASSWORD], "too many arguments"],
    [["--username", "a b", "--password-file", "/dev/null"], "invalid username"],
  ])("refuses %j with exit code 2 and repeats no password", async (argv, words) => {
    const { code, out, err } = await runNode([clientBin, ...argv]);
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: expect.stringContaining(words) });
    expect(err).not.toContain(PASSWORD);
    expect(err).toMatch(/^talkbyte-client: .*\n$/);
  });

  it.each([
    [[], "give --username and --password-file"],
    [["--username", "alice"], "give --password-file"],
  ])("needs a terminal for what %j leaves open", async (argv, words) => {
    const { code, out, err } = await runNode([clientBin, ...argv], "a\n", { detached: true });
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: expect.stringContaining(words) });
  });

  it("tells an old Node.js in one line", async () => {
    const older = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"22.9.0"}})';
    const { code, out, err } = await runNode(["--import", older, clientBin]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^talkbyte-client needs Node\.js 24 or newer; this is v.*\n$/);
  });

  it("prints its version", async () => {
    expect(await runNode([clientBin, "--version"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+/),
    });
  });
});

describe("the password file", () => {
  const alice = (path: string): string[] => ["--port", "1", "--username", "alice", "--password-file", path];

  it("is warned of when others can read it", async () => {
    const { args } = await serve();
    const path = args[args.indexOf("--password-file") + 1]!;
    chmodSync(path, 0o644);
    const { code, err } = await runClient(args);
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringContaining(`warning: ${path} is open to other users`),
    });
  });

  it.each([
    ["missing", undefined, 9, "can't be read (ENOENT)"],
    ["empty", "", 4, "holds no password"],
    ["with a control character", "a\tb\n", 4, "a control character"],
  ])("is refused before anything is connected: %s", async (_, text, code, words) => {
    const path = join(makeTemporaryFolder(), "password");
    if (text !== undefined) writeFileSync(path, text, { mode: 0o600 });
    expect(await runClient(alice(path))).toEqual({
      code,
      signal: null,
      out: "",
      err: expect.stringContaining(words),
    });
  });

  it("with a wrong password ends in exit code 4", async () => {
    const { running, fingerprint } = await serve();
    const result = await runClient(
      [...login(running.port, "wrong horse"), "--fingerprint", fingerprint],
      "a\n",
    );
    expect(result).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringContaining("wrong username or password"),
    });
  });
});

describe("trust", () => {
  async function serveUnknown(): Promise<{ args: string[]; fingerprint: string; known: string }> {
    const { running, fingerprint } = await serve();
    const known = join(makeTemporaryFolder(), "known-servers");
    return { args: [...login(running.port), "--known-servers", known], fingerprint, known };
  }

  it("refuses a server that nobody vouches for, and prints the commands that work", async () => {
    const { args, fingerprint, known } = await serveUnknown();
    const { code, out, err } = await runClient(args, "a\n");
    expect({ code, out }).toEqual({ code: 5, out: "" });
    expect(err).toContain(`\n  ${fingerprint}\n`);
    expect(existsSync(known)).toBe(false);
    const commands = Array.from(err.matchAll(/^ {2}(?:npx )?talkbyte-client (.*)$/gm), (match) => match[1]!);
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const program = `echo again | ${clientCommand([])} ${command}`;
      expect(await runProgram("sh", ["-c", program])).toMatchObject({ code: 0, out: "again\n" });
    }
  });

  it("remembers a new server when told to, says so, and knows it then", async () => {
    const { args, fingerprint, known } = await serveUnknown();
    const first = await runClient([...args, "--trust-new-server"], "a\n");
    expect(first).toMatchObject({ code: 0, out: "a\n" });
    expect(first.err).toMatch(
      new RegExp(`^talkbyte-client: remembered 127.0.0.1:\\d+ with the key ${fingerprint} in ${known}:1\n$`),
    );
    expect(statSync(known).mode & 0o777).toBe(0o600);
    expect(await runClient(args, "b\n")).toEqual({ code: 0, signal: null, out: "b\n", err: "" });
    expect(await runClient([...args, "--trust-new-server"], "b\n")).toMatchObject({ code: 0, err: "" });
  });

  it("remembers the server even if the login fails", async () => {
    const { running } = await serve();
    const known = join(makeTemporaryFolder(), "known-servers");
    const args = [...login(running.port, "wrong horse"), "--known-servers", known, "--trust-new-server"];
    const { code, err } = await runClient(args);
    expect({ code, err }).toEqual({ code: 4, err: expect.stringMatching(/remembered .*\n.*wrong username/) });
  });

  it("refuses a changed key, names its line, and sends nothing", async () => {
    const { args, fingerprint, known } = await serveUnknown();
    await runClient([...args, "--trust-new-server"]);
    const other = "b".repeat(64);
    writeFileSync(known, `# mine\n${readFileSync(known, "utf8").replace(fingerprint, other)}`);
    for (const more of [[], ["--trust-new-server"]]) {
      const { code, out, err } = await runClient([...args, ...more, "--json"], "a\n");
      expect(code).toBe(5);
      expect(err).toContain(`not the one remembered in ${known}:2`);
      expect(err).toContain(`remembered  ${other}\n  shown       ${fingerprint}\n`);
      expect(err).toContain(`remove the line ${known}:2 and run`);
      expect(JSON.parse(out)).toMatchObject({
        reason: "changed-key",
        fingerprint,
        expected: other,
        place: `${known}:2`,
      });
    }
  });

  it("shows both keys when the pin is wrong, and takes a pin as openssl writes it", async () => {
    const { running, fingerprint } = await serve();
    const wrong = "c".repeat(64);
    const { code, err } = await runClient([...login(running.port), "--fingerprint", wrong]);
    expect({ code, err }).toEqual({
      code: 5,
      err: expect.stringContaining(`pinned  ${wrong}\n  shown   ${fingerprint}\n`),
    });
    const colons = fingerprint.toUpperCase().match(/../g)!.join(":");
    expect(await runClient([...login(running.port), "--fingerprint", colons], "a")).toMatchObject({
      code: 0,
      err: "",
    });
  });

  it("takes the word of an authority, for its own servers alone", async () => {
    const folder = makeTemporaryFolder();
    const { args, running } = await serve();
    const alone = args.filter((argument) => argument !== "--fingerprint" && argument !== args.at(-1));
    const authority = join(folder, "authority.pem");
    writeFileSync(authority, running.identity!.cert);
    const localhost = await runClient([...alone, "--host", "localhost", "--ca", authority], "a\n");
    expect(localhost).toMatchObject({ code: 0, out: "a\n", err: "" });
    const wrongName = await runClient([...alone, "--ca", authority]);
    expect(wrongName).toMatchObject({
      code: 5,
      err: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID"),
    });
    const { cert } = await makeCertificate(folder, "stranger");
    writeFileSync(authority, cert);
    const stranger = await runClient([...alone, "--host", "localhost", "--ca", authority]);
    expect(stranger).toMatchObject({ code: 5, err: expect.stringContaining("does not vouch for localhost") });
    for (const text of ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
      writeFileSync(authority, text);
      const broken = await runClient([...alone, "--ca", authority]);
      expect(broken).toMatchObject({ code: 9, err: expect.stringContaining("can't be used as --ca") });
    }
  });

  it("tells a file of known servers that can't be used from a server that can't be trusted", async () => {
    const { args, known } = await serveUnknown();
    mkdirSync(known);
    const { code, err } = await runClient(args);
    expect({ code, err }).toEqual({ code: 9, err: `talkbyte-client: ${known} can't be read (EISDIR)\n` });
  });
});

describe("--probe", () => {
  it("times each part, in words and as JSON, and reads no input", async () => {
    const { args, running } = await serve();
    const words = await runClient([...args, "--probe"], "not read\n");
    expect(words).toMatchObject({ code: 0, err: "" });
    expect(words.out).toMatch(
      /^127\.0\.0\.1:\d+ answers alice\nconnect +[\d.]+ ms\ntls +[\d.]+ ms\nlogin +[\d.]+ ms\necho +[\d.]+ ms\n$/,
    );
    const json = startClient([...args, "--probe", "--json"]);
    const { code, out } = await json.finished(); // its input stays open
    expect({ code, probe: JSON.parse(out) }).toMatchObject({
      code: 0,
      probe: {
        type: "probe",
        port: running.port,
        username: "alice",
        voucher: "fingerprint",
        echoMs: expect.any(Number),
      },
    });
    const closed = await running.log.wait("closed", 2);
    expect(closed).toMatchObject([{ accepted: 1 }, { accepted: 1 }]);
  });

  it("finds out a server that does not echo, and shares the exit codes", async () => {
    const { args, running } = await serve({ onMessage: () => "something else" });
    expect(await runClient([...args, "--probe"])).toMatchObject({
      code: 6,
      out: "",
      err: expect.stringContaining("no echo server"),
    });
    await running.server.close();
    const { code, out } = await runClient([...args, "--probe", "--json"]);
    expect({ code, error: JSON.parse(out) }).toMatchObject({
      code: 3,
      error: { type: "error", code: "connection-failed", retryable: true },
    });
  });
});

describe("--trace", () => {
  it("shows each frame on standard error, and no byte of the password", async () => {
    const { args } = await serve({ greaseRate: 1 });
    const { code, out, err } = await runClient([...args, "--trace"], "hello\nstop\n");
    expect({ code, out }).toEqual({ code: 0, out: "hello\n" });
    const frames = Array.from(err.matchAll(/ms {2}([→←]) {2}(\w+) +([\d.]+) /g), (match) =>
      match.slice(1).join(" "),
    );
    expect(frames.filter((line) => !line.includes("extension"))).toEqual([
      "→ HELLO 4.1",
      "← WELCOME 4.2",
      "→ AUTH 4.3",
      "← AUTHENTICATED 4.6",
      "→ MESSAGE 4.8",
      "→ STOP 4.12",
      "← REPLY 4.9",
      "← STOPPED 4.13",
    ]);
    expect(frames).toContain("← extension 3.4");
    expect(err).toContain(`•••• (${PASSWORD.length} bytes)`);
    const passwordHex = Buffer.from(PASSWORD).toString("hex").match(/../g)!.join(" ");
    for (const secret of [PASSWORD, passwordHex, passwordHex.slice(0, 11), PASSWORD.slice(0, 4)])
      expect(err).not.toContain(secret);
    expect(err).not.toContain("\u001b");
  });

  it("shows what a server sent that broke the protocol", async () => {
    const { err } = await meet(frame(0x05), "--trace");
    expect(err).toMatch(/← {2}RESPONSE +4\.5 +00 00 00 01 05/);
    expect(err).toMatch(/→ {2}ERROR +4\.15/);
  });
});
