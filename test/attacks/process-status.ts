// What a process has taken of its machine, as Linux tells it.

import { readdirSync, readFileSync } from "node:fs";

export interface Memory {
  /** Resident, in MiB. */
  readonly now: number;
  /** The most that ever was. */
  readonly peak: number;
}

export function memoryOf({ pid }: { readonly pid: number }): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)![1]) / 1024;
  return { now: mib("VmRSS"), peak: mib("VmHWM") };
}

/** Before the attack, and now that it has been on for a while. */
export function describeMemory(before: Memory, now: Memory): string {
  const [first, most, last] = [before.now, now.peak, now.now].map((mib) => mib.toFixed(0));
  return `server memory ${first} MiB before, ${most} MiB at most, ${last} MiB now`;
}

export function openFilesOf({ pid }: { readonly pid: number }): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
