// What the suite holds every WELCOME of a server under test to about OPAQUE (spec section 6.4): parameters of 7 bytes
// within the bounds of section 8.1, so that a client may run them, and no offer at all where there is no TLS.

import { decodeUtf8, readInteger } from "../wire/bytes.ts";
import { fieldContent, type FrameReading } from "../wire/frames.ts";
import { limitNamed, type WireTable } from "../wire/wire-table.ts";

const parameterBytes = 7;

export function opaqueComplaint(
  table: WireTable,
  welcome: FrameReading,
  plaintext: boolean,
): string | undefined {
  const name = welcome.fields.find(
    ({ field, content }) => field.name === "name" && decodeUtf8(content) === "OPAQUE",
  );
  if (name === undefined) return undefined;
  if (plaintext) return "a WELCOME that offers OPAQUE without TLS";
  const parameters = fieldContent(welcome, name.path.replace(/name$/, "parameters"));
  if (parameters?.length !== parameterBytes)
    return `a WELCOME whose parameters of OPAQUE have ${parameters?.length ?? 0} bytes`;
  const outside = outOfBounds(table, parameters);
  return outside === undefined ? undefined : `a WELCOME whose parameters of OPAQUE have ${outside}`;
}

function outOfBounds(table: WireTable, parameters: Uint8Array): string | undefined {
  const memory = Number(readInteger(parameters.subarray(0, 4)));
  const passes = Number(readInteger(parameters.subarray(4, 6)));
  const lanes = Number(readInteger(parameters.subarray(6, 7)));
  const outside = (value: number, low: number, high: number): boolean => value < low || value > high;
  const limit = (name: string): number => limitNamed(table, `opaque-${name}`);
  if (outside(memory, limit("memory-lowest"), limit("memory-highest"))) return `a memory of ${memory} KiB`;
  if (passes < 1) return "no passes";
  const work = memory * passes;
  if (outside(work, limit("work-lowest"), limit("work-highest"))) return `a work of ${work} KiB`;
  return outside(lanes, 1, limit("lanes-highest")) ? `${lanes} lanes` : undefined;
}
