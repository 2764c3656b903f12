// Between the runner and a peer: passes on what the peer writes in another cut or at another pace, as a network may.
// Ends and resets keep their place behind the bytes; the other direction is left alone.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";

import type { Pace } from "../test/galleries/mutant.ts";

const HOST = "127.0.0.1";
/** Of each read so many bytes go one by one; what is behind them are payloads and more of the same. */
const SINGLE_BYTES = 64;
const READ_AHEAD_BYTES = 65_536;

export interface Relay {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens, and connects to `port` for each connection; `peer` says which of the two is under test. */
export async function startRelay(port: number, peer: "listens" | "connects", pace: Pace): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: HOST, port, allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    const [from, to] = peer === "listens" ? [far, near] : [near, far];
    join(from, to, pace);
    join(to, from, {});
  });
  server.listen({ host: HOST, port: 0 });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function join(from: Socket, to: Socket, pace: Pace): void {
  let waiting: Buffer[] = [];
  let bytes = 0;
  let ended = false;
  let lost = false;
  let running = false;
  const run = async (): Promise<void> => {
    if (running) return;
    running = true;
    while (waiting.length > 0) {
      if (pace.delayMs !== undefined) await delay(pace.delayMs);
      const chunk = Buffer.concat(waiting);
      waiting = [];
      bytes = 0;
      from.resume();
      await write(to, chunk, pace.oneByOne === true);
    }
    running = false;
    if (lost) to.resetAndDestroy();
    else if (ended && to.writable) to.end();
  };
  from.on("data", (chunk: Buffer) => {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes > READ_AHEAD_BYTES) from.pause();
    void run();
  });
  from.on("end", () => {
    ended = true;
    void run();
  });
  from.on("error", () => undefined);
  from.on("close", () => {
    lost = !ended;
    void run();
  });
}

async function write(to: Socket, chunk: Buffer, oneByOne: boolean): Promise<void> {
  const single = oneByOne ? Math.min(chunk.length, SINGLE_BYTES) : 0;
  for (let index = 0; index < single && to.writable; index++) {
    to.write(chunk.subarray(index, index + 1));
    await nextTurn();
  }
  if (single === chunk.length || !to.writable || to.write(chunk.subarray(single))) return;
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(to, "drain", { signal }), once(to, "close", { signal })]).catch(() => undefined);
  over.abort();
}
