// --probe: whether a server can be reached, logged in to and talked with, and how long each of these takes.

import { randomBytes } from "node:crypto";

import { TalkByteError } from "../protocol/error.ts";
import type { ClientConsole } from "./client-console.ts";
import type { Interruption } from "./client-interruption.ts";
import { address, openSession, roundMs, sessionFields } from "./client-opening.ts";
import type { ClientCommandOptions } from "./client-options.ts";

const payloadBytes = 32;

export async function probe(
  options: ClientCommandOptions,
  console: ClientConsole,
  interruption: Interruption,
): Promise<void> {
  const session = await openSession(options, console, interruption);
  const { client, username } = session;
  const payload = randomBytes(payloadBytes);
  const sentAt = performance.now();
  const reply = await client.send(payload);
  const echoMs = performance.now() - sentAt;
  await client.stop();
  if (!payload.equals(reply)) {
    throw new TalkByteError("reply-mismatch", "peer", "the reply is not the message: this is no echo server");
  }
  console.events.event("probe", { ...sessionFields(session, options), echoMs: roundMs(echoMs) });
  if (options.json) return;
  const { connectMs, tlsMs, loginMs } = client.timings;
  const rows = Object.entries({
    connect: connectMs,
    ...(options.plaintext ? {} : { tls: tlsMs }),
    login: loginMs,
    echo: echoMs,
  });
  const lines = rows.map(([name, ms]) => `${name.padEnd(8)}${ms.toFixed(3).padStart(10)} ms`);
  console.print([`${address(options)} answers ${username}`, ...lines]);
}
