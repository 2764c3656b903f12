// Clients that are wrong about OPAQUE or about whom they trust with a password, as far as it shows without computing any of
// it: what they choose, what they take for an answer, and what a stranger gets of them (spec sections 6.4 and 6.5).

import { mutant, patch, shownUnderStrict, type Mutant } from "./mutant.ts";

const NO_CHANNEL =
  "if (this.#channel === undefined) return await this.#byPassword(username, password, undefined);";
const AUTH_PASSWORD = "const auth = { mechanism: PASSWORD.name, username, mechanismData };";
const CANNOT = 'if (typeof stretching === "string") {';
const STRANGER_LEFT =
  "if (voucher === undefined) return this.#leave(strangerError(standing, username, stretching));";
const ATTEMPT = "const refusal = await this.#byOpaque(binding, { username, password, stretching }, voucher);";
const FINAL = 'const final = voucher === undefined || refusal.code !== "refused" || usedUp;';
const THROW_REFUSAL = "if (final || !this.#offers(PASSWORD.name)) throw refusal;";
const FIND = "const offer = this.#welcome?.mechanisms.find(({ name }) => name === OPAQUE_NAME);";
const WRONG_PROOF = "if (this.#attempt?.confirm(transcript, sessionId, mechanismData) === false) {";
const CHECK_LENGTH = "if (data.length !== wanted) throw breach(";
const UNOPENED = 'if (result.type !== "logged-in") return new Uint8Array(0);';
const BOUNDED = "return findFault(stretching) === undefined ? stretching : undefined;";
const PARAMETER_BYTES = "if (parameters.length !== STRETCHING_BYTES) return undefined;";
const NO_ACTION = "    if (action === undefined) {\n      const what";

/** Logs in by OPAQUE once more, where this holds, before it says that it was refused. */
function again(condition: string): ReturnType<typeof patch> {
  const second = ATTEMPT.replace("const refusal = await", "refusal = await");
  const once = ATTEMPT.replace("const", "let");
  return patch("client-login", ATTEMPT, `${once}\n    if (refusal !== undefined && ${condition}) ${second}`);
}

const choices: readonly Mutant[] = [
  mutant(
    "opaque-in-plaintext",
    "TB-OPAQUE-2",
    "names OPAQUE in its AUTH where there is no TLS",
    patch(
      "client-login",
      AUTH_PASSWORD,
      "const mechanism = this.#channel === undefined ? OPAQUE_NAME : PASSWORD.name;\n    const auth = { mechanism, username, mechanismData };",
    ),
  ),
  mutant(
    "opaque-in-plaintext-if-offered",
    "TB-OPAQUE-2",
    "waits for WELCOME in plaintext too, and logs in by OPAQUE where it is offered",
    patch(
      "client-login",
      NO_CHANNEL,
      `if (this.#channel === undefined) {
      const answered = this.welcomed;
      this.welcomed = (welcome) => {
        answered.call(this, welcome);
        this.#answer?.resolve({ type: "welcome" });
      };
      await this.#open();
      if (this.#offers(OPAQUE_NAME)) await this.#byOpaque(new Uint8Array(32), { username, password, stretching: { memoryKib: 19_456, passes: 2, lanes: 1 } }, undefined);
      return await this.#byPassword(username, password, undefined);
    }`,
    ),
  ),
  mutant(
    "opaque-not-known",
    "TB-AUTH-13",
    "passes over OPAQUE in WELCOME",
    patch("client-login", FIND, FIND.replace("name === OPAQUE_NAME", 'name === "OPAQUE-2"')),
  ),
  shownUnderStrict(
    mutant(
      "password-preferred",
      "TB-AUTH-13",
      "sends PASSWORD to a verified server that offers both",
      patch(
        "client-login",
        CANNOT,
        'if (typeof stretching === "string" || (voucher !== undefined && this.#offers(PASSWORD.name))) {',
      ),
    ),
  ),
  mutant(
    "opaque-again-before-password",
    "TB-AUTH-16",
    "tries OPAQUE twice with a server that it has verified",
    again('voucher !== undefined && refusal.code === "refused"'),
  ),
  shownUnderStrict(
    mutant(
      "password-not-tried",
      "TB-AUTH-16",
      "does not try PASSWORD when a verified server has refused OPAQUE",
      patch("client-login", THROW_REFUSAL, "if (final || refusal !== undefined) throw refusal;"),
    ),
  ),
];

const parameters: readonly Mutant[] = [
  mutant(
    "opaque-parameters-unbounded",
    "TB-OPAQUE-9",
    "stretches with whatever parameters the server names",
    patch("opaque-stretching", BOUNDED, "return stretching;"),
  ),
  mutant(
    "opaque-parameters-weak-taken",
    "TB-OPAQUE-9",
    "bounds the parameters of the key stretching from above alone",
    patch(
      "opaque-stretching",
      BOUNDED,
      BOUNDED.replace("=== undefined", "=== undefined || stretching.memoryKib * stretching.passes < 40_000"),
    ),
  ),
  mutant(
    "opaque-parameters-dear-taken",
    "TB-OPAQUE-9",
    "bounds the parameters of the key stretching from below alone",
    patch(
      "opaque-stretching",
      BOUNDED,
      BOUNDED.replace("=== undefined", "=== undefined || stretching.memoryKib > LIMIT.opaqueMemoryHighest"),
    ),
  ),
  mutant(
    "opaque-parameters-longer-taken",
    "TB-OPAQUE-9",
    "passes over what follows the 7 bytes of the parameters",
    patch("opaque-stretching", PARAMETER_BYTES, PARAMETER_BYTES.replace("!==", "<")),
  ),
];

const answers: readonly Mutant[] = [
  mutant(
    "opaque-challenge-length-unchecked",
    "TB-OPAQUE-7",
    "abandons an attempt whose CHALLENGE has another length",
    patch("mechanism", CHECK_LENGTH, CHECK_LENGTH.replace("if (", 'if (frame !== "CHALLENGE" && ')),
  ),
  mutant(
    "opaque-unopened-answered",
    "TB-OPAQUE-10",
    "answers a KE2 that does not open with a RESPONSE of zeros",
    patch("opaque-client", UNOPENED, UNOPENED.replace("(0)", "(96)")),
  ),
  mutant(
    "opaque-challenge-after-response-taken",
    "TB-AUTH-12",
    "passes over a second CHALLENGE",
    patch(
      "client-session",
      NO_ACTION,
      `    if (action === undefined && name === "CHALLENGE" && this.#state === "confirming") return;\n${NO_ACTION}`,
    ),
  ),
  mutant(
    "opaque-tag-length-unchecked",
    "TB-OPAQUE-14",
    "takes itself for logged in by a tag of another length",
    patch("mechanism", CHECK_LENGTH, CHECK_LENGTH.replace("if (", 'if (frame !== "AUTHENTICATED" && ')),
    patch("client-login", WRONG_PROOF, WRONG_PROOF.replace("if (", "if (mechanismData.length === 32 && ")),
  ),
  mutant(
    "opaque-tag-unchecked",
    "TB-OPAQUE-15",
    "does not look at the server's tag",
    patch("client-login", WRONG_PROOF, WRONG_PROOF.replace("=== false", "=== undefined")),
  ),
];

const strangers: readonly Mutant[] = [
  mutant(
    "stranger-gets-password",
    "TB-AUTH-14",
    "sends the password to a stranger that does not offer OPAQUE",
    patch("client-login", STRANGER_LEFT, ""),
  ),
  mutant(
    "stranger-gets-password-instead",
    "TB-PASSWORD-4",
    "sends the password to a stranger that has refused OPAQUE",
    patch("client-login", FINAL, FINAL.replace("voucher === undefined || ", "")),
  ),
  mutant(
    "stranger-tried-again",
    "TB-AUTH-15",
    "tries OPAQUE again with a stranger that has refused it, without being asked",
    again("voucher === undefined"),
  ),
];

export const clientOpaqueMutants: readonly Mutant[] = [...choices, ...parameters, ...answers, ...strangers];
