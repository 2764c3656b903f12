// --minimize: each failing case is shrunk against the implementation under test, and held to our own at each step.

import { readFileSync } from "node:fs";
import type { Exchange } from "../conformance/exchange/exchange.ts";
import type { Result } from "../conformance/play/result.ts";
import type { Segmentation } from "../conformance/play/segmentation.ts";
import { playOnce, type PlayRules } from "../conformance/suite/case-run.ts";
import { LagMeter } from "../conformance/suite/lag.ts";
import { minimize, type Minimized } from "../conformance/suite/minimize.ts";
import { NotReady, type Target } from "../conformance/suite/target.ts";
import { openReference } from "./conformance-reference.ts";

// A step that never comes is waited for again and again here.
const patienceMs = 1000;

export async function minimizeCases(
  failures: readonly { readonly exchange: Exchange; readonly failed: Result }[],
  makeTarget: () => Target,
  rules: PlayRules,
): Promise<ReadonlyMap<string, Minimized>> {
  const shrunk = new Map<string, Minimized>();
  const [first] = failures;
  if (first === undefined) return shrunk;
  const impatient = { ...rules, timeoutMs: Math.min(rules.timeoutMs, patienceMs) };
  const meter = new LagMeter();
  const target = makeTarget();
  const reference = await openReference(first.failed.role, rules.profile, impatient.timeoutMs);
  const playAgainst = async (
    peer: Target,
    exchange: Exchange,
    segmentation: Segmentation,
  ): Promise<Result> => {
    if (peer.death !== undefined) await peer.start();
    return (await playOnce(exchange, segmentation, peer, impatient, meter)).result;
  };
  try {
    await target.start();
    for (const { exchange, failed } of failures) {
      const smallest = await minimize({
        text: readFileSync(exchange.file, "utf8"),
        failed,
        replay: (candidate, segmentation) => playAgainst(target, candidate, segmentation),
        isSound: async (candidate) =>
          (await playAgainst(reference.target, candidate, "whole")).verdict === "pass",
      });
      if (smallest !== undefined) shrunk.set(exchange.id, smallest);
    }
  } catch (error) {
    // What has been shrunk by then is worth having.
    if (!(error instanceof NotReady)) throw error;
  } finally {
    await Promise.all([target.stop(), reference.close()]);
  }
  return shrunk;
}
