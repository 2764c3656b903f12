// Lines that strangers cause, under a clock that the test moves by hand: first as the log bounds them, then at a server.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { BoundedLog } from "../../src/net/bounded-log.ts";
import { SERVER_LIMITS } from "../../src/net/limits.ts";
import { auth, frame, hello, MemoryLog, rawConnect, startServer, usersWithAlice } from "./harness.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

class Lines {
  readonly log = new MemoryLog();
  readonly bounded = new BoundedLog(this.log, { logLinesPerSecond: 3 });
  #seen = 0;

  add(event: string, count: number): this {
    for (let index = 0; index < count; index++)
      this.bounded.info({ event, source: `192.0.2.${index}` }, "a line");
    return this;
  }

  second(): this {
    vi.advanceTimersByTime(1000);
    return this;
  }

  /** What has been written since this was asked last: for each line its event, or what was left out. */
  written(): string[] {
    const lines = this.log.lines.slice(this.#seen);
    this.#seen = this.log.lines.length;
    return lines.map(({ event, of, count }) =>
      event === "left-out" ? `${String(count)} of ${String(of)}` : String(event),
    );
  }
}

describe("the bounded log", () => {
  test("writes so many lines in a second, whole, then one that counts the rest, then nothing", () => {
    const lines = new Lines().add("a", 1000);
    expect(lines.written()).toEqual(["a", "a", "a"]);
    expect(lines.log.lines[2]).toEqual({ level: "info", event: "a", source: "192.0.2.2", text: "a line" });
    expect(lines.second().written()).toEqual(["997 of a"]);
    expect(lines.log.lines[3]).toMatchObject({ level: "info", text: expect.stringContaining("left out") });
    for (let seconds = 0; seconds < 10; seconds++) lines.second();
    expect(lines.written()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("goes on so for as long as a flood lasts", () => {
    const lines = new Lines();
    for (let second = 1; second <= 5; second++) {
      lines.add("a", 100);
      expect(lines.written()).toEqual(["a", "a", "a"]);
      expect(lines.second().written()).toEqual(["97 of a"]);
    }
  });

  test("loses no line below the limit, however long it goes on", () => {
    const lines = new Lines();
    for (let second = 0; second < 100; second++) lines.add("a", 3).second();
    expect(lines.written()).toEqual(Array.from({ length: 300 }, () => "a"));
  });

  test("counts each event by itself: a flood of one hides no other", () => {
    const lines = new Lines().add("a", 1000).add("b", 2);
    expect(lines.written()).toEqual(["a", "a", "a", "b", "b"]);
    expect(lines.add("b", 2).written()).toEqual(["b"]);
    expect(lines.second().written()).toEqual(["997 of a", "1 of b"]);
  });

  test("speaks of lines left out at their own level", () => {
    const { bounded, log } = new Lines();
    for (const level of ["debug", "info", "warn", "error"] as const)
      for (let index = 0; index < 4; index++) bounded[level]({ event: level }, "a line");
    vi.advanceTimersByTime(1000);
    expect(log.of("left-out").map(({ level, of }) => [level, of])).toEqual(
      ["debug", "info", "warn", "error"].map((level) => [level, level]),
    );
  });

  test("tells at its end what it has not told yet, once", () => {
    const lines = new Lines().add("a", 5).add("b", 3);
    lines.written();
    lines.bounded.close();
    expect(lines.written()).toEqual(["2 of a"]);
    expect(lines.second().written()).toEqual([]);
  });
});

describe("a server", () => {
  test("keeps refused logins and breaches before login to the limit, and has a line for each login and its end", async () => {
    const running = await startServer({ limits: { logLinesPerSecond: 2 } });
    const { log, server } = running;
    const stranger = await rawConnect(running);
    stranger.send(hello(), ...Array.from({ length: 7 }, () => auth("alice", "x", "NO-SUCH")));
    await stranger.lines(8);
    for (let index = 0; index < 5; index++)
      expect(await (await rawConnect(running)).send(frame(0x7f)).line()).toBe("ERROR unknown-type");
    for (let index = 0; index < 4; index++) (await (await rawConnect(running)).logIn()).end();
    await log.wait("closed", 4);
    const count = (outcome: string): number =>
      log.of("login").filter((line) => line["outcome"] === outcome).length;
    expect([count("accepted"), count("mechanism-unavailable")]).toEqual([4, 2]);
    expect(log.of("failed")).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    const leftOut = log.of("left-out").map(({ of, count }) => [of, count]);
    expect(leftOut).toContainEqual(["login", 5]);
    expect(leftOut).toContainEqual(["failed", 3]);
    expect(server.stats()).toMatchObject({ loggedIn: 4, failed: 5 });
  });

  test("keeps failed handshakes to the limit, and tells of the rest when it stops", async () => {
    const running = await startServer({ tls: true, limits: { logLinesPerSecond: 2 } });
    const { log, server } = running;
    for (let index = 0; index < 5; index++) {
      const stranger = await rawConnect(running);
      await stranger.send(new Uint8Array(64).fill(0x20)).rest();
      stranger.end();
    }
    await expect.poll(() => server.stats()).toMatchObject({ tlsFailed: 5, connections: 0 });
    expect(log.of("tls-failed")).toHaveLength(2);
    await server.close();
    expect(log.of("left-out")).toMatchObject([{ of: "tls-failed", count: 3 }]);
  });

  test("keeps dropped connections to the limit", async () => {
    const running = await startServer({ limits: { logLinesPerSecond: 2, maxConnections: 1 } });
    const { log, server } = running;
    const session = await (await rawConnect(running)).logIn();
    for (let index = 0; index < 6; index++) await (await rawConnect(running)).rest();
    expect(server.stats()).toMatchObject({ dropped: 6 });
    expect(log.of("dropped")).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    expect(log.of("left-out")).toMatchObject([{ of: "dropped", count: 4 }]);
    session.end();
  });

  test("has a line with its source for each failure of a stranger who tries twenty times a second", async () => {
    expect(SERVER_LIMITS.logLinesPerSecond.default).toBe(20);
    const running = await startServer({ users: await usersWithAlice(), limits: { tries: 20 } });
    const stranger = await rawConnect(running);
    stranger.send(hello(), ...Array.from({ length: 20 }, () => auth("alice", "x", "NO-SUCH")));
    await stranger.lines(21);
    expect(running.log.of("login").map(({ source }) => source)).toEqual(
      Array.from({ length: 20 }, () => "127.0.0.1"),
    );
    vi.advanceTimersByTime(1000);
    expect(running.log.of("left-out")).toEqual([]);
  });
});
