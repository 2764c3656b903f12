// Servers that go wrong after login only now and then: for one value, in one state, or once something else has been
// (spec sections 7 to 10).

import { mutant, patch, shownUnderStrict, slowApplication, type Mutant, type Patch } from "./mutant.ts";

const ACCEPTED = "    this.#accepted++;\n";
const SEND_REPLY =
  "else if (this.#underWay.count === 0) this.#host.out.message(FRAME_TYPE.REPLY, decoder.bodyId(), reply);";
const ECHO = "if (handler === undefined) return payload;";
const REFUSE = "    if (action === undefined) {\n      const what";
const UNKNOWN_TYPE = 'if (name === undefined) throw breach("unknown-type"';
const ANSWER_PING = "this.#host.out.frame(encodePong(parsePing(this.#decoder.body)))";
const TAKE_PONG = "this.#ping.take(this.#decoder.body)";
const WATCHED = 'const watched = insideFrame && this.#state !== "drained" ? framesEnded : undefined;';
const TIMEOUT_FOUND = 'this.#fail(new TalkByteError("timeout", "peer", `the ${deadline} deadline passed`));';
const END_OF_INPUT = "  #endOfInput(): void {\n    this.#decoder.discard();\n";
const SEND_STOPPED = "this.#host.out.frame(encodeStopped(this.#accepted));";
const SEND_GOAWAY =
  'this.#host.out.frame(encodeGoaway({ reason: "shutdown", drainMs: this.#settings.drainMs }));';
const VERSIONS_IN_ERROR = "versions: VERSIONS,";
const FAILED = '    this.#host.act({ type: "failed", error });\n    this.#close();\n';
const PUSH = "    this.#decoder.push(chunk);\n";

/** Ignores what the table of states refuses. */
function passOver(condition: string): Patch {
  return patch("server-session", REFUSE, `    if (action === undefined && ${condition}) return;\n${REFUSE}`);
}

function answerPing(put: string): Patch {
  return patch("server-session", ANSWER_PING, put);
}

const messages: readonly Mutant[] = [
  mutant(
    "auth-after-messages-skipped",
    "TB-FRAME-10",
    "ignores an AUTH once a message has come",
    passOver('name === "AUTH" && this.#accepted > 0'),
  ),
  mutant(
    "unknown-type-while-stopping-unexpected",
    "TB-FRAME-9",
    "calls the type 0x14 an unexpected frame after login",
    patch(
      "server-session",
      UNKNOWN_TYPE,
      `if (type === 0x14 && this.#state !== "awaiting-hello") throw breach("unexpected-frame", "0x14");\n    ${UNKNOWN_TYPE}`,
    ),
  ),
  mutant(
    "id-zero-refused-later",
    "TB-MSG-3",
    "refuses the id 0 but for the first message",
    patch(
      "server-session",
      ACCEPTED,
      `    if (decoder.bodyId() === 0 && this.#accepted > 0) throw breach("malformed", "id");\n${ACCEPTED}`,
    ),
  ),
  mutant(
    "largest-id-unanswered",
    "TB-MSG-1",
    "does not answer a message with the largest id",
    patch("server-session", ACCEPTED, `${ACCEPTED}    if (decoder.bodyId() === 0xffffffff) return;\n`),
  ),
  mutant(
    "id-repeated-in-one-read-unanswered",
    "TB-MSG-3",
    "does not answer a message that repeats the id before it in one read",
    patch("server-session", "  #accepted = 0;", "  #accepted = 0;\n  #lastId: number | undefined;"),
    patch(
      "server-session",
      ACCEPTED,
      `${ACCEPTED}    const again = decoder.bodyId() === this.#lastId;
    this.#lastId = decoder.heldBytes > 0 ? decoder.bodyId() : undefined;
    if (again) return;\n`,
    ),
  ),
  mutant(
    "empty-reply-late",
    "TB-MSG-2",
    "holds an empty reply back behind the next",
    patch("server-session", "  #accepted = 0;", "  #accepted = 0;\n  #late: number | undefined;"),
    patch(
      "server-session",
      SEND_REPLY,
      `else if (reply.byteLength === 0 && decoder.heldBytes > 0 && this.#late === undefined)
      this.#late = decoder.bodyId();
    else if (this.#late !== undefined) {
      this.#host.out.message(FRAME_TYPE.REPLY, decoder.bodyId(), reply);
      this.#host.out.message(FRAME_TYPE.REPLY, this.#late, new Uint8Array(0));
      this.#late = undefined;
    } ${SEND_REPLY}`,
    ),
  ),
  mutant(
    "echo-without-carriage-returns",
    "TB-MSG-6",
    "turns line breaks of two bytes into those of one",
    patch(
      "server-connection",
      ECHO,
      'if (handler === undefined) return Buffer.from(Buffer.from(payload.bytes).toString("latin1").replaceAll("\\r\\n", "\\n"), "latin1");',
    ),
  ),
  mutant(
    "largest-echo-altered",
    "TB-MSG-6",
    "returns the largest payloads with another last byte",
    patch(
      "server-connection",
      ECHO,
      `if (handler === undefined) {
      const copy = payload.copy();
      if (copy.length > 65_529) copy[copy.length - 1]! ^= 1;
      return copy;
    }`,
    ),
  ),
  mutant(
    "limit-raised-late",
    "TB-LIMIT-2",
    "holds the first message to the limit of login frames",
    patch("server-session", "        this.#decoder.limit = this.#settings.maxFrameBytes;\n", "\n"),
    patch("server-session", ACCEPTED, `${ACCEPTED}    this.#decoder.limit = this.#settings.maxFrameBytes;\n`),
  ),
  mutant(
    "limit-after-login-one-too-high",
    "TB-FRAME-2",
    "takes frames of one byte more than max-frame-bytes",
    patch(
      "server-session",
      "this.#decoder.limit = this.#settings.maxFrameBytes;",
      "this.#decoder.limit = this.#settings.maxFrameBytes + 1;",
    ),
  ),
  mutant(
    "three-bytes-malformed",
    "TB-FRAME-4",
    "calls a frame malformed of which the first read brings three bytes",
    patch(
      "server-session",
      PUSH,
      `    if (chunk.length === 3 && !this.#decoder.insideFrame) return void this.#fail(breach("malformed", "3"));\n${PUSH}`,
    ),
  ),
];

const pings: readonly Mutant[] = [
  mutant(
    "pong-loses-all-ones",
    "TB-PING-1",
    "answers PING with another last byte where that is 0xff",
    answerPing(
      "{\n      const data = parsePing(this.#decoder.body);\n      if (data[7] === 0xff) data[7] = 0xfe;\n      this.#host.out.frame(encodePong(data));\n    }",
    ),
  ),
  mutant(
    "second-pong-other",
    "TB-PING-1",
    "answers the second PING with other data",
    patch("server-session", "  #accepted = 0;", "  #accepted = 0;\n  #pings = 0;"),
    answerPing(
      "{\n      const data = parsePing(this.#decoder.body);\n      if (++this.#pings === 2) data[7]!++;\n      this.#host.out.frame(encodePong(data));\n    }",
    ),
  ),
  mutant(
    "pong-unsolicited-while-draining-taken",
    "TB-PING-3",
    "takes a PONG without a PING after GOAWAY",
    patch("server-session", TAKE_PONG, `this.#state === "draining" ? undefined : ${TAKE_PONG}`),
  ),
  mutant(
    "pong-of-zeros-taken",
    "TB-PING-3",
    "takes a PONG of zeros without a PING",
    patch(
      "server-session",
      TAKE_PONG,
      `this.#decoder.body.length === 8 && this.#decoder.body.every((byte) => byte === 0) ? undefined : ${TAKE_PONG}`,
    ),
  ),
  mutant(
    "end-loses-pong",
    "TB-END-6",
    "drops the PONG that is due when the client ends its stream",
    answerPing(
      "void setTimeout((data) => this.#host.out.frame(encodePong(data)), 20, parsePing(this.#decoder.body))",
    ),
  ),
];

const deadlines: readonly Mutant[] = [
  mutant(
    "frame-deadline-only-for-the-first-frame",
    "TB-TIME-3",
    "has a frame deadline for HELLO alone",
    patch("server-session", WATCHED, WATCHED.replace('"drained"', '"drained" && framesEnded === 0')),
  ),
  mutant(
    "frame-deadline-kept-for-the-next",
    "TB-TIME-3",
    "holds a frame that begins behind another to the deadline of that one",
    patch(
      "server-deadlines",
      "if (number !== this.#frameNumber) {",
      "if (number !== this.#frameNumber && (number === undefined || this.#frameNumber === undefined)) {",
    ),
  ),
  mutant(
    "frame-deadline-not-while-draining",
    "TB-TIME-3",
    "has no frame deadline after GOAWAY",
    patch("server-session", WATCHED, WATCHED.replace('"drained"', '"drained" && this.#state !== "draining"')),
  ),
  mutant(
    "idle-deadline-not-while-draining",
    "TB-TIME-4",
    "has no idle deadline after GOAWAY",
    patch(
      "server-session",
      "this.#deadlines.dueAt(this.#underWay.count === 0 && this.#reads)",
      'this.#deadlines.dueAt(this.#underWay.count === 0 && this.#reads && this.#state !== "draining")',
    ),
  ),
  mutant(
    "login-deadline-kept",
    "TB-TIME-4",
    "keeps the login deadline after login",
    patch(
      "server-deadlines",
      "    this.#loginDueAt = NEVER;\n    this.restartIdle(now);",
      "    this.restartIdle(now);",
    ),
  ),
  mutant(
    "timeout-with-other-versions",
    "TB-ERROR-5",
    "claims in ERROR timeout to speak version 2 too",
    patch(
      "server-session",
      VERSIONS_IN_ERROR,
      'versions: error.code === "timeout" ? { min: 1, max: 2 } : VERSIONS,',
    ),
  ),
  shownUnderStrict(
    mutant(
      "idle-deadline-silent-after-messages",
      "TB-TIME-4",
      "ends a session at the idle deadline without ERROR once a message has come",
      patch(
        "server-session",
        TIMEOUT_FOUND,
        `if (this.#accepted > 0) this.#close();\n    else ${TIMEOUT_FOUND}`,
      ),
    ),
  ),
];

const endings: readonly Mutant[] = [
  mutant(
    "message-cut-short-by-the-end-answered",
    "TB-END-7",
    "answers a message that the client broke off",
    patch(
      "server-session",
      END_OF_INPUT,
      `  #endOfInput(): void {
    if (this.#accepting && this.#decoder.insideFrame) {
      this.#host.out.message(FRAME_TYPE.REPLY, 1, new Uint8Array(0));
      this.#accepted++;
    }
    this.#decoder.discard();\n`,
    ),
  ),
  mutant(
    "length-cut-short-by-the-end-malformed",
    "TB-END-7",
    "calls a length malformed that the client broke off",
    patch(
      "server-session",
      END_OF_INPUT,
      `  #endOfInput(): void {
    if (this.#accepting && this.#decoder.insideLength) throw breach("malformed", "cut short");
    this.#decoder.discard();\n`,
    ),
    patch(
      "decoder",
      "  /** Drops all input",
      "  get insideLength(): boolean {\n    return this.#have > 0 && this.#have < LENGTH_BYTES;\n  }\n\n  /** Drops all input",
    ),
  ),
  mutant(
    "unexpected-leaves-open",
    "TB-ERROR-2",
    "keeps the connection open after ERROR unexpected-frame",
    patch(
      "server-session",
      FAILED,
      `    if (error.code === "unexpected-frame" && this.#accepting) return;\n${FAILED}`,
    ),
  ),
  mutant(
    "error-behind-stopped",
    "TB-END-2",
    "sends ERROR behind STOPPED when more has come",
    patch(
      "server-session",
      SEND_STOPPED,
      `${SEND_STOPPED}\n    if (this.#decoder.heldBytes > 0) this.#host.out.frame(encodeError({ code: "unexpected-frame", versions: VERSIONS, detail: "" }));`,
    ),
  ),
  mutant(
    "stop-with-body-after-messages-taken",
    "TB-FRAME-6",
    "takes a STOP with a body once a message has come",
    patch(
      "server-session",
      "      parseStop(this.#decoder.body);\n",
      "      if (this.#accepted === 0) parseStop(this.#decoder.body);\n",
    ),
  ),
  mutant(
    "stopped-counts-one-more-at-the-drain-deadline",
    "TB-END-3",
    "counts a message too many at the drain deadline",
    patch("server-session", 'this.#stop("drained");', 'this.#accepted++;\n      this.#stop("drained");'),
  ),
  mutant(
    "stopped-counts-no-late-replies",
    "TB-END-3",
    "does not count messages whose replies were due when STOP came",
    slowApplication,
    patch(
      "server-session",
      "      parseStop(this.#decoder.body);\n",
      "      parseStop(this.#decoder.body);\n      this.#accepted -= this.#underWay.count;\n",
    ),
  ),
  mutant(
    "no-goaway-without-messages",
    "TB-END-21",
    "sends no GOAWAY to a session that has sent no message",
    patch("server-session", SEND_GOAWAY, `if (this.#accepted > 0) ${SEND_GOAWAY}`),
  ),
  mutant(
    "length-zero-while-draining-skipped",
    "TB-FRAME-1",
    "skips a frame of length 0 after GOAWAY",
    patch(
      "server-session",
      PUSH,
      `    const empty = chunk.length >= 4 && chunk[0] === 0 && chunk[1] === 0 && chunk[2] === 0 && chunk[3] === 0;
    this.#decoder.push(empty && this.#state === "draining" ? chunk.subarray(4) : chunk);\n`,
    ),
  ),
  mutant(
    "last-extension-type-while-draining-refused",
    "TB-EXT-1",
    "refuses extension frames of the type 0xff after GOAWAY",
    patch(
      "server-session",
      REFUSE,
      `    if (type === 0xff && this.#state === "draining") throw breach("unexpected-frame", "0xff");\n${REFUSE}`,
    ),
  ),
];

export const serverRareMutants: readonly Mutant[] = [...messages, ...pings, ...deadlines, ...endings];
