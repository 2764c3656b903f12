// The log for lines that strangers can cause: a flood of connections must not become a flood of lines. Of each event so
// many lines are written in a second, whole; the rest of that second is one line, which counts them. So a line is lost
// only where there are many like it, and that it was lost is seen.

import type { Log } from "./server-context.ts";

const WINDOW_MS = 1000;

interface LogLine {
  /** Lines of one event are bounded together; the code names them all, so there are few. */
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The second in which lines of one event are counted. */
interface Window {
  written: number;
  leftOut: number;
  level: keyof Log;
  timer: NodeJS.Timeout;
}

export class BoundedLog implements Log {
  readonly #log: Log;
  readonly #linesPerSecond: number;
  readonly #windows = new Map<string, Window>();

  constructor(log: Log, { logLinesPerSecond }: { readonly logLinesPerSecond: number }) {
    this.#log = log;
    this.#linesPerSecond = logLinesPerSecond;
  }

  error(line: LogLine, text: string): void {
    this.#add("error", line, text);
  }

  warn(line: LogLine, text: string): void {
    this.#add("warn", line, text);
  }

  info(line: LogLine, text: string): void {
    this.#add("info", line, text);
  }

  debug(line: LogLine, text: string): void {
    this.#add("debug", line, text);
  }

  /** Tells what has not been told yet. */
  close(): void {
    for (const [event, window] of this.#windows) {
      clearTimeout(window.timer);
      this.#tell(event, window);
    }
    this.#windows.clear();
  }

  #add(level: keyof Log, line: LogLine, text: string): void {
    const window = this.#windows.get(line.event) ?? this.#open(line.event, level);
    if (window.written < this.#linesPerSecond) {
      window.written++;
      this.#log[level](line, text);
    } else {
      window.leftOut++;
      window.level = level;
    }
  }

  #open(event: string, level: keyof Log): Window {
    const timer = setTimeout(() => {
      this.#windows.delete(event);
      if (window.leftOut > 0) this.#open(event, window.level); // so that seconds of a flood follow one another
      this.#tell(event, window);
    }, WINDOW_MS).unref();
    const window: Window = { written: 0, leftOut: 0, level, timer };
    this.#windows.set(event, window);
    return window;
  }

  #tell(event: string, { leftOut, level }: Window): void {
    if (leftOut === 0) return;
    this.#log[level](
      { event: "left-out", of: event, count: leftOut },
      "lines left out: too many in a second",
    );
  }
}
