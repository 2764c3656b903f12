// talkbyte-server as a process: what it says when it starts and when it can't, what it logs, and how it stops.

import { once } from "node:events";
import { chmodSync, cpSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it, onTestFinished } from "vitest";

import { textLine } from "../../src/cli/log.ts";
import { addUser } from "../../src/credentials/users-file.ts";
import { connect, type Client } from "../../src/net/client.ts";
import { TalkByteError } from "../../src/protocol/error.ts";
import { SERVER_LIMITS } from "../../src/net/limits.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD, phcOfPassword } from "../net/harness.ts";
import { ClientProcess } from "./client-process.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const serverBin = join(project, "src/bin/talkbyte-server.ts");

interface Listening {
  readonly process: ClientProcess;
  readonly port: number;
  readonly fingerprint: string;
}

async function listening(process: ClientProcess): Promise<Listening> {
  await process.err.shows("listening on ");
  await process.err.shows("fingerprint ");
  await process.err.shows("\n");
  const [, port] = /listening on .*:(\d+)\n/.exec(process.err.text) ?? [];
  const [, fingerprint] = /fingerprint ([0-9a-f]{64})\n/.exec(process.err.text) ?? [];
  return { process, port: Number(port), fingerprint: String(fingerprint) };
}

function serverArgs(folder: string, ...more: string[]): string[] {
  const files = ["--users", join(folder, "users.json"), "--identity", join(folder, "identity.pem")];
  return [serverBin, ...files, "--host", LOOPBACK, "--port", "0", ...more];
}

async function folderWithAlice(): Promise<string> {
  const folder = makeTemporaryFolder();
  await addUser(join(folder, "users.json"), "alice", await phcOfPassword());
  return folder;
}

async function logIn({ port, fingerprint }: Listening, password = PASSWORD): Promise<Client> {
  return await connect({ host: LOOPBACK, port, username: "alice", password, trust: { fingerprint } });
}

function reasonOf(error: unknown): unknown {
  return error instanceof TalkByteError ? error.refusal?.reason : error;
}

async function refusedStart(args: readonly string[]): Promise<string> {
  const { code, out, err } = await new ClientProcess([serverBin, ...args]).finished();
  expect(out).toBe("");
  return `${code} ${err}`;
}

describe("starting", () => {
  it("makes an identity for itself alone, keeps it, and says its fingerprint", async () => {
    const folder = await folderWithAlice();
    const first = await listening(new ClientProcess(serverArgs(folder)));
    expect(first.process.err.text).toContain("made a TLS identity in ");
    expect(statSync(join(folder, "identity.pem")).mode & 0o777).toBe(0o600);
    const second = await listening(new ClientProcess(serverArgs(folder)));
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(second.process.err.text).not.toContain("made");
    const client = await logIn(second);
    expect(Buffer.from(await client.send("hello")).toString()).toBe("hello");
    await client.stop();
  });

  it("without users says how to add one, and lets that one in without a restart", async () => {
    const folder = makeTemporaryFolder();
    const server = await listening(new ClientProcess(serverArgs(folder)));
    await server.process.err.shows("no users yet: add one with\n");
    await server.process.err.shows(" NAME --users ");
    await addUser(join(folder, "users.json"), "alice", await phcOfPassword());
    const client = await logIn(server);
    await expect(client.stop()).resolves.toBeUndefined();
  });

  it("takes a certificate and key of one's own", async () => {
    const folder = await folderWithAlice();
    await listening(new ClientProcess(serverArgs(folder)));
    const pem = readFileSync(join(folder, "identity.pem"), "utf8");
    const at = pem.indexOf("-----BEGIN CERTIFICATE-----");
    writeFileSync(join(folder, "key.pem"), pem.slice(0, at));
    writeFileSync(join(folder, "cert.pem"), pem.slice(at));
    const files = ["--tls-cert", join(folder, "cert.pem"), "--tls-key", join(folder, "key.pem")];
    const args = ["--users", join(folder, "users.json"), ...files, "--host", LOOPBACK, "--port", "0"];
    const client = await logIn(await listening(new ClientProcess([serverBin, ...args])));
    await expect(client.stop()).resolves.toBeUndefined();
  });

  it("warns of a users file and an identity that others can read", async () => {
    const folder = await folderWithAlice();
    await listening(new ClientProcess(serverArgs(folder)));
    chmodSync(join(folder, "users.json"), 0o644);
    chmodSync(join(folder, "identity.pem"), 0o644);
    const { process } = await listening(new ClientProcess(serverArgs(folder)));
    expect(process.err.text.match(/^warning: .*/gm)).toHaveLength(2);
  });

  it("--check looks at everything and serves nothing", async () => {
    const folder = await folderWithAlice();
    const { code, err } = await new ClientProcess(serverArgs(folder, "--check")).finished();
    expect(code).toBe(0);
    expect(err).toMatch(
      /would be made on the first start\nusers: 1 in .*\nthe OPAQUE setup .* would be made on the first start\nall is well; the address was not tried\n$/,
    );
    expect(existsSync(join(folder, "identity.pem"))).toBe(false);
  });

  it("every limit has a flag, and --help says so", async () => {
    const { code, out } = await new ClientProcess([serverBin, "--help"]).finished();
    expect(code).toBe(0);
    for (const name of Object.keys(SERVER_LIMITS)) {
      expect(out).toContain(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <n>`);
    }
  });

  it("penalises failed logins, from loopback too, but for the networks that --penalty-exempt names", async () => {
    const folder = await folderWithAlice();
    // A wrong password would be two attempts: by OPAQUE, and by PASSWORD for a user who is not enrolled.
    const args = serverArgs(folder, "--throttle-above-ms", "0", "--no-opaque");
    const failures = async (...more: string[]): Promise<unknown[]> => {
      const server = await listening(new ClientProcess([...args, ...more]));
      const codes: unknown[] = [];
      for (let round = 0; round < 2; round++) {
        codes.push(await logIn(server, "wrong").catch(reasonOf));
      }
      return codes;
    };
    expect(await failures()).toEqual(["bad-credentials", "throttled"]);
    const exempt = ["--penalty-exempt", "::1", "--penalty-exempt=127.0.0.0/8"];
    expect(await failures(...exempt)).toEqual(["bad-credentials", "bad-credentials"]);
    expect(await refusedStart(serverArgs(folder, "--penalty-exempt", "localhost").slice(1))).toMatch(
      /^2 .*It must be like 192\.0\.2\.0\/24/,
    );
  });

  it("a limit given by flag holds", async () => {
    const server = await listening(
      new ClientProcess(serverArgs(await folderWithAlice(), "--max-frame-bytes", "5000")),
    );
    const client = await logIn(server);
    expect(client.maxPayloadBytes).toBe(4995);
    await client.stop();
  });
});

describe("what can't be started is said in a line", () => {
  it("a broken users file, with the place", async () => {
    const folder = makeTemporaryFolder();
    writeFileSync(join(folder, "users.json"), '{ "version": 1, "users": { "alice": { "password": 7 } } }', {
      mode: 0o600,
    });
    const { code, err } = await new ClientProcess(serverArgs(folder)).finished();
    expect([code, err]).toEqual([
      9,
      expect.stringMatching(/^talkbyte-server: .*users\.json.*\$\.users\.alice\.password.*\n$/),
    ]);
  });

  it("a port that another TalkByte server holds, with its fingerprint", async () => {
    const folder = await folderWithAlice();
    const { port, fingerprint } = await listening(new ClientProcess(serverArgs(folder)));
    const args = [...serverArgs(folder).slice(1), "--port", String(port)];
    expect(await refusedStart(args)).toBe(
      `3 talkbyte-server: ${LOOPBACK}:${port} is taken by another TalkByte server (fingerprint ${fingerprint}); stop it, or choose another port with --port\n`,
    );
  });

  it.each([
    [
      "another program",
      (socket: { end(text: string): void }) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
    ["a program that does not answer", () => undefined],
  ])("a port that %s holds", async (owner, answer) => {
    const squatter = createTcpServer((socket) => {
      socket.on("error", () => undefined);
      onTestFinished(() => void socket.destroy());
      answer(socket);
    });
    squatter.listen(0, LOOPBACK);
    onTestFinished(() => void squatter.close());
    await once(squatter, "listening");
    const { port } = squatter.address() as AddressInfo;
    const args = [...serverArgs(await folderWithAlice()).slice(1), "--port", String(port)];
    expect(await refusedStart(args)).toContain(
      `:${port} is taken by ${owner}; stop it, or choose another port`,
    );
  });

  it.each([
    [["--host", "192.0.2.1", "--plaintext"], /^3 .*192\.0\.2\.1 is not an address of this machine/],
    [
      ["--host", "0.0.0.0", "--plaintext"],
      /^2 .*0\.0\.0\.0 is not a loopback address.*--allow-remote-plaintext/,
    ],
    [["--allow-remote-plaintext"], /^2 .*goes with --plaintext/],
    [["--tls-cert", "cert.pem"], /^2 .*--tls-cert and --tls-key go together/],
    [["--tls-cert", "/none/cert.pem", "--tls-key", "/none/key.pem"], /^9 .*\/none\/key\.pem/],
    [["--port", "65536"], /^2 .*whole number from 0 to 65535/],
    [["--tries", "0"], /^2 .*whole number from 1 to 255/],
    [["--idle-ms", "1e3"], /^2 .*whole number/],
    [["--host", ""], /^2 .*--host must not be empty/],
    [["--surprise"], /^2 .*--surprise/],
  ])("%j", async (args, expected) => {
    const folder = await folderWithAlice();
    expect(await refusedStart(["--users", join(folder, "users.json"), "--port", "0", ...args])).toMatch(
      expected,
    );
  });
});

describe("the log", () => {
  it("has a JSON line for each login, with no secret in it (TB-FRAME-8)", async () => {
    const args = serverArgs(await folderWithAlice(), "--no-opaque");
    const server = await listening(new ClientProcess(args));
    await (await logIn(server)).stop();
    await expect(logIn(server, "a wrong secret")).rejects.toMatchObject({ code: "refused" });
    await server.process.out.shows("bad-credentials");
    server.process.child.kill("SIGTERM");
    const { code, out, err } = await server.process.finished();
    expect(code).toBe(0);
    const logins = out
      .split("\n")
      .flatMap((line) => (line.includes('"login"') ? [JSON.parse(line) as object] : []));
    expect(logins).toMatchObject([
      { event: "login", outcome: "accepted", user: "alice", source: LOOPBACK, mechanism: "PASSWORD" },
      { event: "login", outcome: "bad-credentials", user: "alice", source: LOOPBACK },
    ]);
    for (const secret of [PASSWORD, "a wrong secret"]) expect(out + err).not.toContain(secret);
  });

  it("as text is a line a person can read, whatever a peer says", () => {
    const fields = { level: 30, time: 0, msg: "login", user: "a b", source: "\u001b[31m", n: 7, none: null };
    expect(textLine(JSON.stringify(fields))).toBe(
      String.raw`00:00:00.000 info  login user="a b" source=\x1b[31m n=7 none=null` + "\n",
    );
    const failed = textLine(
      JSON.stringify({ level: 50, time: 0, msg: "x", err: { stack: "Error: y\n  at z" } }),
    );
    expect(failed).toBe("00:00:00.000 error x\n    Error: y\n      at z\n");
  });
});

describe("stopping", () => {
  it("lets sessions finish, and exits with 0", async () => {
    const server = await listening(new ClientProcess(serverArgs(await folderWithAlice())));
    const client = await logIn(server);
    server.process.child.kill("SIGTERM");
    await client.finished; // GOAWAY: the client stops by itself
    expect(await server.process.finished()).toMatchObject({ code: 0 });
  });

  it("gives up on them at the second signal", async () => {
    const args = serverArgs(await folderWithAlice(), "--plaintext").filter(
      (arg, at, all) => arg !== "--identity" && all[at - 1] !== "--identity",
    );
    const process = new ClientProcess(args);
    await process.err.shows("plaintext: ");
    const port = Number(/:(\d+)\n/.exec(process.err.text)?.[1]);
    const silent = connectTcp({ port, host: LOOPBACK, allowHalfOpen: true }); // it lingers
    onTestFinished(() => void silent.destroy());
    silent.on("error", () => undefined);
    await once(silent, "connect");
    silent.write(Buffer.from("0000001001", "hex")); // a frame that never ends
    process.child.kill("SIGINT");
    await process.err.shows("stopping");
    process.child.kill("SIGINT");
    expect(await process.finished()).toMatchObject({ code: 130 });
  });
});

describe("npm start", () => {
  it("makes a user whose password nobody sees, and prints the command that logs in", async () => {
    const folder = makeTemporaryFolder();
    for (const name of ["src", "scripts", "spec", "package.json"]) {
      cpSync(join(project, name), join(folder, name), { recursive: true });
    }
    symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
    const start = async (): Promise<Listening> => {
      const process = new ClientProcess(
        [join(folder, "scripts/start.ts"), "--host", LOOPBACK, "--port", "0"],
        { cwd: folder },
      );
      const server = await listening(process);
      await process.err.shows("npx talkbyte-client ");
      await process.err.shows("\n");
      return server;
    };
    const server = await start();
    const password = readFileSync(join(folder, ".talkbyte/password"), "utf8").trim();
    expect(statSync(join(folder, ".talkbyte/password")).mode & 0o777).toBe(0o600);
    expect(server.process.err.text).not.toContain(password);
    const [, command = ""] = /npx talkbyte-client (.*)\n/.exec(server.process.err.text) ?? [];
    const client = new ClientProcess([join(folder, "src/bin/talkbyte-client.ts"), ...command.split(" ")], {
      cwd: folder,
    });
    client.child.stdin.end("hello\n");
    expect(await client.finished()).toMatchObject({ code: 0, out: "hello\n" });
    const again = await start();
    expect(again.fingerprint).toBe(server.fingerprint);
    expect(readFileSync(join(folder, ".talkbyte/password"), "utf8").trim()).toBe(password);
  });
});
