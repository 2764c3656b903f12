// A dissector for Wireshark and tshark, in Lua, generated from the wire table: the frames, their fields and the codes as
// Lua tables, followed by the code that reads any such tables (dissector-frames.ts, dissector-streams.ts). Names in display filters are
// talkbyte.<frame>.<field>, in lower case and with _ for -.

import { integerWidth, limitNamed, type Field, type FrameKind, type WireTable } from "../wire/wire-table.ts";
import { frameCode } from "./dissector-frames.ts";
import { streamCode } from "./dissector-streams.ts";

export function dissectorOf(table: WireTable): string {
  return `${manual(table)}
local protocol = { version = ${table.version}, alpn = ${text(table.alpn)}, port = "${table.port}" }
local extension = { first = ${hex(table.extension.first)}, last = ${hex(table.extension.last)} }
local limits = {
  login = ${limitNamed(table, "login-frame-bytes")},
  highest = ${limitNamed(table, "max-frame-bytes-highest")},
}

local codes = {
${(["refusals", "goaways", "errors"] as const).map((list) => codeList(table, list)).join("\n")}
}

local frames = {
${table.frames.map(frame).join("\n")}
}

${frameCode}
${streamCode}`;
}

// The name of a field in display filters; fields of a list's groups follow the list's own.
export function filterName(kind: FrameKind, path: readonly string[]): string {
  return ["talkbyte", kind.name, ...path].join(".").toLowerCase().replaceAll("-", "_");
}

function manual({ port, alpn }: WireTable): string {
  return `-- TalkByte/1 for Wireshark and tshark. Generated from wire.json by \`npm run generate\`: do not edit.
--
-- To use it once:   wireshark -X lua_script:talkbyte.lua capture.pcapng      (tshark alike)
-- To install it:    copy it to the folder that Help, About Wireshark, Folders calls "Personal Lua Plugins".
--
-- It takes TCP port ${port}, or the ports that its preference names (-o talkbyte.ports:${port},9000). Any other port:
-- Analyze, Decode As, TCP port, TALKBYTE (-d tcp.port==9000,talkbyte). TLS and HTTP on these ports are passed on.
--
-- Under TLS it needs the session's keys, and then finds TalkByte by the ALPN "${alpn}". Who has these keys can read
-- everything, the password included; make them for tests only:
--   NODE_OPTIONS=--tls-keylog=keys.log talkbyte-client ...     (other software: SSLKEYLOGFILE=keys.log)
--   tcpdump -i lo -w talk.pcap tcp port ${port}
--   tshark -X lua_script:talkbyte.lua -o tls.keylog_file:keys.log -r talk.pcap -Y talkbyte
--
-- Display filters: talkbyte.type, talkbyte.length, talkbyte.auth.username, talkbyte.message.id, talkbyte.fault and so on.
-- Passwords are shown by their length alone, unless -o talkbyte.show_secrets:TRUE (the bytes of the packet show them anyway).
-- Faults of a single frame are expert infos. Whether a frame may come in this state is not judged, but for who may send it.
`;
}

function codeList(table: WireTable, list: "refusals" | "goaways" | "errors"): string {
  const rows = table[list].map(({ name, code }) => `    [${code}] = ${text(name)},`);
  return `  ${list} = {\n${rows.join("\n")}\n  },`;
}

function frame(kind: FrameKind): string {
  const head = `  [${hex(kind.type)}] = { name = ${text(kind.name)}, sender = ${text(kind.sender)}`;
  const fields = kind.fields.map((inner) => field(kind, inner, [inner.name], "    "));
  if (fields.length === 0) return `${head}, fields = {} },`;
  return `${head}, fields = {\n${fields.join("\n")}\n  } },`;
}

function field(kind: FrameKind, of: Field, path: readonly string[], indent: string): string {
  if (of.type === "u64" && (of.min ?? of.max ?? of.codes) !== undefined)
    throw new TypeError(
      `${kind.name}.${of.name}: Lua's numbers don't hold a u64, so it can't have bounds or codes`,
    );
  const own = [
    `name = ${text(of.name)}`,
    `abbrev = ${text(filterName(kind, path))}`,
    `type = ${text(of.type)}`,
  ];
  const width = integerWidth(of.type);
  if (width !== undefined) own.push(`width = ${width}`);
  for (const key of ["length", "min", "max"] as const)
    if (of[key] !== undefined) own.push(`${key} = ${of[key]}`);
  for (const key of ["value", "format", "codes"] as const)
    if (of[key] !== undefined) own.push(`${key} = ${text(of[key])}`);
  if (of.secret === true) own.push("secret = true");
  if (of.fields === undefined) return `${indent}{ ${own.join(", ")} },`;
  const inner = of.fields.map((field_) => field(kind, field_, [...path, field_.name], `${indent}  `));
  return `${indent}{ ${own.join(", ")}, fields = {\n${inner.join("\n")}\n${indent}} },`;
}

// Quotes and escapes of these names are the same in Lua as in JSON.
function text(value: string): string {
  if (!/^[\x20-\x7e]*$/.test(value)) throw new TypeError(`not ASCII: ${value}`);
  return JSON.stringify(value);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}
