// Failing exchanges are shrunk: as far as they go, and no further than a right peer goes along.

import { describe, expect, it } from "vitest";
import { simulateServer } from "../protocol/simulated-server.ts";
import { exchangeOf, exchangeText } from "./exchange-text.ts";
import { errorFrame, fakeServer, frame, profile, u32, welcome, type FakeOptions } from "./fakes.ts";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import { play } from "../../src/conformance/play/player.ts";
import type { Result } from "../../src/conformance/play/result.ts";
import type { Segmentation } from "../../src/conformance/play/segmentation.ts";
import { simulateLink } from "../../src/conformance/play/simulated-link.ts";
import { parseExchange } from "../../src/conformance/exchange/exchange.ts";
import { fieldContent, type FrameReading } from "../../src/conformance/wire/frames.ts";
import { minimize, type Minimized } from "../../src/conformance/suite/minimize.ts";

// Against a fake that is wrong, or the core's server, which is right.
function playAgainst(
  fake: FakeOptions | "right",
  exchange: Exchange,
  segmentation: Segmentation,
): Promise<Result> {
  const link = simulateLink(fake === "right" ? simulateServer("at once") : fakeServer(fake));
  return play(exchange, { role: "server", link, profile, timeoutMs: 1000, segmentation, seed: 3 });
}

interface Tried {
  readonly smallest: Minimized | undefined;
  readonly failed: Result;
  readonly sound: number;
}

async function shrink(
  steps: string,
  fake: FakeOptions,
  segmentation: Segmentation = "whole",
): Promise<Tried> {
  const failed = await playAgainst(fake, exchangeOf(steps), segmentation);
  expect(failed.verdict).toBe("fail");
  let sound = 0;
  const smallest = await minimize({
    text: exchangeText(steps),
    failed,
    replay: (candidate, cut) => playAgainst(fake, candidate, cut),
    async isSound(candidate) {
      sound++;
      return (await playAgainst("right", candidate, "whole")).verdict === "pass";
    },
  });
  return { smallest, failed, sound };
}

const steps = `
- C: { HELLO: { min-version: 1, max-version: 1, agent: $any } }
- S: { WELCOME: $any }
- C: { AUTH: { mechanism: PASSWORD, username: $username, mechanism-data: $wrong-password } }
- S: { REFUSED: { reason: bad-credentials } }
- C: { AUTH: { mechanism: PASSWORD, username: $username, mechanism-data: $password } }
- S: { AUTHENTICATED: $any }
- C: { PING: { data: { hex: "0000000000000001" } } }
- S: { PONG: { data: { hex: "0000000000000001" } } }
- C: { MESSAGE: { id: 7, payload: { repeat: "61", times: 300 } } }
- S: { REPLY: { id: 7, payload: { repeat: "61", times: 300 } } }
- C: { STOP: $any }
- S: { STOPPED: { accepted: 1 } }
- S: end
`;

function content(reading: FrameReading, path: string): Uint8Array {
  return fieldContent(reading, path) ?? new Uint8Array();
}

// Each reply has the id 0.
const wrongId: FakeOptions = {
  on: { MESSAGE: (reading, wire) => wire.send(frame("REPLY", u32(0), content(reading, "payload"))) },
};

describe("minimize", () => {
  it("keeps the steps and the bytes without which it would not fail alike", async () => {
    const { smallest, sound } = await shrink(steps, wrongId);
    const { text = "", plays } = smallest ?? {};
    const shrunk = parseExchange(text, "made-up.yaml");
    expect(text.split("\n").filter((line) => line.startsWith("- "))).toEqual([
      expect.stringContaining("HELLO"),
      expect.stringContaining("WELCOME"),
      expect.stringContaining("AUTH"),
      expect.stringContaining("AUTHENTICATED"),
      expect.stringMatching(/MESSAGE.*times: 1 /),
      expect.stringMatching(/REPLY.*times: 1 /),
    ]);
    expect((await playAgainst(wrongId, shrunk, "whole")).verdict).toBe("fail");
    expect((await playAgainst("right", shrunk, "whole")).verdict).toBe("pass");
    expect(sound).toBeGreaterThan(0);
    expect(plays).toBeLessThanOrEqual(200);
  });

  it("doesn't stop asking, so that the answer need not come", async () => {
    const { smallest } = await shrink(steps, { on: { MESSAGE: () => undefined } });
    expect(smallest?.text).toContain("MESSAGE");
    expect(smallest?.text).toContain("REPLY");
    expect(smallest?.text).not.toContain("STOP:");
  });

  it("lets a count go with what is counted", async () => {
    const counted = steps
      .replace(
        /- C: { MESSAGE.*\n- S: { REPLY.*\n/,
        "- C: [ { repeat: 40, of: { MESSAGE: { id: 1, payload: a } } } ]\n- S: [ { repeat: 40, of: { REPLY: { id: 1, payload: a } } } ]\n",
      )
      .replace("accepted: 1 ", "accepted: 40 ");
    const { smallest } = await shrink(counted, {
      on: { STOP: (_reading, wire) => wire.send(errorFrame(7)) },
    });
    expect(smallest?.text).not.toMatch(/repeat: (?!1\b)|accepted: (?![01]\b)/);
    expect(smallest?.text).toContain("STOPPED");
  });

  it("fails alike, and not in some other way", async () => {
    // Whoever leaves the PING out gets another failure, sooner.
    let pinged = false;
    const needy: FakeOptions = {
      on: {
        HELLO(_reading, wire) {
          pinged = false;
          wire.send(welcome());
        },
        PING(reading, wire) {
          pinged = true;
          wire.send(frame("PONG", content(reading, "data")));
        },
        MESSAGE: (_reading, wire) =>
          pinged ? wire.send(frame("REPLY", u32(7), u32(9))) : wire.send(errorFrame(7)),
      },
    };
    const { smallest } = await shrink(steps, needy);
    expect(smallest?.text).toContain("PING");
    expect(smallest?.text).not.toContain("STOP");
  });

  it("takes the simplest segmentation that fails alike", async () => {
    expect((await shrink(steps, wrongId, "random-cuts")).smallest?.segmentation).toBe("whole");
  });

  it("gives up on a failure that doesn't come back", async () => {
    const failed = await playAgainst(wrongId, exchangeOf(steps), "whole");
    let plays = 0;
    const smallest = await minimize({
      text: exchangeText(steps),
      failed,
      replay(candidate, cut) {
        plays++;
        return playAgainst("right", candidate, cut);
      },
      isSound: () => Promise.resolve(true),
    });
    expect(smallest).toBeUndefined();
    expect(plays).toBe(1);
  });

  it("keeps the whole exchange where nothing smaller is sound", async () => {
    const failed = await playAgainst(wrongId, exchangeOf(steps), "whole");
    const smallest = await minimize({
      text: exchangeText(steps),
      failed,
      replay: (candidate, cut) => playAgainst(wrongId, candidate, cut),
      isSound: () => Promise.resolve(false),
    });
    const shrunk = parseExchange(smallest?.text ?? "", "made-up.yaml");
    expect(shrunk.steps).toHaveLength(13);
  });
});
