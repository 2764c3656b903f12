// The two ways in which the client shows what happens on standard output: replies and nothing else, or one JSON
// object a line for each event. --help documents the events.

import { decodeUtf8 } from "../protocol/body.ts";
import { escapeBytes } from "../net/display.ts";
import type { ClientOutput } from "./client-output.ts";

export type EventType = "remembered" | "session" | "reply" | "goaway" | "end" | "probe" | "error";

export interface ClientEvents {
  reply(line: number, bytes: Uint8Array): void;
  /** What a person learns from standard error, or not at all. */
  event(type: Exclude<EventType, "reply">, fields: Readonly<Record<string, unknown>>): void;
}

const lineFeed = Buffer.from("\n");

export class PlainEvents implements ClientEvents {
  readonly #output: ClientOutput;
  readonly #onTerminal: boolean;

  /** On a terminal, control characters are shown as escapes (TB-FRAME-8). */
  constructor(output: ClientOutput, onTerminal: boolean) {
    this.#output = output;
    this.#onTerminal = onTerminal;
  }

  reply(_line: number, bytes: Uint8Array): void {
    this.#output.write(this.#onTerminal ? Buffer.from(escapeBytes(bytes)) : bytes, lineFeed);
  }

  event(): void {
    // Nothing: standard output is for replies.
  }
}

export class JsonEvents implements ClientEvents {
  readonly #output: ClientOutput;

  constructor(output: ClientOutput) {
    this.#output = output;
  }

  reply(line: number, bytes: Uint8Array): void {
    const text = decodeUtf8(bytes);
    this.#write({
      type: "reply",
      line,
      ...(text === undefined ? { base64: Buffer.from(bytes).toString("base64") } : { text }),
    });
  }

  event(type: EventType, fields: Readonly<Record<string, unknown>>): void {
    this.#write({ type, ...fields });
  }

  #write(event: Readonly<Record<string, unknown>>): void {
    this.#output.write(Buffer.from(`${escapeJson(JSON.stringify(event))}\n`));
  }
}

/** JSON leaves C1 controls and invisible characters alone, which terminals act upon. */
function escapeJson(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => {
      const unit = character.charCodeAt(at);
      return `\\u${unit.toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}
