// Our server and our client over TLS sockets, each against the oracle of test/opaque, which shares no code with them:
// names and passwords at random, right and wrong ones, and proofs that were changed in one bit.

import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";

import { connect, type Client } from "../../src/net/client.ts";
import { LOOPBACK, message, MemoryUsers, startServer, type RunningServer } from "./harness.ts";
import { giveRecord, testSetup } from "./opaque-peer.ts";
import { logInByOracle, OracleServer } from "./opaque-oracle.ts";
import { listenTls } from "./tls-peer.ts";

interface Login {
  readonly username: string;
  readonly password: string;
}

/** What a username may hold, and of what OpaqueString leaves as it is some that take one byte of UTF-8, and more. */
const NAME = Array.from({ length: 0x7f - 0x21 }, (_, index) => String.fromCharCode(0x21 + index));
const PASSWORD = [...NAME, " ", "ä", "ß", "Ж", "あ", "漢", "😀"];

function draw(alphabet: readonly string[], length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** The shortest and the longest name among them. */
const LOGINS: readonly Login[] = [1, 2, 17, 64].map((length) => ({
  username: draw(NAME, length),
  password: draw(PASSWORD, randomInt(8, 200)),
}));
const NUMBERED = LOGINS.map((login, index) => [index + 1, login] as const);

/** Another password, by one character in front. */
const wrong = ({ username, password }: Login): Login => ({ username, password: `x${password}` });

function flipBit(data: Uint8Array, at: number): Uint8Array {
  return data.map((byte, index) => (index === at ? byte ^ (1 << randomInt(8)) : byte));
}

describe("the oracle as a client of our server", () => {
  async function serve(): Promise<RunningServer> {
    const users = new MemoryUsers();
    for (const { username, password } of LOGINS) {
      users.add(username, undefined);
      await giveRecord(users, username, await testSetup(), password);
    }
    return await startServer({ tls: true, users, opaque: await testSetup() });
  }

  test("logs in each user, and finds the server's proof right", async () => {
    const running = await serve();
    for (const [number, login] of NUMBERED) {
      const { raw, answer } = await logInByOracle(running, login);
      expect(answer, `login ${number}`).toBe("AUTHENTICATED");
      expect(await raw.send(message(1, "hi")).line()).toBe("REPLY 1 hi");
    }
  });

  test("opens nothing with a wrong password, and nothing for a user who isn't there", async () => {
    const running = await serve();
    for (const login of [...LOGINS.map(wrong), { username: "nobody", password: "anything" }]) {
      expect(await logInByOracle(running, login)).toMatchObject({ opened: false, answer: "REFUSED" });
    }
    expect(running.log.of("login").map(({ outcome }) => outcome)).toEqual(Array(5).fill("abandoned"));
  });

  test.each([
    ["client-mac", 0],
    ["client-tag", 64],
  ])("is refused when one bit of its %s is wrong", async (_, start) => {
    const running = await serve();
    const at = start + randomInt(32);
    const login = await logInByOracle(running, LOGINS[2]!, (data) => flipBit(data, at));
    expect(login).toMatchObject({ opened: true, answer: "REFUSED" });
    expect(running.log.of("login")).toMatchObject([{ outcome: "bad-credentials" }]);
  });
});

describe("our client at a server of the oracle's", () => {
  const STRETCHING = { memoryKib: 20_480, passes: 2, lanes: 2 };

  /** What our client made of it, and what the oracle. */
  async function meet(
    stored: Login,
    typed: Login,
    tamper?: (serverTag: Uint8Array) => Uint8Array,
  ): Promise<{ login: Promise<Client>; outcome: string; rest: () => Promise<string[]> }> {
    const oracle = await OracleServer.of(stored.username, stored.password, STRETCHING);
    const listener = await listenTls();
    const login = connect({ host: LOOPBACK, port: listener.port, trust: {}, greaseRate: 0, ...typed });
    login.catch(() => undefined);
    const raw = await listener.accept();
    const outcome = await oracle.serve(raw, tamper);
    if (outcome !== "AUTHENTICATED") raw.end();
    return { login, outcome, rest: async () => await raw.rest() };
  }

  test.each(NUMBERED)("login %i: proves its password, and takes the server's proof", async (_, stored) => {
    const { login, outcome, rest } = await meet(stored, stored);
    expect(outcome).toBe("AUTHENTICATED");
    const client = await login;
    expect([client.mechanism, client.voucher]).toEqual(["OPAQUE", "opaque"]);
    client.close();
    await rest();
  });

  test.each(NUMBERED)("login %i: gives up with a wrong password", async (_, stored) => {
    const { login, outcome, rest } = await meet(stored, wrong(stored));
    expect(outcome).toBe("abandoned");
    await expect(login).rejects.toMatchObject({ code: "refused", retryable: false });
    expect(await rest()).toEqual(["end"]);
  });

  test.each(NUMBERED)(
    "login %i: leaves without a word when one bit of the server-tag is wrong",
    async (_, stored) => {
      const { login, outcome, rest } = await meet(stored, stored, (tag) => flipBit(tag, randomInt(32)));
      expect(outcome).toBe("AUTHENTICATED");
      await expect(login).rejects.toMatchObject({ code: "not-trusted", reason: "wrong-proof" });
      expect(await rest()).toEqual(["end"]);
    },
  );
});
