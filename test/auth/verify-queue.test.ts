import { afterEach, expect, test, vi } from "vitest";

import { QueueFullError, VerifyQueue, type VerifyQueueLimits } from "../../src/auth/verify-queue.ts";

const NEVER_ABORTED = new AbortController().signal;

function makeQueue(limits: Partial<VerifyQueueLimits> = {}): VerifyQueue {
  return new VerifyQueue({ verifyConcurrency: 2, verifyQueueLength: 3, verifyQueueMs: 1000, ...limits });
}

/** A job that ends when it is told to. */
class Job {
  readonly #done = Promise.withResolvers<string>();
  started = false;

  /** Not async, so that its end is known in the very turn in which it comes. */
  readonly run = (): Promise<string> => {
    this.started = true;
    return this.#done.promise;
  };

  finish(value = "done"): void {
    this.#done.resolve(value);
  }

  fail(): void {
    this.#done.reject(new Error("the job failed"));
  }
}

const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

afterEach(() => void vi.useRealTimers());

test("so many run at once, the rest in the order in which they came", async () => {
  const queue = makeQueue();
  const jobs = Array.from({ length: 5 }, () => new Job());
  const results = jobs.map(async (job) => await queue.run(job.run, NEVER_ABORTED));
  await settle();
  expect(jobs.map(({ started }) => started)).toEqual([true, true, false, false, false]);
  expect([queue.running, queue.waiting]).toEqual([2, 3]);
  jobs[1]!.finish();
  await settle();
  expect(jobs.map(({ started }) => started)).toEqual([true, true, true, false, false]);
  jobs[0]!.fail(); // a failed job gives its place away too
  await expect(results[0]).rejects.toThrow("the job failed");
  await settle();
  expect(jobs[3]!.started).toBe(true);
  for (const job of jobs) job.finish("value");
  expect(await Promise.all(results.slice(2))).toEqual(["value", "value", "value"]);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("a full line refuses", async () => {
  const queue = makeQueue({ verifyConcurrency: 1, verifyQueueLength: 1 });
  const [running, waiting] = [new Job(), new Job()];
  const results = [running, waiting].map(async (job) => await queue.run(job.run, NEVER_ABORTED));
  await expect(queue.run(new Job().run, NEVER_ABORTED)).rejects.toBeInstanceOf(QueueFullError);
  running.finish();
  waiting.finish();
  await Promise.all(results);

  const none = makeQueue({ verifyConcurrency: 1, verifyQueueLength: 0 });
  const job = new Job();
  const result = none.run(job.run, NEVER_ABORTED);
  await expect(none.run(new Job().run, NEVER_ABORTED)).rejects.toBeInstanceOf(QueueFullError);
  job.finish();
  await result;
});

test("a wait that is too long is refused, a run that is long is not", async () => {
  vi.useFakeTimers();
  const queue = makeQueue({ verifyConcurrency: 1 });
  const [running, waiting] = [new Job(), new Job()];
  const first = queue.run(running.run, NEVER_ABORTED);
  const second = queue.run(waiting.run, NEVER_ABORTED);
  const refusal = second.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(999);
  expect(queue.waiting).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(await refusal).toBeInstanceOf(QueueFullError);
  expect([queue.running, queue.waiting, waiting.started]).toEqual([1, 0, false]);
  running.finish("late");
  expect(await first).toBe("late");
  expect(queue.running).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("a job whose peer has left is not begun, before it waits, while it waits, or as its turn comes", async () => {
  const queue = makeQueue({ verifyConcurrency: 1 });
  const gone = new Job();
  await expect(queue.run(gone.run, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  expect(queue.running).toBe(0);

  const running = new Job();
  const first = queue.run(running.run, NEVER_ABORTED);
  const leaving = new AbortController();
  const second = queue.run(gone.run, leaving.signal);
  leaving.abort(new Error("left"));
  await expect(second).rejects.toThrow("left");
  expect(queue.waiting).toBe(0);
  running.finish();
  await first;
  expect([gone.started, queue.running]).toEqual([false, 0]);
});

test("a peer that leaves in the instant in which a job ends does not take a place with it", async () => {
  const queue = makeQueue({ verifyConcurrency: 1 });
  for (let round = 0; round < 5; round++) {
    const running = new Job();
    const first = queue.run(running.run, NEVER_ABORTED);
    const leaving = new AbortController();
    const second = queue.run(new Job().run, leaving.signal).catch(() => "left");
    const third = new Job();
    const last = queue.run(third.run, NEVER_ABORTED);
    running.finish();
    leaving.abort();
    expect(await second).toBe("left");
    await first;
    await settle();
    expect(third.started).toBe(true);
    third.finish();
    await last;
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  }
});

test("a job that is given its place as its peer leaves passes the place on", async () => {
  const queue = makeQueue({ verifyConcurrency: 1 });
  const running = new Job();
  const first = queue.run(running.run, NEVER_ABORTED);
  const leaving = new AbortController();
  const second = new Job();
  const result = queue.run(second.run, leaving.signal).catch(() => "left");
  running.finish();
  await first; // its place has been handed on in the same turn
  leaving.abort();
  await result;
  await settle();
  second.finish();
  expect(queue.running).toBe(0);
});
