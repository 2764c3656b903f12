// talkbyte-client in the middle of a long pipe.

import { once } from "node:events";

import { expect, it } from "vitest";

import { SERVER_LIMITS } from "../../src/net/limits.ts";
import { openTestClient, PASSWORD } from "../net/harness.ts";
import { serve, startClient } from "./client-process.ts";

it("streams 100,000 lines, 100 MB", async () => {
  const { args } = await serve();
  const client = startClient(args);
  const thousand = `${"x".repeat(1023)}\n`.repeat(1000);
  let bytes = 0;
  client.child.stdout.removeAllListeners("data").on("data", (chunk: Buffer) => (bytes += chunk.length));
  for (let sent = 0; sent < 100; sent++) {
    if (!client.child.stdin.write(thousand)) await once(client.child.stdin, "drain");
  }
  client.child.stdin.end();
  expect(await client.finished()).toMatchObject({ code: 0 });
  expect(bytes).toBe(100 * thousand.length);
});

it("leaves its input alone while replies are due, so that a pipe of any length fits in memory", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let gated = 0;
  const { args, running } = await serve({
    onMessage: async (message) => {
      if (message.byteLength < 100) return message;
      if (++gated === SERVER_LIMITS.maxUnderWay.default) reached.resolve();
      await gate.promise;
      return message;
    },
  });
  const client = startClient(args);
  const megabytes = 64;
  client.child.stdin.end(`${"x".repeat(1023)}\n`.repeat(1024 * megabytes));
  await reached.promise;
  // Time for a client that goes on reading: echoes of another session.
  const other = await openTestClient(running);
  await other.login({ username: "alice", password: PASSWORD });
  for (let echoes = 0; echoes < 2000; echoes++) await other.send("tick");
  expect(client.child.stdin.writableLength).toBeGreaterThan((megabytes - 8) * 1_048_576);
  gate.resolve();
  expect(await client.finished()).toMatchObject({ code: 0 });
  await other.stop();
});
