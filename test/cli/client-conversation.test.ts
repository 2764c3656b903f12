// The parts of the client that a process can't show without waiting: how far it reads ahead of a slow reader, how
// lines are cut, and how the output behaves when its stream fails.

import { PassThrough, Readable, Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { Conversation } from "../../src/cli/client-conversation.ts";
import { JsonEvents, PlainEvents } from "../../src/cli/client-events.ts";
import { ClientInput } from "../../src/cli/client-input.ts";
import { LineCounter, LineSplitter } from "../../src/cli/client-lines.ts";
import { ClientOutput } from "../../src/cli/client-output.ts";
import type { Client } from "../../src/net/client.ts";
import { Random } from "../protocol/bytes.ts";

/** Answers at once. */
class EchoClient {
  readonly maxPayloadBytes = 1_000_000;
  readonly #finished = Promise.withResolvers<void>();
  readonly finished = this.#finished.promise;
  sent = 0;
  closed = false;

  async send(message: Uint8Array): Promise<Uint8Array> {
    this.sent += 1;
    return await Promise.resolve(message);
  }

  async stop(): Promise<void> {
    this.#finished.resolve();
    await this.finished;
  }

  close(): void {
    this.closed = true;
  }
}

/** A reader that takes nothing until it is told to. */
class SlowReader extends Writable {
  taken = 0;
  #take: (() => void) | undefined;
  #willing = false;

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.#take = () => {
      this.taken += chunk.length;
      done();
    };
    if (this.#willing) this.#take();
  }

  begin(): void {
    this.#willing = true;
    this.#take?.();
  }
}

/** Lets everything happen that does not wait for something else. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 100; turns++) await turn();
}

describe("backpressure", () => {
  it.each([
    ["short lines", 10],
    ["long lines", 100_000],
  ])("reads no further than its bounds while nobody reads the output: %s", async (_, lineBytes) => {
    const line = Buffer.from(`${"x".repeat(lineBytes - 1)}\n`);
    const chunk = Buffer.concat(Array.from({ length: Math.ceil(50_000 / lineBytes) }, () => line));
    const chunks = Math.ceil(20_000_000 / chunk.length);
    let pulled = 0;
    async function* source(): AsyncGenerator<Buffer> {
      for (; pulled < chunks; pulled++) yield await Promise.resolve(chunk);
    }
    const reader = new SlowReader({ highWaterMark: 65_536 });
    const output = new ClientOutput(reader);
    const client = new EchoClient();
    const input = new ClientInput(Readable.from(source(), { objectMode: true, highWaterMark: 1 }));
    const events = new PlainEvents(output, false);
    const conversation = new Conversation(
      client as unknown as Client,
      { input, output, events },
      { raw: true },
    );
    const running = conversation.run();
    await settle();
    expect(client.sent).toBeGreaterThan(0);
    expect(pulled * chunk.length).toBeLessThan(3_000_000);
    reader.begin();
    await running;
    await output.flush();
    expect(reader.taken).toBe(chunks * chunk.length);
    expect(conversation).toMatchObject({ sent: client.sent, replies: client.sent, complete: true });
  });
});

describe("LineSplitter", () => {
  it("cuts the same lines however the input is cut", () => {
    const text = "a\n\nbb\r\n\nccc\nd";
    const random = new Random(1);
    for (let round = 0; round < 200; round++) {
      const splitter = new LineSplitter(10);
      const lines: string[] = [];
      for (let at = 0; at < text.length;) {
        const end = Math.min(text.length, at + random.between(1, 5));
        for (const line of splitter.push(Buffer.from(text.slice(at, end))))
          lines.push(Buffer.from(line).toString());
        at = end;
      }
      for (const line of splitter.end()) lines.push(Buffer.from(line).toString());
      expect(lines).toEqual(["a", "", "bb\r", "", "ccc", "d"]);
    }
  });

  it("refuses a line by its number, as soon as it is too long", () => {
    const splitter = new LineSplitter(3);
    expect([...splitter.push(Buffer.from("abc\nab"))]).toHaveLength(1);
    expect(() => [...splitter.push(Buffer.from("cd"))]).toThrow("line 2 is longer than the 3 bytes");
  });

  it("tells what stands behind a line, and counts it", () => {
    const splitter = new LineSplitter(10);
    for (const line of splitter.push(Buffer.from("a\nb\nc"))) {
      expect(Buffer.from(splitter.rest).toString()).toBe(Buffer.from(line).toString() === "a" ? "b\nc" : "c");
    }
    const counter = new LineCounter();
    for (const part of ["b\nc", "", "d\n", "\n", "e"]) counter.add(Buffer.from(part));
    expect(counter).toMatchObject({ bytes: 7, lines: 4 });
  });
});

describe("ClientOutput", () => {
  function failing(code: string): ClientOutput {
    const error = Object.assign(new Error(code), { code });
    return new ClientOutput(new Writable({ write: (_chunk, _encoding, done) => done(error) }));
  }

  it("tells a full disk from a reader that has gone", async () => {
    const full = failing("ENOSPC");
    const changed = new Promise<void>((resolve) => full.onChange(resolve));
    full.write(Buffer.from("a"));
    await expect(full.flush()).rejects.toMatchObject({
      exitCode: 9,
      message: "standard output can't be written (ENOSPC)",
    });
    await changed;
    expect(full).toMatchObject({ failed: true, readerGone: false });
    const gone = failing("EPIPE");
    gone.write(Buffer.from("a"));
    await gone.flush();
    gone.write(Buffer.from("dropped"));
    expect(gone).toMatchObject({ failed: true, readerGone: true });
  });
});

describe("ClientInput", () => {
  it("ends when it is closed, and explains what can't be read", async () => {
    const waiting = new PassThrough();
    const input = new ClientInput(waiting);
    const chunks: unknown[] = [];
    const reading = (async () => {
      for await (const chunk of input.chunks()) chunks.push(chunk);
    })();
    waiting.write("a");
    await turn();
    input.close();
    await reading;
    expect(chunks).toHaveLength(1);
    const broken = new ClientInput(
      new Readable({ read: () => undefined }).destroy(Object.assign(new Error("no"), { code: "EISDIR" })),
    );
    await expect(broken.chunks().next()).rejects.toMatchObject({
      exitCode: 9,
      message: "standard input can't be read (EISDIR)",
    });
  });
});

describe("JsonEvents", () => {
  it("shows bytes that are no text as base64, and hides nothing in text", async () => {
    const stream = new PassThrough();
    const output = new ClientOutput(stream);
    const events = new JsonEvents(output);
    events.reply(1, Uint8Array.of(0xff, 0));
    const text = "\u0085\u200d\u{e0001}\u2028é";
    events.reply(2, Buffer.from(text));
    await output.flush();
    const lines = (stream.read() as Buffer).toString().trimEnd().split("\n");
    expect(lines[0]).toBe('{"type":"reply","line":1,"base64":"/wA="}');
    expect(lines[1]).toBe('{"type":"reply","line":2,"text":"\\u0085\\u200d\\udb40\\udc01\\u2028é"}');
    expect(JSON.parse(lines[1]!)).toMatchObject({ text });
  });
});
