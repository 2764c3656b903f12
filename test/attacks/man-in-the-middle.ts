// A man in the middle of TLS: a server with an identity of his own towards the client, a client towards the true server.
// He reads every frame in the clear, hands them on, and may change what he likes on the way.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";

import type { Identity } from "../../src/net/identity.ts";
import { makeIdentity } from "../../src/net/identity.ts";
import { concat, frame, split, type Split } from "../protocol/bytes.ts";

const HOST = "127.0.0.1";
const ALPN = "talkbyte/1";

/** What becomes of a frame: others in its place, or none. */
export type Change = (frame: Split) => readonly Split[];

export interface Intrusion {
  readonly toServer?: Change;
  readonly toClient?: Change;
}

const unchanged: Change = (same) => [same];

export class ManInTheMiddle {
  readonly port: number;
  readonly identity: Identity;
  /** Every frame that clients sent him, in order. */
  readonly heard: Split[] = [];
  /** Every frame that the true server sent him. */
  readonly answered: Split[] = [];

  private constructor(port: number, identity: Identity) {
    this.port = port;
    this.identity = identity;
  }

  /** Stands before the server at `targetPort`; goes with the test. */
  static async open(targetPort: number, { toServer, toClient }: Intrusion = {}): Promise<ManInTheMiddle> {
    const identity = await makeIdentity();
    const { key, cert } = identity;
    const listener = createServer({ key, cert, minVersion: "TLSv1.3", ALPNProtocols: [ALPN] });
    listener.listen({ host: HOST, port: 0 });
    await once(listener, "listening");
    const man = new ManInTheMiddle((listener.address() as AddressInfo).port, identity);
    listener.on("tlsClientError", () => undefined);
    listener.on("secureConnection", (client: TLSSocket) => {
      const server = connect({
        host: HOST,
        port: targetPort,
        rejectUnauthorized: false,
        ALPNProtocols: [ALPN],
      });
      handOn(client, server, man.heard, toServer ?? unchanged);
      handOn(server, client, man.answered, toClient ?? unchanged);
    });
    onTestFinished(() => void listener.close());
    return man;
  }

  /** All that clients said to him, as one text. */
  get overheard(): string {
    return Buffer.from(concat(...this.heard.map(({ body }) => body))).toString("latin1");
  }
}

function handOn(from: TLSSocket, to: TLSSocket, seen: Split[], change: Change): void {
  let waiting: Uint8Array = new Uint8Array(0);
  onTestFinished(() => void from.destroy());
  from.on("error", () => undefined);
  from.on("close", () => to.end());
  from.on("data", (chunk: Buffer) => {
    waiting = concat(waiting, chunk);
    const whole = wholeFrames(waiting);
    for (const one of split(waiting.subarray(0, whole))) {
      seen.push(one);
      for (const { type, body } of change(one)) to.write(frame(type, body));
    }
    waiting = waiting.subarray(whole);
  });
}

/** How many of the bytes are whole frames. */
function wholeFrames(bytes: Uint8Array): number {
  const view = Buffer.from(bytes);
  let at = 0;
  while (at + 4 <= view.length && at + 4 + view.readUInt32BE(at) <= view.length)
    at += 4 + view.readUInt32BE(at);
  return at;
}
