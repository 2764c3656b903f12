// One socket as a session sees it: frames go out once a turn and in pieces that show progress, input pauses while the
// session or the peer's reading asks for it, and an ending lingers (spec sections 7.2, 8.2 and 9.4). It knows
// sockets and nothing of the protocol; its owner connects it to a session.

import type { Socket } from "node:net";
import type { FrameWriter } from "../protocol/frame-writer.ts";
import { LIMIT } from "../protocol/wire.ts";

/** What the owner does with what a transport meets. */
export interface TransportOwner {
  received(chunk: Uint8Array): void;
  /** The peer ended its stream. */
  ended(): void;
  /** What had been handed over has left; more may be sent, and held input processed. */
  drained(): void;
  /** The socket is gone: by a reset, an error or a proper end. */
  closed(error: NodeJS.ErrnoException | undefined): void;
  /** `dueAt` has moved while the owner was not calling. */
  deadlineMoved(): void;
  /** Whether input should be read. */
  readonly wantsInput: boolean;
}

/** Sees the bytes of both directions as they are handed over. */
export interface Tap {
  sent(chunk: Uint8Array): void;
  received(chunk: Uint8Array): void;
}

export interface TransportDeadlines {
  readonly writeStallMs: number;
  readonly lingerMs: number;
}

/** Handed to the socket at a time, so that a slow reader's progress is seen at least this often. */
const WRITE_BYTES = 262_144;
/** A peer that vanished without a word is found out even while nothing is read from it. */
const KEEP_ALIVE_MS = 60_000;
const NEVER = Infinity;

export class Transport {
  readonly socket: Socket;
  readonly #out: FrameWriter;
  readonly #owner: TransportOwner;
  readonly #deadlines: TransportDeadlines;
  readonly #tap: Tap | undefined;
  #queue: Uint8Array[] = [];
  #handedBytes = 0;
  #takenBytes = 0;
  #stalled = false;
  #ending = false;
  #closing = false;
  #lingering = false;
  #lingerBytes = 0;
  #dueAt = NEVER;
  #error: NodeJS.ErrnoException | undefined;

  constructor(
    socket: Socket,
    out: FrameWriter,
    owner: TransportOwner,
    deadlines: TransportDeadlines,
    tap?: Tap,
  ) {
    this.#tap = tap;
    this.socket = socket;
    this.#out = out;
    this.#owner = owner;
    this.#deadlines = deadlines;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (chunk: Uint8Array) => this.#received(chunk));
    socket.on("end", () => this.#owner.ended());
    socket.on("drain", () => this.#drained());
    socket.on("finish", () => this.#finished());
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#error = error;
      socket.destroy(); // Node leaves a TLS connection open whose record does not authenticate
    });
    socket.on("close", () => this.#closed());
    // What happened before the socket came here is not told again.
    if (socket.closed) queueMicrotask(() => this.#closed());
    else if (socket.readableEnded) queueMicrotask(() => this.#owner.ended());
  }

  /** When `expire` is wanted; Infinity: never. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Whether the peer has yet to take what was handed to the socket. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** Sends what the writer holds, unless the peer is behind; then pauses or resumes reading. */
  flush(now: number): void {
    if (this.socket.destroyed || this.socket.writableEnded) {
      this.#out.take(); // nobody is there to read it, and who goes on while there is output must not wait for it
    } else if (!this.#stalled && this.#out.pendingBytes > 0) {
      this.#queue = this.#out.take();
      if (this.#tap !== undefined) for (const chunk of this.#queue) this.#tap.sent(chunk);
      this.#write(now);
    }
    this.#flow();
  }

  /** Ends the stream behind what is to be sent; input goes on. */
  endStream(now: number): void {
    this.#ending = true;
    this.flush(now);
    if (!this.#stalled) this.#end(now);
  }

  /** Ends the stream, then discards input for a while and drops the connection. */
  close(now: number): void {
    this.#closing = true;
    this.endStream(now);
    if (this.socket.writableFinished) this.#linger(now);
  }

  /** Drops the connection, under TLS without close_notify. */
  reset(): void {
    this.#dueAt = NEVER;
    this.socket.destroy();
  }

  /** Drops the connection when the peer took nothing for too long, or has lingered long enough. */
  expire(now: number): void {
    if (this.#lingering || (this.#waits && !this.#progressed)) this.reset();
    else this.#watchStall(now);
  }

  /** Whether something has yet to leave: bytes, or the end of the stream behind them. */
  get #waits(): boolean {
    const { writableLength, writableEnded, writableFinished } = this.socket;
    return this.#queue.length > 0 || writableLength > 0 || (writableEnded && !writableFinished);
  }

  /** Whether the peer has taken bytes since the write-stall deadline began to run. */
  get #progressed(): boolean {
    return this.#handedBytes - this.socket.writableLength > this.#takenBytes;
  }

  /** The write-stall deadline runs from now if anything waits. */
  #watchStall(now: number): void {
    this.#takenBytes = this.#handedBytes - this.socket.writableLength;
    this.#dueAt = this.#waits ? now + this.#deadlines.writeStallMs : NEVER;
  }

  #received(chunk: Uint8Array): void {
    if (!this.#closing) {
      this.#tap?.received(chunk);
      this.#owner.received(chunk);
      return;
    }
    this.#lingerBytes += chunk.length;
    if (this.#lingerBytes > LIMIT.lingerBytes) this.reset();
  }

  #write(now: number): void {
    const dueAt = this.#progressed ? NEVER : this.#dueAt; // of bytes that wait already
    // What the system takes at once brings no "drain".
    do this.#hand();
    while (this.#queue.length > 0 && !this.socket.writableNeedDrain);
    this.#stalled = this.socket.writableNeedDrain;
    this.#watchStall(now);
    if (this.#dueAt !== NEVER) this.#dueAt = Math.min(this.#dueAt, dueAt);
  }

  /** Hands a part of the queue to the socket. */
  #hand(): void {
    const { socket } = this;
    let budget = WRITE_BYTES;
    const many = this.#queue.length > 1;
    if (many) socket.cork();
    let index = 0;
    for (; index < this.#queue.length && budget > 0; index++) {
      const chunk = this.#queue[index]!;
      if (chunk.length > budget) {
        socket.write(chunk.subarray(0, budget));
        this.#queue[index] = chunk.subarray(budget);
        budget = 0;
        break;
      }
      budget -= chunk.length;
      socket.write(chunk);
    }
    if (many) socket.uncork();
    this.#handedBytes += WRITE_BYTES - budget;
    this.#queue = index === this.#queue.length ? [] : this.#queue.slice(index);
  }

  #drained(): void {
    const now = performance.now();
    this.#stalled = false;
    this.#watchStall(now);
    if (this.#queue.length > 0) this.#write(now);
    if (!this.#stalled) this.flush(now);
    if (!this.#stalled) {
      if (this.#ending) this.#end(now);
      if (!this.#closing) this.#owner.drained();
    }
    this.#owner.deadlineMoved();
  }

  #end(now: number): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    this.socket.end();
    if (this.#dueAt === NEVER) this.#watchStall(now);
  }

  #finished(): void {
    const now = performance.now();
    if (this.#closing) this.#linger(now);
    else this.#watchStall(now);
    this.#owner.deadlineMoved();
  }

  /** All is sent; the peer gets a while to read it before the connection is dropped. */
  #linger(now: number): void {
    if (this.#lingering || this.socket.destroyed) return;
    this.#lingering = true;
    this.#dueAt = now + this.#deadlines.lingerMs;
    this.#flow();
  }

  #closed(): void {
    this.#dueAt = NEVER;
    this.#owner.closed(this.#error);
  }

  #flow(): void {
    const wanted = this.#closing || this.#owner.wantsInput;
    if (wanted === !this.socket.isPaused()) return;
    if (wanted) this.socket.resume();
    else this.socket.pause();
  }
}
