// Servers that end wrongly, or keep their deadlines wrongly (spec sections 8.2, 9 and 10).

import { mutant, patch, slowApplication, type Mutant } from "./mutant.ts";

const LOGIN_RUNS = "this.#loginDueAt = now + settings.loginMs;";
const RESTART_IDLE =
  '    if (name !== "EXTENSION" && this.#accepting) this.#deadlines.restartIdle(this.#now);';
const NEW_FRAME = "if (number !== this.#frameNumber) {";
const LOGGED_IN = "  loggedIn(now: number): void {\n    this.#loginDueAt = NEVER;";
const RESTART_LOGIN = `  restartLogin(now: number): void {
    if (this.#loginDueAt !== NEVER) this.#loginDueAt = now + this.#settings.loginMs;
  }

`;
const STOPPED = "this.#host.out.frame(encodeStopped(this.#accepted));";
const END_OF_INPUT =
  '    this.#deadlines.stopped();\n    if (this.#underWay.count === 0) this.#close();\n    else this.#enter("finishing");\n  }\n\n  #peerFailed';
const CLOSE_WHEN_ANSWERED =
  'if (this.#underWay.count === 0) this.#close();\n    else this.#enter("finishing");';
const REPORT_AND_CLOSE = '    this.#host.act({ type: "failed", error });\n    this.#close();\n';

const deadlines: readonly Mutant[] = [
  mutant(
    "login-deadline-forgotten",
    "TB-TIME-2",
    "keeps no login deadline",
    patch("server-deadlines", LOGIN_RUNS, "this.#loginDueAt = NEVER + now;"),
  ),
  mutant(
    "login-deadline-too-early",
    "TB-TIME-2",
    "ends a session at half of the login deadline",
    patch("server-deadlines", LOGIN_RUNS, "this.#loginDueAt = now + settings.loginMs / 2;"),
  ),
  mutant(
    "login-deadline-from-welcome",
    "TB-TIME-2",
    "counts the login deadline from WELCOME, and has none before",
    patch("server-deadlines", LOGIN_RUNS, "this.#loginDueAt = NEVER + now;"),
    patch(
      "server-deadlines",
      LOGGED_IN,
      `  startLogin(now: number): void {\n    this.#loginDueAt = now + this.#settings.loginMs;\n  }\n\n${LOGGED_IN}`,
    ),
    patch(
      "server-session",
      "    this.#login.welcome();\n",
      "    this.#login.welcome();\n    this.#deadlines.startLogin(now);\n",
    ),
  ),
  mutant(
    "login-deadline-set-back-by-refusal",
    "TB-TIME-2",
    "gives each AUTH a login deadline of its own",
    patch("server-deadlines", LOGGED_IN, `${RESTART_LOGIN}${LOGGED_IN}`),
    patch(
      "server-session",
      "authenticate: () => this.#follow(this.#login.authenticate(this.#decoder)),",
      "authenticate: () => {\n      this.#deadlines.restartLogin(this.#now);\n      this.#follow(this.#login.authenticate(this.#decoder));\n    },",
    ),
  ),
  mutant(
    "login-deadline-set-back-by-extension",
    "TB-EXT-7",
    "sets the login deadline back on an extension frame",
    patch("server-deadlines", LOGGED_IN, `${RESTART_LOGIN}${LOGGED_IN}`),
    patch("server-session", "skip: () => undefined,", "skip: () => this.#deadlines.restartLogin(this.#now),"),
  ),
  mutant(
    "idle-deadline-set-back-by-extension",
    "TB-EXT-7",
    "sets the idle deadline back on an extension frame",
    patch("server-session", RESTART_IDLE, "    if (this.#accepting) this.#deadlines.restartIdle(this.#now);"),
  ),
  mutant(
    "frame-deadline-forgotten",
    "TB-TIME-3",
    "keeps no frame deadline",
    patch(
      "server-deadlines",
      "this.#frameDueAt = now + this.#frameLeftMs;",
      "this.#frameDueAt = NEVER;\n      void now;",
    ),
  ),
  mutant(
    "frame-deadline-set-back-by-bytes",
    "TB-TIME-3",
    "sets the frame deadline back with every read",
    patch("server-deadlines", NEW_FRAME, "if (number !== undefined || number !== this.#frameNumber) {"),
  ),
  mutant(
    "frame-deadline-not-before-login",
    "TB-TIME-3",
    "has no frame deadline before login",
    patch(
      "server-session",
      'const watched = insideFrame && this.#state !== "drained" ? framesEnded : undefined;',
      "const watched = insideFrame && !isBeforeLogin(this.#state) ? framesEnded : undefined;",
    ),
  ),
  mutant(
    "frame-deadline-not-for-extensions",
    "TB-TIME-3",
    "waits without end for the rest of an extension frame",
    patch(
      "decoder",
      "return this.#have > 0 || this.#pieces !== undefined || this.#skip > 0;",
      "return this.#have > 0 || this.#pieces !== undefined;",
    ),
  ),
  mutant(
    "idle-deadline-forgotten",
    "TB-TIME-4",
    "keeps no idle deadline",
    patch(
      "server-deadlines",
      "const idle = idleRuns ? this.#idleDueAt : NEVER;",
      "const idle = idleRuns ? NEVER : NEVER;",
    ),
  ),
  mutant(
    "idle-deadline-not-set-back-by-ping",
    "TB-TIME-4",
    "counts the idle deadline from the last message",
    patch("server-session", RESTART_IDLE, ""),
  ),
  mutant(
    "idle-deadline-from-login",
    "TB-TIME-4",
    "ends every session at the idle deadline after login",
    patch(
      "server-deadlines",
      "  restartIdle(now: number): void {\n    this.#idleDueAt",
      "  restartIdle(now: number): void {\n    if (this.#idleDueAt === NEVER) this.#idleDueAt",
    ),
  ),
  mutant(
    "deadline-without-the-right-code",
    "TB-TIME-4",
    "calls a deadline that has passed an internal fault",
    patch(
      "server-session",
      'new TalkByteError("timeout", "peer", `the ${deadline} deadline passed`)',
      'new TalkByteError("internal", "peer", `the ${deadline} deadline passed`)',
    ),
  ),
];

const endings: readonly Mutant[] = [
  mutant(
    "stop-without-stopped",
    "TB-END-2",
    "answers STOP with end of stream alone",
    patch("server-session", STOPPED, ""),
  ),
  mutant(
    "stop-loses-replies",
    "TB-END-2",
    "drops the replies that wait to be sent when STOP comes",
    patch("server-session", STOPPED, `this.#host.out.take();\n    ${STOPPED}`),
  ),
  mutant(
    "stopped-before-replies",
    "TB-END-2",
    "sends STOPPED at once, and not the replies that its application still owes",
    slowApplication,
    patch(
      "server-session",
      "    if (this.#underWay.count === 0) this.#sendStopped();",
      "    if (this.#underWay.count >= 0) this.#sendStopped();",
    ),
  ),
  mutant(
    "stop-refused-without-messages",
    "TB-END-2",
    "refuses STOP when no message has come",
    patch(
      "server-session",
      "      parseStop(this.#decoder.body);\n",
      '      parseStop(this.#decoder.body);\n      if (this.#accepted === 0) throw breach("unexpected-frame", "STOP");\n',
    ),
  ),
  mutant(
    "stopped-leaves-open",
    "TB-END-2",
    "does not end its stream after STOPPED",
    patch("server-session", `${STOPPED}\n    this.#close();`, `${STOPPED}\n    this.#enterClosing();`),
  ),
  mutant(
    "extension-after-stopped",
    "TB-EXT-3",
    "sends an extension frame after STOPPED",
    patch(
      "server-session",
      STOPPED,
      `${STOPPED}\n    this.#host.out.frame(Uint8Array.of(0, 0, 0, 1, 0x80));`,
    ),
  ),
  mutant(
    "stopped-count-of-one-byte",
    "TB-END-3",
    "counts messages in one byte",
    patch("server-session", "encodeStopped(this.#accepted)", "encodeStopped(this.#accepted & 0xff)"),
  ),
  mutant(
    "stopped-count-one-more",
    "TB-END-3",
    "counts STOP as a message",
    patch("server-session", "encodeStopped(this.#accepted)", "encodeStopped(this.#accepted + 1)"),
  ),
  mutant(
    "stopped-counts-no-empty-messages",
    "TB-END-3",
    "does not count empty messages",
    patch("server-session", "    this.#accepted++;\n", "    if (decoder.bodyLength > 4) this.#accepted++;\n"),
  ),
  mutant(
    "end-behind-stop-cancels-it",
    "TB-END-2",
    "sends no STOPPED when end of stream has come with STOP",
    patch(
      "server-session",
      '      this.#stop("stopping");',
      '      setTimeout(() => (this.#inputEnded ? this.#close() : this.#sendStopped()), 30);\n      this.#enter("stopping");',
    ),
  ),
  mutant(
    "half-close-ignored",
    "TB-END-6",
    "keeps its stream open when the client has ended its own",
    patch("server-session", END_OF_INPUT, "  }\n\n  #peerFailed"),
  ),
  mutant(
    "end-taken-for-stop",
    "TB-END-6",
    "answers end of stream with STOPPED",
    patch("server-session", END_OF_INPUT, '    this.#stop("stopping");\n  }\n\n  #peerFailed'),
  ),
  mutant(
    "end-loses-replies",
    "TB-END-6",
    "drops the replies that wait when the client ends its stream",
    slowApplication,
    patch("server-session", CLOSE_WHEN_ANSWERED, "this.#close();"),
  ),
  mutant(
    "end-inside-frame-malformed",
    "TB-END-7",
    "calls a frame that the client broke off malformed",
    patch(
      "server-session",
      "  #endOfInput(): void {\n",
      '  #endOfInput(): void {\n    if (this.#decoder.insideFrame) throw breach("malformed", "broken off");\n',
    ),
  ),
  mutant(
    "end-before-login-ignored",
    "TB-END-8",
    "keeps the connection until the login deadline when the client has ended its stream",
    patch(
      "server-session",
      "if (isBeforeLogin(this.#state)) this.#close();\n    else this.#run();",
      "this.#run();",
    ),
  ),
  mutant(
    "error-leaves-open",
    "TB-ERROR-2",
    "keeps the connection open after its ERROR",
    patch(
      "server-session",
      REPORT_AND_CLOSE,
      '    this.#host.act({ type: "failed", error });\n    this.#enterClosing();\n',
    ),
  ),
  mutant(
    "error-and-on",
    "TB-ERROR-2",
    "sends ERROR and goes on",
    patch("server-session", REPORT_AND_CLOSE, '    this.#host.act({ type: "failed", error });\n'),
  ),
  mutant(
    "error-answered",
    "TB-ERROR-3",
    "answers ERROR with ERROR",
    patch(
      "server-session",
      '    this.#host.act({ type: "failed", error: reportedError(this.#decoder.body, "client") });\n    this.#close();',
      '    this.#fail(new TalkByteError("internal", "local", "as you say"));',
    ),
  ),
];

export const serverEndingMutants: readonly Mutant[] = [...deadlines, ...endings];
