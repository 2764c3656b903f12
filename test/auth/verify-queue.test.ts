import { afterEach, describe, expect, test, vi } from "vitest";

import { QueueFullError, VerifyQueue, type VerifyQueueLimits } from "../../src/auth/verify-queue.ts";

const NEVER_ABORTED = new AbortController().signal;

function makeQueue(limits: Partial<VerifyQueueLimits> = {}): VerifyQueue {
  return new VerifyQueue({
    verifyConcurrency: 2,
    verifyQueueLength: 3,
    verifyQueuePerSource: 3,
    verifyQueueMs: 1000,
    ...limits,
  });
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
  const results = jobs.map(async (job) => await queue.run("source", job.run, NEVER_ABORTED));
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
  const results = [running, waiting].map(async (job) => await queue.run("source", job.run, NEVER_ABORTED));
  await expect(queue.run("source", new Job().run, NEVER_ABORTED)).rejects.toBeInstanceOf(QueueFullError);
  running.finish();
  waiting.finish();
  await Promise.all(results);

  const none = makeQueue({ verifyConcurrency: 1, verifyQueueLength: 0 });
  const job = new Job();
  const result = none.run("source", job.run, NEVER_ABORTED);
  await expect(none.run("source", new Job().run, NEVER_ABORTED)).rejects.toBeInstanceOf(QueueFullError);
  job.finish();
  await result;
});

test("a wait that is too long is refused, a run that is long is not", async () => {
  vi.useFakeTimers();
  const queue = makeQueue({ verifyConcurrency: 1 });
  const [running, waiting] = [new Job(), new Job()];
  const first = queue.run("source", running.run, NEVER_ABORTED);
  const second = queue.run("source", waiting.run, NEVER_ABORTED);
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
  await expect(queue.run("source", gone.run, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  expect(queue.running).toBe(0);

  const running = new Job();
  const first = queue.run("source", running.run, NEVER_ABORTED);
  const leaving = new AbortController();
  const second = queue.run("source", gone.run, leaving.signal);
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
    const first = queue.run("source", running.run, NEVER_ABORTED);
    const leaving = new AbortController();
    const second = queue.run("source", new Job().run, leaving.signal).catch(() => "left");
    const third = new Job();
    const last = queue.run("source", third.run, NEVER_ABORTED);
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
  const first = queue.run("source", running.run, NEVER_ABORTED);
  const leaving = new AbortController();
  const second = new Job();
  const result = queue.run("source", second.run, leaving.signal).catch(() => "left");
  running.finish();
  await first; // its place has been handed on in the same turn
  leaving.abort();
  await result;
  await settle();
  second.finish();
  expect(queue.running).toBe(0);
});

describe("between sources", () => {
  /** Runs jobs of these sources, one at a time, and returns the order in which they came to their turn. */
  async function orderOf(
    sources: readonly string[],
    limits: Partial<VerifyQueueLimits> = {},
  ): Promise<string[]> {
    const queue = makeQueue({
      verifyConcurrency: 1,
      verifyQueueLength: 100,
      verifyQueuePerSource: 100,
      ...limits,
    });
    const order: string[] = [];
    await Promise.all(
      sources.map(async (source, index) => {
        const job = async (): Promise<void> => {
          order.push(`${source}${index}`);
          await settle();
        };
        await queue.run(source, job, NEVER_ABORTED).catch(() => order.push(`refused ${source}${index}`));
      }),
    );
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
    return order;
  }

  test("the lines take turns: who comes last with one job waits for one of the flood", async () => {
    expect(await orderOf(["f", "f", "f", "f", "f", "h"])).toEqual(["f0", "f1", "h5", "f2", "f3", "f4"]);
  });

  test("within a source the order is that of coming, and each source has its turn", async () => {
    const order = await orderOf(["a", "a", "a", "b", "b", "c", "a"]);
    expect(order).toEqual(["a0", "a1", "b3", "c5", "a2", "b4", "a6"]);
  });

  test("a source gets its share of the line, and the others the rest", async () => {
    const order = await orderOf(["f", "f", "f", "f", "h"], { verifyQueuePerSource: 2 });
    expect(order).toEqual(["f0", "refused f3", "f1", "h4", "f2"]);
  });

  test("in full lines the newest of the longest gives way to a source with fewer, not to one with as many", async () => {
    const order = await orderOf(["a", "a", "a", "b", "c", "c"], { verifyQueueLength: 3 });
    expect(order.filter((line) => line.startsWith("refused")).toSorted()).toEqual([
      "refused a2",
      "refused c5",
    ]);
    expect(order.filter((line) => !line.startsWith("refused"))).toEqual(["a0", "a1", "b3", "c4"]);
  });

  test("one that leaves takes no turn of its source's", async () => {
    const queue = makeQueue({ verifyConcurrency: 1 });
    const first = new Job();
    const order: string[] = [];
    const running = queue.run("a", first.run, NEVER_ABORTED);
    const leaving = new AbortController();
    const left = queue.run("b", async () => void order.push("left"), leaving.signal);
    const stays = ["a", "b"].map(
      async (source) => await queue.run(source, async () => void order.push(source), NEVER_ABORTED),
    );
    leaving.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    first.finish();
    await Promise.all([running, ...stays]);
    expect(order).toEqual(["b", "a"]);
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  test("who has left before it came is not begun", async () => {
    const queue = makeQueue();
    const job = new Job();
    await expect(queue.run("a", job.run, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect([job.started, queue.running]).toEqual([false, 0]);
  });
});
