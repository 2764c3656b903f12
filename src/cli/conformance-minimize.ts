// --minimize: each failing case is shrunk against the implementation under test, and held to our own at each step. It is
// judged as in the run itself: the sanity case follows, and what was wedged or crashed is launched anew.

import { readFileSync } from "node:fs";
import type { Exchange } from "../conformance/exchange/exchange.ts";
import type { Result } from "../conformance/play/result.ts";
import type { Segmentation } from "../conformance/play/segmentation.ts";
import { playCase, playOnce, type PlayRules } from "../conformance/suite/case-run.ts";
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
  onProgress: (text: string) => void,
): Promise<ReadonlyMap<string, Minimized>> {
  const shrunk = new Map<string, Minimized>();
  const [first] = failures;
  if (first === undefined) return shrunk;
  const impatient = { ...rules, timeoutMs: Math.min(rules.timeoutMs, patienceMs) };
  const meter = new LagMeter();
  const target = makeTarget();
  const reference = await openReference(first.failed.role, rules.profile, impatient.timeoutMs);
  const replay = async (exchange: Exchange, segmentation: Segmentation): Promise<Result> => {
    if (target.death !== undefined) await target.start();
    const { plays, gone } = await playCase(
      exchange,
      target,
      { ...impatient, segmentations: [segmentation] },
      meter,
    );
    const [played] = plays;
    if (gone !== undefined || played === undefined) throw new NotReady(gone ?? "it was not played");
    return played.result;
  };
  try {
    await target.start();
    for (const { exchange, failed } of failures) {
      const { id } = exchange;
      const smallest = await minimize({
        text: readFileSync(exchange.file, "utf8"),
        failed,
        replay,
        isSound: async (candidate) =>
          (await playOnce(candidate, "whole", reference.target, impatient, meter)).result.verdict === "pass",
        onShrunk: (steps, plays) => onProgress(`shrinking ${id}: ${steps} steps left after ${plays} plays`),
      });
      if (smallest !== undefined) shrunk.set(id, smallest);
    }
  } catch (error) {
    // What has been shrunk by then is worth having.
    if (!(error instanceof NotReady)) throw error;
  } finally {
    await Promise.all([target.stop(), reference.close()]);
  }
  return shrunk;
}
