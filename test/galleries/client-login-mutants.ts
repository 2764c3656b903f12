// Clients that open or log in wrongly (spec sections 4.1, 4.2, 5.2 and 6).

import { mutant, patch, type Mutant, type Patch } from "./mutant.ts";

const SEND_HELLO = "    host.out.frame(hello);\n";
const SEND_AUTH = "    this.#host.out.frame(frame);\n";
const VERSION_OUTSIDE = "if (welcome.version < VERSIONS.min || welcome.version > VERSIONS.max) {";
const NAMED_TWICE = "if (mechanisms.some((offer) => offer.name === name)) {";
const WELCOME_ENDS = "  reader.end();\n  return { version, agent,";
const RAISE_LIMIT = "    this.#decoder.limit = this.#welcome!.maxFrameBytes;\n";
const AWAITING_WELCOME = 'WELCOME: { do: "take-welcome", to: ["unauthenticated", "authenticating"] },';
const LOGIN_ANSWERS = 'REFUSED: { do: "take-refused", to: ["unauthenticated", "closing"] },';
const CHALLENGE_REFUSED =
  'if (this.#mechanism === PASSWORD.name) throw breach("unexpected-frame", "CHALLENGE for PASSWORD");';
const PREPARED = "const prepared = preparePassword(password);";

/** What keeps frames back until login, taken away. */
const sendEarly: readonly Patch[] = [
  patch(
    "client",
    "if (this.#stopCalled || this.#session === undefined || this.#sessionId === undefined) {",
    "if (this.#stopCalled || this.#session === undefined) {",
  ),
  patch(
    "client",
    'if (session !== undefined && (session.state === "ready" || session.state === "draining")) {',
    'if (session !== undefined && ["authenticating", "ready", "draining"].includes(session.state)) {',
  ),
  patch(
    "client-session",
    'if (this.#state !== "ready" && this.#state !== "draining") throw this.#wrongState("send");',
    "",
  ),
];

const opening: readonly Mutant[] = [
  mutant(
    "auth-before-hello",
    "TB-HELLO-1",
    "sends HELLO behind AUTH",
    patch("client-session", SEND_HELLO, ""),
    patch(
      "client-session",
      SEND_AUTH,
      `${SEND_AUTH}    if (early) this.#host.out.frame(encodeHello({ versions: VERSIONS, agent: this.#settings.agent }));\n`,
    ),
  ),
  mutant(
    "hello-missing",
    "TB-HELLO-1",
    "opens with AUTH and sends no HELLO",
    patch("client-session", SEND_HELLO, ""),
  ),
  mutant(
    "extension-before-hello",
    "TB-EXT-2",
    "sends an extension frame before HELLO",
    patch(
      "client-session",
      SEND_HELLO,
      `    host.out.frame(Uint8Array.of(0, 0, 0, 1, 0x80));\n${SEND_HELLO}`,
    ),
  ),
  mutant(
    "version-unchecked",
    "TB-WELCOME-3",
    "takes a WELCOME of a version that it did not offer",
    patch("client-session", VERSION_OUTSIDE, "if (welcome.version < VERSIONS.min) {"),
  ),
  mutant(
    "version-outside-unsupported",
    "TB-WELCOME-3",
    "calls a version that it did not offer unsupported",
    patch(
      "client-session",
      'throw breach("malformed", "WELCOME: a version that HELLO did not offer");',
      'throw breach("unsupported-version", "WELCOME");',
    ),
  ),
  mutant(
    "mechanism-twice-taken",
    "TB-WELCOME-4",
    "takes a WELCOME that names a mechanism twice",
    patch("login-frames", NAMED_TWICE, "if (mechanisms.length > 16) {"),
  ),
  mutant(
    "mechanism-unknown-refused",
    "TB-WELCOME-5",
    "refuses a WELCOME with a mechanism that it does not know",
    patch("login-frames", NAMED_TWICE, 'if (name !== "PASSWORD") {'),
  ),
  mutant(
    "mechanism-first-only",
    "TB-WELCOME-5",
    "gives up when the first mechanism is not one that it knows",
    patch(
      "login-frames",
      WELCOME_ENDS,
      '  if (mechanisms[0]!.name !== "PASSWORD") throw breach("malformed", "WELCOME");\n' + WELCOME_ENDS,
    ),
  ),
  mutant(
    "password-parameters-refused",
    "TB-PASSWORD-7",
    "refuses a WELCOME with parameters of PASSWORD",
    patch(
      "login-frames",
      WELCOME_ENDS,
      '  if (mechanisms.some((offer) => offer.name === "PASSWORD" && offer.parameters.length > 0)) throw breach("malformed", "WELCOME");\n' +
        WELCOME_ENDS,
    ),
  ),
  mutant(
    "limit-raised-by-welcome",
    "TB-FRAME-2",
    "takes frames of max-frame-bytes before AUTHENTICATED",
    patch("client-session", RAISE_LIMIT, ""),
    patch(
      "client-session",
      "    this.#welcome = welcome;\n",
      "    this.#welcome = welcome;\n    this.#decoder.limit = welcome.maxFrameBytes;\n",
    ),
  ),
  mutant(
    "limit-never-raised",
    "TB-FRAME-2",
    "holds replies to the limit of login frames",
    patch("client-session", RAISE_LIMIT, ""),
  ),
  mutant(
    "extension-before-welcome-skipped",
    "TB-EXT-9",
    "skips extension frames before WELCOME",
    patch("states", AWAITING_WELCOME, `${AWAITING_WELCOME}\n      EXTENSION: skip,`),
  ),
  mutant(
    "extension-before-login-refused",
    "TB-EXT-1",
    "refuses extension frames until AUTHENTICATED",
    patch(
      "states",
      `${LOGIN_ANSWERS}\n  ERROR: peerFailed,\n  EXTENSION: skip,`,
      `${LOGIN_ANSWERS}\n  ERROR: peerFailed,`,
    ),
  ),
  mutant(
    "ping-before-login-answered",
    "TB-FRAME-10",
    "answers PING before AUTHENTICATED",
    patch("states", LOGIN_ANSWERS, `${LOGIN_ANSWERS}\n  PING: answerPing,`),
  ),
  mutant(
    "pong-before-login-ignored",
    "TB-FRAME-10",
    "ignores PONG before AUTHENTICATED",
    patch("states", LOGIN_ANSWERS, `${LOGIN_ANSWERS}\n  PONG: skip,`),
  ),
  mutant(
    "goaway-before-login-ignored",
    "TB-FRAME-10",
    "ignores GOAWAY before AUTHENTICATED",
    patch("states", LOGIN_ANSWERS, `${LOGIN_ANSWERS}\n  GOAWAY: skip,`),
  ),
  mutant(
    "welcome-twice-taken",
    "TB-FRAME-10",
    "ignores a second WELCOME",
    patch("states", LOGIN_ANSWERS, `${LOGIN_ANSWERS}\n  WELCOME: skip,`),
  ),
  mutant(
    "refused-before-welcome-ignored",
    "TB-FRAME-10",
    "ignores a REFUSED before WELCOME",
    patch("states", AWAITING_WELCOME, `${AWAITING_WELCOME}\n      REFUSED: skip,`),
  ),
];

const attempts: readonly Mutant[] = [
  mutant("message-before-login", "TB-AUTH-3", "sends messages before AUTHENTICATED", ...sendEarly),
  mutant(
    "ping-before-login",
    "TB-AUTH-3",
    "sends PING before AUTHENTICATED",
    patch(
      "client-session",
      'if (this.#state !== "ready" && this.#state !== "draining") return false;',
      'if (this.#state === "closing") return false;',
    ),
  ),
  mutant(
    "stop-before-login",
    "TB-AUTH-3",
    "sends STOP before AUTHENTICATED",
    patch(
      "client",
      '    if (this.#sessionId === undefined)\n      throw this.#failure ?? new TalkByteError("wrong-state", "local", "not logged in");\n',
      "    if (this.#sessionId === undefined) this.out.frame(Uint8Array.of(0, 0, 0, 1, 0x20));\n",
    ),
  ),
  mutant(
    "auth-twice-at-once",
    "TB-AUTH-4",
    "sends a second AUTH before the first is answered",
    patch(
      "client",
      'if (this.#loggingIn) throw new TalkByteError("wrong-state", "local", "a login is under way");',
      "",
    ),
    patch(
      "client-session",
      'if (!early && this.#state !== "unauthenticated") throw this.#wrongState("log in");',
      "",
    ),
    patch(
      "client-session",
      '    if (!early) this.#enter("authenticating");',
      '    if (this.#state === "unauthenticated") this.#enter("authenticating");',
    ),
  ),
  mutant(
    "challenge-awaits-nothing",
    "TB-AUTH-8",
    "takes a CHALLENGE for PASSWORD and says nothing",
    patch("client-session", CHALLENGE_REFUSED, ""),
  ),
  mutant(
    "challenge-abandoned",
    "TB-AUTH-8",
    "abandons the attempt when PASSWORD gets a CHALLENGE",
    patch(
      "client-session",
      CHALLENGE_REFUSED,
      "if (this.#mechanism === PASSWORD.name) return this.#host.out.frame(encodeResponse(mechanismData.subarray(0, 0)));",
    ),
  ),
  mutant(
    "last-refusal-tried-again",
    "TB-REFUSED-4",
    "sends AUTH after a REFUSED with no try left",
    patch("client-session", "if (refused.triesLeft > 0) this.#enter", "this.#enter"),
    patch("client-session", "    if (refused.triesLeft === 0) this.#close();\n", ""),
    patch("client", "if (action.refused.triesLeft === 0) this.#fail(error);", "void error;"),
  ),
  mutant(
    "last-refusal-stopped",
    "TB-REFUSED-4",
    "sends STOP after a REFUSED with no try left",
    patch(
      "client-session",
      "if (refused.triesLeft === 0) this.#close();",
      "if (refused.triesLeft === 0) this.#host.out.frame(encodeStop());\n    if (refused.triesLeft === 0) this.#close();",
    ),
  ),
  mutant(
    "refusal-unknown-malformed",
    "TB-REFUSED-5",
    "calls a reason that it does not know malformed",
    patch(
      "client-session",
      "  #takeRefused(refused: Refused): void {\n",
      '  #takeRefused(refused: Refused): void {\n    if (refused.reason.startsWith("unknown")) throw breach("malformed", "REFUSED");\n',
    ),
  ),
  mutant(
    "refusal-unknown-taken-for-login",
    "TB-REFUSED-5",
    "goes on waiting after a reason that it does not know",
    patch(
      "client-session",
      "  #takeRefused(refused: Refused): void {\n",
      '  #takeRefused(refused: Refused): void {\n    if (refused.reason.startsWith("unknown")) return;\n',
    ),
  ),
  mutant(
    "refusal-unasked-taken",
    "TB-REFUSED-8",
    "ignores a REFUSED when no AUTH is under way",
    patch(
      "client-session",
      'if (refused.triesLeft > 0) throw breach("unexpected-frame", "REFUSED without AUTH");',
      "if (refused.triesLeft > 0) return;",
    ),
  ),
  mutant(
    "authenticated-data-taken",
    "TB-PASSWORD-6",
    "ignores mechanism-data in AUTHENTICATED",
    patch(
      "client-session",
      "if (this.#mechanism === PASSWORD.name && authenticated.mechanismData.length > 0) {",
      'if (this.#mechanism === "") {',
    ),
  ),
  mutant(
    "password-as-typed",
    "TB-PASSWORD-2",
    "sends the password as it was typed",
    patch("client-login", PREPARED, "const prepared = password as PreparedPassword;"),
  ),
  mutant(
    "password-refused-as-typed",
    "TB-PASSWORD-2",
    "sends a password that OpaqueString refuses as it was typed",
    patch(
      "client-login",
      PREPARED,
      "let prepared = password as PreparedPassword;\n    try {\n      prepared = preparePassword(password);\n    } catch {}",
    ),
  ),
  mutant(
    "password-trimmed",
    "TB-PASSWORD-2",
    "takes spaces off the ends of the password",
    patch("client-login", PREPARED, "const prepared = preparePassword(password).trim() as PreparedPassword;"),
  ),
  mutant(
    "password-not-composed",
    "TB-PASSWORD-2",
    "maps spaces in the password, but does not compose its letters",
    patch("password", '.replaceAll(/\\p{Zs}/gu, " ").normalize("NFC")', '.replaceAll(/\\p{Zs}/gu, " ")'),
  ),
];

export const clientLoginMutants: readonly Mutant[] = [...opening, ...attempts];
