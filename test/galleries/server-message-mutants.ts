// Servers that go wrong among messages (spec sections 5, 7 and 8.1).

import { mutant, patch, slowApplication, type Mutant } from "./mutant.ts";

const ACCEPT_AT_ONCE = "if (type === FRAME_TYPE.MESSAGE && this.#accepting) {";
const REPLY = "this.#host.out.message(FRAME_TYPE.REPLY, decoder.bodyId(), reply);";
const ECHO = "if (handler === undefined) return payload;";
const REFUSE = "    if (action === undefined) {\n      const what";
const ACCEPTED = "    this.#accepted++;\n";

function replyInstead(put: string): ReturnType<typeof patch> {
  return patch(
    "server-session",
    `else if (this.#underWay.count === 0) ${REPLY}`,
    `else if (this.#underWay.count === 0) ${put}`,
  );
}

/** Ignores what the table of states refuses. */
function passOver(condition: string): ReturnType<typeof patch> {
  return patch("server-session", REFUSE, `    if (action === undefined && ${condition}) return;\n${REFUSE}`);
}

export const serverMessageMutants: readonly Mutant[] = [
  mutant(
    "message-before-login-accepted",
    "TB-FRAME-10",
    "answers messages before login",
    patch("server-session", ACCEPT_AT_ONCE, "if (type === FRAME_TYPE.MESSAGE) {"),
    patch(
      "server-session",
      "if (reply === undefined || !this.#accepting) return;",
      "if (reply === undefined) return;",
    ),
  ),
  mutant(
    "auth-after-login-ignored",
    "TB-FRAME-10",
    "ignores an AUTH among messages",
    passOver('name === "AUTH" && this.#accepting'),
  ),
  mutant(
    "hello-after-login-ignored",
    "TB-FRAME-10",
    "ignores a HELLO among messages",
    passOver('name === "HELLO" && this.#accepting'),
  ),
  mutant(
    "frames-of-a-server-ignored",
    "TB-FRAME-10",
    "ignores frames that only a server sends",
    passOver('["WELCOME", "REPLY", "STOPPED", "GOAWAY"].includes(name)'),
  ),
  mutant(
    "unexpected-malformed",
    "TB-FRAME-10",
    "calls a frame that comes at the wrong time malformed",
    patch("server-session", 'throw breach("unexpected-frame"', 'throw breach("malformed"'),
  ),
  mutant(
    "message-without-id-answered",
    "TB-FRAME-6",
    "takes a MESSAGE that is shorter than its id",
    patch(
      "server-session",
      'if (decoder.bodyLength < 4) throw breach("malformed", "MESSAGE: cut short in id");',
      "if (decoder.bodyLength < 4) return this.#host.out.message(FRAME_TYPE.REPLY, 0, new Uint8Array(0));",
    ),
  ),
  mutant(
    "one-frame-a-read",
    "TB-FRAME-4",
    "processes one frame of each read and drops the rest",
    patch(
      "server-session",
      "while (this.#reads && this.#decoder.next()) this.#process();",
      "if (this.#reads && this.#decoder.next()) this.#process();\n      if (this.#accepting && !this.#decoder.insideFrame) this.#decoder.discard();",
    ),
  ),
  mutant(
    "extension-after-login-refused",
    "TB-EXT-1",
    "refuses extension frames among messages",
    patch(
      "server-session",
      "const action = SERVER_STATES[this.#state].frames[name as never] as { do: ServerFrameAction } | undefined;",
      'const action = (name === "EXTENSION" && this.#accepting ? undefined : SERVER_STATES[this.#state].frames[name as never]) as { do: ServerFrameAction } | undefined;',
    ),
  ),
  mutant(
    "reply-with-other-id",
    "TB-MSG-1",
    "counts the ids of its replies itself",
    replyInstead("this.#host.out.message(FRAME_TYPE.REPLY, this.#accepted + 1, reply);"),
  ),
  mutant(
    "reply-id-of-31-bits",
    "TB-MSG-1",
    "drops the highest bit of an id",
    replyInstead("this.#host.out.message(FRAME_TYPE.REPLY, decoder.bodyId() & 0x7fffffff, reply);"),
  ),
  mutant(
    "reply-twice",
    "TB-MSG-1",
    "answers each message two times",
    replyInstead(`{\n      ${REPLY}\n      ${REPLY}\n    }`),
  ),
  mutant(
    "empty-message-unanswered",
    "TB-MSG-1",
    "does not answer an empty message",
    replyInstead(`{\n      if (reply.byteLength > 0) ${REPLY}\n    }`),
  ),
  mutant(
    "replies-swapped",
    "TB-MSG-2",
    "answers two messages of one read in the wrong order",
    patch(
      "server-session",
      "  #accepted = 0;",
      "  #accepted = 0;\n  #late: { id: number; reply: Uint8Array } | undefined;",
    ),
    replyInstead(`{
      const late = this.#late;
      this.#late = undefined;
      if (late === undefined && decoder.heldBytes > 4)
        this.#late = { id: decoder.bodyId(), reply: reply instanceof Uint8Array ? reply.slice() : reply.copy() };
      else ${REPLY}
      if (late !== undefined) this.#host.out.message(FRAME_TYPE.REPLY, late.id, late.reply);
    }`),
  ),
  mutant(
    "replies-as-they-come",
    "TB-MSG-2",
    "sends each reply when its application has it, whatever came before",
    {
      ...slowApplication,
      put: slowApplication.put.replace("resolve, 20, copy", "resolve, 40 - (copy.length % 4) * 10, copy"),
    },
    patch(
      "server-session",
      "    ticket.reply = payload;\n    this.#sendReplies();",
      "    this.#host.out.message(FRAME_TYPE.REPLY, ticket.id, payload);\n    this.#underWay.remove(ticket);\n    this.#sendReplies();",
    ),
    patch(
      "under-way",
      "  /** Forgets the messages",
      "  remove(ticket: Ticket): void {\n    this.#tickets.splice(this.#tickets.indexOf(ticket), 1);\n  }\n\n  /** Forgets the messages",
    ),
  ),
  mutant(
    "id-used-before-refused",
    "TB-MSG-3",
    "refuses an id that it has seen before",
    patch("server-session", "  #accepted = 0;", "  #accepted = 0;\n  readonly #seen = new Set<number>();"),
    patch(
      "server-session",
      ACCEPTED,
      `${ACCEPTED}    if (this.#seen.has(decoder.bodyId())) throw breach("unexpected-frame", "id");\n    this.#seen.add(decoder.bodyId());\n`,
    ),
  ),
  mutant(
    "id-zero-refused",
    "TB-MSG-3",
    "refuses the id 0",
    patch(
      "server-session",
      ACCEPTED,
      `${ACCEPTED}    if (decoder.bodyId() === 0) throw breach("malformed", "id");\n`,
    ),
  ),
  mutant(
    "echo-as-text",
    "TB-MSG-6",
    "takes payloads for text and replaces what is none",
    patch(
      "server-connection",
      ECHO,
      "if (handler === undefined) return new TextEncoder().encode(new TextDecoder().decode(payload.bytes));",
    ),
  ),
  mutant(
    "echo-trimmed",
    "TB-MSG-6",
    "drops a last byte 0 of the payload",
    patch(
      "server-connection",
      ECHO,
      "if (handler === undefined) return payload.bytes.at(-1) === 0 ? payload.bytes.slice(0, -1) : payload;",
    ),
  ),
  mutant(
    "echo-cut-at-8-kib",
    "TB-MSG-6",
    "returns at most 8 KiB of the payload",
    patch(
      "server-connection",
      ECHO,
      "if (handler === undefined) return payload.byteLength > 8192 ? payload.bytes.slice(0, 8192) : payload;",
    ),
  ),
  mutant(
    "reply-over-limit",
    "TB-LIMIT-1",
    "adds a byte to the largest reply",
    patch(
      "server-session",
      "if (reply.byteLength + 5 > this.#settings.maxFrameBytes) this.failMessage();",
      "",
    ),
    patch(
      "server-session",
      `else if (this.#underWay.count === 0) ${REPLY}`,
      `if (this.#underWay.count === 0) ${REPLY}`,
    ),
    patch(
      "server-connection",
      ECHO,
      "if (handler === undefined) return payload.byteLength > 60_000 ? Buffer.concat([payload.bytes, Uint8Array.of(0)]) : payload;",
    ),
  ),
  mutant(
    "limit-one-too-low",
    "TB-LIMIT-2",
    "refuses a message of exactly max-frame-bytes",
    patch("decoder", "length > this.limit)", "length >= this.limit)"),
  ),
  mutant(
    "limit-never-raised",
    "TB-LIMIT-2",
    "holds messages to the limit of login frames",
    patch("server-session", "        this.#decoder.limit = this.#settings.maxFrameBytes;\n", "\n"),
  ),
  mutant(
    "ping-second-unanswered",
    "TB-PING-1",
    "answers one PING of each read",
    patch(
      "server-session",
      "this.#host.out.frame(encodePong(parsePing(this.#decoder.body)))",
      "void (this.#decoder.heldBytes === 0 && this.#host.out.frame(encodePong(parsePing(this.#decoder.body))))",
    ),
  ),
  mutant(
    "ping-second-refused",
    "TB-PING-1",
    "refuses a second PING in one read",
    patch(
      "server-session",
      "this.#host.out.frame(encodePong(parsePing(this.#decoder.body)))",
      '{\n      if (this.#decoder.heldBytes > 0) throw breach("unexpected-frame", "PING");\n      this.#host.out.frame(encodePong(parsePing(this.#decoder.body)));\n    }',
    ),
  ),
  mutant(
    "stop-with-body-taken",
    "TB-FRAME-6",
    "takes a STOP with a body",
    patch("server-session", "      parseStop(this.#decoder.body);\n", ""),
  ),
];
