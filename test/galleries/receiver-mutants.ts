// What goes wrong in receiving is wrong in the same way on both sides: these mutants are servers and clients alike.

import type { Role } from "../../src/conformance/exchange/exchange-checks.ts";
import { mutant, patch, type Mutant } from "./mutant.ts";

const JUDGE_IN_CHUNK = "const length = this.#judge(readU32(chunk, at));";
const JUDGE_GATHERED = "const length = this.#judge(readU32(this.#scratch, 0));";
const HAVE_TYPE = "if (this.#have < HEADER_BYTES && !this.#fill(HEADER_BYTES)) return false;";
const INVALID_UTF8 = "  } catch {\n    return undefined;\n  }";

/** The decoder and the fields. */
const framing: readonly Mutant[] = [
  mutant(
    "length-zero-taken",
    "TB-FRAME-1",
    "waits for the type of a frame of length 0",
    patch("decoder", 'if (length === 0) throw breach("malformed", "frame of length 0");', ""),
  ),
  mutant(
    "length-zero-too-large",
    "TB-FRAME-1",
    "refuses a frame of length 0 with ERROR frame-too-large",
    patch(
      "decoder",
      'throw breach("malformed", "frame of length 0")',
      'throw breach("frame-too-large", "0")',
    ),
  ),
  mutant(
    "limit-one-too-high",
    "TB-FRAME-2",
    "takes a frame that is one byte over the limit",
    patch("decoder", "length > this.limit)", "length > this.limit + 1)"),
  ),
  mutant(
    "length-judged-with-type",
    "TB-FRAME-3",
    "waits for the type before it judges the length",
    patch("decoder", JUDGE_GATHERED, `${HAVE_TYPE}\n    ${JUDGE_GATHERED}`),
  ),
  mutant(
    "length-judged-when-complete",
    "TB-FRAME-3",
    "buffers an oversize frame before it judges the length",
    patch("decoder", JUDGE_GATHERED, "const length = readU32(this.#scratch, 0);"),
    patch(
      "decoder",
      "if (!this.#fill(size)) return false;",
      "if (!this.#fill(size)) return false;\n    this.#judge(length);",
    ),
  ),
  mutant(
    "cut-length-forgotten",
    "TB-FRAME-4",
    "forgets the first bytes of a frame that is cut inside its length",
    patch(
      "decoder",
      "if (this.#have < LENGTH_BYTES && !this.#fill(LENGTH_BYTES)) return false;",
      "if (this.#have < LENGTH_BYTES && !this.#fill(LENGTH_BYTES)) {\n      this.#have = 0;\n      return false;\n    }",
    ),
  ),
  mutant(
    "trailing-bytes-ignored",
    "TB-FRAME-6",
    "ignores bytes after the last field",
    patch("body", "if (left > 0) throw", "if (left > 1000) throw"),
  ),
  mutant(
    "short-fields-taken",
    "TB-FRAME-6",
    "takes a body that is cut short inside a field, and reads zeros for what is missing",
    patch(
      "body",
      "if (end > this.#body.length) throw",
      `if (end > this.#body.length && this.#at < this.#body.length) {
      const padded = new Uint8Array(count);
      padded.set(this.#body.subarray(this.#at));
      this.#at = this.#body.length;
      return padded;
    }
    if (end > this.#body.length) throw`,
    ),
  ),
  mutant(
    "bounds-unchecked",
    "TB-FRAME-6",
    "takes numbers and lengths that are out of their bounds",
    patch(
      "body",
      "if (value >= min && value <= max) return value;",
      "if (value >= min || value <= max) return value;",
    ),
  ),
  mutant(
    "utf8-replaced",
    "TB-FRAME-7",
    "replaces bytes that are not valid UTF-8 by U+FFFD",
    patch("body", "{ fatal: true, ignoreBOM: true }", "{ fatal: false, ignoreBOM: true }"),
  ),
  mutant(
    "utf8-overlong-taken",
    "TB-FRAME-7",
    "takes overlong forms for UTF-8",
    patch(
      "body",
      INVALID_UTF8,
      "  } catch {\n    return bytes.includes(0xc0) ? new TextDecoder().decode(bytes) : undefined;\n  }",
    ),
  ),
  mutant(
    "utf8-surrogates-taken",
    "TB-FRAME-7",
    "takes encoded surrogates for UTF-8",
    patch(
      "body",
      INVALID_UTF8,
      "  } catch {\n    return bytes.includes(0xed) ? new TextDecoder().decode(bytes) : undefined;\n  }",
    ),
  ),
  mutant(
    "mechanism-lower-case-taken",
    "TB-FRAME-11",
    "takes a mechanism name in lower case",
    patch("login-frames", "letters: /^[A-Z0-9-]+$/", "letters: /^[A-Za-z0-9-]+$/"),
  ),
  mutant(
    "unknown-type-skipped",
    "TB-FRAME-9",
    "skips frames of every type that it does not know",
    patch("states", ": NAME_OF_TYPE.get(type);", ': (NAME_OF_TYPE.get(type) ?? "EXTENSION");'),
  ),
  mutant(
    "extension-skipped-in-part",
    "TB-EXT-1",
    "takes the length of an extension frame for one byte",
    patch("decoder", "this.#skip = length - 1;", "this.#skip = (length - 1) & 0xff;"),
  ),
  mutant(
    "extension-limit-one-too-low",
    "TB-EXT-1",
    "refuses an extension frame of exactly the limit",
    patch(
      "decoder",
      JUDGE_IN_CHUNK,
      `${JUDGE_IN_CHUNK}\n    if (chunk[at + 4]! >= 0x80 && length === this.limit) throw breach("frame-too-large", "too large");`,
    ),
  ),
  mutant(
    "last-extension-type-refused",
    "TB-EXT-1",
    "takes 0xff for no extension frame, but for a type that is not defined",
    patch(
      "states",
      "return type >= EXTENSION_FIRST_TYPE ?",
      "return type >= EXTENSION_FIRST_TYPE && type < 0xff ?",
    ),
  ),
  mutant(
    "last-type-before-extensions-skipped",
    "TB-FRAME-9",
    "takes 0x7f for an extension frame",
    patch("states", "return type >= EXTENSION_FIRST_TYPE ?", "return type >= 0x7f ?"),
  ),
  mutant(
    "length-taken-for-signed",
    "TB-FRAME-2",
    "takes lengths of 2^31 and above for negative ones",
    patch("decoder", "if (length > this.limit) {", "if ((length | 0) > this.limit) {"),
  ),
  mutant(
    "ping-with-one-byte-more-taken",
    "TB-FRAME-6",
    "takes a PING of nine bytes",
    patch(
      "session-frames",
      "  reader.end();\n  return data;",
      "  if (body.length !== PING_BYTES + 1) reader.end();\n  return data;",
    ),
  ),
  mutant(
    "utf8-above-unicode-taken",
    "TB-FRAME-7",
    "takes encoded numbers above U+10FFFF for UTF-8",
    patch(
      "body",
      INVALID_UTF8,
      "  } catch {\n    return bytes.includes(0xf4) ? new TextDecoder().decode(bytes) : undefined;\n  }",
    ),
  ),
  mutant(
    "extension-unlimited",
    "TB-EXT-5",
    "skips extension frames of every length",
    patch(
      "decoder",
      JUDGE_IN_CHUNK,
      `const length = chunk[at + 4]! >= 0x80 ? readU32(chunk, at) : this.#judge(readU32(chunk, at));`,
    ),
  ),
];

/** PING, ERROR and the end. */
function session(role: Role): readonly Mutant[] {
  const core = `${role}-session` as const;
  return [
    mutant(
      "unknown-type-unexpected",
      "TB-FRAME-9",
      "calls a type that is not defined an unexpected frame",
      patch(core, 'throw breach("unknown-type"', 'throw breach("unexpected-frame"'),
    ),
    mutant(
      "pong-with-other-data",
      "TB-PING-1",
      "answers PING with its data turned around",
      patch(
        core,
        "encodePong(parsePing(this.#decoder.body))",
        "encodePong(parsePing(this.#decoder.body).reverse())",
      ),
    ),
    mutant(
      "ping-unanswered",
      "TB-PING-1",
      "sends no PONG",
      patch(
        core,
        "this.#host.out.frame(encodePong(parsePing(this.#decoder.body)))",
        "void encodePong(parsePing(this.#decoder.body))",
      ),
    ),
    mutant(
      "pong-unsolicited-taken",
      "TB-PING-3",
      "takes a PONG without a PING",
      patch("ping-watch", "expected === undefined || data.some", "expected !== undefined && data.some"),
    ),
    mutant(
      "error-other-code",
      "TB-ERROR-1",
      "calls every fault an internal one",
      patch("session-frames", ".u8(ERROR_CODE[error.code])", '.u8(ERROR_CODE["internal"])'),
    ),
    mutant(
      "error-other-versions",
      "TB-ERROR-5",
      "claims in ERROR to speak the versions 1 to 3",
      patch(
        "session-frames",
        "writeVersionRange(writer, error.versions)",
        "writeVersionRange(writer, { min: 1, max: 3 })",
      ),
    ),
    mutant(
      "error-body-judged",
      "TB-ERROR-3",
      "answers an ERROR that it can't read with ERROR malformed",
      patch(
        "reported-error",
        "if (error instanceof TalkByteError) return",
        "if (error === undefined) return",
      ),
    ),
    mutant(
      "error-unknown-ignored",
      "TB-ERROR-4",
      "goes on after an ERROR with a code that it does not know",
      patch(
        core,
        '"peer-failed": () => this.#peerFailed()',
        '"peer-failed": () => void (this.#decoder.body[0]! < 100 && this.#peerFailed())',
      ),
    ),
    mutant(
      "error-ignored",
      "TB-ERROR-3",
      "goes on after an ERROR",
      patch(core, '"peer-failed": () => this.#peerFailed()', '"peer-failed": () => undefined'),
    ),
    mutant(
      "no-end-of-stream",
      "TB-END-16",
      "waits for the peer to end its stream before it ends its own",
      patch(
        "transport",
        "    this.endStream(now);\n    if (this.socket.writableFinished) this.#linger(now);",
        "    this.flush(now);",
      ),
      patch(
        "transport",
        'socket.on("end", () => this.#owner.ended());',
        'socket.on("end", () => (this.#closing ? this.endStream(performance.now()) : this.#owner.ended()));',
      ),
    ),
  ];
}

export function receiverMutants(role: Role): readonly Mutant[] {
  return [...framing, ...session(role)];
}
