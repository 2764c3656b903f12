// An attacker in a process of its own: from one address it does one thing, over and over, as fast as it is let. It tells
// its parent now and then how often each answer came. Run by `Attack`, below, which ends it with its test.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";

import { concat, frame, unsigned, utf8 } from "../protocol/bytes.ts";

export interface Orders {
  readonly kind: keyof typeof ATTACKS;
  readonly port: number;
  /** The attacker's own address; on Linux any of 127/8 is at hand. */
  readonly from: string;
  /** Connections at once. */
  readonly lanes: number;
}

type Tally = Record<string, number>;

const HOST = "127.0.0.1";
const REPORT_MS = 100;
const REFUSED = 0x07;
const REASONS = ["", "bad-credentials", "mechanism-unavailable", "busy", "throttled", "abandoned"];

const string8 = (text: string): Uint8Array => concat(Uint8Array.of(text.length), utf8(text));

function hello(): Uint8Array {
  return frame(0x01, utf8("TalkByte"), Uint8Array.of(1, 1), string8("attacker"));
}

function auth(username: string, password: string): Uint8Array {
  return frame(0x03, string8("PASSWORD"), string8(username), unsigned(password.length, 2), utf8(password));
}

const ATTACKS = {
  /** A guess for another name each time, on a connection for as long as that takes them. */
  "wrong-passwords": async ({ port, from }: Orders, tally: Tally, number: number): Promise<void> => {
    const options = { host: HOST, port, localAddress: from };
    const socket = connectTls({ ...options, rejectUnauthorized: false, ALPNProtocols: ["talkbyte/1"] });
    let guesses = 0;
    const guess = (): Uint8Array => auth(`user-${number}-${guesses++}`, "a guess");
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
        const [type, reason] = received.subarray(4);
        if (type === REFUSED) {
          const answer = REASONS[reason!] ?? "unknown";
          tally[answer] = (tally[answer] ?? 0) + 1;
          socket.write(guess());
        }
        received = received.subarray(4 + received.readUInt32BE(0));
      }
    });
    socket.once("secureConnect", () => socket.write(concat(hello(), guess())));
    await closed(socket);
  },
  /** Completes a TLS handshake, and leaves. */
  handshakes: async ({ port, from }: Orders, tally: Tally): Promise<void> => {
    const options = { host: HOST, port, localAddress: from };
    const socket = connectTls({ ...options, rejectUnauthorized: false, ALPNProtocols: ["talkbyte/1"] });
    socket.once("secureConnect", () => {
      tally["completed"] = (tally["completed"] ?? 0) + 1;
      socket.destroy();
    });
    await closed(socket);
  },
  /** Connects, and says nothing. */
  "half-open": async ({ port, from }: Orders, tally: Tally): Promise<void> => {
    const socket = connectTcp({ host: HOST, port, localAddress: from });
    socket.resume().once("connect", () => (tally["connected"] = (tally["connected"] ?? 0) + 1));
    await closed(socket);
    tally["dropped"] = (tally["dropped"] ?? 0) + 1;
  },
} as const;

async function closed(socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
}

/** What the attacker's process does. */
async function attack(orders: Orders): Promise<void> {
  const tally: Tally = {};
  setInterval(() => process.send!(tally), REPORT_MS);
  let number = 0;
  const lane = async (): Promise<void> => {
    for (;;) await ATTACKS[orders.kind](orders, tally, number++);
  };
  await Promise.all(Array.from({ length: orders.lanes }, lane));
}

export class Attack implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #changed = Promise.withResolvers<void>();
  tally: Tally = {};

  constructor(orders: Orders) {
    this.#child = fork(fileURLToPath(import.meta.url), ["attack", JSON.stringify(orders)]);
    this.#exited = once(this.#child, "exit");
    this.#child.on("exit", () => this.#wake());
    this.#child.on("message", (tally: Tally) => {
      this.tally = tally;
      this.#wake();
    });
  }

  /** Waits until this answer has come so often. */
  async seen(answer: string, count: number): Promise<void> {
    while ((this.tally[answer] ?? 0) < count) {
      this.#assertAlive();
      await this.#changed.promise;
    }
  }

  /** An attack that broke down attacks nothing: that is an error too. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#assertAlive();
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #assertAlive(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`the attacker has gone: ${exitCode ?? signalCode}`);
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

if (process.argv[2] === "attack") {
  process.on("disconnect", () => process.exit());
  await attack(JSON.parse(process.argv[3]!) as Orders);
}
