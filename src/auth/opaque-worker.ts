// The thread of one stretching: takes a job, answers it, ends.

import { parentPort, workerData } from "node:worker_threads";
import { loadOpaque } from "./opaque-library.ts";
import { stretch, type StretchJob, type StretchResult } from "./opaque-stretch-job.ts";

export type StretchAnswer = StretchResult | { readonly type: "failed"; readonly message: string };

async function answer(): Promise<StretchAnswer> {
  try {
    return stretch(await loadOpaque(), workerData as StretchJob);
  } catch (error) {
    return { type: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

// eslint-disable-next-line unicorn/require-post-message-target-origin -- a port of worker_threads has none
parentPort?.postMessage(await answer());
