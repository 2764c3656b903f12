// talkbyte-client as a person uses it, on a pseudo-terminal.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD } from "../net/harness.ts";
import { clientCommand, openScreen, serve, type Screen } from "./client-process.ts";

const question = "Enter your message: ";

async function logIn(screen: Screen): Promise<void> {
  await screen.shows("Username: ");
  screen.type("alice\r");
  await screen.shows("Password of alice: ");
  screen.type(`${PASSWORD}\r`);
}

/** The server's arguments without those that name the user. */
async function serveAsking(): Promise<{ command: string } & Awaited<ReturnType<typeof serve>>> {
  const served = await serve();
  const { fingerprint, running } = served;
  const args = ["--host", LOOPBACK, "--port", String(running.port), "--fingerprint", fingerprint];
  return { ...served, command: clientCommand(args) };
}

it("asks, talks, escapes what the server says, and stops", async () => {
  const { command } = await serveAsking();
  const screen = openScreen(`${command}; echo "code $?"; stty -a`);
  await logIn(screen);
  await screen.shows("Logged in to 127.0.0.1:");
  await screen.shows(question);
  screen.type("hello\r");
  await screen.shows("hello\r\nhello\r\n");
  await screen.shows(question);
  screen.type("\r");
  await screen.shows(question);
  screen.type("\u0016\u001b[31m\r"); // Ctrl-V lets the escape through
  await screen.shows("\\x1b[31m\r\n");
  await screen.shows(question);
  screen.type("stop\r");
  await screen.shows("code 0");
  expect(await screen.ended()).toBe(0);
  expect(screen.text()).toMatch(/\sicanon[^]*\secho\s/);
  expect(screen.text()).not.toContain(PASSWORD);
});

it("ends at Ctrl-D and leaves a clean line", async () => {
  const { args } = await serve();
  const screen = openScreen(`${clientCommand(args)}; echo "code $?"`);
  await screen.shows(question);
  screen.type("\u0004");
  await screen.shows("\r\ncode 0");
  expect(await screen.ended()).toBe(0);
});

it("ends at Ctrl-C in good order", async () => {
  const { args, running } = await serve();
  const screen = openScreen(`trap : INT; ${clientCommand(args)}; echo "code $?"`);
  await screen.shows(question);
  screen.type("\u0003");
  await screen.shows("talkbyte-client: interrupted");
  await screen.shows("code 130");
  const [closed] = await running.log.wait("closed");
  expect(closed?.["error"]).toBeUndefined();
});

it("can be left at each question, for nothing is connected yet (TB-TIME-7)", async () => {
  const { command, running } = await serveAsking();
  for (const ready of ["Username: ", "Password of alice: "]) {
    const screen = openScreen(`trap : INT; ${command}; echo "code $?"`);
    await screen.shows("Username: ");
    if (ready !== "Username: ") screen.type("alice\r");
    if (ready !== "Username: ") await screen.shows(ready);
    screen.type("\u0003");
    await screen.shows("code 130");
  }
  expect(running.log.lines).toEqual([]);
});

it("asks on the terminal while lines come by a pipe and echoes go to a file", async () => {
  const { command } = await serveAsking();
  const out = join(makeTemporaryFolder(), "out");
  const screen = openScreen(`seq 3 | ${command} >${out}; echo "code $?"`);
  await logIn(screen);
  await screen.shows("code 0");
  expect(readFileSync(out, "utf8")).toBe("1\n2\n3\n");
  expect(screen.text()).not.toContain(question);
});

it("tells a person at the prompt that the server is being stopped", async () => {
  const { args, running } = await serve();
  const screen = openScreen(`${clientCommand(args)}; echo "code $?"`);
  await screen.shows(question);
  await running.server.close();
  await screen.shows(
    "\r\ntalkbyte-client: the server is being stopped\r\ntalkbyte-client: the server ended the session\r\n",
  );
  await screen.shows("code 3");
  expect(await screen.ended()).toBe(0);
});

it("asks where the person can see it, and colours the trace there", async () => {
  const { args } = await serve();
  const folder = makeTemporaryFolder();
  const elsewhere = openScreen(
    `${clientCommand([...args, "--trace"])} 2>${join(folder, "err")}; echo "code $?"`,
  );
  await elsewhere.shows(question);
  elsewhere.type("stop\r");
  await elsewhere.shows("code 0");
  expect(readFileSync(join(folder, "err"), "utf8")).toMatch(/Logged in[^]*STOPPED/);
  expect(readFileSync(join(folder, "err"), "utf8")).not.toContain("\u001b[");
  for (const [environment, colored] of [
    ["", true],
    ["NO_COLOR=1 ", false],
  ] as const) {
    const screen = openScreen(`${environment}${clientCommand([...args, "--trace"])}; echo "code $?"`);
    await screen.shows(question);
    screen.type("stop\r");
    await screen.shows("code 0");
    expect(screen.text().includes("\u001b[1;36m")).toBe(colored);
  }
});

it("leaves no control character of a reply unescaped in JSON either", async () => {
  const { args } = await serve();
  const screen = openScreen(`printf 'a\\302\\2332Jb\\342\\200\\256' | ${clientCommand([...args, "--json"])}`);
  await screen.shows('"type":"reply","line":1,"text":"a\\u009b2Jb\\u202e"');
  expect(await screen.ended()).toBe(0);
});
