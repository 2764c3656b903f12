// How far a run is: a line of standard error that is written over on a terminal. Elsewhere a run says nothing, and shrinking,
// which can take minutes without a word, so many plain lines and no more.

import type { CommandIo } from "./command-io.ts";

const mostLines = 40;

export function createProgress(total: number): { show(done: number, id: string): void; clear(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  return {
    show: (done, id) => void stderr.write(`\r\u001b[K${done} of ${total} · ${id}`),
    clear: () => void stderr.write("\r\u001b[K"),
  };
}

export function createShrinkProgress(io: Pick<CommandIo, "writeError">): {
  show(text: string): void;
  clear(): void;
} {
  const { stderr } = process;
  if (stderr.isTTY)
    return {
      show: (text) => void stderr.write(`\r\u001b[K${text}`),
      clear: () => void stderr.write("\r\u001b[K"),
    };
  let left = mostLines;
  return {
    show(text) {
      if (left > 0) io.writeError(`${text}\n`);
      if (--left === 0) io.writeError("more is not told here\n");
    },
    clear: () => undefined,
  };
}
