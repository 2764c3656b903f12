// What is still held in memory: a collector that a test can call.

import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Whether nothing refers to the target any more. */
export async function isForgotten(target: WeakRef<object>): Promise<boolean> {
  for (let round = 0; round < 5 && target.deref() !== undefined; round++) {
    await setImmediate(); // a WeakRef holds its target until the turn ends
    collect();
  }
  return target.deref() === undefined;
}
