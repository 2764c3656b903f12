// Servers that open or log in wrongly (spec sections 4.1, 4.2 and 6).

import { mutant, patch, type Mutant } from "./mutant.ts";

const TRIES = "this.#triesLeft = settings.tries;";
const LIMIT_RAISED = "this.#decoder.limit = this.#settings.maxFrameBytes;";
const SEND_WELCOME = "this.#host.out.frame(this.#welcome);";
const SEND_REFUSED = "this.#host.out.frame(encodeRefused({ reason, retryAfterMs, triesLeft }));";
const AWAITING_AUTH = `sends: "REFUSED and *awaiting-auth* if the mechanism is not on offer",
      },`;
const FORBIDDEN_PASSWORD =
  "if (data.length === 0 || data.length > LIMIT.passwordBytes || decodeUtf8(data) === undefined) {";

const opening: readonly Mutant[] = [
  mutant(
    "magic-unchecked",
    "TB-FRAME-6",
    "takes a HELLO with any magic",
    patch("login-frames", 'throw breach("malformed", "HELLO: wrong magic");', "void 0;"),
  ),
  mutant(
    "versions-turned-around",
    "TB-HELLO-2",
    "takes a range of versions that is upside down",
    patch(
      "login-frames",
      "if (min > max) throw",
      "if (min > max) return { min: max, max: min };\n  if (min > max) throw",
    ),
  ),
  mutant(
    "versions-upside-down-unsupported",
    "TB-HELLO-2",
    "calls a range of versions that is upside down unsupported",
    patch("login-frames", "if (min > max) throw", "if (min > max + 255) throw"),
  ),
  mutant(
    "versions-ignored",
    "TB-HELLO-3",
    "welcomes a client that does not speak its version",
    patch(
      "server-login",
      "if (versions.min > VERSIONS.max || versions.max < VERSIONS.min) {",
      "if (versions.min > 200) {",
    ),
  ),
  mutant(
    "versions-unsupported-malformed",
    "TB-HELLO-3",
    "calls a version that it does not speak malformed",
    patch("server-login", 'throw breach("unsupported-version"', 'throw breach("malformed"'),
  ),
  mutant(
    "version-highest-of-the-client",
    "TB-WELCOME-2",
    "chooses the highest version of the client, which it does not speak",
    patch(
      "server-login",
      "this.#hello = decoder.raw();",
      "this.#hello = decoder.raw();\n    this.#version = versions.max;",
    ),
    patch("server-login", "version: PROTOCOL_VERSION,", "version: this.#version,"),
    patch("server-login", "  #refusals = 0;", "  #refusals = 0;\n  #version = PROTOCOL_VERSION;"),
  ),
  mutant(
    "version-only-one-to-one",
    "TB-WELCOME-1",
    "has no version in common with a client that speaks later ones too",
    patch("server-login", "versions.max < VERSIONS.min) {", "versions.max > VERSIONS.max) {"),
  ),
  mutant(
    "agent-over-64-bytes-refused",
    "TB-WELCOME-1",
    "refuses a HELLO with a long agent",
    patch(
      "login-frames",
      'const agent = reader.string8("agent");\n  reader.end();\n  return { versions, agent };',
      'const agent = reader.string8("agent", { max: 64 });\n  reader.end();\n  return { versions, agent };',
    ),
  ),
  mutant(
    "agent-empty-refused",
    "TB-WELCOME-1",
    "refuses a HELLO without an agent",
    patch(
      "login-frames",
      'const agent = reader.string8("agent");\n  reader.end();\n  return { versions, agent };',
      'const agent = reader.string8("agent", { min: 1 });\n  reader.end();\n  return { versions, agent };',
    ),
  ),
  mutant(
    "welcome-with-the-login",
    "TB-WELCOME-1",
    "sends WELCOME only once AUTH has come",
    patch("server-session", "    this.#login.welcome();\n", ""),
    patch(
      "server-login",
      "const auth = parseAuth(decoder.body);",
      "const auth = parseAuth(decoder.body);\n    this.welcome();",
    ),
  ),
  mutant(
    "limit-raised-by-welcome",
    "TB-FRAME-2",
    "takes frames of max-frame-bytes before login",
    patch(
      "server-session",
      "    this.#login.welcome();\n",
      `    this.#login.welcome();\n    ${LIMIT_RAISED}\n`,
    ),
    patch("server-session", `        ${LIMIT_RAISED}\n`, "\n"),
  ),
  mutant(
    "extension-before-welcome",
    "TB-EXT-3",
    "sends an extension frame before WELCOME",
    patch(
      "server-login",
      SEND_WELCOME,
      `this.#host.out.frame(Uint8Array.of(0, 0, 0, 1, 0x80));\n    ${SEND_WELCOME}`,
    ),
  ),
  mutant(
    "extension-too-large",
    "TB-LIMIT-1",
    "sends an extension frame of 4,097 bytes before AUTHENTICATED",
    patch(
      "server-login",
      SEND_WELCOME,
      `${SEND_WELCOME}\n    this.#host.out.frame(Uint8Array.of(0, 0, 16, 1, 0x80, ...new Uint8Array(4096)));`,
    ),
  ),
  mutant(
    "goaway-before-login",
    "TB-END-12",
    "sends GOAWAY behind WELCOME",
    patch(
      "server-login",
      SEND_WELCOME,
      `${SEND_WELCOME}\n    this.#host.out.frame(Uint8Array.of(0, 0, 0, 6, 0x22, 1, 0, 0, 0, 9));`,
    ),
  ),
  mutant(
    "extension-before-hello-skipped",
    "TB-EXT-4",
    "skips extension frames before HELLO",
    patch(
      "states",
      'HELLO: { do: "greet", to: ["admitting"] },',
      'HELLO: { do: "greet", to: ["admitting"] }, EXTENSION: skip,',
    ),
  ),
  mutant(
    "extension-before-login-refused",
    "TB-EXT-1",
    "refuses extension frames between WELCOME and AUTH",
    patch(
      "states",
      `${AWAITING_AUTH}\n      ERROR: peerFailed,\n      EXTENSION: skip,`,
      `${AWAITING_AUTH}\n      ERROR: peerFailed,`,
    ),
  ),
  mutant(
    "ping-before-login-answered",
    "TB-FRAME-10",
    "answers PING before login",
    patch("states", AWAITING_AUTH, `${AWAITING_AUTH}\n      PING: answerPing,`),
  ),
  mutant(
    "hello-twice-taken",
    "TB-FRAME-10",
    "answers a second HELLO with a second WELCOME",
    patch("states", AWAITING_AUTH, `${AWAITING_AUTH}\n      HELLO: { do: "greet", to: ["admitting"] },`),
  ),
  mutant(
    "response-without-challenge-skipped",
    "TB-FRAME-10",
    "ignores a RESPONSE without a CHALLENGE",
    patch("states", AWAITING_AUTH, `${AWAITING_AUTH}\n      RESPONSE: skip,`),
  ),
];

const attempts: readonly Mutant[] = [
  mutant(
    "authenticated-twice",
    "TB-AUTH-1",
    "answers AUTH with AUTHENTICATED two times",
    patch(
      "server-login",
      "    this.#host.out.frame(encodeAuthenticated({ sessionId, mechanismData }));",
      "    for (let times = 0; times < 2; times++)\n      this.#host.out.frame(encodeAuthenticated({ sessionId, mechanismData }));",
    ),
  ),
  mutant(
    "refusal-silent",
    "TB-AUTH-1",
    "does not answer an AUTH that it refuses while tries are left",
    patch("server-login", SEND_REFUSED, `if (triesLeft === 0) ${SEND_REFUSED}`),
  ),
  mutant(
    "username-with-space-taken",
    "TB-FRAME-11",
    "takes usernames with spaces",
    patch("login-frames", "letters: /^[!-~]+$/", "letters: /^[ -~]+$/"),
  ),
  mutant(
    "username-beyond-ascii-taken",
    "TB-FRAME-11",
    "takes usernames with letters beyond ASCII",
    patch("login-frames", "letters: /^[!-~]+$/", "letters: /^[!-\\uffff]+$/"),
  ),
  mutant(
    "username-65-taken",
    "TB-FRAME-6",
    "takes usernames of 65 bytes",
    patch("login-frames", "max: LIMIT.usernameBytes", "max: LIMIT.usernameBytes + 1"),
  ),
  mutant(
    "username-64-refused",
    "TB-AUTH-1",
    "calls a username of 64 bytes malformed",
    patch("login-frames", "max: LIMIT.usernameBytes", "max: LIMIT.usernameBytes - 1"),
  ),
  mutant(
    "mechanism-unavailable-error",
    "TB-AUTH-5",
    "ends the session when the mechanism is not on offer",
    patch(
      "server-login",
      'if (mechanism === undefined) return this.#refuse("mechanism-unavailable", 0);',
      'if (mechanism === undefined) throw breach("malformed", "no such mechanism");',
    ),
  ),
  mutant(
    "mechanism-ignored",
    "TB-AUTH-5",
    "takes every mechanism for PASSWORD",
    patch("server-login", "({ name }) => name === mechanism)", "() => true)"),
    patch(
      "server-login",
      "this.#attempt = { ...auth, transcript };",
      'this.#attempt = { ...auth, mechanism: "PASSWORD", transcript };',
    ),
  ),
  mutant(
    "mechanism-unavailable-bad-credentials",
    "TB-AUTH-5",
    "calls a mechanism that is not on offer bad credentials",
    patch("server-login", 'this.#refuse("mechanism-unavailable", 0)', 'this.#refuse("bad-credentials", 0)'),
  ),
  mutant(
    "mechanism-unavailable-counted",
    "TB-REFUSED-1",
    "counts an AUTH whose mechanism is not on offer as a try",
    patch(
      "server-login",
      "if (mechanism === undefined) return this.#refuse(",
      "if (mechanism === undefined) this.#triesLeft--;\n    if (mechanism === undefined) return this.#refuse(",
    ),
  ),
  mutant(
    "unknown-user-told",
    "TB-AUTH-6",
    "gives another reason for an unknown user",
    patch(
      "server-login",
      'return this.#refuse("bad-credentials", outcome.retryAfterMs);',
      'return this.#refuse(outcome.why === "unknown user" ? "abandoned" : "bad-credentials", outcome.retryAfterMs);',
    ),
  ),
  mutant(
    "disabled-user-told",
    "TB-AUTH-6",
    "gives another reason for a disabled user",
    patch(
      "server-login",
      'return this.#refuse("bad-credentials", outcome.retryAfterMs);',
      'return this.#refuse(outcome.why === "disabled user" ? "mechanism-unavailable" : "bad-credentials", outcome.retryAfterMs);',
    ),
  ),
  mutant(
    "disabled-user-accepted",
    "TB-AUTH-6",
    "logs disabled users in",
    patch(
      "password-login",
      "user?.password !== undefined && !user.disabled &&",
      "user?.password !== undefined &&",
    ),
  ),
  mutant(
    "unknown-user-not-counted",
    "TB-AUTH-6",
    "does not count an attempt for an unknown user",
    patch(
      "server-login",
      "if (attempt.responseData === undefined) this.#countTry(attempt);",
      'if (outcome.why !== "unknown user") this.#countTry(attempt);',
    ),
  ),
  mutant(
    "tries-one-more",
    "TB-REFUSED-1",
    "announces one try more than it takes",
    patch("server-login", TRIES, "this.#triesLeft = settings.tries + 1;"),
  ),
  mutant(
    "tries-one-fewer",
    "TB-REFUSED-1",
    "counts one try too many",
    patch("server-login", TRIES, "this.#triesLeft = settings.tries - 1;"),
  ),
  mutant(
    "tries-not-counted",
    "TB-REFUSED-1",
    "never counts a try",
    patch("server-login", "    this.#triesLeft--;\n", ""),
  ),
  mutant(
    "last-refusal-leaves-open",
    "TB-REFUSED-2",
    "leaves the connection open when no try is left",
    patch("server-login", 'return triesLeft === 0 ? "closing" : "awaiting-auth";', 'return "awaiting-auth";'),
  ),
  mutant(
    "first-refusal-closes",
    "TB-REFUSED-3",
    "closes after every REFUSED",
    patch("server-login", 'return triesLeft === 0 ? "closing" : "awaiting-auth";', 'return "closing";'),
  ),
  mutant(
    "password-empty-checked",
    "TB-PASSWORD-1",
    "takes an empty password for a wrong one",
    patch(
      "mechanism",
      FORBIDDEN_PASSWORD,
      "if (data.length > LIMIT.passwordBytes || decodeUtf8(data) === undefined) {",
    ),
  ),
  mutant(
    "password-1025-checked",
    "TB-PASSWORD-1",
    "takes a password of 1,025 bytes for a wrong one",
    patch(
      "mechanism",
      FORBIDDEN_PASSWORD,
      FORBIDDEN_PASSWORD.replace("LIMIT.passwordBytes", "LIMIT.passwordBytes + 1"),
    ),
  ),
  mutant(
    "password-1024-refused",
    "TB-PASSWORD-1",
    "calls a password of 1,024 bytes malformed",
    patch(
      "mechanism",
      FORBIDDEN_PASSWORD,
      FORBIDDEN_PASSWORD.replace("LIMIT.passwordBytes", "LIMIT.passwordBytes - 1"),
    ),
  ),
  mutant(
    "password-not-utf8-checked",
    "TB-PASSWORD-1",
    "takes a password that is not UTF-8 for a wrong one",
    patch("mechanism", FORBIDDEN_PASSWORD, "if (data.length === 0 || data.length > LIMIT.passwordBytes) {"),
  ),
];

export const serverLoginMutants: readonly Mutant[] = [...opening, ...attempts];
