// Sends an extension frame now and then, of random type and length, so that a peer which fails to skip them
// is found early (TB-EXT-8). It lives at the edge because the core has no randomness.

import { randomFillSync, randomInt } from "node:crypto";
import type { FrameWriter } from "../protocol/frame-writer.ts";
import { EXTENSION_FIRST_TYPE } from "../protocol/wire.ts";

const MAX_BODY_BYTES = 32;

/** How often an extension frame is sent where one may be: 0 never, 1 always. */
export type GreaseRate = number;

export const DEFAULT_GREASE_RATE: GreaseRate = 1 / 8;

export function grease(out: FrameWriter, rate: GreaseRate): void {
  if (Math.random() >= rate) return;
  const bodyBytes = randomInt(MAX_BODY_BYTES + 1);
  const frame = new Uint8Array(5 + bodyBytes);
  frame[3] = 1 + bodyBytes;
  frame[4] = randomInt(EXTENSION_FIRST_TYPE, 0x100);
  randomFillSync(frame, 5);
  out.frame(frame);
}
