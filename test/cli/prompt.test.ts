// The prompts, on a real pseudo-terminal: `script` of util-linux, which every Debian has, gives the program a
// controlling terminal, types what we write to it, and shows what would stand on the screen.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import { HiddenLine } from "../../src/cli/hidden-line.ts";
import { readSecretLine } from "../../src/cli/secret-source.ts";
import { readUsers } from "../../src/credentials/users-file.ts";
import { runNode, usersBin } from "../credentials/child.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";

const secret = "zebra-quartz-77-lamp";
const promptModule = JSON.stringify(new URL("../../src/cli/prompt.ts", import.meta.url).href);

interface Screen {
  text(): string;
  type(keys: string | Uint8Array): void;
  /** Waits until this stands on the screen, after what was waited for before. */
  shows(text: string): Promise<void>;
  ended(): Promise<number | null>;
}

/** A shell command with a terminal. */
function openScreen(command: string): Screen {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, SHELL: "/bin/sh", NO_COLOR: "1" },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  // Not "exit": what the program wrote last may come after it.
  let isClosed = false;
  const closed = once(child, "close").then(() => (isClosed = true));
  let text = "";
  let position = 0;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return {
    text: () => text,
    type: (keys) => void child.stdin.write(keys),
    async shows(wanted) {
      while (!text.includes(wanted, position)) {
        await Promise.race([once(child.stdout, "data"), closed]);
        if (isClosed && !text.includes(wanted, position)) {
          throw new Error(`the program ended before it showed ${wanted}: ${text}`);
        }
      }
      position = text.indexOf(wanted, position) + wanted.length;
    },
    async ended() {
      await closed;
      return child.exitCode;
    },
  };
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Asks, prints the answer as JSON or the error, and then how the terminal is left. */
function askOnScreen(body: string): Screen {
  const program = `
    import { promptHidden, promptLine, Terminal } from ${promptModule};
    try { ${body} } catch (error) { console.log("error", error.exitCode, error.message); }`;
  const node = `${shellQuote(process.execPath)} --input-type=module -e ${shellQuote(program)}`;
  return openScreen(`${node}; echo "code $?"; stty -a; echo finished`);
}

const askHidden = 'console.log("got", JSON.stringify(await promptHidden("Secret: ")));';

/** How the program left the terminal, by the `stty -a` after it. */
async function modesAfter(screen: Screen): Promise<readonly string[]> {
  await screen.shows("finished");
  return modesIn(screen.text());
}

function modesIn(settings: string): readonly string[] {
  const find = (mode: string): string => new RegExp(`-?\\b${mode}\\b`).exec(settings)?.[0] ?? "";
  return ["icanon", "isig", "echo"].map(find);
}

const cooked = ["icanon", "isig", "echo"];

describe("promptHidden", () => {
  it("shows nothing of the answer and gives the terminal back", async () => {
    const screen = askOnScreen(askHidden.replace('console.log("got", JSON.stringify(', "const answer = (("));
    await screen.shows("Secret: ");
    screen.type(`${secret}\r`);
    await screen.shows("code 0");
    expect(await modesAfter(screen)).toEqual(cooked);
    expect(screen.text()).not.toContain(secret);
    expect(screen.text()).not.toContain("*");
  });

  it.each([
    ["rubout", "abx\u007fc\r", "abc"],
    ["backspace over a character of several bytes", "aß🐎\b\bc\r", "ac"],
    ["rubout at the start", "\u007fa\r", "a"],
    ["Ctrl-U", "wrong\u0015right\r", "right"],
    ["Ctrl-W", "wrong one\u0017right\r", "right"],
    ["arrow keys", "a\u001b[D\u001bOAb\u001b[1;5Cc\r", "abc"],
    ["a lone escape", "a\u001bbc\r", "abc"],
    ["Ctrl-D in the middle", "ab\u0004c\r", "abc"],
    ["other control characters kept", "a\tb\u001ac\r", "a\tb\u001ac"],
    ["a line feed for the end", "abc\n", "abc"],
  ])("handles %s", async (_, keys, answer) => {
    const screen = askOnScreen(askHidden);
    await screen.shows("Secret: ");
    screen.type(keys);
    await screen.shows(`got ${JSON.stringify(answer)}`);
    expect(await modesAfter(screen)).toEqual(cooked);
  });

  it("gives the terminal back before the program goes on", async () => {
    const screen = askOnScreen(`
      const { execSync } = await import("node:child_process");
      for (const ending of ["answer", "Ctrl-C"]) {
        await promptHidden("Secret: ").catch(() => undefined);
        console.log(String(execSync("stty -a </dev/tty")) + "all shown");
      }`);
    for (const keys of ["a\r", "a\u0003"]) {
      const before = screen.text().length;
      await screen.shows("Secret: ");
      screen.type(keys);
      await screen.shows("all shown"); // a word that stty does not say
      expect(modesIn(screen.text().slice(before))).toEqual(cooked);
    }
  });

  it("is interrupted by Ctrl-C", async () => {
    const screen = askOnScreen(askHidden);
    await screen.shows("Secret: ");
    screen.type(`${secret}\u0003`);
    await screen.shows("error 130 interrupted");
    expect(await modesAfter(screen)).toEqual(cooked);
  });

  it("is ended by Ctrl-D", async () => {
    const screen = askOnScreen(askHidden);
    await screen.shows("Secret: ");
    screen.type("\u0004");
    await screen.shows("error 130 no answer");
    expect(await modesAfter(screen)).toEqual(cooked);
  });

  it("refuses what is no UTF-8, and what is too long", async () => {
    const latin = askOnScreen(askHidden);
    await latin.shows("Secret: ");
    latin.type(Buffer.from([0x61, 0xe9, 0x0d]));
    await latin.shows("error 2 the terminal sent bytes that are not UTF-8");
    const long = askOnScreen(askHidden);
    await long.shows("Secret: ");
    long.type("x".repeat(4_097));
    await long.shows("error 2 the answer is too long");
    expect(await modesAfter(long)).toEqual(cooked);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const)(
    "restores the terminal on %s",
    async (signal) => {
      const screen = askOnScreen(`process.stdout.write("pid " + process.pid + "\\n"); ${askHidden}`);
      await screen.shows("Secret: ");
      const pid = Number(/pid (\d+)/.exec(screen.text())?.[1]);
      process.kill(pid, signal);
      await screen.shows(`code ${{ SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 }[signal]}`);
      expect(await modesAfter(screen)).toEqual(cooked);
    },
  );

  it("restores the terminal when the program exits", async () => {
    const screen = askOnScreen(`setImmediate(() => process.exit(7)); ${askHidden}`);
    await screen.shows("code 7");
    expect(await modesAfter(screen)).toEqual(cooked);
  });

  it("stays hidden after a stop and a continue", async () => {
    const screen = askOnScreen(
      `process.on("SIGCONT", () => console.log("continued")); console.log("pid " + process.pid); ${askHidden}`,
    );
    await screen.shows("Secret: ");
    process.kill(Number(/pid (\d+)/.exec(screen.text())?.[1]), "SIGCONT");
    await screen.shows("continued");
    screen.type(`${secret}\r`);
    await screen.shows("got");
    expect(screen.text().split(secret)).toHaveLength(2);
  });
});

describe("promptLine and Terminal", () => {
  it("echoes a line", async () => {
    const screen = askOnScreen('console.log("got", JSON.stringify(await promptLine("Name: ")));');
    await screen.shows("Name: ");
    screen.type("alicf\u007fe\n");
    await screen.shows('got "alice"');
    expect(screen.text()).toContain("Name: alicf");
    expect(await modesAfter(screen)).toEqual(cooked);
  });

  it("is ended by Ctrl-D", async () => {
    const screen = askOnScreen('await promptLine("Name: ");');
    await screen.shows("Name: ");
    screen.type("\u0004");
    await screen.shows("error 130 no answer");
    expect(await modesAfter(screen)).toEqual(cooked);
  });

  it("keeps for the next question what was typed ahead", async () => {
    const screen = askOnScreen(`
      const terminal = new Terminal();
      const answers = [await terminal.askHidden("1: "), await terminal.askHidden("2: ")];
      answers.push(await terminal.askLine("3: "));
      terminal.close();
      console.log("got", JSON.stringify(answers));`);
    await screen.shows("1: ");
    screen.type("one\rtwo\r");
    await screen.shows("3: ");
    screen.type("three\n");
    await screen.shows("three"); // a line is echoed again
    await screen.shows('got ["one","two","three"]');
    expect(await modesAfter(screen)).toEqual(cooked);
  });

  it("says what to do without a terminal", async () => {
    const program = `import { promptLine } from ${promptModule};
      await promptLine("?").catch((error) => console.log(error.exitCode, error.message));`;
    const { out } = await runNode(["--input-type=module", "-e", program], "", { detached: true });
    expect(out).toBe(
      "2 there is no terminal to ask on (/dev/tty): give the answer by an option, see --help\n",
    );
  });
});

describe("talkbyte-users on a terminal", () => {
  it("asks on it while standard input and output are elsewhere", async () => {
    const folder = makeTemporaryFolder();
    const path = join(folder, "users.json");
    const command = `${process.execPath} ${usersBin} add alice --no-opaque --users ${path} </dev/null >${folder}/out 2>&1`;
    const screen = openScreen(command);
    for (const question of ["New password for alice: ", "Again: "]) {
      await screen.shows(question);
      screen.type(`${secret}\r`);
    }
    expect(await screen.ended()).toBe(0);
    expect(screen.text()).not.toContain(secret);
    expect(readFileSync(join(folder, "out"), "utf8")).toBe(`added alice to ${path}\n`);
    expect((await readUsers(path)).get("alice")?.password).toMatch(/^\$argon2id\$/);
  });

  it("exits with 130 on Ctrl-C and makes no file", async () => {
    const path = join(makeTemporaryFolder(), "users.json");
    const screen = openScreen(`${process.execPath} ${usersBin} add alice --users ${path}`);
    await screen.shows("New password for alice: ");
    screen.type("\u0003");
    expect(await screen.ended()).toBe(130);
    await expect(readUsers(path)).rejects.toMatchObject({ code: "users-file-missing" });
  });
});

describe("HiddenLine", () => {
  function type(keys: Uint8Array | string): string {
    const line = new HiddenLine();
    for (const byte of Buffer.from(keys)) expect(line.feed(byte)).toBe("more");
    return Buffer.from(line.bytes()).toString("latin1");
  }

  it("drops a broken sequence's own bytes and nothing after it", () => {
    expect(type("a\u001b[31\u0009b")).toBe("a\tb");
    expect(type("a\u001b\u001b[Ab")).toBe("ab");
    expect(type("a\u001bO")).toBe("a");
  });

  it("holds 4,096 bytes", () => {
    const line = new HiddenLine();
    for (let count = 0; count < 4_096; count += 1) expect(line.feed(0x61)).toBe("more");
    expect(line.feed(0x61)).toBe("too-long");
    expect(line.bytes()).toHaveLength(4_096);
  });
});

describe("readSecretLine", () => {
  async function* repeat(chunk: string, read: { chunks: number }): AsyncGenerator<Uint8Array> {
    for (;;) {
      read.chunks += 1;
      yield await Promise.resolve(Buffer.from(chunk));
    }
  }

  it("stops reading at the end of the line, or when it is too long", async () => {
    const read = { chunks: 0 };
    expect(Buffer.from(await readSecretLine(repeat("abc\nd", read))).toString()).toBe("abc");
    expect(read.chunks).toBe(1);
    await expect(readSecretLine(repeat("x".repeat(1_000), read))).rejects.toMatchObject({ exitCode: 2 });
    expect(read.chunks).toBe(6);
  });

  it("keeps a carriage return that ends no line", async () => {
    async function* once(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from("a\rb\r"));
    }
    expect(Buffer.from(await readSecretLine(once())).toString()).toBe("a\rb\r");
  });
});
