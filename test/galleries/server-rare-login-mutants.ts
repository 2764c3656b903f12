// Servers that open or log in wrongly only now and then: for one value, or once an attempt has been refused (spec
// sections 3, 4 and 6).

import { mutant, patch, shownUnderStrict, type Mutant, type Patch } from "./mutant.ts";

const REJECTED = 'return { outcome: { type: "rejected", retryAfterMs: 0,';
const UNAVAILABLE = 'if (mechanism === undefined) return this.#refuse("mechanism-unavailable", 0);';
const CHECK_DATA = "    mechanism.checkAuthData(auth.mechanismData);\n";
const UNSUPPORTED = "if (versions.min > VERSIONS.max || versions.max < VERSIONS.min) {";
const UPSIDE_DOWN = "if (min > max) throw";
const REFUSE = "    if (action === undefined) {\n      const what";
const SHUTDOWN = 'this.#fail(new TalkByteError("shutdown", "local", "the server is being stopped"));';

/** Ignores what the table of states refuses. */
function passOver(condition: string): Patch {
  return patch("server-session", REFUSE, `    if (action === undefined && ${condition}) return;\n${REFUSE}`);
}

/** The login says whether it has refused an attempt. */
const tellsOfRefusals: Patch = patch(
  "server-login",
  "  /** Takes AUTH. @throws",
  "  get refused(): boolean {\n    return this.#refusals > 0;\n  }\n\n  /** Takes AUTH. @throws",
);

const opening: readonly Mutant[] = [
  mutant(
    "version-255-unsupported",
    "TB-WELCOME-1",
    "has no version in common with a client that speaks every one",
    patch("server-login", UNSUPPORTED, UNSUPPORTED.replace(") {", " || versions.max === 255) {")),
  ),
  mutant(
    "high-versions-upside-down-unsupported",
    "TB-HELLO-2",
    "calls a range of versions that is upside down unsupported where it begins above 2",
    patch("login-frames", UPSIDE_DOWN, UPSIDE_DOWN.replace("(", "(min <= 2 && ")),
  ),
  mutant(
    "unsupported-version-with-other-versions",
    "TB-ERROR-5",
    "claims to speak version 2 too when it has none in common",
    patch(
      "server-session",
      "versions: VERSIONS,",
      'versions: error.code === "unsupported-version" ? { min: 1, max: 2 } : VERSIONS,',
    ),
  ),
  mutant(
    "unknown-type-before-hello-unexpected",
    "TB-FRAME-9",
    "calls a type that is not defined an unexpected frame when HELLO is due",
    patch(
      "server-session",
      'if (name === undefined) throw breach("unknown-type"',
      'if (name === undefined) throw breach(this.#state === "awaiting-hello" ? "unexpected-frame" : "unknown-type"',
    ),
  ),
  mutant(
    "hello-after-refusal-skipped",
    "TB-FRAME-10",
    "ignores a HELLO once it has refused an attempt",
    tellsOfRefusals,
    passOver('name === "HELLO" && this.#state === "awaiting-auth" && this.#login.refused'),
  ),
  mutant(
    "pong-before-login-skipped",
    "TB-FRAME-10",
    "ignores PONG before login",
    passOver('name === "PONG" && this.#state === "awaiting-auth"'),
  ),
  mutant(
    "short-ping-before-login-malformed",
    "TB-FRAME-10",
    "judges the body of a PING that comes before login",
    patch(
      "server-session",
      REFUSE,
      `    if (action === undefined && name === "PING") parsePing(this.#decoder.body);\n${REFUSE}`,
    ),
  ),
  mutant(
    "empty-extension-before-login-refused",
    "TB-EXT-1",
    "calls an extension frame without a body malformed before login",
    patch(
      "decoder",
      "  #beginSkip(type: number, length: number): true {\n",
      '  #beginSkip(type: number, length: number): true {\n    if (length === 1 && this.limit === 4096) throw breach("malformed", "an empty extension frame");\n',
    ),
  ),
  mutant(
    "error-before-login-answered",
    "TB-ERROR-3",
    "answers ERROR with ERROR before login",
    patch(
      "server-session",
      "  #peerFailed(): void {\n",
      '  #peerFailed(): void {\n    if (this.#state === "awaiting-auth") throw breach("internal", "ERROR");\n',
    ),
  ),
];

const attempts: readonly Mutant[] = [
  mutant(
    "waits-longer-for-an-unknown-user",
    "TB-AUTH-6",
    "asks an unknown user to wait before the next attempt, and no other",
    patch("password-login", REJECTED, REJECTED.replace("0", "user === undefined ? 1 : 0")),
  ),
  mutant(
    "waits-longer-for-a-disabled-user",
    "TB-AUTH-6",
    "asks a disabled user to wait before the next attempt, and no other",
    patch("password-login", REJECTED, REJECTED.replace("0", "user?.disabled ? 1 : 0")),
  ),
  mutant(
    "username-case-ignored",
    "TB-AUTH-6",
    "takes a username in whatever case",
    patch(
      "password-login",
      "const user = users.get(username);",
      "const user = users.get(username.toLowerCase());",
    ),
  ),
  mutant(
    "username-with-delete-taken",
    "TB-FRAME-11",
    "takes usernames with the byte 0x7f",
    patch("login-frames", "letters: /^[!-~]+$/,", "letters: /^[!-\\x7f]+$/,"),
  ),
  mutant(
    "mechanism-with-underscore-taken",
    "TB-FRAME-11",
    "takes mechanism names with an underscore",
    patch("login-frames", "letters: /^[A-Z0-9-]+$/,", "letters: /^[A-Z0-9_-]+$/,"),
  ),
  mutant(
    "mechanism-33-taken",
    "TB-FRAME-6",
    "takes mechanism names of 33 bytes",
    patch(
      "login-frames",
      "bounds: { min: 1, max: LIMIT.mechanismBytes },",
      "bounds: { min: 1, max: LIMIT.mechanismBytes + 1 },",
    ),
  ),
  mutant(
    "second-mechanism-unavailable-counted",
    "TB-REFUSED-1",
    "counts the second AUTH whose mechanism is not on offer as a try",
    patch(
      "server-login",
      UNAVAILABLE,
      `if (mechanism === undefined && ++this.#unavailable === 2) this.#triesLeft--;\n    ${UNAVAILABLE}`,
    ),
    patch("server-login", "  #refusals = 0;", "  #refusals = 0;\n  #unavailable = 0;"),
  ),
  mutant(
    "mechanism-unavailable-counted-after-a-try",
    "TB-REFUSED-1",
    "counts an AUTH whose mechanism is not on offer once a password was wrong",
    patch(
      "server-login",
      UNAVAILABLE,
      `if (mechanism === undefined && this.#triesLeft < this.#settings.tries) this.#triesLeft--;\n    ${UNAVAILABLE}`,
    ),
  ),
  mutant(
    "mechanism-unavailable-with-all-tries",
    "TB-REFUSED-1",
    "announces all tries with a mechanism that is not on offer",
    patch(
      "server-login",
      "const triesLeft = this.#triesLeft;",
      'const triesLeft = reason === "mechanism-unavailable" ? this.#settings.tries : this.#triesLeft;',
    ),
  ),
  mutant(
    "mechanism-unavailable-gives-tries-back",
    "TB-REFUSED-1",
    "gives all tries back for a mechanism that is not on offer",
    patch(
      "server-login",
      UNAVAILABLE,
      `this.#unavailable ||= mechanism === undefined;\n    ${UNAVAILABLE}\n    if (this.#unavailable) this.#triesLeft = this.#settings.tries;\n    this.#unavailable = false;`,
    ),
    patch("server-login", "  #refusals = 0;", "  #refusals = 0;\n  #unavailable = false;"),
  ),
  mutant(
    "mechanism-unavailable-judged-as-password",
    "TB-AUTH-5",
    "judges the mechanism-data of every mechanism by the rules of PASSWORD",
    patch("server-login", CHECK_DATA, ""),
    patch(
      "server-login",
      UNAVAILABLE,
      `(mechanism ?? this.#settings.mechanisms[0])?.checkAuthData(auth.mechanismData);\n    ${UNAVAILABLE}`,
    ),
  ),
];

const afterRefusal: readonly Mutant[] = [
  mutant(
    "auth-in-a-burst-after-refusal-dropped",
    "TB-AUTH-1",
    "drops an AUTH behind a refused one when more is behind it",
    patch(
      "server-login",
      "    const auth = parseAuth(decoder.body);\n",
      '    if (this.#refusals > 0 && decoder.heldBytes > 0) return "awaiting-auth";\n    const auth = parseAuth(decoder.body);\n',
    ),
  ),
  mutant(
    "malformed-auth-after-refusal-refused",
    "TB-FRAME-6",
    "takes an AUTH with bytes after its last field for a wrong password once an attempt was refused",
    patch(
      "server-login",
      "    const auth = parseAuth(decoder.body);\n",
      "    const auth = parseAuth(this.#refusals > 0 ? wellFormed(decoder.body) : decoder.body);\n",
    ),
    patch(
      "server-login",
      "export class ServerLogin {",
      `function wellFormed(body: Uint8Array): Uint8Array {
  const data = 2 + body[0]! + body[1 + body[0]!]!;
  return body.subarray(0, data + 2 + body[data]! * 256 + body[data + 1]!);
}

export class ServerLogin {`,
    ),
  ),
  mutant(
    "empty-password-after-refusal-checked",
    "TB-PASSWORD-1",
    "takes an empty password for a wrong one once an attempt was refused",
    patch(
      "server-login",
      CHECK_DATA,
      "    if (this.#refusals === 0 || auth.mechanismData.length > 0) mechanism.checkAuthData(auth.mechanismData);\n",
    ),
  ),
  mutant(
    "length-zero-after-refusal-skipped",
    "TB-FRAME-1",
    "skips a frame of length 0 once an attempt was refused",
    tellsOfRefusals,
    patch(
      "server-session",
      "    this.#decoder.push(chunk);\n",
      `    const empty = chunk.length >= 4 && chunk[0] === 0 && chunk[1] === 0 && chunk[2] === 0 && chunk[3] === 0;
    this.#decoder.push(empty && this.#login.refused && this.#state === "awaiting-auth" ? chunk.subarray(4) : chunk);\n`,
    ),
  ),
  mutant(
    "login-limit-one-too-high-after-refusal",
    "TB-FRAME-2",
    "takes a login frame that is one byte over the limit once an attempt was refused",
    patch(
      "server-session",
      "      default:\n        this.#enter(next);",
      "      default:\n        this.#decoder.limit = LIMIT.loginFrameBytes + 1;\n        this.#enter(next);",
    ),
  ),
  shownUnderStrict(
    mutant(
      "stop-after-refusal-silent",
      "TB-END-22",
      "ends a session that had an attempt refused without ERROR when it is stopped",
      tellsOfRefusals,
      patch("server-session", SHUTDOWN, `if (this.#login.refused) this.#close();\n      else ${SHUTDOWN}`),
    ),
  ),
  shownUnderStrict(
    mutant(
      "stop-before-hello-silent",
      "TB-END-22",
      "ends a session without HELLO without ERROR when it is stopped",
      patch(
        "server-session",
        SHUTDOWN,
        `if (this.#state === "awaiting-hello") this.#close();\n      else ${SHUTDOWN}`,
      ),
    ),
  ),
];

export const serverRareLoginMutants: readonly Mutant[] = [...opening, ...attempts, ...afterRefusal];
