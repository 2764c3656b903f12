// The example of spec section 6.4: the frames of the first of the published vectors, laid out field by field. What
// WELCOME and the frames have around the mechanism is in section 4, so that only the mechanism's part is cut up.

import { readFileSync } from "node:fs";

interface Vector {
  readonly frames: Readonly<Record<string, string>>;
}

const BYTES_PER_LINE = 32;

/** Each frame's parts, in bytes, and their names; what is left over has the last name. */
const PARTS: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  WELCOME: [
    [4, "length"],
    [1, "type WELCOME"],
    [1, "version 1"],
    [10, 'agent "example/1"'],
    [10, "max-frame-bytes, max-under-way, idle-timeout-ms"],
    [1, "mechanisms: 1"],
    [7, 'name "OPAQUE"'],
    [2, "parameters: 7 bytes"],
    [4, "memory 19,456 KiB"],
    [2, "passes 2"],
    [1, "lanes 1"],
  ],
  AUTH: [
    [4, "length"],
    [1, "type AUTH"],
    [7, 'mechanism "OPAQUE"'],
    [6, 'username "alice"'],
    [2, "mechanism-data: 96 bytes"],
    [32, "blinded-message"],
    [32, "client-nonce"],
    [32, "client-keyshare"],
  ],
  CHALLENGE: [
    [4, "length"],
    [1, "type CHALLENGE"],
    [2, "mechanism-data: 320 bytes"],
    [32, "evaluated-message"],
    [32, "masking-nonce"],
    [128, "masked-response"],
    [32, "server-nonce"],
    [32, "server-keyshare"],
    [64, "server-mac"],
  ],
  RESPONSE: [
    [4, "length"],
    [1, "type RESPONSE"],
    [2, "mechanism-data: 96 bytes"],
    [64, "client-mac"],
    [32, "client-tag"],
  ],
  AUTHENTICATED: [
    [4, "length"],
    [1, "type AUTHENTICATED"],
    [16, "session-id"],
    [2, "mechanism-data: 32 bytes"],
    [32, "server-tag"],
  ],
};

export function opaqueExample(): string {
  const file = new URL("../spec/opaque-vectors.json", import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Vector[] };
  const { frames } = vectors[0]!;
  const lines = Object.entries(PARTS).flatMap(([name, parts], at) => [
    ...(at === 0 ? [] : [""]),
    ...frameLines(frames[name]!, parts),
  ]);
  return `\`\`\`\n${lines.join("\n")}\n\`\`\``;
}

function frameLines(frame: string, parts: readonly (readonly [number, string])[]): string[] {
  let at = 0;
  const lines = parts.flatMap(([length, name]) => {
    const bytes = frame.slice(at * 2, (at + length) * 2);
    if (bytes.length !== length * 2) throw new Error(`the example is too short for ${name}`);
    at += length;
    const rows = bytes.match(new RegExp(`.{1,${BYTES_PER_LINE * 2}}`, "g"))!;
    const note = name === "length" ? `length ${Number.parseInt(bytes, 16)}` : name;
    return rows.map((row, index) => (index === 0 ? `${row.padEnd(BYTES_PER_LINE * 2)}  ${note}` : row));
  });
  if (at * 2 !== frame.length) throw new Error("the example is too long");
  return lines;
}
