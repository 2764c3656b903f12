// From the command line to a session that is logged in. Everything that can fail without the network, and every
// question to a person, comes before it is touched.

import { displayHost } from "../net/display.ts";
import { openClient, type Client } from "../net/client.ts";
import { KnownServersError, type LearntServer } from "../net/known-servers.ts";
import type { Goaway } from "../protocol/session-frames.ts";
import type { ClientConsole } from "./client-console.ts";
import { readCredentials } from "./client-credentials.ts";
import type { Interruption } from "./client-interruption.ts";
import type { ClientCommandOptions } from "./client-options.ts";
import { readTrust } from "./client-trust.ts";

export interface OpenedSession {
  readonly client: Client;
  readonly username: string;
}

export async function openSession(
  options: ClientCommandOptions,
  console: ClientConsole,
  interruption: Interruption,
  onGoaway?: (goaway: Goaway) => void,
): Promise<OpenedSession> {
  const { host, port, plaintext, connectTimeout, answerTimeout } = options;
  const trust = await readTrust(options);
  const credentials = await readCredentials(options, (message) => console.warn(message));
  const interrupted = new AbortController();
  interruption.arm();
  interruption.onFirst(() => interrupted.abort());
  const client = await openClient({
    host,
    port,
    plaintext,
    trust,
    signal: interrupted.signal,
    ...(connectTimeout === undefined ? {} : { connectMs: Math.round(connectTimeout * 1000) }),
    ...(answerTimeout === undefined ? {} : { answerMs: Math.round(answerTimeout * 1000) }),
    onRemembered: (remembered) => tellRemembered(remembered, options, console),
    ...(console.trace === undefined ? {} : { tap: console.trace }),
    ...(onGoaway === undefined ? {} : { onGoaway }),
  });
  if (client.voucher === "new-server") {
    const known = await trust.knownServers?.find(host, port);
    console.say(`remembered ${address(options)} with the key ${known?.fingerprint} in ${known?.place}`);
  }
  try {
    await client.login(credentials);
  } catch (error) {
    client.close();
    throw error;
  }
  return { client, username: credentials.username };
}

export function address({ host, port }: Pick<ClientCommandOptions, "host" | "port">): string {
  return `${displayHost(host)}:${port}`;
}

/** OPAQUE has verified a server that nobody vouched for. */
function tellRemembered(
  remembered: LearntServer | KnownServersError,
  options: ClientCommandOptions,
  console: ClientConsole,
): void {
  const server = address(options);
  if (remembered instanceof KnownServersError) {
    console.warn(`the password has proved ${server}, but ${remembered.message}`);
    return;
  }
  const { username, fingerprint, place, replaced } = remembered;
  console.events.event("remembered", { username, fingerprint, place, replaced });
  if (replaced === undefined) {
    console.say(`the password has proved ${server}; remembered its key for ${username} in ${place}`);
    return;
  }
  console.warn(
    `the key of ${server} has changed; the password has proved the new one, which is in ${place} now`,
  );
  console.add([`  was  ${replaced}`, `  is   ${fingerprint}`]);
}

/** What the events `session` and `probe` have in common. */
export function sessionFields(
  { client, username }: OpenedSession,
  { host, port }: ClientCommandOptions,
): Record<string, unknown> {
  const { connectMs, tlsMs, loginMs } = client.timings;
  return {
    host,
    port,
    username,
    session: client.sessionId,
    server: client.welcome?.agent,
    mechanism: client.mechanism,
    voucher: client.voucher ?? "plaintext",
    connectMs: roundMs(connectMs),
    tlsMs: roundMs(tlsMs),
    loginMs: roundMs(loginMs),
  };
}

export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
