// Servers that are wrong about OPAQUE, as far as it shows without computing any of it: what they offer and where, how long
// its parts are, whom they challenge, and what a challenge costs (spec sections 6.1 and 6.4).

import { mutant, patch, type Mutant } from "./mutant.ts";

const NO_PLAINTEXT = 'if (options.identity !== "plaintext") this.#opaque = options.opaque;';
const PARAMETERS = "this.mechanism = opaqueMechanism(encodeStretching(setup.stretching));";
const CHECK_LENGTH = "if (data.length !== wanted) throw breach(";
const AUTH_LENGTH = "if (mechanismData.length !== OPAQUE_BYTES.AUTH) return";
const NO_ELEMENTS = 'if (this.#started === undefined) return rejected("a KE1 without group elements");';
const CHALLENGE = 'return { type: "challenge", mechanismData: this.#started.ke2 };';
const NO_RECORD = "if (user === undefined || record === undefined) return";
const START = "this.#started = await this.#login.start(username, mechanismData.slice());";
const JUDGED = "if (sessionKey === undefined || credentialId === undefined) return rejected(started.why);";
const EMPTY = 'return this.#refuse("abandoned", 0);';
const IS_EMPTY = "if (responseData.length === 0) {";
const COUNT_CHALLENGE = "    this.#host.out.frame(challenge);\n    this.#countTry(attempt);\n";
const REJECTED = "if (attempt.responseData === undefined) this.#countTry(attempt);";
const REFUSE = 'return this.#refuse("bad-credentials", outcome.retryAfterMs);';

/** The parameters that it announces in place of its own. */
function announces(hex: string): readonly [ReturnType<typeof patch>] {
  const parameters = `Buffer.from("${hex}", "hex")`;
  return [
    patch("opaque-login", PARAMETERS, PARAMETERS.replace("encodeStretching(setup.stretching)", parameters)),
  ];
}

const offers: readonly Mutant[] = [
  mutant(
    "opaque-in-plaintext",
    "TB-OPAQUE-1",
    "offers OPAQUE where there is no TLS",
    patch("server", NO_PLAINTEXT, "this.#opaque = options.opaque;"),
  ),
  mutant("opaque-weak-memory", "TB-OPAQUE-8", "announces a memory of 1 MiB", ...announces("00000400002601")),
  mutant(
    "opaque-one-pass",
    "TB-OPAQUE-8",
    "announces the least memory with a single pass",
    ...announces("00004c00000101"),
  ),
  mutant("opaque-no-lanes", "TB-OPAQUE-8", "announces no lanes", ...announces("00004c00000200")),
  mutant("opaque-four-gib", "TB-OPAQUE-8", "announces a memory of 4 GiB", ...announces("00400000000101")),
  mutant(
    "opaque-parameters-short",
    "TB-OPAQUE-8",
    "leaves the lanes out of the parameters",
    ...announces("00004c000002"),
  ),
];

const answersToAuth: readonly Mutant[] = [
  mutant(
    "opaque-auth-length-unchecked",
    "TB-OPAQUE-4",
    "refuses an AUTH of another length like a wrong password",
    patch("mechanism", CHECK_LENGTH, CHECK_LENGTH.replace("if (", 'if (frame !== "AUTH" && ')),
  ),
  mutant(
    "opaque-auth-longer-taken",
    "TB-OPAQUE-4",
    "passes over what follows the 96 bytes of KE1",
    patch(
      "mechanism",
      CHECK_LENGTH,
      CHECK_LENGTH.replace("if (", 'if (!(frame === "AUTH" && data.length > wanted) && '),
    ),
    patch("opaque-login", AUTH_LENGTH, AUTH_LENGTH.replace("!==", "<")),
    patch("opaque-login", START, START.replace("slice()", "slice(0, OPAQUE_BYTES.AUTH)")),
  ),
  mutant(
    "opaque-ke1-invalid-abandoned",
    "TB-OPAQUE-5",
    "refuses a KE1 without group elements as abandoned",
    patch(
      "server-login",
      REFUSE,
      REFUSE.replace(
        '"bad-credentials"',
        'attempt.mechanism === "OPAQUE" && attempt.responseData === undefined ? "abandoned" : "bad-credentials"',
      ),
    ),
  ),
  mutant(
    "opaque-ke1-invalid-uncounted",
    "TB-REFUSED-1",
    "takes no try for a KE1 without group elements",
    patch("server-login", REJECTED, REJECTED.replace(") this", ' && attempt.mechanism !== "OPAQUE") this')),
  ),
  mutant(
    "opaque-ke1-invalid-challenged",
    "TB-OPAQUE-5",
    "challenges a client whose KE1 holds no group elements",
    patch(
      "opaque-login",
      NO_ELEMENTS,
      'if (this.#started === undefined) return { type: "challenge", mechanismData: new Uint8Array(OPAQUE_BYTES.CHALLENGE) };',
    ),
  ),
  mutant(
    "opaque-unknown-user-refused",
    "TB-OPAQUE-6",
    "refuses an unknown user at once",
    patch("opaque-login", NO_RECORD, `if (user === undefined) return undefined;\n    ${NO_RECORD}`),
  ),
  mutant(
    "opaque-disabled-user-refused",
    "TB-OPAQUE-6",
    "refuses a disabled user at once",
    patch("opaque-login", NO_RECORD, `if (user?.disabled === true) return undefined;\n    ${NO_RECORD}`),
  ),
  mutant(
    "opaque-fake-challenge-shorter",
    "TB-OPAQUE-6",
    "challenges a user without a record with fewer bytes",
    patch(
      "opaque-login",
      CHALLENGE,
      'return { type: "challenge", mechanismData: this.#started.ke2.subarray(this.#started.credentialId === undefined ? 64 : 0) };',
    ),
  ),
  mutant(
    "opaque-challenge-and-refusal",
    "TB-AUTH-1",
    "sends REFUSED behind each CHALLENGE",
    patch(
      "server-login",
      COUNT_CHALLENGE,
      `${COUNT_CHALLENGE}    this.#host.out.frame(encodeRefused({ reason: "bad-credentials", retryAfterMs: 0, triesLeft: this.#triesLeft }));\n`,
    ),
  ),
];

const answersToResponse: readonly Mutant[] = [
  mutant(
    "opaque-response-length-unchecked",
    "TB-OPAQUE-11",
    "refuses a RESPONSE of another length like a wrong one",
    patch("mechanism", CHECK_LENGTH, CHECK_LENGTH.replace("if (", 'if (frame !== "RESPONSE" && ')),
  ),
  mutant(
    "opaque-response-shorter-taken",
    "TB-OPAQUE-11",
    "refuses a RESPONSE that is too short like a wrong one",
    patch(
      "mechanism",
      CHECK_LENGTH,
      CHECK_LENGTH.replace("if (", 'if (!(frame === "RESPONSE" && data.length < wanted) && '),
    ),
  ),
  mutant(
    "opaque-response-wrong-challenged",
    "TB-AUTH-2",
    "answers a wrong RESPONSE for a user with another CHALLENGE",
    patch(
      "opaque-login",
      JUDGED,
      `if (sessionKey === undefined) return { type: "challenge", mechanismData: new Uint8Array(OPAQUE_BYTES.CHALLENGE) };\n    ${JUDGED}`,
    ),
  ),
  mutant(
    "opaque-response-refused-twice",
    "TB-AUTH-2",
    "refuses a wrong RESPONSE twice",
    patch(
      "server-login",
      REFUSE,
      `if (attempt.responseData !== undefined) this.#refuse("bad-credentials", 0);\n        ${REFUSE}`,
    ),
  ),
  mutant(
    "opaque-response-counted-again",
    "TB-AUTH-9",
    "counts an attempt at its CHALLENGE, and again at a wrong RESPONSE",
    patch("server-login", REJECTED, "this.#countTry(attempt);"),
  ),
  mutant(
    "opaque-challenge-costs-nothing",
    "TB-AUTH-9",
    "counts an attempt only when its RESPONSE is wrong",
    patch("server-login", COUNT_CHALLENGE, "    this.#host.out.frame(challenge);\n"),
    patch("server-login", REJECTED, "this.#countTry(attempt);"),
  ),
  mutant(
    "opaque-abandoned-given-back",
    "TB-AUTH-9",
    "gives the try back to a client that abandons its attempt",
    patch("server-login", EMPTY, `this.#takeBackTry(attempt);\n      ${EMPTY}`),
  ),
  mutant(
    "opaque-abandoned-malformed",
    "TB-AUTH-10",
    "takes an empty RESPONSE for one of another length",
    patch("server-login", IS_EMPTY, "if (responseData.length === 0 && attempt.responseData !== undefined) {"),
  ),
  mutant(
    "opaque-abandoned-bad-credentials",
    "TB-AUTH-10",
    "refuses an empty RESPONSE like a wrong one",
    patch("server-login", EMPTY, 'return this.#refuse("bad-credentials", 0);'),
  ),
];

export const serverOpaqueMutants: readonly Mutant[] = [...offers, ...answersToAuth, ...answersToResponse];
