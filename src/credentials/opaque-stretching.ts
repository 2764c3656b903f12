// The key stretching of OPAQUE: argon2id with parameters that belong to a server's setup (spec section 6.4). The
// client runs them on the word of a server that it hasn't verified yet, so that they are bounded both ways, and
// these bounds are the protocol's, narrower than those on hashes in the users file.

import { LIMIT } from "../protocol/wire.ts";
import { CredentialError } from "./error.ts";
import { defaultHashParameters, type HashParameters } from "./phc.ts";

/** The price of the hash that lies beside a record: whoever steals both guesses at the cheaper one. */
export const defaultStretching: HashParameters = defaultHashParameters;

const STRETCHING_BYTES = 7;

/** As WELCOME announces them. @throws CredentialError `hash-out-of-bounds` */
export function encodeStretching(stretching: HashParameters): Uint8Array {
  checkStretching(stretching);
  const bytes = Buffer.alloc(STRETCHING_BYTES);
  bytes.writeUInt32BE(stretching.memoryKib, 0);
  bytes.writeUInt16BE(stretching.passes, 4);
  bytes.writeUInt8(stretching.lanes, 6);
  return new Uint8Array(bytes);
}

/** Undefined when they are no parameters, or lie outside the bounds (TB-OPAQUE-9). */
export function parseStretching(parameters: Uint8Array): HashParameters | undefined {
  if (parameters.length !== STRETCHING_BYTES) return undefined;
  const view = Buffer.from(parameters);
  const stretching = {
    memoryKib: view.readUInt32BE(0),
    passes: view.readUInt16BE(4),
    lanes: view.readUInt8(6),
  };
  return findFault(stretching) === undefined ? stretching : undefined;
}

/** @throws CredentialError `hash-out-of-bounds`, which names the parameter and the bound */
export function checkStretching(stretching: HashParameters): void {
  const fault = findFault(stretching);
  if (fault !== undefined)
    throw new CredentialError("hash-out-of-bounds", `OPAQUE's key stretching: ${fault}`);
}

function findFault({ memoryKib, passes, lanes }: HashParameters): string | undefined {
  return (
    findBreach("passes", passes, 1, 0xffff) ??
    findBreach("lanes", lanes, 1, LIMIT.opaqueLanesHighest) ??
    findBreach("memory (KiB)", memoryKib, LIMIT.opaqueMemoryLowest, LIMIT.opaqueMemoryHighest) ??
    findBreach(
      "memory times passes (KiB)",
      memoryKib * passes,
      LIMIT.opaqueWorkLowest,
      LIMIT.opaqueWorkHighest,
    )
  );
}

function findBreach(what: string, value: number, min: number, max: number): string | undefined {
  if (Number.isInteger(value) && value >= min && value <= max) return undefined;
  return `${what} must be from ${min} to ${max}`;
}
