// The player against a client under test, over the simulated link.

import { describe, expect, it } from "vitest";
import { concat, toHex } from "../../src/conformance/wire/bytes.ts";
import { UnsupportedCall, type Driver, type LinkEvent } from "../../src/conformance/play/link.ts";
import { play, type PlayOptions } from "../../src/conformance/play/player.ts";
import type { Result } from "../../src/conformance/play/result.ts";
import { simulateLink } from "../../src/conformance/play/simulated-link.ts";
import { bytesFrom } from "../../src/conformance/play/stage.ts";
import { exchangeOf, login } from "./exchange-text.ts";
import { errorFrame, fakeClient, frame, profile, rawFrame, u32 } from "./fakes.ts";
import type { FakeOptions } from "./fakes.ts";

function playClient(
  steps: string,
  fake: FakeOptions = {},
  options: Partial<PlayOptions> = {},
): Promise<Result> {
  const client = fakeClient(fake);
  const link = simulateLink(client.start);
  return play(exchangeOf(steps), {
    role: "client",
    link,
    driver: client.driver,
    profile,
    timeoutMs: 1000,
    ...options,
  });
}

const conversation = `${login}
- app: { send: hello }
- C: { MESSAGE: { id: { capture: id }, payload: hello } }
- S: { REPLY: { id: { ref: id }, payload: hello } }
- app: stop
- C: { STOP: $any }
- S: [{ STOPPED: { accepted: 1 } }, end]
- C: end`;

describe("a client under test", () => {
  it("is driven by app steps and answered by the runner", async () => {
    const result = await playClient(conversation);
    expect(result).toMatchObject({ verdict: "pass", driverErrors: [] });
    expect(result.transcript.filter((entry) => entry.from === "app")).toMatchObject([
      { text: "login" },
      { text: "send" },
      { text: "stop" },
    ]);
    // The reply carries the client's own id.
    expect(toHex(bytesFrom(result.transcript, "S"))).toContain(
      toHex(concat([u32(100), Buffer.from("hello")])),
    );
  });

  it("may send app payloads of every form", async () => {
    const steps = `${login}
- app: { send: { bytes: all } }
- C: { MESSAGE: { payload: { bytes: all } } }
- app: { send: { repeat: "00ff", times: 3 } }
- C: { MESSAGE: { payload: { hex: "00ff00ff00ff" } } }
- app: { send: { hex: "01" } }
- C: { MESSAGE: { payload: { capture: body } } }
- app: { send: { ref: body } }
- C: { MESSAGE: { payload: { hex: "01" } } }
- app: ping
- C: { PING: $any }
- S: { PONG: $any }
- app: end
- C: end`;
    expect(await playClient(steps)).toMatchObject({ verdict: "pass" });
  });

  it("passes a breach on to closes, for both of its frames", async () => {
    const steps = `${login}\n- S: { raw: "00000000" }\n  illegal: true\n- C: { closes: malformed }`;
    expect(await playClient(steps)).toMatchObject({ verdict: "pass", branches: [{ name: "error" }] });
    expect(await playClient(steps, { on: { zero: (_r, wire) => wire.reset() } })).toMatchObject({
      verdict: "warn",
    });
    expect(await playClient(steps, { on: { zero: () => undefined } })).toMatchObject({ verdict: "fail" });
  });

  it("fails for a frame where it should be quiet, and for an extension after STOP", async () => {
    const quiet = `${login}\n- C: quiet\n  for: 100`;
    const busy: FakeOptions = { on: { AUTHENTICATED: (_r, wire) => wire.send(frame("MESSAGE", u32(1))) } };
    expect(await playClient(quiet, busy)).toMatchObject({ verdict: "fail" });
    expect(await playClient(quiet)).toMatchObject({ verdict: "pass" });
    const stopped: FakeOptions = { on: { STOPPED: (_r, wire) => (wire.send(rawFrame(0x80)), wire.end()) } };
    expect((await playClient(conversation, stopped)).reason).toBe("an extension frame after STOP");
  });

  it("is never inconclusive for what it sends", async () => {
    const odd: FakeOptions = {
      on: { WELCOME: (_r, wire) => wire.send(rawFrame(7, new Uint8Array([3, 0, 0, 0, 0, 0]))) },
    };
    expect(await playClient(login, odd)).toMatchObject({ verdict: "fail" });
  });

  it("fails when it doesn't connect", async () => {
    const link = (): Promise<never> => Promise.reject(new Error("no connection within 10 ms"));
    expect(await playClient(login, {}, { link })).toMatchObject({
      verdict: "fail",
      reason: "the client did not connect: no connection within 10 ms",
    });
  });

  it.each(["", "correct", "correct horsf", "correct horse battery"])(
    "that sends the password %j is told nothing of the right one",
    async (password) => {
      const { start, driver } = fakeClient();
      const forgetful = { ...driver, login: () => driver.login({ username: "alice", password }) };
      const result = await playClient(login, {}, { link: simulateLink(start), driver: forgetful });
      expect(result.verdict).toBe("fail");
      expect(result.reason).toBe("AUTH: mechanism-data is not the secret that is due");
    },
  );

  it("has what its driver throws or rejects recorded and not judged", async () => {
    const { start, driver } = fakeClient();
    const grumbling: Driver = {
      ...driver,
      login(credentials) {
        driver.login(credentials);
        return Promise.reject(new Error("refused"));
      },
      ping() {
        throw new Error("not now");
      },
    };
    const steps = `${login}\n- app: ping\n- C: quiet\n  for: 10`;
    const result = await playClient(steps, {}, { link: simulateLink(start), driver: grumbling });
    expect(result).toMatchObject({ verdict: "pass" });
    expect(result.driverErrors.toSorted()).toEqual(["login: refused", "ping: not now"]);
  });

  it.each([
    ["login", "- app: { login: { username: $username, password: $password } }\n- C: { HELLO: $any }"],
    ["ping", `${login}\n- app: ping\n- C: { PING: $any }`],
    ["send", `${login}\n- app: { send: x }\n- C: quiet\n  for: 600000`],
  ])("that lacks %s is unsupported as soon as it says so", async (call, steps) => {
    const { start, driver } = fakeClient();
    const lacking = { ...driver, [call]: () => Promise.reject(new UnsupportedCall()) };
    const connected = simulateLink(start);
    // Where nothing comes, it would be waited for until this test fails.
    const never = new Promise<never>(() => undefined);
    const next = async (): Promise<LinkEvent> => {
      const event = await connected.next(0);
      return event.kind === "timeout" ? never : event;
    };
    const link = call === "login" ? () => never : { ...connected, next };
    expect(await playClient(steps, {}, { link, driver: lacking })).toMatchObject({
      verdict: "unsupported",
      reason: "the client has no such call",
    });
  });

  it.each([
    ["resolves", () => Promise.resolve(), "fail", "stop succeeded"],
    ["rejects", () => Promise.reject(new Error("reply-mismatch")), "pass", ""],
    ["tells nothing", () => undefined, "pass", ""],
    ["never answers", () => new Promise(() => undefined), "pass", ""],
  ])("that has to break the session off, and whose stop %s", async (_what, answer, verdict, reason) => {
    const steps = `${login}
- app: stop
- C: { STOP: $any }
- S: { STOPPED: { accepted: 7 } }
  illegal: true
- C: { closes: reply-mismatch }`;
    const { start, driver } = fakeClient({
      on: { STOPPED: (_r, wire) => (wire.send(errorFrame(5)), wire.end()) },
    });
    const stop = (): unknown => (driver.stop(), answer());
    const options = { link: simulateLink(start), driver: { ...driver, stop }, timeoutMs: 50 };
    const result = await playClient(steps, {}, options);
    expect(result).toMatchObject({ verdict, reason: expect.stringContaining(reason) });
    expect(result.line).toBe(verdict === "fail" ? 11 : undefined);
  });

  it("may say that stop succeeded after a STOPPED that it may take", async () => {
    const { start, driver } = fakeClient();
    const stop = (): unknown => (driver.stop(), Promise.resolve());
    const options = { link: simulateLink(start), driver: { ...driver, stop } };
    expect(await playClient(conversation, {}, options)).toMatchObject({ verdict: "pass" });
  });

  it("is asked for more only once it has passed on the outcome of its login", async () => {
    const { start, driver } = fakeClient({ on: { AUTHENTICATED: () => told() } });
    let told: () => void = () => undefined;
    let known = false;
    const waiting: Driver = {
      ...driver,
      login(credentials) {
        driver.login(credentials);
        return new Promise<void>((resolve) => (told = () => setImmediate(resolve))).then(
          () => (known = true),
        );
      },
      send(payload) {
        if (!known) throw new Error("not logged in");
        return driver.send(payload);
      },
    };
    const steps = `${login}\n- app: { send: x }\n- C: { MESSAGE: { payload: x } }`;
    expect(await playClient(steps, {}, { link: simulateLink(start), driver: waiting })).toMatchObject({
      verdict: "pass",
      driverErrors: [],
    });
  });

  it("may be asked for more before the server has answered", async () => {
    const steps = `${login.replace("- S: { AUTHENTICATED: $any }\n", "")}- app: ping\n- C: quiet\n  for: 10`;
    const { start, driver } = fakeClient();
    const never: Driver = {
      ...driver,
      login: (given) => (driver.login(given), new Promise(() => undefined)),
    };
    const result = await playClient(steps, {}, { link: simulateLink(start), driver: never });
    expect(result).toMatchObject({ verdict: "fail" });
    expect(result.reason).toContain("got PING");
  });

  it("is told what the runner takes by choice: the first branch", async () => {
    const steps = `${login}
- one-of: { pings: [{ S: { PING: $any } }, { C: { PONG: $any } }], ends: [{ S: end }, { C: end }] }`;
    expect(await playClient(steps)).toMatchObject({ verdict: "pass", branches: [{ name: "pings" }] });
  });

  it("is spared what is optional for the runner", async () => {
    const steps = `${login}\n- S: { PING: $any }\n  optional: true\n- S: end\n- C: end`;
    const result = await playClient(steps);
    expect(result.verdict).toBe("pass");
    expect(toHex(bytesFrom(result.transcript, "S"))).not.toContain(toHex(frame("PING", new Uint8Array(8))));
  });

  it("waits for a deadline that the runner plays", async () => {
    const steps = `${login}\n- S: { closes: timeout }\n  at: $idle-ms\n- C: closed`;
    const result = await playClient(steps);
    expect(result.verdict).toBe("pass");
    expect(result.transcript.at(-1)?.at).toBeGreaterThanOrEqual(300_000);
  });
});
