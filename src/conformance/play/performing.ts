// The runner speaks: a step of the side that it plays becomes bytes, an end, or a wait.

import { concat } from "../wire/bytes.ts";
import { sendDuePongs, waitAnswering } from "./next-thing.ts";
import { StepFailed } from "./result.ts";
import { bytesOfAct, quietMs, spanMs, type Scene } from "./scene.ts";
import type { WireStep } from "../exchange/steps.ts";

export async function perform(scene: Scene, step: WireStep): Promise<void> {
  const { stage } = scene;
  if (step.optional) return;
  if (step.at !== undefined) {
    const since = step.since === undefined ? scene.previous : (scene.marks.get(step.since) ?? scene.previous);
    await waitAnswering(scene, Math.max(0, since + spanMs(scene, step.at) - stage.now()));
  }
  const pending: Uint8Array[] = [];
  const flush = async (): Promise<void> => {
    const begunAt = stage.now();
    const taken = await stage.send(concat(pending.splice(0)), scene.timeoutMs);
    scene.sendingMs = Math.max(scene.sendingMs, stage.now() - begunAt);
    // A server may stop reading; a client may not, whatever else it is busy with (TB-MSG-10).
    if (!taken && scene.underTest === "C" && !step.illegal)
      throw new StepFailed(
        "fail",
        `the client took too little of the step's bytes in ${scene.timeoutMs} ms`,
        {
          expected: ["a client that reads while it writes"],
          received: ["a client that reads no more"],
        },
      );
  };
  for (const act of step.acts) {
    const bytes = bytesOfAct(scene, step.speaker, act);
    if (bytes !== undefined) pending.push(bytes);
    switch (act.kind) {
      case "end":
      case "closed":
      case "closes":
        await flush();
        await stage.end();
        break;
      case "reset":
        await flush();
        await stage.reset();
        break;
      case "quiet":
        await flush();
        await waitAnswering(scene, quietMs(scene, step));
        break;
      case "frame":
      case "raw":
      case "cut":
      case "altered":
      case "repeat":
      case "extension":
        break;
    }
  }
  await flush();
  await sendDuePongs(scene);
  scene.previous = stage.now();
}
