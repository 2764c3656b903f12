// What no exchange has, shown by tshark: every edge of UTF-8, a port that is used again, a capture that begins inside a
// session. Left out without tshark, as in dissector.test.ts.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TranscriptEntry } from "../../src/conformance/play/result.ts";
import { pcapngOf } from "../../src/conformance/report/pcapng.ts";
import { concat, fromHex, toHex, utf8, writeInteger } from "../../src/conformance/wire/bytes.ts";
import { readFrame } from "../../src/conformance/wire/frames.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";
import { itemsOf, openTshark, tsharkVersion, type ShownItem, type Tshark } from "./tshark.ts";

const table = wireTable();

function frame(type: number, ...body: Uint8Array[]): Uint8Array {
  const rest = concat([Uint8Array.of(type), ...body]);
  return concat([writeInteger(rest.length, 4), rest]);
}
const hello = (agent: Uint8Array) => frame(1, utf8("TalkByte"), Uint8Array.of(1, 1, agent.length), agent);
const message = (length: number) => frame(0x10, writeInteger(7, 4), new Uint8Array(length));

function captureOf(frames: readonly Uint8Array[], clientPort: number): Uint8Array {
  const transcript = frames.map((bytes, at): TranscriptEntry => ({ at, from: "C", kind: "bytes", bytes }));
  return pcapngOf({ id: "edge", title: "Edges", verdict: "pass", clientPort }, transcript);
}

// The first and last sequences of each length, and those beyond them (RFC 3629).
const texts = [
  "00 7f 80 bf c0af c1bf c280 c2 c27f c2c0 dfbf dfbfbf",
  "e08080 e09fbf e0a080 e0a0 e0a07f ed9fbf eda080 edbfbf ee8080 efbbbf efbfbf",
  "f0808080 f08fbfbf f0908080 f09080 f48fbfbf f4908080 f5808080 f8888080 fe ff",
  "61c3bc62 61c3 e282ac41 f09f9880 f09f9880f0 0d0a1b5b41 c285",
].flatMap((line) => line.split(" "));

const version = tsharkVersion();
const required = process.env["TALKBYTE_REQUIRE_PEERS"] === "1";

describe.skipIf(version === undefined && !required)("the dissector at the edges", () => {
  let tshark: Tshark;
  beforeAll(() => {
    tshark = openTshark();
  });
  afterAll(() => tshark[Symbol.dispose]());

  async function itemsIn(capture: Uint8Array, ...options: string[]): Promise<ShownItem[]> {
    return itemsOf(await tshark.run(capture, ...options, "-T", "pdml", "-J", "talkbyte"), table.port);
  }
  const faultsOf = ({ fields }: ShownItem) =>
    fields.filter(({ name }) => name === "talkbyte.fault").map(({ show }) => show);

  it("agrees with the suite on what is UTF-8", async () => {
    const frames = texts.map((hex) => hello(fromHex(hex)));
    const items = await itemsIn(captureOf(frames, 40_000));
    const wanted = frames.map((bytes) =>
      readFrame(table, bytes).faults.map(({ path, problem }) => `${path}: ${problem}`),
    );
    expect(wanted.flat().length).toBeGreaterThan(15);
    expect(items.map((item, index) => [texts[index], faultsOf(item)])).toEqual(
      wanted.map((faults, index) => [texts[index], faults]),
    );
  });

  it("writes no control character of the peer's into a line", async () => {
    const capture = captureOf([hello(fromHex("0d0a1b5b41c285ff")), hello(utf8("a\u0085b"))], 40_000);
    const lines = await tshark.run(capture, "-T", "fields", "-e", "_ws.col.Info", "-Y", "talkbyte");
    const controls = Array.from(lines).filter((character) => /\p{Cc}/u.test(character));
    expect(controls).toEqual(["\n", "\n"]);
    expect(lines.trimEnd().split("\n")).toHaveLength(2);
  });

  it.each(["-1", "-2"])("starts anew where a port is used again, reading %s", async (passes) => {
    const first = captureOf([hello(utf8("one")), message(5000), message(1)], 40_000);
    const again = shiftSequences(captureOf([hello(utf8("two")), message(1)], 40_000), 0x0100_0000);
    const options = passes === "-2" ? ["-2"] : [];
    const items = await itemsIn(concat([first, again]), ...options);
    expect(
      items.map(({ label, fields }) => (fields[0]?.name === "talkbyte.discarded" ? "discarded" : label)),
    ).toEqual([
      "TalkByte/1, HELLO min-version=1 max-version=1 one",
      "TalkByte/1, frame of length 5005 [length: 5005 is over the limit of 4096]",
      "discarded",
      "TalkByte/1, HELLO min-version=1 max-version=1 two",
      "TalkByte/1, MESSAGE id=7 (1 bytes)",
    ]);
  });

  it("takes any legal length in a session whose start it has not seen", async () => {
    const items = await itemsIn(captureOf([message(5000), message(1)], 40_000));
    expect(items.map(({ label }) => label)).toEqual([
      "TalkByte/1, MESSAGE id=7 (5000 bytes)",
      "TalkByte/1, MESSAGE id=7 (1 bytes)",
    ]);
    const [tooLong] = await itemsIn(captureOf([frame(0x10).fill(0x02, 0, 1)], 40_000));
    expect(faultsOf(tooLong!)).toEqual(["length: 33554433 is over the limit of 16777216"]);
  });

  it("reads no further where segments are not put together, and calls that no fault", async () => {
    const pieces = [0, 50, 100].map((from) => message(111).subarray(from, from + 50));
    const capture = captureOf([hello(utf8("whole")), ...pieces], 40_000);
    const items = await itemsIn(capture, "-o", "tcp.desegment_tcp_streams:FALSE");
    expect(items.map(({ fields }) => `${fields.length} ${fields[0]!.label}`)).toEqual([
      "7 length: 17",
      "1 bytes of it here: 50",
      expect.stringMatching(/^1 what follows bytes that are missing here: 0/),
      expect.stringMatching(/^1 what follows bytes that are missing here: 0/),
    ]);
  });
});

/** The same packets with other sequence numbers: another connection to TCP. Checksums are left behind. */
function shiftSequences(capture: Uint8Array, by: number): Uint8Array {
  const shifted = capture.slice();
  const view = new DataView(shifted.buffer);
  for (let offset = 0; offset < shifted.length; offset += view.getUint32(offset + 4, true)) {
    if (view.getUint32(offset, true) !== 6) continue;
    const tcp = offset + 28 + 20;
    expect(toHex(shifted.subarray(offset + 28, offset + 29))).toBe("45");
    view.setUint32(tcp + 4, view.getUint32(tcp + 4) + by);
    const acknowledges = (view.getUint8(tcp + 13) & 0x10) !== 0;
    if (acknowledges) view.setUint32(tcp + 8, view.getUint32(tcp + 8) + by);
  }
  return shifted;
}
