// Plays steps against the fake server over the simulated link.

import { play, type PlayOptions } from "../../src/conformance/play/player.ts";
import type { Result } from "../../src/conformance/play/result.ts";
import { simulateLink } from "../../src/conformance/play/simulated-link.ts";
import { exchangeOf } from "./exchange-text.ts";
import { fakeServer, profile, type FakeOptions } from "./fakes.ts";

export function playServer(
  steps: string,
  fake: FakeOptions = {},
  options: Partial<PlayOptions> = {},
  head = "",
): Promise<Result> {
  const link = simulateLink(fakeServer(fake));
  return play(exchangeOf(steps, head), { role: "server", link, profile, timeoutMs: 1000, ...options });
}

export const hello = "- C: { HELLO: $any }\n";
