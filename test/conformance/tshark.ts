// Runs tshark with the project's dissector, apart from whatever configuration the user of this machine has, and reads
// what it shows (PDML, an XML with one element a line).

import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const dissector = fileURLToPath(new URL("../../spec/talkbyte.lua", import.meta.url));

/** The first line of --version; undefined if tshark isn't there or knows no Lua. */
export function tsharkVersion(): string | undefined {
  const { error, stdout } = spawnSync("tshark", ["--version"], { encoding: "utf8" });
  return error === undefined && /\bwith\s+Lua\b/.test(stdout) ? stdout.split("\n")[0] : undefined;
}

export interface Tshark extends Disposable {
  /** What tshark prints of this capture. A word of Lua on standard error is a failure. */
  run(capture: Uint8Array, ...options: string[]): Promise<string>;
}

export function openTshark(): Tshark {
  const folder = mkdtempSync(join(tmpdir(), "talkbyte-tshark-"));
  const file = join(folder, "capture.pcapng");
  return {
    async run(capture, ...options) {
      writeFileSync(file, capture);
      const { stdout, stderr } = await promisify(execFile)(
        "tshark",
        ["-X", `lua_script:${dissector}`, "-r", file, ...options],
        { maxBuffer: 2 ** 30, env: { ...process.env, WIRESHARK_CONFIG_DIR: folder, LC_ALL: "C.UTF-8" } },
      );
      if (/lua/i.test(stderr + (/^.*Lua Error.*$/m.exec(stdout)?.[0] ?? "")))
        throw new Error(`the dissector failed: ${stderr}${/^.*Lua Error.*$/m.exec(stdout)?.[0]}`);
      return stdout;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface ShownField {
  readonly name: string;
  /** As the tree shows it. */
  readonly label: string;
  readonly show: string;
  /** The bytes, in hexadecimal. */
  readonly hex: string;
}

/** One TalkByte item of a packet: as a rule a frame. */
export interface ShownItem {
  readonly clientPort: number;
  readonly from: "C" | "S";
  readonly label: string;
  readonly fields: ShownField[];
}

export function itemsOf(pdml: string, serverPort: number): ShownItem[] {
  const items: ShownItem[] = [];
  let ports: [source: number, target: number] = [0, 0];
  let item: ShownItem | undefined;
  for (const line of pdml.split("\n")) {
    const [, element, name] = /^\s*<(proto|field) name="([^"]*)"/.exec(line) ?? [];
    if (element === "proto") {
      const label = attribute(line, "showname");
      const [, source, target] = /Src Port: (\d+), Dst Port: (\d+)/.exec(label) ?? [];
      if (source !== undefined) ports = [Number(source), Number(target)];
      item = undefined;
      if (name !== "talkbyte") continue;
      const from = ports[1] === serverPort ? "C" : "S";
      item = { clientPort: from === "C" ? ports[0] : ports[1], from, label, fields: [] };
      items.push(item);
    } else if (element === "field") {
      item?.fields.push({
        name: name!,
        label: attribute(line, "showname"),
        show: attribute(line, "show"),
        hex: attribute(line, "value"),
      });
    }
  }
  return items;
}

/** So that a difference can be read. */
export function brief(hex: string): string {
  if (hex.length <= 128) return hex;
  const digest = createHash("sha256").update(hex).digest("hex");
  return `${hex.slice(0, 32)}… (${hex.length / 2} bytes, ${digest})`;
}

function attribute(line: string, name: string): string {
  const start = line.indexOf(` ${name}="`);
  if (start < 0) return "";
  const from = start + name.length + 3;
  return line
    .slice(from, line.indexOf('"', from))
    .replaceAll(/&(lt|gt|quot|amp|apos);/g, (_, entity: keyof typeof entities) => entities[entity]);
}

const entities = { lt: "<", gt: ">", quot: '"', amp: "&", apos: "'" } as const;
