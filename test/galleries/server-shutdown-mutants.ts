// Servers that do not stop in good order (spec section 9.3).

import { mutant, patch, shownUnderStrict, slowApplication, type Mutant, type Patch } from "./mutant.ts";

const SEND_GOAWAY =
  'this.#host.out.frame(encodeGoaway({ reason: "shutdown", drainMs: this.#settings.drainMs }));';
const IS_READY = 'if (this.#state === "ready") {\n      this.#host.out.frame(encodeGoaway';
const START_DRAIN = "this.#deadlines.startDrain(now);";
const DRAIN_ENTERED = `      ${START_DRAIN}\n      this.#enter("draining");`;
const NOT_LOGGED_IN = "} else if (isBeforeLogin(this.#state)) {";
const SHUTDOWN = 'this.#fail(new TalkByteError("shutdown", "local", "the server is being stopped"));';
const AT_DRAIN_DEADLINE = 'this.#stop("drained");';
const ACCEPTED = "    this.#accepted++;\n";
const ANSWER_PING = '"answer-ping": () => this.#host.out.frame(encodePong(parsePing(this.#decoder.body))),';

/** What is left of the connections is dropped long after the drain deadline. It is legal. */
const lateDrop: Patch = patch("server", ", drainMs + lingerMs);", ", drainMs + lingerMs + 20_000);");

/** Slow enough for a stop to come before the reply. It is legal. */
const slowReplies: Patch = { ...slowApplication, put: slowApplication.put.replace("20, copy", "800, copy") };

/** So that a credential is being verified while the server is stopped. It is legal. */
const slowVerification: Patch = patch(
  "server-connection",
  "      outcome = await this.#verifier.verify(",
  "      await new Promise((resolve) => setTimeout(resolve, 1000));\n      outcome = await this.#verifier.verify(",
);

const notices: readonly Mutant[] = [
  mutant(
    "no-goaway",
    "TB-END-21",
    "drains without GOAWAY",
    patch("server-session", SEND_GOAWAY, "void encodeGoaway;"),
  ),
  mutant(
    "no-goaway-while-replies-are-due",
    "TB-END-21",
    "sends no GOAWAY to a session whose replies are due",
    slowReplies,
    patch("server-session", SEND_GOAWAY, `if (this.#underWay.count === 0) ${SEND_GOAWAY}`),
  ),
  mutant(
    "no-goaway-after-messages",
    "TB-END-21",
    "sends GOAWAY only to sessions that have sent no message",
    patch("server-session", SEND_GOAWAY, `if (this.#accepted === 0) ${SEND_GOAWAY}`),
  ),
  mutant(
    "stopped-in-place-of-goaway",
    "TB-END-21",
    "goes on as after STOP as soon as it is stopped",
    patch("server-session", IS_READY, IS_READY.replace("{\n", "{\n      return this.#sendStopped();\n")),
  ),
  mutant(
    "goaway-with-double-drain-ms",
    "TB-END-21",
    "announces twice its drain deadline",
    patch("server-session", "drainMs: this.#settings.drainMs", "drainMs: this.#settings.drainMs * 2"),
  ),
  mutant(
    "goaway-with-drain-ms-in-seconds",
    "TB-END-21",
    "announces its drain deadline in seconds",
    patch(
      "server-session",
      "drainMs: this.#settings.drainMs",
      "drainMs: Math.ceil(this.#settings.drainMs / 1000)",
    ),
  ),
  mutant(
    "no-goaway-behind-verification",
    "TB-END-21",
    "lets a user in while it stops, and says nothing of it",
    slowVerification,
    patch(
      "server-session",
      NOT_LOGGED_IN,
      '} else if (isBeforeLogin(this.#state) && this.#state !== "verifying") {',
    ),
  ),
  mutant(
    "goaway-twice",
    "TB-END-23",
    "sends GOAWAY two times",
    patch("server-session", SEND_GOAWAY, `${SEND_GOAWAY}\n      ${SEND_GOAWAY}`),
  ),
  mutant(
    "goaway-again-before-stopped",
    "TB-END-23",
    "sends GOAWAY once more before STOPPED",
    patch(
      "server-session",
      "      parseStop(this.#decoder.body);\n",
      `      parseStop(this.#decoder.body);\n      if (this.#state === "draining") ${SEND_GOAWAY}\n`,
    ),
  ),
  mutant(
    "goaway-again-at-the-drain-deadline",
    "TB-END-23",
    "sends GOAWAY once more when the drain deadline has come",
    patch("server-session", AT_DRAIN_DEADLINE, `${SEND_GOAWAY}\n      ${AT_DRAIN_DEADLINE}`),
  ),
  mutant(
    "goaway-again-for-each-message",
    "TB-END-23",
    "answers each message after GOAWAY with GOAWAY too",
    patch("server-session", ACCEPTED, `${ACCEPTED}    if (this.#state === "draining") ${SEND_GOAWAY}\n`),
  ),
  mutant(
    "goaway-before-welcome",
    "TB-END-12",
    "sends GOAWAY to a session that has not logged in, and then ERROR",
    patch("server-session", SHUTDOWN, `${SEND_GOAWAY}\n      ${SHUTDOWN}`),
  ),
  mutant(
    "goaway-in-place-of-error",
    "TB-END-22",
    "sends GOAWAY to a session that has not logged in, and ends its stream",
    patch("server-session", SHUTDOWN, `${SEND_GOAWAY}\n      this.#close();`),
  ),
  mutant(
    "stop-before-login-ignored",
    "TB-END-22",
    "leaves a session that has not logged in to its login deadline",
    lateDrop,
    patch("server-session", SHUTDOWN, ""),
  ),
  mutant(
    "stop-before-hello-ignored",
    "TB-END-22",
    "leaves a connection without HELLO to its login deadline",
    lateDrop,
    patch(
      "server-session",
      NOT_LOGGED_IN,
      '} else if (isBeforeLogin(this.#state) && this.#state !== "awaiting-hello") {',
    ),
  ),
  mutant(
    "stop-before-login-internal",
    "TB-END-22",
    "ends a session that has not logged in with ERROR internal",
    patch("server-session", SHUTDOWN, SHUTDOWN.replace('"shutdown"', '"internal"')),
  ),
  mutant(
    "stop-before-login-leaves-open",
    "TB-END-22",
    "sends ERROR shutdown to a session that has not logged in, and goes on",
    patch(
      "server-session",
      SHUTDOWN,
      'this.#host.out.frame(encodeError({ code: "shutdown", versions: VERSIONS, detail: "" }));',
    ),
  ),
  mutant(
    "stop-while-verifying-refused",
    "TB-END-22",
    "answers the credential that it verifies while it is stopped with ERROR timeout",
    slowVerification,
    patch(
      "server-session",
      SHUTDOWN,
      `if (this.#state === "verifying") this.#timeout("login");\n      else ${SHUTDOWN}`,
    ),
  ),
  shownUnderStrict(
    mutant(
      "stop-before-login-silent",
      "TB-END-22",
      "ends a session that has not logged in without ERROR",
      patch("server-session", SHUTDOWN, "this.#close();"),
    ),
  ),
];

const draining: readonly Mutant[] = [
  mutant(
    "message-while-draining-dropped",
    "TB-END-10",
    "drops messages after GOAWAY",
    patch(
      "server-session",
      "    if (decoder.bodyLength < 4)",
      '    if (this.#state === "draining") return;\n    if (decoder.bodyLength < 4)',
    ),
  ),
  mutant(
    "message-while-draining-refused",
    "TB-END-10",
    "refuses messages after GOAWAY",
    patch(
      "server-session",
      "    if (decoder.bodyLength < 4)",
      '    if (this.#state === "draining") throw breach("unexpected-frame", "MESSAGE");\n    if (decoder.bodyLength < 4)',
    ),
  ),
  mutant(
    "second-message-while-draining-dropped",
    "TB-END-10",
    "answers one message after GOAWAY, and drops the others",
    patch(
      "server-session",
      "    if (decoder.bodyLength < 4)",
      '    if (this.#state === "draining" && this.#accepted > 1) return;\n    if (decoder.bodyLength < 4)',
    ),
  ),
  mutant(
    "ping-while-draining-unanswered",
    "TB-END-10",
    "answers no PING after GOAWAY",
    patch("server-session", ANSWER_PING, ANSWER_PING.replace("() =>", '() => this.#state === "draining" ||')),
  ),
  mutant(
    "ends-its-stream-behind-goaway",
    "TB-END-10",
    "ends its stream behind GOAWAY",
    patch("server-session", DRAIN_ENTERED, "      this.#close();"),
  ),
  mutant(
    "stopped-behind-goaway",
    "TB-END-10",
    "goes on as after STOP at once when it has sent GOAWAY",
    patch("server-session", DRAIN_ENTERED, `${DRAIN_ENTERED}\n      this.#stop("drained");`),
  ),
  mutant(
    "drained-by-the-first-message",
    "TB-END-10",
    "goes on as after STOP when it has answered a message after GOAWAY",
    patch(
      "server-session",
      "    else this.defer().reply = reply instanceof",
      '    if (this.#state === "draining" && this.#underWay.count === 0) return this.#stop("drained");\n    if (this.#underWay.count > 0) this.defer().reply = reply instanceof',
    ),
  ),
  mutant(
    "fault-while-draining-ignored",
    "TB-FRAME-10",
    "skips frames after GOAWAY that a client may not send",
    patch(
      "server-session",
      "    if (action === undefined) {\n",
      '    if (action === undefined && this.#state === "draining") return;\n    if (action === undefined) {\n',
    ),
  ),
  mutant(
    "stop-while-draining-refused",
    "TB-END-2",
    "refuses STOP after GOAWAY",
    patch(
      "server-session",
      "      parseStop(this.#decoder.body);\n",
      '      parseStop(this.#decoder.body);\n      if (this.#state === "draining") throw breach("unexpected-frame", "STOP");\n',
    ),
  ),
  mutant(
    "stop-while-draining-without-stopped",
    "TB-END-2",
    "answers STOP after GOAWAY with end of stream alone",
    patch(
      "server-session",
      '      this.#stop("stopping");',
      '      if (this.#state === "draining") this.#close();\n      else this.#stop("stopping");',
    ),
  ),
  mutant(
    "end-while-draining-taken-for-stop",
    "TB-END-6",
    "answers end of stream after GOAWAY with STOPPED",
    patch(
      "server-session",
      "  #endOfInput(): void {\n",
      '  #endOfInput(): void {\n    if (this.#state === "draining") return this.#stop("stopping");\n',
    ),
  ),
  mutant(
    "stopped-counts-none-after-goaway",
    "TB-END-3",
    "does not count the messages that it accepts after GOAWAY",
    patch("server-session", ACCEPTED, '    if (this.#state !== "draining") this.#accepted++;\n'),
  ),
  mutant(
    "stopped-counts-only-after-goaway",
    "TB-END-3",
    "counts only the messages that it accepts after GOAWAY, if there are any",
    patch("server-session", START_DRAIN, `${START_DRAIN}\n      this.#before = this.#accepted;`),
    patch("server-session", "  #accepted = 0;\n", "  #accepted = 0;\n  #before = 0;\n"),
    patch(
      "server-session",
      "encodeStopped(this.#accepted)",
      "encodeStopped(this.#accepted > this.#before ? this.#accepted - this.#before : this.#accepted)",
    ),
  ),
];

const drainDeadline: readonly Mutant[] = [
  mutant(
    "drain-deadline-forgotten",
    "TB-END-11",
    "waits for STOP after GOAWAY until it drops the connection",
    patch("server-session", START_DRAIN, "void now;"),
  ),
  mutant(
    "drain-deadline-too-early",
    "TB-END-11",
    "goes on as after STOP at half of the drain deadline",
    patch("server-deadlines", "now + this.#settings.drainMs", "now + this.#settings.drainMs / 2"),
  ),
  mutant(
    "drain-deadline-set-back-by-message",
    "TB-END-11",
    "sets the drain deadline back with every message",
    patch(
      "server-session",
      ACCEPTED,
      `${ACCEPTED}    if (this.#state === "draining") this.#deadlines.startDrain(this.#now);\n`,
    ),
  ),
  mutant(
    "drain-deadline-without-stopped",
    "TB-END-11",
    "ends its stream at the drain deadline without STOPPED",
    patch("server-session", AT_DRAIN_DEADLINE, "this.#close();"),
  ),
  mutant(
    "drain-deadline-called-timeout",
    "TB-END-11",
    "ends a session at the drain deadline with ERROR timeout",
    patch("server-session", AT_DRAIN_DEADLINE, "this.#timeout(deadline);"),
  ),
  mutant(
    "drain-deadline-leaves-open",
    "TB-END-11",
    "does not end its stream behind the STOPPED of the drain deadline",
    patch(
      "server-session",
      AT_DRAIN_DEADLINE,
      "this.#host.out.frame(encodeStopped(this.#accepted));\n      return this.#enterClosing();",
    ),
    lateDrop,
  ),
];

export const serverShutdownMutants: readonly Mutant[] = [...notices, ...draining, ...drainDeadline];
