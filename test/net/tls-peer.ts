// A TLS server that a test plays itself, to see what our client does and above all what it doesn't.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";

import { LOOPBACK, RawPeer, testIdentity } from "./harness.ts";

export interface TlsPeer {
  readonly port: number;
  /** Bytes that clients have sent inside TLS. */
  readonly received: () => number;
  /** The next client, after its handshake. */
  accept(): Promise<RawPeer>;
}

export async function listenTls(options: TlsOptions = {}): Promise<TlsPeer> {
  const { key, cert } = await testIdentity();
  const accepted: RawPeer[] = [];
  const waiting: ((peer: RawPeer) => void)[] = [];
  let received = 0;
  const listener = createServer({
    key,
    cert,
    ALPNProtocols: ["talkbyte/1"],
    allowHalfOpen: true,
    ...options,
  });
  listener.on("secureConnection", (socket: TLSSocket) => {
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
    const peer = new RawPeer(socket);
    const next = waiting.shift();
    if (next === undefined) accepted.push(peer);
    else next(peer);
  });
  listener.on("tlsClientError", () => undefined);
  listener.listen({ host: LOOPBACK, port: 0 });
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  return {
    port: (listener.address() as AddressInfo).port,
    received: () => received,
    accept: async () =>
      accepted.shift() ?? (await new Promise<RawPeer>((resolve) => void waiting.push(resolve))),
  };
}
