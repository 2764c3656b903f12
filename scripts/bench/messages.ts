// The messages that a load generator sends and the replies that are due, in each peer's own framing. The same as in
// wire.h: the payload begins with the connection and the number of the message, the rest is a pattern that shifts from one to the next,
// so that a reply in the wrong place, of another connection or with a byte changed is found out.

export const PROTOCOLS = ["talkbyte", "resp", "raw", "ws"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** A reply that is not the one due. */
export class WrongReply extends Error {
  override readonly name = "WrongReply";
}

const STAMP_BYTES = 8;
const SHIFTS = 256;
const EXTENSION_FIRST_TYPE = 0x80;
const FRAME_HEADER_BYTES = 5;
const NOTHING = Buffer.alloc(0);
const MASK = Buffer.from("5a17c388", "hex");

interface Shape {
  readonly head: Buffer;
  readonly tail: Buffer;
  /** Where the message's number goes, if anywhere. */
  readonly idAt: number | undefined;
  readonly masked: boolean;
}

export class Messages {
  readonly protocol: Protocol;
  readonly replyBytes: number;
  readonly #payloadBytes: number;
  readonly #pattern: Buffer;
  readonly #request: Shape;
  readonly #reply: Shape;

  constructor(protocol: Protocol, payloadBytes: number) {
    if (payloadBytes < STAMP_BYTES) throw new RangeError(`a payload has at least ${STAMP_BYTES} bytes`);
    this.protocol = protocol;
    this.#payloadBytes = payloadBytes;
    this.#pattern = makePattern(payloadBytes + 4 * SHIFTS);
    this.#request = makeShape(protocol, payloadBytes, true);
    this.#reply = makeShape(protocol, payloadBytes, false);
    this.replyBytes = this.#reply.head.length + payloadBytes + this.#reply.tail.length;
  }

  request(connection: number, number: number): Buffer {
    return this.#render(this.#request, connection, number);
  }

  reply(connection: number, number: number): Buffer {
    return this.#render(this.#reply, connection, number);
  }

  #render(shape: Shape, connection: number, number: number): Buffer {
    const payload = Buffer.allocUnsafe(this.#payloadBytes);
    const shift = (((Math.imul(number, 7) + connection) >>> 0) % SHIFTS) * 4;
    this.#pattern.copy(payload, 0, shift, shift + this.#payloadBytes);
    payload.writeUInt32BE(connection, 0);
    payload.writeUInt32BE(number, 4);
    if (shape.masked) for (let at = 0; at < payload.length; at++) payload[at]! ^= MASK[at % 4]!;
    const message = Buffer.concat([shape.head, payload, shape.tail]);
    if (shape.idAt !== undefined) message.writeUInt32BE(number, shape.idAt);
    return message;
  }
}

/** Checks the replies of one connection, however they are cut. */
export class ReplyCheck {
  readonly #messages: Messages;
  readonly #connection: number;
  /** Replies that were right and whole. */
  answered = 0;
  #due: Buffer | undefined;
  #at = 0;
  /** The beginning of a frame that is cut within its header. */
  #head: Buffer = NOTHING;
  #skip = 0;

  constructor(messages: Messages, connection: number) {
    this.#messages = messages;
    this.#connection = connection;
  }

  /** @throws WrongReply on the first byte that is not due; `asked` messages have been sent so far */
  push(chunk: Buffer, asked: number): void {
    let rest = chunk;
    while (rest.length > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
      if (rest.length === 0) return;
      if (this.#messages.protocol === "talkbyte" && this.#at === 0) {
        if (this.#head.length > 0) rest = Buffer.concat([this.#head, rest]);
        this.#head = rest.length < FRAME_HEADER_BYTES ? rest : NOTHING;
        if (rest.length < FRAME_HEADER_BYTES) return;
        if (rest[4]! >= EXTENSION_FIRST_TYPE) {
          this.#skip = rest.readUInt32BE(0) - 1;
          rest = rest.subarray(FRAME_HEADER_BYTES);
          continue;
        }
      }
      rest = rest.subarray(this.#compare(rest, asked));
    }
  }

  #compare(bytes: Buffer, asked: number): number {
    if (this.answered >= asked)
      throw new WrongReply(`connection ${this.#connection}: a reply that nobody asked for`);
    const due = (this.#due ??= this.#messages.reply(this.#connection, this.answered));
    const count = Math.min(bytes.length, due.length - this.#at);
    if (due.compare(bytes, 0, count, this.#at, this.#at + count) !== 0)
      throw new WrongReply(
        `connection ${this.#connection}, message ${this.answered}: not the reply that is due`,
      );
    this.#at += count;
    if (this.#at === due.length) {
      this.answered++;
      this.#due = undefined;
      this.#at = 0;
    }
    return count;
  }
}

function makePattern(size: number): Buffer {
  const pattern = Buffer.allocUnsafe(size);
  let state = 0x2545f491;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pattern[at] = state;
  }
  return pattern;
}

function makeShape(protocol: Protocol, payloadBytes: number, isRequest: boolean): Shape {
  const none = { tail: NOTHING, idAt: undefined, masked: false };
  switch (protocol) {
    case "talkbyte": {
      const head = Buffer.alloc(9);
      head.writeUInt32BE(payloadBytes + 5, 0);
      head[4] = isRequest ? 0x10 : 0x11;
      return { ...none, head, idAt: 5 };
    }
    case "resp": {
      const head = `${isRequest ? "*2\r\n$4\r\nECHO\r\n" : ""}$${payloadBytes}\r\n`;
      return { ...none, head: Buffer.from(head), tail: Buffer.from("\r\n") };
    }
    case "raw":
      return { ...none, head: NOTHING };
    case "ws":
      return { ...none, head: webSocketHead(payloadBytes, isRequest), masked: isRequest };
  }
}

function webSocketHead(payloadBytes: number, masked: boolean): Buffer {
  const head = Buffer.alloc(payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10);
  head[0] = 0x82; // one binary message
  head[1] = payloadBytes < 126 ? payloadBytes : payloadBytes < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(payloadBytes, 2);
  else if (head.length === 10) head.writeUInt32BE(payloadBytes, 6);
  if (!masked) return head;
  head[1] |= 0x80;
  return Buffer.concat([head, MASK]);
}
