// A run against targets in this process: which plays are repeated, at whose door a crash is laid, and what is said of the
// cases that were not played.

import { describe, expect, it } from "vitest";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import type { Opening } from "../../src/conformance/play/run.ts";
import {
  simulateLink,
  type SimulatedPeer,
  type SimulatedWire,
} from "../../src/conformance/play/simulated-link.ts";
import { playCase, type PlayedCase, type PlayRules } from "../../src/conformance/suite/case-run.ts";
import type { Death } from "../../src/conformance/suite/child-process.ts";
import { LagMeter, type LagWatch } from "../../src/conformance/suite/lag.ts";
import { runSuite, type SuiteOutcome } from "../../src/conformance/suite/suite.ts";
import { NotReady, type Target } from "../../src/conformance/suite/target.ts";
import { simulateServer } from "../protocol/simulated-server.ts";
import { exchangeOf, serverLogin } from "./exchange-text.ts";
import { errorFrame, profile, welcome } from "./fakes.ts";

type Start = (wire: SimulatedWire) => SimulatedPeer;
const right = simulateServer("at once");
const idle: SimulatedPeer = {
  receive: () => undefined,
  receiveEnd: () => undefined,
  receiveReset: () => undefined,
  wakeAt: () => undefined,
  wake: () => undefined,
};
const silent: Start = () => idle;
const closed: Start = (wire) => ({ ...idle, receive: () => wire.end() });
// Refuses everyone, with another code than any case asks for.
const wrong: Start = (wire) => ({
  ...idle,
  receive() {
    wire.send(errorFrame(7));
    wire.end();
  },
});

const killed: Death = { code: 9, signal: null, lastWords: "boom" };

// Gives the peers one after the other, the last for ever; "dies" is one that closes and is found dead afterwards.
class FakeTarget implements Target {
  readonly role = "server";
  sane = true;
  starts = 0;
  opened = 0;
  death: Death | undefined;
  readonly #peers: readonly (Start | "dies" | "not ready")[];
  readonly #mostStarts: number;

  constructor(peers: readonly (Start | "dies" | "not ready")[], mostStarts = Infinity) {
    this.#peers = peers;
    this.#mostStarts = mostStarts;
  }

  start(): Promise<void> {
    if (++this.starts > this.#mostStarts) return Promise.reject(new NotReady("no more of it"));
    this.death = undefined;
    return Promise.resolve();
  }

  open(): Promise<Opening> {
    const peer = this.#peers[Math.min(this.opened++, this.#peers.length - 1)] ?? right;
    if (peer === "not ready") return Promise.reject(new NotReady("it hangs"));
    if (peer === "dies") this.death = killed;
    return Promise.resolve({ link: simulateLink(peer === "dies" ? closed : peer) });
  }

  died(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

const echo = exchangeOf(`${serverLogin}\n- C: { MESSAGE: { payload: hi } }\n- S: { REPLY: { payload: hi } }`);
const breach = exchangeOf(
  `- C: { HELLO: $any }\n- S: { WELCOME: $any }\n- C: { raw: "00 00 00 00" }\n  illegal: true\n- S: { closes: malformed }`,
);
const timed = exchangeOf("- S: { closes: timeout }\n  at: $login-ms");

const rules: PlayRules = {
  profile,
  segmentations: ["whole"],
  seed: 5,
  timeoutMs: 1000,
  timeScale: 1,
  strict: false,
  sanity: echo,
};

// Says of each play in turn how late the runner was.
class FakeMeter extends LagMeter {
  readonly #lags: number[];
  constructor(...lags: number[]) {
    super();
    this.#lags = lags;
  }
  override watch(): LagWatch {
    return { end: () => this.#lags.shift() ?? 0 };
  }
}

async function playedBy(
  target: FakeTarget,
  exchange: Exchange,
  more: Partial<PlayRules> = {},
  meter = new FakeMeter(),
) {
  const { plays, gone } = await playCase(exchange, target, { ...rules, ...more }, meter);
  return { gone, plays, result: plays[0]?.result };
}

describe("playCase", () => {
  it("plays each segmentation, until one is unsupported", async () => {
    const all = { segmentations: ["whole", "every-byte", "random-cuts"] } as const;
    const { plays } = await playedBy(new FakeTarget([right]), echo, all);
    expect(plays.map(({ result }) => [result.segmentation, result.verdict])).toEqual([
      ["whole", "pass"],
      ["every-byte", "pass"],
      ["random-cuts", "pass"],
    ]);
    const poor = await playedBy(new FakeTarget([right]), echo, { ...all, profile: { variables: {} } });
    expect(poor.plays.map(({ result }) => result.verdict)).toEqual(["unsupported"]);
  });

  it("plays again when the runner was late, and says so when it always is", async () => {
    const often = new FakeTarget([right]);
    const { result } = await playedBy(often, timed, {}, new FakeMeter(8000, 8000));
    expect(result?.verdict).toBe("pass");
    expect(often.opened).toBe(3);
    const always = await playedBy(
      new FakeTarget([right]),
      timed,
      {},
      new FakeMeter(8000, 8000, 8000, 8000, 8000),
    );
    expect(always.result?.verdict).toBe("inconclusive");
    expect(always.result?.reason).toBe(
      "the runner itself was late by 8000 ms, too much for the 30000 ms that count here (it was: pass)",
    );
  });

  it("doesn't mind a late runner where nothing is timed, or less than a quarter", async () => {
    expect((await playedBy(new FakeTarget([right]), echo, {}, new FakeMeter(8000))).result?.verdict).toBe(
      "pass",
    );
    expect((await playedBy(new FakeTarget([right]), timed, {}, new FakeMeter(7000))).result?.verdict).toBe(
      "pass",
    );
  });

  it("lays a crash at the case that made it, though its end of stream was as asked", async () => {
    const end = exchangeOf("- C: { HELLO: $any }\n- S: end");
    const target = new FakeTarget(["dies", right]);
    const { result, gone } = await playedBy(target, end);
    expect(result).toMatchObject({ verdict: "fail", reason: "crashed: exit code 9; its last words: boom" });
    expect(gone).toBeUndefined();
    expect(target.starts).toBe(1);
  });

  it("lays a wedge at the case that made it", async () => {
    const { result } = await playedBy(new FakeTarget([right, silent, right]), breach);
    expect(result?.verdict).toBe("fail");
    expect(result?.reason).toBe(
      "the sanity case made-up does not pass: expected WELCOME, but got nothing in time",
    );
  });

  it("says both what failed and what it has done", async () => {
    const { result } = await playedBy(new FakeTarget([silent, silent]), breach);
    expect(result?.reason).toBe(
      "expected WELCOME, but got nothing in time; the sanity case made-up does not pass: expected WELCOME, but got nothing in time",
    );
  });

  it("asks no sanity of a case in which nothing could hurt", async () => {
    const target = new FakeTarget([right]);
    await playedBy(target, echo);
    expect(target.opened).toBe(1);
  });

  it("is undecided about one that can't be opened, and goes on when it can be started again", async () => {
    const { result, gone } = await playedBy(new FakeTarget(["not ready"]), echo);
    expect(result?.verdict).toBe("inconclusive");
    expect(result?.reason).toBe("it hangs; the sanity case made-up can't be played: it hangs");
    expect(gone).toBeUndefined();
    expect((await playedBy(new FakeTarget(["not ready"], 0), echo)).gone).toBe("no more of it");
  });

  it("makes a failure of a warning where that is asked for", async () => {
    const fond = new FakeTarget([right, closed, right]);
    await fond.open();
    const lenient = exchangeOf(`- C: { raw: "00 00 00 00" }\n  illegal: true\n- S: { closes: malformed }`);
    const gentle = await playedBy(new FakeTarget([closed, right]), lenient);
    expect(gentle.result?.verdict).toBe("warn");
    const { result } = await playedBy(fond, lenient, { strict: true });
    expect(result?.verdict).toBe("fail");
    expect(result?.reason).toContain("with --strict: ");
  });
});

describe("a server that is told to stop", () => {
  const stopping = exchangeOf(
    `- C: { HELLO: $any }\n- S: { WELCOME: $any }\n- operator: stop\n- S: { closes: shutdown }`,
  );
  const shutdown: Start = (wire) => ({
    ...idle,
    receive() {
      wire.send(welcome());
      wire.send(errorFrame(9));
      wire.end();
    },
  });

  // Dies a while after its connection has ended, as servers do.
  class StoppedTarget extends FakeTarget {
    readonly #end: Death | undefined;
    constructor(end: Death | undefined) {
      super([shutdown]);
      this.#end = end;
    }
    override async open(): Promise<Opening> {
      return { ...(await super.open()), operator: { stop: () => undefined } };
    }
    override died(): Promise<void> {
      this.death = this.#end;
      return Promise.resolve();
    }
  }

  it.each<[string, Partial<Death> | undefined, string, string]>([
    ["exits with 0", { code: 0 }, "pass", ""],
    ["ends by the signal itself", { signal: "SIGTERM" }, "pass", ""],
    ["says so as a shell does", { code: 143 }, "pass", ""],
    ["stays", undefined, "pass", ""],
    ["exits with 1", { code: 1 }, "fail", "crashed when it was told to stop: exit code 1"],
    ["ends by another signal", { signal: "SIGABRT" }, "fail", "crashed when it was told to stop: SIGABRT"],
  ])("and %s", async (_what, end, verdict, reason) => {
    const death = end && { code: null, signal: null, lastWords: "", ...end };
    const target = new StoppedTarget(death);
    const { result, gone } = await playedBy(target, stopping);
    expect(result).toMatchObject({ verdict, reason });
    expect(gone).toBeUndefined();
    expect(target.starts).toBe(1);
  });

  it("and was dead before is told so, and not as one that stopped", async () => {
    const target = new StoppedTarget(undefined);
    target.death = killed;
    const early = exchangeOf(`- C: { HELLO: $any }\n- S: { PONG: $any }\n- operator: stop\n- S: closed`);
    const { result } = await playedBy(target, early);
    expect(result?.reason).toMatch(/^expected PONG, but got WELCOME.*; crashed: exit code 9/);
  });
});

interface Ran extends SuiteOutcome {
  readonly verdicts: readonly string[];
}

async function runOf(target: FakeTarget, exchanges: readonly Exchange[], jobs = 1): Promise<Ran> {
  const played: PlayedCase[] = [];
  const outcome = await runSuite({
    exchanges,
    rules,
    jobs,
    makeTarget: () => target,
    onCase: (one) => void played.push(one),
  });
  return { ...outcome, verdicts: played.map(({ plays }) => plays.at(-1)?.result.verdict ?? "none") };
}

describe("runSuite", () => {
  it("plays all, the sanity case first and last", async () => {
    const target = new FakeTarget([right]);
    expect(await runOf(target, [echo, echo])).toEqual({
      notReady: undefined,
      remarks: [],
      verdicts: ["pass", "pass"],
    });
    expect(target.opened).toBe(4);
  });

  it.each<[string, FakeTarget, string]>([
    ["can't be started", new FakeTarget([right], 0), "no more of it"],
    ["says nothing", new FakeTarget([silent]), "expected WELCOME, but got nothing in time"],
    ["can't be opened", new FakeTarget(["not ready"]), "it hangs"],
    ["crashes at once", new FakeTarget(["dies"]), "crashed: exit code 9"],
  ])("plays nothing against one that %s", async (_what, target, reason) => {
    const { notReady, verdicts } = await runOf(target, [echo]);
    expect(notReady).toContain("nothing can be tested: ");
    expect(notReady).toContain(reason);
    expect(verdicts).toEqual([]);
  });

  it("plays all against one that is wrong from the start", async () => {
    const target = new FakeTarget([wrong]);
    const { notReady, remarks, verdicts } = await runOf(target, [echo, breach]);
    expect(notReady).toBeUndefined();
    expect(remarks).toHaveLength(1);
    expect(remarks[0]).toContain("before any other case: the sanity case made-up does not pass: ");
    expect(verdicts).toEqual(["fail", "fail"]);
    expect(target.sane).toBe(false);
  });

  it("tells of a death between two cases, and goes on", async () => {
    const target = new FakeTarget([right]);
    const played: PlayedCase[] = [];
    const { remarks } = await runSuite({
      exchanges: [echo, echo],
      rules,
      jobs: 1,
      makeTarget: () => target,
      onCase(one) {
        if (played.push(one) === 1) target.death = killed;
      },
    });
    expect(played.map(({ plays }) => plays[0]?.result.verdict)).toEqual(["pass", "pass"]);
    expect(remarks).toEqual(["after made-up: crashed: exit code 9; its last words: boom"]);
  });

  it("tells how many cases were not played when it's gone for good", async () => {
    const target = new FakeTarget([right, "dies"], 1);
    const { remarks, verdicts } = await runOf(target, [breach, echo, echo]);
    expect(verdicts).toEqual(["fail"]);
    expect(remarks).toEqual([
      "the implementation could not be started again: no more of it",
      "2 cases were not played, for the implementation was gone",
    ]);
  });

  it("ends all jobs, and then all that they launched, at a bug in one of them", async () => {
    const log: string[] = [];
    class LoggedTarget extends FakeTarget {
      override async open(): Promise<Opening> {
        log.push("open");
        return await super.open();
      }
      override stop(): Promise<void> {
        log.push("stop");
        return Promise.resolve();
      }
    }
    let bugs = 0;
    const failing = runSuite({
      exchanges: Array.from({ length: 50 }, () => breach),
      rules,
      jobs: 2,
      makeTarget: () => new LoggedTarget([right]),
      onCase() {
        if (++bugs === 1) throw new RangeError("a bug");
      },
    });
    await expect(failing).rejects.toThrow("a bug");
    // Nothing is opened behind the first stop, and few cases are played.
    expect(log.slice(log.indexOf("stop"))).toEqual(["stop", "stop"]);
    expect(log.length).toBeLessThan(20);
    const settled = log.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toHaveLength(settled);
  });

  it("shares the cases out among the jobs", async () => {
    const targets: FakeTarget[] = [];
    const ids: string[] = [];
    await runSuite({
      exchanges: [echo, breach, echo, echo, echo],
      rules,
      jobs: 3,
      makeTarget() {
        const target = new FakeTarget([right]);
        targets.push(target);
        return target;
      },
      onCase: ({ exchange }) => void ids.push(exchange.id),
    });
    expect(ids).toHaveLength(5);
    expect(targets).toHaveLength(3);
    for (const { starts } of targets) expect(starts).toBe(1);
  });
});
