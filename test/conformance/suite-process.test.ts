// Processes that the runner launches, the driver that talks to an adapter, and the meter of the runner's own lag.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { UnsupportedCall } from "../../src/conformance/play/link.ts";
import { Adapter, AdapterError } from "../../src/conformance/suite/adapter.ts";
import { deathText, LaunchedProcess } from "../../src/conformance/suite/child-process.ts";
import { LagMeter } from "../../src/conformance/suite/lag.ts";
import { NotReady } from "../../src/conformance/suite/target.ts";

const launchOf = (script: string) => ({
  command: [process.execPath, "-e", script],
  folder: process.cwd(),
  environment: { TALKBYTE_PORT: "4711" },
});

function launch(script: string): LaunchedProcess {
  const launched = new LaunchedProcess(launchOf(script));
  onTestFinished(async () => await launched.stop(0));
  return launched;
}

async function lineFrom(launched: LaunchedProcess): Promise<string> {
  const [line] = (await once(createInterface({ input: launched.stdout }), "line")) as [string];
  return line;
}

function isAlive(pid: number): boolean {
  try {
    // Z: dead, and not buried by whoever has adopted it.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("LaunchedProcess", () => {
  it("tells an exit code and the last words", async () => {
    const launched = launch(`
      process.stderr.write("a".repeat(5000) + process.env.TALKBYTE_PORT + " it hurts\\n");
      process.exitCode = 3;`);
    expect(launched.death).toBeUndefined();
    await launched.gone;
    expect(launched.death).toMatchObject({ code: 3, signal: null });
    expect(launched.death?.lastWords).toHaveLength(2000);
    expect(launched.death && deathText(launched.death)).toMatch(
      /^exit code 3; its last words: a+4711 it hurts$/,
    );
  });

  it("tells the signal of one that said nothing", async () => {
    const launched = launch("process.kill(process.pid, 'SIGSEGV')");
    await launched.gone;
    expect(launched.death && deathText(launched.death)).toBe("SIGSEGV");
  });

  it.each([
    ["is not there", { command: ["./no-such-program"] }, "could not be started; its last words: spawn"],
    ["is a folder", { command: ["/"] }, "could not be started; its last words: spawn"],
  ])("tells that a program %s", async (_what, change, text) => {
    const launched = new LaunchedProcess({ ...launchOf(""), ...change });
    await launched.gone;
    expect(launched.death).toMatchObject({ code: null, signal: null });
    expect(launched.death && deathText(launched.death)).toContain(text);
    await launched.stop();
  });

  it("refuses a command that can't even be tried", () => {
    expect(() => new LaunchedProcess({ ...launchOf(""), command: ["a\0b"] })).toThrow(NotReady);
  });

  it("ends one that ignores SIGTERM, after a while", async () => {
    const launched = launch(
      `process.on("SIGTERM", () => undefined); setInterval(() => undefined, 1000); console.log("ready")`,
    );
    await lineFrom(launched);
    await launched.stop(50);
    expect(launched.death?.signal).toBe("SIGKILL");
  });

  it("lets one that knows SIGTERM end in its own way", async () => {
    const launched = launch(
      `process.on("SIGTERM", () => process.exit(42)); setInterval(() => undefined, 1000); console.log("ready")`,
    );
    await lineFrom(launched);
    await launched.stop();
    expect(launched.death?.code).toBe(42);
  });

  it("ends what it has started, and doesn't wait for who holds its output open", async () => {
    const launched = launch(`
      const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
      console.log(child.pid);
      process.stdin.resume().on("end", () => process.exit(0));`);
    const pid = Number(await lineFrom(launched));
    onTestFinished(() => void (isAlive(pid) && process.kill(pid, "SIGKILL")));
    expect(isAlive(pid)).toBe(true);
    await launched.stop();
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });

  it("waits a while for a death and no longer", async () => {
    const launched = launch("process.stdin.resume().on('end', () => process.exit(1))");
    await launched.goneWithin(10);
    expect(launched.death).toBeUndefined();
    launched.stdin.end();
    await launched.goneWithin(60_000);
    expect(launched.death?.code).toBe(1);
  });
});

// Answers each request with what `reply` makes of it, an expression over `request` and the list `all` of those before.
function adapterOf(reply: string): Adapter {
  const adapter = new Adapter(
    launchOf(`
      const all = [];
      const write = (value) => process.stdout.write((typeof value === "string" ? value : JSON.stringify(value)) + "\\n");
      require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
        const request = JSON.parse(line);
        all.push(request);
        ${reply}
      }).on("close", () => process.exit());`),
  );
  onTestFinished(() => adapter.close());
  return adapter;
}

const address = { host: "127.0.0.1", port: 1, fingerprint: null };

describe("Adapter", () => {
  it("writes requests as the specification has them", async () => {
    const adapter = adapterOf("write({ id: request.id, error: line })");
    const calls: [Promise<void>, object][] = [
      [adapter.open(address, 60_000), { id: 1, call: "open", ...address }],
      [
        adapter.login({ username: "a", password: "b" }),
        { id: 2, call: "login", username: "a", password: "b" },
      ],
      [adapter.send(Uint8Array.of(0, 255)), { id: 3, call: "send", payload: "00ff" }],
      [adapter.ping(), { id: 4, call: "ping" }],
      [adapter.stop(), { id: 5, call: "stop" }],
      [adapter.end(), { id: 6, call: "end" }],
    ];
    for (const [call, request] of calls) {
      const error: unknown = await call.catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(AdapterError);
      expect(JSON.parse((error as Error).message)).toEqual(request);
    }
  });

  it("takes answers in any order", async () => {
    const adapter = adapterOf(
      "if (all.length === 3) for (const { id } of all.reverse()) write(id === 2 ? { id, error: 'no' } : { id })",
    );
    const order: number[] = [];
    const settled = [adapter.ping(), adapter.stop(), adapter.end()].map((call, index) =>
      call.finally(() => order.push(index)),
    );
    const outcomes = await Promise.allSettled(settled);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(order).toEqual([2, 1, 0]);
  });

  it("tells a call that the client lacks", async () => {
    await expect(adapterOf("write({ id: request.id, unsupported: true })").ping()).rejects.toThrow(
      UnsupportedCall,
    );
  });

  it.each([
    ["'connecting…'", "answers no request: connecting…"],
    ["'{}'", "answers no request: {}"],
    ["'[1]'", "answers no request: [1]"],
    ["{ id: 99 }", 'answers no request: {"id":99}'],
    ["{ id: '1' }", "answers no request"],
    ["'x'.repeat(1000)", /answers no request: x{200}$/],
  ])("refuses %s in place of an answer", async (line, message) => {
    await expect(adapterOf(`write(${line})`).open(address, 60_000)).rejects.toThrow(message);
  });

  it("gives up on one that is silent", async () => {
    await expect(adapterOf("").open(address, 30)).rejects.toThrow('did not answer "open" within 30 ms');
  });

  it("gives up on one that dies, now and later", async () => {
    const adapter = adapterOf("process.stderr.write('sorry'); process.exit(4)");
    const [first, second] = [adapter.ping(), adapter.stop()];
    await expect(first).rejects.toThrow("the adapter has gone");
    await expect(second).rejects.toThrow("the adapter has gone");
    expect(adapter.death).toMatchObject({ code: 4, lastWords: "sorry" });
    await expect(adapter.ping()).rejects.toThrow("the adapter has gone: exit code 4; its last words: sorry");
  });
});

function block(milliseconds: number): void {
  for (const until = performance.now() + milliseconds; performance.now() < until;);
}

describe("LagMeter", () => {
  it("notices a loop that was blocked, while it's watched", () => {
    const meter = new LagMeter();
    const watch = meter.watch();
    block(150);
    const during = meter.watch();
    expect(watch.end()).toBeGreaterThanOrEqual(100);
    during.end();
    const after = meter.watch();
    expect(after.end()).toBeLessThan(100);
  });

  it("keeps the longest lag and not the last", async () => {
    const watch = new LagMeter().watch();
    block(200);
    await new Promise((resolve) => {
      setTimeout(resolve, 45);
    });
    expect(watch.end()).toBeGreaterThanOrEqual(150);
  });

  it("holds no timer when nobody watches", () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    const meter = new LagMeter();
    const watches = [meter.watch(), meter.watch()];
    expect(timers()).toBe(before + 1);
    for (const watch of watches) watch.end();
    expect(timers()).toBe(before);
  });
});
