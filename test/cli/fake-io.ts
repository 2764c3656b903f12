import type { CommandIo } from "../../src/cli/command-io.ts";

export interface FakeIo extends CommandIo {
  out: string;
  err: string;
  /** The questions asked on the terminal. */
  readonly asked: string[];
}

/** A world with this standard input, and these answers typed at its terminal. */
export function makeFakeIo(stdin = "", answers: readonly string[] = [], environment = {}): FakeIo {
  const asked: string[] = [];
  return {
    out: "",
    err: "",
    asked,
    environment,
    stdin: (async function* () {
      // In odd pieces, as pipes have it.
      const bytes = Buffer.from(stdin);
      for (let start = 0; start < bytes.length; start += 7)
        yield await Promise.resolve(bytes.subarray(start, start + 7));
    })(),
    writeOut(text) {
      this.out += text;
    },
    writeError(text) {
      this.err += text;
    },
    openTerminal: () => ({
      askHidden(question) {
        asked.push(question);
        return Promise.resolve(answers[asked.length - 1] ?? "");
      },
      close: () => undefined,
    }),
  };
}
