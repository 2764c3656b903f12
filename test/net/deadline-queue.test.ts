import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { DeadlineQueue, type DeadlineOwner } from "../../src/net/deadline-queue.ts";
import { isForgotten } from "../protocol/memory.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** Due once at a time that can be moved, and notes when it expired. */
class Owner implements DeadlineOwner {
  dueAt: number;
  readonly expiredAt: number[] = [];
  onExpire: () => void = () => undefined;

  constructor(dueAt: number) {
    this.dueAt = dueAt;
  }

  expire(now: number): void {
    this.expiredAt.push(Math.round(now));
    this.dueAt = Infinity;
    this.onExpire();
  }
}

function watchAll(queue: DeadlineQueue, ...dueAt: number[]): Owner[] {
  const start = queue.now();
  return dueAt.map((at) => {
    const owner = new Owner(start + at);
    queue.watch(owner);
    return owner;
  });
}

test("each is told at its own time, whatever the order in which they came", () => {
  const queue = new DeadlineQueue();
  const start = queue.now();
  const times = Array.from({ length: 200 }, (_, index) => 1 + ((index * 7919) % 1000));
  const owners = watchAll(queue, ...times);
  vi.advanceTimersByTime(1100);
  expect(owners.map(({ expiredAt }) => expiredAt.map((at) => Math.round(at - start)))).toEqual(
    times.map((at) => [at]),
  );
  expect(vi.getTimerCount()).toBe(0);
});

test("one timer serves them all, and none when nothing is due", () => {
  const queue = new DeadlineQueue();
  expect(vi.getTimerCount()).toBe(0);
  const owners = watchAll(queue, ...Array.from({ length: 100 }, (_, index) => 100 + index));
  expect(vi.getTimerCount()).toBe(1);
  for (const owner of owners) queue.forget(owner);
  expect(vi.getTimerCount()).toBe(0);
  watchAll(queue, Infinity);
  expect(vi.getTimerCount()).toBe(0);
});

test("a deadline that was put off without a word is kept at its new time", () => {
  const queue = new DeadlineQueue();
  const [owner] = watchAll(queue, 10);
  owner!.dueAt += 90;
  vi.advanceTimersByTime(50);
  expect(owner!.expiredAt).toEqual([]);
  owner!.dueAt += 100;
  vi.advanceTimersByTime(149);
  expect(owner!.expiredAt).toEqual([]);
  vi.advanceTimersByTime(2);
  expect(owner!.expiredAt).toHaveLength(1);
});

test("a deadline that comes closer counts from when it is watched anew, and only once", () => {
  const queue = new DeadlineQueue();
  const [owner, other] = watchAll(queue, 1000, 500);
  owner!.dueAt -= 900;
  queue.watch(owner!);
  queue.watch(owner!);
  vi.advanceTimersByTime(101);
  expect(owner!.expiredAt).toHaveLength(1);
  vi.advanceTimersByTime(2000);
  expect(owner!.expiredAt).toHaveLength(1);
  expect(other!.expiredAt).toHaveLength(1);
});

test("one that sets itself a new deadline as it expires is told again; one that was forgotten never", () => {
  const queue = new DeadlineQueue();
  const [again, forgotten, forgetting] = watchAll(queue, 10, 20, 20);
  again!.onExpire = () => (again!.dueAt = queue.now() + 10);
  forgetting!.onExpire = () => queue.forget(forgotten!);
  queue.forget(forgotten!);
  vi.advanceTimersByTime(45);
  expect(again!.expiredAt).toHaveLength(4);
  expect(forgotten!.expiredAt).toEqual([]);
  queue.forget(again!);
  queue.forget(again!);
  vi.advanceTimersByTime(100);
  expect(again!.expiredAt).toHaveLength(4);
});

test("one that is forgotten by another that expires in the same instant is not told", () => {
  const queue = new DeadlineQueue();
  const [first, second] = watchAll(queue, 10, 10);
  first!.onExpire = () => queue.forget(second!);
  second!.onExpire = () => queue.forget(first!);
  vi.advanceTimersByTime(20);
  expect(first!.expiredAt.length + second!.expiredAt.length).toBe(1);
});

test("a deadline of more than 24 days is no deadline of none", () => {
  const queue = new DeadlineQueue();
  const [owner] = watchAll(queue, 3_000_000_000);
  vi.advanceTimersByTime(2_999_999_000);
  expect(owner!.expiredAt).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(owner!.expiredAt).toHaveLength(1);
});

test("what was forgotten is let go at once, however far its deadline", async () => {
  vi.useRealTimers();
  const queue = new DeadlineQueue();
  const [stays] = watchAll(queue, 300_000);
  const target = (() => {
    const [owner] = watchAll(queue, 200_000);
    queue.forget(owner!);
    return new WeakRef(owner!);
  })();
  expect(await isForgotten(target)).toBe(true);
  queue.forget(stays!);
});

test("a hundred thousand that come and go leave the rest in order", () => {
  const queue = new DeadlineQueue();
  const stay = watchAll(queue, 30, 20, 10);
  for (let index = 0; index < 100_000; index++) {
    const owner = new Owner(queue.now() + 5 + (index % 60));
    queue.watch(owner);
    queue.forget(owner);
  }
  vi.advanceTimersByTime(100);
  expect(stay.map(({ expiredAt }) => expiredAt.length)).toEqual([1, 1, 1]);
  expect(stay[0]!.expiredAt[0]! - stay[2]!.expiredAt[0]!).toBe(20);
});
