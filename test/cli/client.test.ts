// talkbyte-client as scripts use it: lines in by a pipe, echoes out by a pipe, everything else on standard error.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import {
  listenRaw,
  phcOfPassword,
  welcome,
  AUTHENTICATED,
  frame,
  LOOPBACK,
  unsigned,
  type RawPeer,
} from "../net/harness.ts";
import { reply } from "../protocol/bytes.ts";
import { login, runClient, serve, startClient, ClientProcess, clientCommand } from "./client-process.ts";
import { addUser } from "../../src/credentials/users-file.ts";
import { runProgram } from "../credentials/child.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";

/** A server that the test plays, in plaintext, up to the login. */
async function playServer(play: (peer: RawPeer) => Promise<void>): Promise<string[]> {
  const { port } = await listenRaw(async (peer) => {
    await frames(peer, 2);
    peer.send(welcome(), AUTHENTICATED);
    await play(peer);
  });
  return [...login(port), "--plaintext"];
}

/** The next frames that are no grease. */
async function frames(peer: RawPeer, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const line = await peer.line();
    if (!line.startsWith("type ")) found.push(line);
  }
  return found;
}

const numbers = (count: number): string =>
  Array.from({ length: count }, (_, index) => `${index + 1}\n`).join("");

describe("lines in, echoes out", () => {
  it("echoes seq 1000 in order, and says nothing else", async () => {
    const { args, running } = await serve();
    expect(await runClient(args, numbers(1000))).toEqual({
      code: 0,
      signal: null,
      out: numbers(1000),
      err: "",
    });
    const [closed] = await running.log.wait("closed");
    expect(closed).toMatchObject({ accepted: 1000, error: undefined });
  });

  it.each([
    ["empty lines", "\n\na\n\n", "\n\na\n\n"],
    ["a last line without LF", "a\nb", "a\nb\n"],
    ["CR LF, the CR being data", "a\r\nstop\r\nb", "a\r\nstop\r\nb\n"],
    ["no input", "", ""],
    ["text of several bytes", "grüße 🐎\n", "grüße 🐎\n"],
    ["stop", "a\nstop\n", "a\n"],
    ["stop without LF", "a\nstop", "a\n"],
    ["what only begins with stop", "stop it\n stop\nSTOP\n", "stop it\n stop\nSTOP\n"],
  ])("handles %s", async (_, input, out) => {
    const { args } = await serve();
    expect(await runClient(args, input)).toEqual({ code: 0, signal: null, out, err: "" });
  });

  it("carries any bytes, and with --raw `stop` too", async () => {
    const { args } = await serve();
    const bytes = Buffer.concat([randomBytes(300_000), Buffer.from("\nstop\n\0\n")]);
    const client = startClient([...args, "--raw"]);
    client.child.stdin.end(bytes);
    expect(await client.finished()).toMatchObject({ code: 0, err: "" });
    expect(Buffer.compare(Buffer.concat(client.out.chunks), bytes)).toBe(0);
  });

  it("says what stood behind `stop`", async () => {
    const { args } = await serve();
    const { code, out, err } = await runClient(args, "a\nstop\nb\nc");
    expect({ code, out }).toEqual({ code: 0, out: "a\n" });
    expect(err).toMatch(
      /^talkbyte-client: stopped at line 2; (at least )?2 lines \(3 bytes\) behind it were not sent; --raw/,
    );
  });

  it("stops at `stop` though the pipe stays open", async () => {
    const { args } = await serve();
    const client = startClient(args);
    client.child.stdin.write("a\nstop\n");
    expect(await client.finished()).toEqual({ code: 0, signal: null, out: "a\n", err: "" });
  });

  it("answers each line while the input goes on", async () => {
    const { args } = await serve();
    const client = startClient(args);
    for (const word of ["one", "two"]) {
      client.child.stdin.write(`${word}\n`);
      await client.out.shows(`${word}\n`);
    }
    client.child.stdin.end();
    expect(await client.finished()).toMatchObject({ code: 0, err: "" });
  });

  it("refuses a line that is too long by its number, after the echoes before it, while the pipe stays open", async () => {
    const { args } = await serve({ limits: { maxFrameBytes: 4096 } });
    const client = startClient(args);
    client.child.stdin.write(`a\n${"b".repeat(4091)}\n${"c".repeat(4092)}`);
    const { code, out, err } = await client.finished();
    expect({ code, out }).toEqual({ code: 4, out: `a\n${"b".repeat(4091)}\n` });
    expect(err).toContain("line 3 is longer than the 4091 bytes that the server takes");
  });
});

describe("endings", () => {
  it("ends quietly and in good order when nobody reads the output any more", async () => {
    const { args, running } = await serve();
    const client = startClient(args);
    client.child.stdin.write("first\n");
    await client.out.shows("first\n");
    client.child.stdout.destroy();
    client.child.stdin.write(numbers(1000));
    expect(await client.finished()).toMatchObject({ code: 0, err: "" });
    const [closed] = await running.log.wait("closed");
    expect(closed?.["error"]).toBeUndefined();
    const piped = await runProgram("sh", ["-c", `seq 100000 | ${clientCommand(args)} | head -n 1`]);
    expect(piped).toMatchObject({ out: "1\n", err: "" });
  });

  it("says so when the disk is full", async () => {
    const { args } = await serve();
    const { err } = await runProgram("sh", [
      "-c",
      `seq 3 | ${clientCommand(args)} >/dev/full; echo "code $?" >&2`,
    ]);
    expect(err).toBe("talkbyte-client: standard output can't be written (ENOSPC)\ncode 9\n");
  });

  it("says how many messages had no reply when the server dies", async () => {
    const args = await playServer(async (peer) => {
      await frames(peer, 5);
      peer.send(reply(1, "1"), reply(2, "2")).end();
    });
    const { code, out, err } = await runClient(args, numbers(5));
    expect({ code, out }).toEqual({ code: 3, out: "1\n2\n" });
    expect(err).toMatch(/^talkbyte-client: .+\nNo reply came to lines 3 to 5\.\n$/);
  });

  it("says how far it came when a server's process is killed half-way", async () => {
    const folder = makeTemporaryFolder();
    const users = join(folder, "users.json");
    await addUser(users, "alice", await phcOfPassword());
    const bin = fileURLToPath(new URL("../../src/bin/talkbyte-server.ts", import.meta.url));
    const options = [
      "--host",
      LOOPBACK,
      "--port",
      "0",
      "--users",
      users,
      "--identity",
      join(folder, "identity.pem"),
    ];
    const server = new ClientProcess([bin, ...options]);
    await server.err.shows("fingerprint ");
    await server.err.shows("\n");
    const [, port, fingerprint] = /:(\d+)\nfingerprint ([0-9a-f]{64})\n/.exec(server.err.text)!;
    const client = startClient([...login(Number(port)), "--fingerprint", fingerprint!]);
    client.child.stdin.write(numbers(300_000));
    await client.out.shows("1\n");
    server.child.kill("SIGKILL");
    const { code, out, err } = await client.finished();
    expect(code).toBe(3);
    const replies = out.split("\n").length - 1;
    expect(out).toBe(numbers(replies));
    expect(err).toMatch(
      new RegExp(`^talkbyte-client: .*\nNo reply came to lines? ${replies + 1}( to \\d+)?\\.\n$`),
    );
  });

  it("notices that the server died while it waits for input", async () => {
    const args = await playServer(async (peer) => {
      await frames(peer, 1);
      peer.send(reply(1, "a")).end();
    });
    const client = startClient(args);
    client.child.stdin.write("a\n");
    expect(await client.finished()).toMatchObject({
      code: 3,
      out: "a\n",
      err: expect.stringContaining("without STOPPED"),
    });
  });

  it("finishes what was accepted after GOAWAY and says what was not sent", async () => {
    const { args, running } = await serve();
    const client = startClient([...args]);
    client.child.stdin.write("a\nb\n");
    await client.out.shows("b\n");
    await running.server.close();
    const { code, out, err } = await client.finished();
    expect({ code, out }).toEqual({ code: 3, out: "a\nb\n" });
    expect(err).toBe(
      "talkbyte-client: the server is being stopped\n" +
        "talkbyte-client: the server ended the session: line 3 and what follows were not sent\n",
    );
  });

  it("is content with GOAWAY when all input was read", async () => {
    const called = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    const onMessage = async (): Promise<string> => {
      called.resolve();
      return await answer.promise;
    };
    const { args, running } = await serve({ onMessage, limits: { drainMs: 5000 } });
    const client = startClient(args);
    client.child.stdin.end("a");
    await called.promise;
    const closing = running.server.close();
    answer.resolve("late");
    expect(await client.finished()).toMatchObject({ code: 0, out: "late\n" });
    await closing;
  });

  it("says which lines were not accepted", async () => {
    const args = await playServer(async (peer) => {
      await frames(peer, 3);
      peer
        .send(reply(1, "1"), frame(0x22, Uint8Array.of(1), unsigned(0, 4)), frame(0x21, unsigned(1, 8)))
        .end();
    });
    const client = startClient([...args, "--json"]);
    client.child.stdin.write(numbers(3));
    const { code, out, err } = await client.finished();
    expect({ code, err }).toMatchObject({
      code: 3,
      err: expect.stringContaining("before it took lines 2 to 3"),
    });
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toContainEqual({ type: "reply", line: 1, text: "1" });
    expect(events).toContainEqual({ type: "goaway", reason: "shutdown", drainMs: 0 });
    expect(events.at(-1)).toMatchObject({
      type: "error",
      code: "not-accepted",
      exitCode: 3,
      sent: 3,
      replies: 1,
    });
  });

  it("keeps a session alive that waits for its input", async () => {
    const { args } = await serve({ limits: { idleMs: 1000 } });
    const client = startClient([...args, "--trace"]);
    client.child.stdin.write("a\n");
    for (let pongs = 0; pongs < 3; pongs++) await client.err.shows("←  PONG");
    client.child.stdin.end("b\n");
    expect(await client.finished()).toMatchObject({ code: 0, out: "a\nb\n" });
  });
});

describe("signals", () => {
  it.each([["SIGINT"], ["SIGTERM"], ["SIGHUP"]] as const)(
    "leaves in good order at %s and dies of it",
    async (signal) => {
      const { args, running } = await serve();
      const client = startClient(args);
      client.child.stdin.write("a\n");
      await client.out.shows("a\n");
      client.child.kill(signal);
      expect(await client.finished()).toEqual({
        code: null,
        signal,
        out: "a\n",
        err: "talkbyte-client: interrupted\n",
      });
      const [closed] = await running.log.wait("closed");
      expect(closed).toMatchObject({ accepted: 1, error: undefined });
    },
  );

  it("sends STOP, and goes at once at the second signal", async () => {
    const stopped = Promise.withResolvers<string>();
    const args = await playServer(async (peer) => {
      await frames(peer, 1);
      peer.send(frame(0x12, new Uint8Array(8)));
      const [, stop] = await frames(peer, 2);
      stopped.resolve(stop!);
    });
    const client = startClient([...args, "--trace"]);
    client.child.stdin.write("a\n");
    await client.err.shows("→  PONG");
    client.child.kill("SIGINT");
    expect(await stopped.promise).toBe("STOP");
    client.child.kill("SIGINT");
    expect(await client.finished()).toMatchObject({ code: null, signal: "SIGINT", out: "" });
  });

  it("gives up on replies after a while, and counts what had none", async () => {
    const sent = Promise.withResolvers<void>();
    const args = await playServer(async (peer) => {
      await frames(peer, 1);
      sent.resolve();
    });
    const client = startClient([...args, "--json"]);
    client.child.stdin.write("a\n");
    await sent.promise;
    client.child.kill("SIGTERM");
    const { signal, out, err } = await client.finished();
    expect(signal).toBe("SIGTERM");
    expect(err).toMatch(/^talkbyte-client: interrupted\nNo reply came to line 1\.\n$/);
    expect(JSON.parse(out.trimEnd().split("\n").at(-1)!)).toMatchObject({
      type: "error",
      code: "cancelled",
      exitCode: 143,
    });
  });

  it("does not wait for ever for a reader that reads nothing", async () => {
    const { args, running } = await serve();
    const client = startClient(args);
    client.child.stdout.pause();
    client.child.stdin.write(numbers(100_000));
    await running.log.wait("login");
    client.child.kill("SIGTERM");
    expect(await once(client.child, "exit")).toEqual([null, "SIGTERM"]);
    client.child.stdout.resume();
  });

  it("can be interrupted while it connects, and while it logs in", async () => {
    const connected = Promise.withResolvers<void>();
    const { port } = await listenRaw(() => connected.resolve());
    const client = startClient([...login(port), "--fingerprint", "a".repeat(64)]);
    await connected.promise;
    client.child.kill("SIGINT");
    expect(await client.finished()).toMatchObject({
      signal: "SIGINT",
      err: "talkbyte-client: interrupted\n",
    });
    const reached = Promise.withResolvers<void>();
    const { port: silent } = await listenRaw(async (peer) => {
      await peer.lines(2);
      reached.resolve();
    });
    const loggingIn = startClient([...login(silent), "--plaintext", "--host", LOOPBACK]);
    await reached.promise;
    loggingIn.child.kill("SIGINT");
    expect(await loggingIn.finished()).toMatchObject({
      signal: "SIGINT",
      err: "talkbyte-client: interrupted\n",
    });
  });
});
