// talkbyte-adapter: our client behind the adapter protocol of talkbyte-conformance (spec/conformance.md, section 3), and
// the example of one: a line of JSON is a request, the answer repeats its id.

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { openClient, type Client } from "../net/client.ts";
import type { TrustOptions } from "../net/trust.ts";
import { processIo, type CommandIo } from "./command-io.ts";

interface Request {
  readonly id: number;
  readonly call: string;
  readonly host?: string;
  readonly port?: number;
  readonly fingerprint?: string | null;
  readonly username?: string;
  readonly password?: string;
  readonly payload?: string;
}

export async function run(_argv: readonly string[], io: CommandIo = processIo): Promise<number> {
  let address: Request | undefined;
  let client: Promise<Client> | undefined;

  async function carryOut(request: Request): Promise<void> {
    switch (request.call) {
      case "open":
        address = request;
        void client?.then((old) => old.close()).catch(() => undefined); // one that never connected
        client = undefined;
        return;
      case "login": {
        const { host = "localhost", port = 8080, fingerprint } = address ?? {};
        client ??= openClient({
          host,
          port,
          ...(fingerprint == null ? { plaintext: true } : { trust: trustIn(fingerprint) }),
        });
        const { username = "", password = "" } = request;
        return await (await client).login({ username, password });
      }
      case "send":
        await (await opened()).send(Buffer.from(request.payload ?? "", "hex"));
        return;
      case "ping":
        return await (await opened()).ping();
      case "stop":
        return await (await opened()).stop();
      case "end":
        return (await opened()).endStream();
      default:
        throw new TypeError(`no call "${request.call}"`);
    }
  }

  async function opened(): Promise<Client> {
    if (client === undefined) throw new Error("nobody has logged in");
    return await client;
  }

  for await (const line of createInterface({ input: Readable.from(io.stdin) })) {
    const request = JSON.parse(line) as Request;
    carryOut(request).then(
      () => io.writeOut(`${JSON.stringify({ id: request.id })}\n`),
      (error: unknown) => io.writeOut(`${JSON.stringify({ id: request.id, error: String(error) })}\n`),
    );
  }
  await client?.then((open) => open.close()).catch(() => undefined);
  return 0;
}

/** "none": nothing is known of the server, which is a stranger then. */
function trustIn(fingerprint: string): TrustOptions {
  return fingerprint === "none" ? {} : { fingerprint };
}
