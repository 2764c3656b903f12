// What the peer's ERROR becomes here. Whatever its body holds, the session is over (TB-ERROR-3), and a code that
// this version does not know is a failed session like any other (TB-ERROR-4).

import { TalkByteError } from "./error.ts";
import { parseError, type ErrorFrame } from "./session-frames.ts";
import type { WireErrorCode } from "./wire.ts";

export function reportedError(body: Uint8Array, peer: "client" | "server"): TalkByteError {
  const { code, detail } = tryParse(body);
  const known = code.startsWith("unknown-") ? "internal" : (code as WireErrorCode);
  // The codes that blame nobody here are the peer's own trouble; the rest say that we erred.
  const side = known === "internal" || known === "shutdown" || known === "revoked" ? "peer" : "local";
  return new TalkByteError(known, side, `the ${peer} ended the session: ${code}: ${detail}`);
}

function tryParse(body: Uint8Array): Pick<ErrorFrame, "code" | "detail"> {
  try {
    return parseError(body);
  } catch (error) {
    if (error instanceof TalkByteError) return { code: "unknown-0", detail: "an ERROR that can't be read" };
    throw error;
  }
}
