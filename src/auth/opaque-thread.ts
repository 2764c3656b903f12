// Stretches a password in a thread of its own, so that the event loop stays free, and the memory, with what it
// holds of the password, goes when the thread does.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { checkStretching } from "../credentials/opaque-stretching.ts";
import type { StretchJob, StretchResult } from "./opaque-stretch-job.ts";
import type { StretchAnswer } from "./opaque-worker.ts";

/** The computation itself failed: for lack of memory, say. */
export class StretchingError extends Error {
  override readonly name = "StretchingError";
}

/**
 * @throws CredentialError `hash-out-of-bounds` before anything runs
 * @throws StretchingError
 * @throws the signal's reason when it aborts, at any time
 */
export async function stretchInThread(job: StretchJob, signal?: AbortSignal): Promise<StretchResult> {
  checkStretching(job.stretching);
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<StretchAnswer>();
  const worker = new Worker(WORKER, { workerData: job, name: "opaque", execArgv: [] });
  const abort = (): void => reject(signal?.reason);
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.once("exit", (code) => reject(new StretchingError(`the thread ended with code ${code}`)));
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const answer = await promise;
    if (answer.type === "failed") throw new StretchingError(answer.message);
    return answer;
  } finally {
    signal?.removeEventListener("abort", abort);
    await worker.terminate();
  }
}

/** The same file in a checkout (.ts) and in the package (.js). */
const WORKER = new URL(`./opaque-worker${extname(import.meta.url)}`, import.meta.url);
