// A collector that a test can call, so that what is measured is what is held.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of buffers that are still held. */
export function heldBufferBytes(): number {
  collect();
  collect(); // the first finds what finalizers then let go
  return process.memoryUsage().arrayBuffers;
}
