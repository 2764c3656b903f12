// Clients that go wrong at the end (spec sections 5.2, 9 and 10).

import { mutant, patch, type Mutant, type Patch } from "./mutant.ts";

const STOPPING =
  '"the replies still due, then STOPPED; STOP has been sent",\n    frames: {\n      ...clientInSession,';
const STOPPED_FITS =
  "if (accepted !== this.#ids.answered || (this.#ids.unanswered > 0 && !this.#goneAway)) {";
const SEND_STOP = "    this.#host.out.frame(encodeStop());\n";
const IS_STOPPED = '    this.#host.act({ type: "stopped", accepted });\n';
const REPORT_AND_CLOSE = '    this.#host.act({ type: "failed", error });\n    this.#close();\n';
const sendLate: readonly Patch[] = [
  patch(
    "client",
    "if (this.#stopCalled || this.#session === undefined ||",
    "if (this.#session === undefined ||",
  ),
  patch(
    "client",
    '(session.state === "ready" || session.state === "draining")) {',
    '["stopping", "ready", "draining"].includes(session.state)) {',
  ),
  patch(
    "client",
    "if (this.#stopWanted && this.#line.waiting === 0) session.stop",
    'if (this.#stopWanted && session.state !== "stopping" && this.#line.waiting === 0) session.stop',
  ),
  patch(
    "client-session",
    'if (this.#state !== "ready" && this.#state !== "draining") throw this.#wrongState("send");',
    "",
  ),
];

export const clientEndingMutants: readonly Mutant[] = [
  mutant(
    "ping-after-stop-unanswered",
    "TB-PING-5",
    "answers no PING after STOP",
    patch("states", STOPPING, `${STOPPING}\n      PING: skip,`),
  ),
  mutant("message-after-stop", "TB-END-1", "sends messages after STOP", ...sendLate),
  mutant(
    "ping-after-stop",
    "TB-END-1",
    "sends PING after STOP",
    patch(
      "client-session",
      'if (this.#state !== "ready" && this.#state !== "draining") return false;',
      'if (this.#state === "closing") return false;',
    ),
  ),
  mutant(
    "stop-twice",
    "TB-END-1",
    "sends STOP two times",
    patch("client-session", SEND_STOP, `${SEND_STOP}${SEND_STOP}`),
  ),
  mutant(
    "extension-after-stop",
    "TB-EXT-2",
    "sends an extension frame after STOP",
    patch(
      "client-session",
      SEND_STOP,
      `${SEND_STOP}    this.#host.out.frame(Uint8Array.of(0, 0, 0, 1, 0x80));\n`,
    ),
  ),
  mutant(
    "stopped-count-malformed",
    "TB-END-4",
    "calls a STOPPED with a wrong count malformed",
    patch(
      "client-session",
      'throw breach("reply-mismatch", "STOPPED counts',
      'throw breach("malformed", "STOPPED counts',
    ),
  ),
  mutant(
    "stopped-count-ignored",
    "TB-END-4",
    "goes on waiting after a STOPPED with a wrong count",
    patch(
      "client-session",
      STOPPED_FITS,
      `if (accepted !== this.#ids.answered && this.#ids.unanswered === 0) return;\n    ${STOPPED_FITS}`,
    ),
  ),
  mutant(
    "stopped-early-ignored",
    "TB-END-20",
    "goes on waiting after a STOPPED while a message is unanswered",
    patch(
      "client-session",
      STOPPED_FITS,
      `if (this.#ids.unanswered > 0 && !this.#goneAway) return;\n    ${STOPPED_FITS}`,
    ),
  ),
  mutant(
    "stopped-count-unchecked",
    "TB-END-4",
    "takes any count in STOPPED",
    patch("client-session", STOPPED_FITS, "if (this.#ids.unanswered > 0 && !this.#goneAway) {"),
  ),
  mutant(
    "stopped-count-too-high-taken",
    "TB-END-4",
    "takes a STOPPED that counts more messages than were answered",
    patch(
      "client-session",
      STOPPED_FITS,
      STOPPED_FITS.replace("accepted !== this.#ids.answered", "accepted < this.#ids.answered"),
    ),
  ),
  mutant(
    "stopped-count-too-low-taken",
    "TB-END-4",
    "takes a STOPPED that counts fewer messages than were answered",
    patch(
      "client-session",
      STOPPED_FITS,
      STOPPED_FITS.replace("accepted !== this.#ids.answered", "accepted > this.#ids.answered"),
    ),
  ),
  mutant(
    "stopped-early-taken",
    "TB-END-20",
    "takes a STOPPED while a message is unanswered",
    patch("client-session", STOPPED_FITS, "if (accepted !== this.#ids.answered) {"),
  ),
  mutant(
    "stopped-early-counted-taken",
    "TB-END-20",
    "takes a STOPPED that counts the messages which it sent",
    patch(
      "client-session",
      STOPPED_FITS,
      "if (accepted !== this.#ids.answered && accepted !== this.#ids.answered + this.#ids.unanswered) {",
    ),
  ),
  mutant(
    "stop-after-stopped",
    "TB-END-5",
    "answers STOPPED with STOP",
    patch("client-session", IS_STOPPED, `${SEND_STOP}${IS_STOPPED}`),
  ),
  mutant(
    "ping-after-stopped-answered",
    "TB-END-5",
    "answers a PING behind STOPPED",
    patch(
      "client-session",
      IS_STOPPED,
      `    while (this.#decoder.next())\n      if (this.#decoder.type === FRAME_TYPE.PING) this.#host.out.frame(encodePong(parsePing(this.#decoder.body)));\n${IS_STOPPED}`,
    ),
  ),
  mutant(
    "goaway-again-ignored",
    "TB-END-24",
    "ignores a second GOAWAY",
    patch(
      "client-session",
      'if (this.#goneAway) throw breach("unexpected-frame", "GOAWAY a second time");',
      "if (this.#goneAway) return;",
    ),
    patch(
      "states",
      "frames: { ...clientInSession, STOPPED: takeStopped },",
      "frames: { ...clientInSession, STOPPED: takeStopped, GOAWAY: skip },",
    ),
  ),
  mutant(
    "stopped-after-goaway-refused",
    "TB-END-13",
    "refuses STOPPED without a STOP of its own after GOAWAY",
    patch(
      "states",
      "frames: { ...clientInSession, STOPPED: takeStopped },",
      "frames: { ...clientInSession },",
    ),
  ),
  mutant(
    "fewer-accepted-refused",
    "TB-END-13",
    "refuses a STOPPED after GOAWAY that leaves a message out",
    patch(
      "client-session",
      STOPPED_FITS,
      "if (accepted !== this.#ids.answered || this.#ids.unanswered > 0) {",
    ),
  ),
  mutant(
    "goaway-reason-unknown-refused",
    "TB-END-14",
    "calls a GOAWAY reason that it does not know malformed",
    patch(
      "client-session",
      "    this.#goneAway = true;\n",
      '    if (goaway.reason !== "shutdown") throw breach("malformed", "GOAWAY");\n    this.#goneAway = true;\n',
    ),
  ),
  mutant(
    "goaway-reason-unknown-ignored",
    "TB-END-14",
    "ignores a GOAWAY with a reason that it does not know",
    patch(
      "client-session",
      "    this.#goneAway = true;\n",
      '    if (goaway.reason !== "shutdown") return;\n    this.#goneAway = true;\n',
    ),
  ),
  mutant(
    "stays-when-the-server-ends",
    "TB-END-16",
    "keeps its stream open when the server has ended its own",
    patch(
      "client",
      "  ended(): void {\n",
      "  ended(): void {\n    if (this.#sessionId !== undefined) return;\n",
    ),
  ),
  mutant(
    "error-leaves-open",
    "TB-ERROR-2",
    "keeps the connection open after its ERROR",
    patch(
      "client-session",
      REPORT_AND_CLOSE,
      '    this.#host.act({ type: "failed", error });\n    this.#decoder.discard();\n    this.#enter("closing");\n',
    ),
  ),
  mutant(
    "error-answered",
    "TB-ERROR-3",
    "answers ERROR with ERROR",
    patch(
      "client-session",
      'this.#finish(reportedError(this.#decoder.body, "server"));',
      'this.#fail(new TalkByteError("internal", "local", "as you say"));',
    ),
  ),
  mutant(
    "error-then-stop",
    "TB-ERROR-3",
    "sends STOP after an ERROR",
    patch(
      "client-session",
      '    this.#finish(reportedError(this.#decoder.body, "server"));',
      `${SEND_STOP}    this.#finish(reportedError(this.#decoder.body, "server"));`,
    ),
  ),
];
