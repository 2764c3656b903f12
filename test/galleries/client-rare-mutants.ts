// Clients that go wrong only now and then: for one value, in one state, or once something else has been (spec
// sections 4 to 10).

import { mutant, patch, type Mutant, type Patch } from "./mutant.ts";

const REFUSED_DATA = "if (this.#mechanism === PASSWORD.name && authenticated.mechanismData.length > 0) {";
const CHALLENGED = 'if (this.#mechanism === PASSWORD.name) throw breach("unexpected-frame", "CHALLENGE';
const TAKE_REFUSED = "  #takeRefused(refused: Refused): void {\n";
const NAMED_TWICE = "if (mechanisms.some((offer) => offer.name === name)) {";
const STOPPED_FITS =
  "if (accepted !== this.#ids.answered || (this.#ids.unanswered > 0 && !this.#goneAway)) {";
const ANSWERED = "if (this.#unanswered === 0 || id !== this.#oldest) return false;";
const ANSWER_PING = "this.#host.out.frame(encodePong(parsePing(this.#decoder.body)))";
const SECOND_GOAWAY = "if (this.#goneAway) throw";
const NO_ACTION = "    if (action === undefined) {\n      const what";
const LIMIT_RAISED = "this.#decoder.limit = this.#welcome!.maxFrameBytes;";
const PONG_FITS = "expected === undefined || data.some((byte, at) => byte !== expected[at])";
const VERSIONS_IN_ERROR = "versions: VERSIONS, detail: error.message";

/** The session says whether an attempt was refused. */
const knowsOfRefusals: readonly Patch[] = [
  patch("client-session", "  #goneAway = false;", "  #goneAway = false;\n  #refusals = 0;"),
  patch("client-session", TAKE_REFUSED, `${TAKE_REFUSED}    this.#refusals++;\n`),
];

function answerPing(put: string): Patch {
  return patch("client-session", ANSWER_PING, put);
}

const login: readonly Mutant[] = [
  mutant(
    "authenticated-data-after-refusal-taken",
    "TB-PASSWORD-6",
    "ignores mechanism-data in AUTHENTICATED once an attempt was refused",
    ...knowsOfRefusals,
    patch("client-session", REFUSED_DATA, REFUSED_DATA.replace("(", "(this.#refusals === 0 && ")),
  ),
  mutant(
    "challenge-after-refusal-ignored",
    "TB-AUTH-8",
    "ignores a CHALLENGE for PASSWORD once an attempt was refused",
    ...knowsOfRefusals,
    patch("client-session", CHALLENGED, `if (this.#refusals > 0) return;\n    ${CHALLENGED}`),
  ),
  ...[0, 255].map((reason) =>
    mutant(
      `refusal-reason-${reason}-malformed`,
      "TB-REFUSED-5",
      `calls the reason ${reason} of a refusal malformed`,
      patch(
        "client-session",
        TAKE_REFUSED,
        `${TAKE_REFUSED}    if (refused.reason === "unknown-${reason}") throw breach("malformed", "reason");\n`,
      ),
    ),
  ),
  mutant(
    "mechanism-twice-apart-taken",
    "TB-WELCOME-4",
    "finds a mechanism that is named twice only where the two stand side by side",
    patch("login-frames", NAMED_TWICE, "if (mechanisms.at(-1)?.name === name) {"),
  ),
  mutant(
    "unknown-mechanism-twice-taken",
    "TB-WELCOME-4",
    "takes a WELCOME that names a mechanism twice which it does not know",
    patch("login-frames", NAMED_TWICE, NAMED_TWICE.replace("(", '(name === "PASSWORD" && ')),
  ),
  mutant(
    "seventeen-mechanisms-taken",
    "TB-FRAME-6",
    "takes a WELCOME with 17 mechanisms",
    patch("login-frames", "max: LIMIT.mechanisms }", "max: LIMIT.mechanisms + 1 }"),
  ),
  mutant(
    "max-frame-bytes-too-high-taken",
    "TB-FRAME-6",
    "takes a WELCOME with one byte too many in max-frame-bytes",
    patch("login-frames", "max: LIMIT.maxFrameBytesHighest }", "max: LIMIT.maxFrameBytesHighest + 1 }"),
  ),
  mutant(
    "max-frame-bytes-too-low-taken",
    "TB-FRAME-6",
    "takes a WELCOME with one byte too few in max-frame-bytes",
    patch("login-frames", "min: LIMIT.maxFrameBytesLowest,", "min: LIMIT.maxFrameBytesLowest - 1,"),
  ),
  mutant(
    "max-under-way-zero-taken",
    "TB-FRAME-6",
    "takes a WELCOME that lets no message under way",
    patch(
      "login-frames",
      'reader.u16("max-under-way", { min: 1 })',
      'reader.u16("max-under-way", { min: 0 })',
    ),
  ),
  mutant(
    "empty-extension-before-welcome-skipped",
    "TB-EXT-9",
    "skips an extension frame without a body before WELCOME",
    patch(
      "client-session",
      NO_ACTION,
      `    if (action === undefined && name === "EXTENSION" && !this.#decoder.insideFrame) return;\n${NO_ACTION}`,
    ),
  ),
];

const messages: readonly Mutant[] = [
  mutant(
    "extension-after-stop-refused",
    "TB-EXT-1",
    "refuses extension frames once it has sent STOP",
    patch(
      "client-session",
      NO_ACTION,
      `    if (name === "EXTENSION" && this.#state === "stopping") throw breach("unexpected-frame", name);\n${NO_ACTION}`,
    ),
  ),
  mutant(
    "limit-after-login-one-too-high",
    "TB-FRAME-2",
    "takes frames of one byte more than max-frame-bytes",
    patch("client-session", LIMIT_RAISED, "this.#decoder.limit = this.#welcome!.maxFrameBytes + 1;"),
  ),
  mutant(
    "limit-after-login-one-too-low",
    "TB-FRAME-2",
    "refuses frames of exactly max-frame-bytes",
    patch("client-session", LIMIT_RAISED, "this.#decoder.limit = this.#welcome!.maxFrameBytes - 1;"),
  ),
  mutant(
    "id-of-the-message-before-it",
    "TB-MSG-4",
    "gives every fourth message the id of the one before it",
    patch(
      "client-session",
      "this.#ids.take(), payload)",
      "((id) => (id % 4 === 0 ? id - 1 : id))(this.#ids.take()), payload)",
    ),
  ),
  mutant(
    "reply-id-of-16-bits",
    "TB-MSG-5",
    "compares the lower half of a reply's id",
    patch(
      "message-ids",
      ANSWERED,
      ANSWERED.replace("id !== this.#oldest", "(id & 0xffff) !== (this.#oldest & 0xffff)"),
    ),
  ),
  mutant(
    "reply-id-of-24-bits",
    "TB-MSG-5",
    "leaves the highest byte out when it compares a reply's id",
    patch(
      "message-ids",
      ANSWERED,
      ANSWERED.replace("id !== this.#oldest", "(id & 0xffffff) !== (this.#oldest & 0xffffff)"),
    ),
  ),
  mutant(
    "reply-id-without-its-lowest-bit",
    "TB-MSG-5",
    "takes a reply whose id differs in its lowest bit alone",
    patch(
      "message-ids",
      ANSWERED,
      ANSWERED.replace("id !== this.#oldest", "(id ^ this.#oldest) >>> 1 !== 0"),
    ),
  ),
  mutant(
    "mismatch-with-other-versions",
    "TB-ERROR-5",
    "claims in ERROR reply-mismatch to speak version 2",
    patch(
      "client-session",
      VERSIONS_IN_ERROR,
      'versions: error.code === "reply-mismatch" ? { min: 2, max: 2 } : VERSIONS, detail: error.message',
    ),
  ),
];

const pings: readonly Mutant[] = [
  mutant(
    "ping-after-goaway-unanswered",
    "TB-PING-1",
    "answers no PING after GOAWAY",
    answerPing(`this.#state === "draining" || ${ANSWER_PING}`),
  ),
  mutant(
    "ping-after-goaway-and-stop-unanswered",
    "TB-PING-5",
    "answers no PING after STOP when GOAWAY has come too",
    answerPing(`(this.#state === "stopping" && this.#goneAway) || ${ANSWER_PING}`),
  ),
  mutant(
    "ping-with-the-same-data-unanswered",
    "TB-PING-1",
    "answers no PING with the data of the one before it",
    patch("client-session", "  #goneAway = false;", '  #goneAway = false;\n  #lastPing = "";'),
    answerPing(
      "{\n      const data = parsePing(this.#decoder.body);\n      if (this.#lastPing !== String(data)) this.#host.out.frame(encodePong(data));\n      this.#lastPing = String(data);\n    }",
    ),
  ),
  mutant(
    "pong-loses-all-ones",
    "TB-PING-1",
    "answers PING with another last byte where that is 0xff",
    answerPing(
      "{\n      const data = parsePing(this.#decoder.body);\n      if (data[7] === 0xff) data[7] = 0;\n      this.#host.out.frame(encodePong(data));\n    }",
    ),
  ),
  mutant(
    "pong-judged-by-seven-bytes",
    "TB-PING-3",
    "takes a PONG that differs from its PING in the last byte",
    patch("ping-watch", PONG_FITS, PONG_FITS.replace("data.some", "data.subarray(0, 7).some")),
  ),
  mutant(
    "pong-judged-from-the-second-byte",
    "TB-PING-3",
    "takes a PONG that differs from its PING in the first byte",
    patch(
      "ping-watch",
      PONG_FITS,
      PONG_FITS.replace("byte !== expected[at]", "at > 0 && byte !== expected[at]"),
    ),
  ),
];

const endings: readonly Mutant[] = [
  mutant(
    "goaway-again-after-stop-ignored",
    "TB-END-24",
    "ignores a second GOAWAY after STOP",
    patch(
      "client-session",
      SECOND_GOAWAY,
      `if (this.#goneAway && this.#state === "stopping") return;\n    ${SECOND_GOAWAY}`,
    ),
  ),
  mutant(
    "goaway-reason-above-127-refused",
    "TB-END-14",
    "calls a GOAWAY reason above 127 malformed",
    patch(
      "client-session",
      SECOND_GOAWAY,
      `if (this.#decoder.body[0]! > 127) throw breach("malformed", "reason");\n    ${SECOND_GOAWAY}`,
    ),
  ),
  mutant(
    "stopped-count-of-32-bits",
    "TB-END-4",
    "compares the lower half of the count in STOPPED",
    patch("client-session", STOPPED_FITS, STOPPED_FITS.replace("(accepted", "(accepted % 2 ** 32")),
  ),
  mutant(
    "stopped-count-too-low-after-goaway-taken",
    "TB-END-4",
    "takes a STOPPED after GOAWAY that counts fewer messages than were answered",
    patch(
      "client-session",
      STOPPED_FITS,
      STOPPED_FITS.replace(
        "(accepted !== this.#ids.answered",
        "((accepted !== this.#ids.answered && !(this.#goneAway && accepted < this.#ids.answered))",
      ),
    ),
  ),
];

export const clientRareMutants: readonly Mutant[] = [...login, ...messages, ...pings, ...endings];
