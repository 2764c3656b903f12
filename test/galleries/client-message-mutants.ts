// Clients that go wrong among messages (spec sections 5.2 and 7).

import { mutant, patch, shownUnderStrict, type Mutant } from "./mutant.ts";

const ANSWERED = "if (this.#unanswered === 0 || id !== this.#oldest) return false;";
const IN_SESSION = "const clientInSession = {\n";
const COLLECT = `    const request = this.#line.add(payload, signal);
    clearTimeout(this.#collecting);
    this.#collecting = setTimeout(() => {
      this.#collecting = undefined;
      this.#pump();
    }, 100);
`;
const WANTS_INPUT = "return this.out.pendingBytes < MAX_PENDING_BYTES;\n  }\n\n  deadlineMoved";
const READY = "frames: { ...clientInSession, GOAWAY:";

export const clientMessageMutants: readonly Mutant[] = [
  mutant(
    "one-frame-a-read",
    "TB-FRAME-4",
    "processes one frame of each read and drops the rest",
    patch(
      "client-session",
      "while (!this.#holds && this.#decoder.next()) this.#process();",
      "if (!this.#holds && this.#decoder.next()) this.#process();\n      if (!this.#decoder.insideFrame) this.#decoder.discard();",
    ),
  ),
  mutant(
    "reply-without-id-taken",
    "TB-FRAME-6",
    "takes a REPLY that is shorter than its id for the one that is due",
    patch(
      "client-session",
      'if (decoder.bodyLength < 4) throw breach("malformed", "REPLY: cut short in id");',
      "if (decoder.bodyLength < 4) return;",
    ),
  ),
  mutant(
    "extension-after-login-refused",
    "TB-EXT-1",
    "refuses extension frames among replies",
    patch(
      "states",
      "  PONG: takePong,\n  ERROR: peerFailed,\n  EXTENSION: skip,\n} as const;\nconst takeStopped",
      "  PONG: takePong,\n  ERROR: peerFailed,\n} as const;\nconst takeStopped",
    ),
  ),
  mutant(
    "authenticated-again-ignored",
    "TB-FRAME-10",
    "ignores AUTHENTICATED among replies",
    patch("states", IN_SESSION, `${IN_SESSION}  AUTHENTICATED: skip,\n`),
  ),
  mutant(
    "refused-after-login-ignored",
    "TB-FRAME-10",
    "ignores REFUSED among replies",
    patch("states", IN_SESSION, `${IN_SESSION}  REFUSED: skip,\n`),
  ),
  mutant(
    "frames-of-a-client-ignored",
    "TB-FRAME-10",
    "ignores frames that only a client sends",
    patch(
      "states",
      IN_SESSION,
      `${IN_SESSION}  HELLO: skip,\n  AUTH: skip,\n  MESSAGE: skip,\n  STOP: skip,\n  RESPONSE: skip,\n`,
    ),
  ),
  shownUnderStrict(
    mutant(
      "stopped-unasked-taken",
      "TB-FRAME-10",
      "takes STOPPED without STOP or GOAWAY",
      patch("states", READY, READY.replace("clientInSession,", "clientInSession, STOPPED: takeStopped,")),
    ),
  ),
  mutant(
    "unexpected-malformed",
    "TB-FRAME-10",
    "calls a frame that comes at the wrong time malformed",
    patch(
      "client-session",
      'throw breach("unexpected-frame", `${what} in state ${this.#state}`);',
      'throw breach("malformed", what);',
    ),
  ),
  mutant(
    "id-always-one",
    "TB-MSG-4",
    "gives every message the id 1",
    patch("message-ids", "return id === LAST_ID ? 0 : id + 1;", "return id;"),
  ),
  mutant(
    "id-of-two",
    "TB-MSG-4",
    "takes ids 1 and 2 in turns",
    patch("message-ids", "return id === LAST_ID ? 0 : id + 1;", "return id === 1 ? 2 : 1;"),
  ),
  mutant(
    "reply-id-unchecked",
    "TB-MSG-5",
    "takes any reply for the one that is due",
    patch("message-ids", ANSWERED, "if (this.#unanswered === 0) return false;"),
  ),
  mutant(
    "reply-unasked-ignored",
    "TB-MSG-5",
    "ignores a reply when none is due",
    patch(
      "client-session",
      "if (!this.#ids.answer(decoder.bodyId())) throw",
      "if (this.#ids.unanswered === 0) return;\n    if (!this.#ids.answer(decoder.bodyId())) throw",
    ),
  ),
  mutant(
    "reply-in-any-order",
    "TB-MSG-5",
    "takes the replies to its messages in any order",
    patch(
      "message-ids",
      ANSWERED,
      "if (this.#unanswered === 0 || id < this.#oldest || id >= this.#next) return false;",
    ),
  ),
  mutant(
    "reply-again-ignored",
    "TB-MSG-5",
    "ignores a second reply to a message",
    patch(
      "client-session",
      "if (!this.#ids.answer(decoder.bodyId())) throw",
      "if (decoder.bodyId() <= this.#ids.answered) return;\n    if (!this.#ids.answer(decoder.bodyId())) throw",
    ),
  ),
  {
    ...mutant(
      "writes-before-it-reads",
      "TB-MSG-10",
      "collects what it is given, writes all of it, and only then reads",
      patch(
        "client",
        WANTS_INPUT,
        "return this.#collecting === undefined && this.#line.waiting === 0 && this.#writes;\n  }\n\n  deadlineMoved",
      ),
      patch(
        "client",
        "  #flushing = false;\n\n",
        "  #flushing = false;\n  #collecting: NodeJS.Timeout | undefined;\n\n",
      ),
      patch("client", "    const request = this.#line.add(payload, signal);\n    this.#pump();\n", COLLECT),
    ),
    // More than the system's buffers between the two can hold.
    settings: { limits: { maxFrameBytes: 4_194_304 } },
    stepMs: 6000,
    alone: true,
  },
  mutant(
    "message-over-limit",
    "TB-LIMIT-1",
    "sends messages of every length",
    patch("client", "if (payload.length > this.#session.maxPayloadBytes) {", "if (payload.length > 1e9) {"),
    patch("client-session", "if (payload.length > this.maxPayloadBytes) {", "if (payload.length > 1e9) {"),
  ),
  mutant(
    "message-one-over-limit",
    "TB-LIMIT-1",
    "leaves the type out of a message's length when it compares it with the limit",
    patch("client-session", "this.#welcome.maxFrameBytes - 5", "this.#welcome.maxFrameBytes - 4"),
  ),
  mutant(
    "ping-twice",
    "TB-PING-2",
    "sends a second PING before the first is answered",
    patch("client", "    if (this.#pong === undefined) {\n", "    {\n"),
    patch("ping-watch", "    if (this.#outstanding !== undefined) return false;\n", ""),
  ),
  mutant(
    "pong-with-any-data-taken",
    "TB-PING-3",
    "takes a PONG with other data than its PING",
    patch(
      "ping-watch",
      "expected === undefined || data.some((byte, at) => byte !== expected[at])",
      "expected === undefined",
    ),
  ),
  mutant(
    "pong-again-ignored",
    "TB-PING-3",
    "ignores a second PONG",
    patch(
      "client-session",
      "      this.#ping.take(this.#decoder.body);\n",
      "      if (this.#pongDueAt === NEVER) return;\n      this.#ping.take(this.#decoder.body);\n",
    ),
  ),
];
