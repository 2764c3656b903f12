// Throws rubbish at a server that runs in a process of its own, in plaintext and through TLS, and asks it afterwards how
// it is: alive, nothing uncaught, every connection ended, its memory where it was, and the next login works.

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { connect } from "../src/net/client.ts";
import { Random } from "../test/protocol/bytes.ts";
import { flippedExchanges, randomStreams, type RandomStream } from "./fuzz-cases.ts";
import { PASSWORD, ServerProcess, USERNAME } from "./fuzz-server.ts";

export interface NetFuzz {
  readonly seed: number;
  readonly randomBytes: number;
  readonly everyBit: boolean;
}

export interface NetFuzzReport {
  readonly randomBytes: number;
  readonly randomSeconds: number;
  readonly flips: number;
  readonly flipSeconds: number;
  readonly grownBytes: number;
  /** What went wrong; empty when nothing did. */
  readonly problems: readonly string[];
}

const HOST = "127.0.0.1";
const AT_ONCE = 32;
/** By then the server's own deadlines have ended every connection. */
const LONGEST_MS = 15_000;
const LARGE_BYTES = 65_536;
const WARM_UP_BYTES = 16 * 1_048_576;
const MAX_GROWTH_BYTES = 16 * 1_048_576;
const LIMITS = {
  verifyConcurrency: 2,
  lingerMs: 100,
  loginMs: 3000,
  frameMs: 3000,
  idleMs: 5000,
  tlsMs: 3000,
  writeStallMs: 3000,
};

export async function fuzzNet({ seed, randomBytes, everyBit }: NetFuzz): Promise<NetFuzzReport> {
  const server = await ServerProcess.start(LIMITS);
  const problems: string[] = [];
  try {
    const run = new Run(server, problems);
    // What is made once and kept is no growth: code, pools, and the heap of malloc, which large streams have broken up.
    await run.throwAll(randomStreams(new Random(seed), WARM_UP_BYTES));
    await run.throwLarge(flips(new Random(seed), false));
    await run.checkLogins(); // and the verifications that were still running have ended
    const before = await server.health();

    const startedAt = performance.now();
    run.bytesThrown = 0;
    await run.throwAll(randomStreams(new Random(seed + 1), randomBytes));
    const bytesThrown = run.bytesThrown;
    const randomDoneAt = performance.now();
    const flipped = await run.throwAll(flips(new Random(seed + 2), everyBit));
    const large = await run.throwLarge(flips(new Random(seed + 2), everyBit));
    const doneAt = performance.now();

    await run.checkLogins();
    const after = await server.health();
    const grownBytes = after.rssBytes - before.rssBytes;
    problems.push(...after.faults);
    if (after.connections > 0) problems.push(`${after.connections} connections were left open`);
    if (grownBytes > MAX_GROWTH_BYTES) problems.push(`the server has grown by ${grownBytes} bytes`);
    return {
      randomBytes: bytesThrown,
      randomSeconds: (randomDoneAt - startedAt) / 1000,
      flips: flipped + large,
      flipSeconds: (doneAt - randomDoneAt) / 1000,
      grownBytes,
      problems,
    };
  } finally {
    await server.kill();
  }
}

interface Thrown extends RandomStream {
  readonly name?: string;
}

/** Each flipped exchange in plaintext and through TLS; one of them in turn when each field is flipped once. */
function* flips(random: Random, everyBit: boolean): Generator<Thrown> {
  let count = 0;
  for (const { name, bytes } of flippedExchanges(random, everyBit)) {
    for (const to of ["plain", "tls"] as const) {
      if (everyBit || (count & 1) === (to === "tls" ? 1 : 0)) yield { to, bytes, name };
    }
    count++;
  }
}

function* only(streams: Generator<Thrown>, passes: (stream: Thrown) => boolean): Generator<Thrown> {
  for (const stream of streams) if (passes(stream)) yield stream;
}

class Run {
  readonly #server: ServerProcess;
  readonly #problems: string[];
  bytesThrown = 0;

  constructor(server: ServerProcess, problems: string[]) {
    this.#server = server;
    this.#problems = problems;
  }

  /** Throws the streams that are not large, some at once; returns how many. */
  async throwAll(streams: Generator<Thrown>): Promise<number> {
    return await this.#throwSome(
      only(streams, ({ name, bytes }) => name === undefined || bytes.length <= LARGE_BYTES),
      AT_ONCE,
    );
  }

  /** The flipped exchanges of megabytes, two at once: how many there are at a time would show in the memory. */
  async throwLarge(streams: Generator<Thrown>): Promise<number> {
    return await this.#throwSome(
      only(streams, ({ bytes }) => bytes.length > LARGE_BYTES),
      2,
    );
  }

  async #throwSome(streams: Generator<Thrown>, atOnce: number): Promise<number> {
    let count = 0;
    const thrower = async (): Promise<void> => {
      for (const stream of streams) {
        this.bytesThrown += stream.bytes.length;
        count++;
        await this.#throw(stream);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, thrower));
    return count;
  }

  async checkLogins(): Promise<void> {
    const { plainPort, tlsPort, fingerprint } = this.#server.ready;
    for (const options of [
      { port: plainPort, plaintext: true },
      { port: tlsPort, trust: { fingerprint } },
    ]) {
      try {
        const client = await connect({ host: HOST, ...options, username: USERNAME, password: PASSWORD });
        await client.send("still there?");
        await client.stop();
      } catch (error) {
        this.#problems.push(`the login afterwards failed: ${String(error)}`);
      }
    }
  }

  /** One stream on one connection, until the server has had enough. */
  async #throw({ to, bytes, name = `a random stream to ${to}` }: Thrown): Promise<void> {
    if (!this.#server.alive) throw new Error(`the server died at or before ${name}`);
    const { plainPort, tlsPort } = this.#server.ready;
    const tcp = connectTcp({ host: HOST, port: to === "plain" ? plainPort : tlsPort });
    tcp.on("error", () => undefined);
    const socket: Socket =
      to === "tls"
        ? connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ["talkbyte/1"] })
        : tcp;
    socket.on("error", () => tcp.destroy());
    const timer = setTimeout(() => {
      this.#problems.push(`no end within ${LONGEST_MS} ms: ${name}`);
      tcp.destroy();
    }, LONGEST_MS);
    const closed = new Promise((resolve) => tcp.once("close", resolve));
    socket.resume();
    socket.end(bytes);
    await closed;
    clearTimeout(timer);
  }
}
