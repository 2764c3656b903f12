// The server's log: pino's JSON lines for machines, or a line a person can read. Text from peers is escaped in
// both, so that no one can write to the operator's terminal (TB-FRAME-8).

import { pino, type DestinationStream, type Logger } from "pino";

import { escapeText } from "../net/display.ts";
import type { CommandIo } from "./command-io.ts";

const MAX_WAITING_BYTES = 4_194_304;

/** A full disk, or a reader that has gone, must not end the sessions: lines are lost instead. */
export function surviveLogErrors(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners("error").on("error", () => undefined);
  }
}

export function makeLog(io: CommandIo, level: string, format: "text" | "json"): Logger {
  const destination: DestinationStream = {
    write: (line) => {
      // A log that nobody takes may cost lines, not memory.
      if (process.stdout.writableLength < MAX_WAITING_BYTES)
        io.writeOut(format === "json" ? line : textLine(line));
    },
  };
  return pino({ level, base: null, serializers: { err: pino.stdSerializers.err } }, destination);
}

const LEVELS: Readonly<Record<number, string>> = {
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** One JSON line of pino's as `12:34:56.789 info  login user=alice source=127.0.0.1 …`. */
export function textLine(line: string): string {
  const { level, time, msg, event, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${showValue(value)}`);
  const stack = isErrorFields(err)
    ? `\n${err.stack
        .split("\n")
        .map((text) => `    ${escapeText(text)}`)
        .join("\n")}`
    : "";
  const head = [clock, (LEVELS[Number(level)] ?? String(level)).padEnd(5), escapeText(String(msg)), ...shown];
  return `${head.join(" ")}${stack}\n`;
}

function showValue(value: unknown): string {
  const text = typeof value === "string" ? escapeText(value) : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

function isErrorFields(err: unknown): err is { stack: string } {
  return typeof err === "object" && err !== null && "stack" in err && typeof err.stack === "string";
}
