// The dissector against the suite's own reader: every exchange is played by the core in simulation, written as a capture,
// and shown by tshark. Without tshark this is left out; with TALKBYTE_REQUIRE_PEERS=1 that is a failure.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exchangesFor, loadCatalog } from "../../src/conformance/exchange/catalog.ts";
import type { Exchange } from "../../src/conformance/exchange/exchange.ts";
import { play } from "../../src/conformance/play/player.ts";
import type { Result } from "../../src/conformance/play/result.ts";
import { simulateLink } from "../../src/conformance/play/simulated-link.ts";
import { dissectorOf, filterName } from "../../src/conformance/report/dissector.ts";
import { pcapngOf } from "../../src/conformance/report/pcapng.ts";
import { concat } from "../../src/conformance/wire/bytes.ts";
import { wireTable, type Field, type FrameKind } from "../../src/conformance/wire/wire-table.ts";
import { SimulatedClient } from "../protocol/simulated-client.ts";
import { simulatedProfile, simulateServer, USER } from "../protocol/simulated-server.ts";
import { expectedFrames, type ExpectedFrame } from "./expected-frames.ts";
import { brief, itemsOf, openTshark, tsharkVersion, type ShownItem, type Tshark } from "./tshark.ts";

const table = wireTable();
const catalog = loadCatalog();
const profile = simulatedProfile();

interface Played {
  readonly exchange: Exchange;
  readonly clientPort: number;
  readonly result: Result;
  readonly capture: Uint8Array;
}

async function playEach(): Promise<Played[]> {
  const plays: Played[] = [];
  for (const role of ["server", "client"] as const)
    for (const exchange of exchangesFor(catalog, role)) {
      const driver = new SimulatedClient();
      const link = () => simulateLink(role === "server" ? simulateServer("at once") : driver.start);
      const result = await play(exchange, { role, profile, driver, link });
      const clientPort = 40_000 + plays.length;
      const head = { id: exchange.id, title: exchange.title, verdict: result.verdict, clientPort };
      plays.push({ exchange, clientPort, result, capture: pcapngOf(head, result.transcript) });
    }
  return plays;
}

function isLawful({ steps }: Exchange): boolean {
  const flat = steps.flatMap((step) =>
    step.kind === "one-of" ? step.branches.flatMap((branch) => branch.steps) : [step],
  );
  return flat.every((step) => step.kind !== "wire" || !step.illegal);
}

function fieldNames(kind: FrameKind, fields: readonly Field[], path: readonly string[] = []): string[] {
  return fields.flatMap((field) => {
    const own = [...path, field.name];
    return [filterName(kind, own), ...fieldNames(kind, field.fields ?? [], own)];
  });
}
const allNames = table.frames.flatMap((kind) => fieldNames(kind, kind.fields));

describe("the dissector's text", () => {
  const lua = dissectorOf(table);

  it("names each frame, each field and each code of the wire table", () => {
    for (const { name, type } of table.frames)
      expect(lua).toContain(`[0x${type.toString(16).padStart(2, "0")}] = { name = "${name}"`);
    for (const name of allNames) expect(lua).toContain(`abbrev = "${name}"`);
    for (const { name, code } of [...table.refusals, ...table.goaways, ...table.errors])
      expect(lua).toContain(`    [${code}] = "${name}",\n`);
  });

  it("refuses a table that Lua could not hold", () => {
    const withField = (field: Field) => ({
      ...table,
      frames: [{ name: "X", type: 1, sender: "both", section: "1", fields: [field], example: {} } as const],
    });
    expect(() => dissectorOf(withField({ name: "count", type: "u64", min: 1 }))).toThrow(TypeError);
    expect(() => dissectorOf(withField({ name: "naïve", type: "u8" }))).toThrow(TypeError);
  });
});

const version = tsharkVersion();
const required = process.env["TALKBYTE_REQUIRE_PEERS"] === "1";
if (version === undefined && !required)
  process.stderr.write("tshark with Lua isn't installed: the dissector is not tested\n");

describe.skipIf(version === undefined && !required)(`the dissector in ${version ?? "tshark"}`, () => {
  let tshark: Tshark;
  let plays: Played[];
  let all: Uint8Array;
  let items: ShownItem[];
  const everything = ["-o", "talkbyte.show_secrets:TRUE", "-o", "talkbyte.pass_on_http:FALSE"];

  beforeAll(async () => {
    if (version === undefined) throw new Error("TALKBYTE_REQUIRE_PEERS asks for tshark with Lua");
    tshark = openTshark();
    plays = await playEach();
    // Sections of one file.
    all = concat(plays.map(({ capture }) => capture));
    items = itemsOf(await tshark.run(all, ...everything, "-T", "pdml", "-J", "talkbyte"), table.port);
  }, 60_000);
  afterAll(() => tshark?.[Symbol.dispose]());

  const captureOf = (id: string): Uint8Array =>
    plays.find(({ exchange, result }) => exchange.id === id && result.role === exchange.roles[0])!.capture;

  it("shows every frame of every exchange, each field with its bytes, and each fault, as the suite reads them", () => {
    expect(plays.length).toBeGreaterThan(catalog.exchanges.length);
    for (const { exchange, clientPort, result } of plays) {
      const { frames: expected, discarded } = expectedFrames(table, result.transcript);
      const own = items.filter((item) => item.clientPort === clientPort);
      const shown = own.filter(isFrame);
      const where = `${exchange.id}, ${result.role}`;
      expect(shown.map(frameOf), where).toEqual(expected.map(({ labels: _, ...frame }) => frame));
      expect({ C: discardedBy(own, "C"), S: discardedBy(own, "S") }, where).toEqual(discarded);
      expected.forEach(({ labels }, index) => {
        const texts = shown[index]!.fields.map(({ label }) => label);
        expect(
          labels.filter((label) => !texts.includes(label)),
          where,
        ).toEqual([]);
      });
    }
  });

  it("has shown every frame and every field of the wire table", () => {
    const shown = new Set(items.flatMap(({ fields }) => fields.map(({ name }) => name)));
    expect(allNames.filter((name) => !shown.has(name))).toEqual([]);
    const types = new Set(items.map((item) => item.fields.find(({ name }) => name === "talkbyte.type")?.hex));
    expect(table.frames.filter(({ type }) => !types.has(type.toString(16).padStart(2, "0")))).toEqual([]);
  });

  it("tells the length of each text from its content", () => {
    const wrong = items.flatMap(({ fields }) =>
      fields.filter((field, index) => {
        const before = fields[index - 1];
        return before?.name === `${field.name}.length` && Number(before.show) !== field.hex.length / 2;
      }),
    );
    expect(wrong).toEqual([]);
    expect(
      items.flatMap(({ fields }) => fields).some(({ name }) => name === "talkbyte.hello.agent.length"),
    ).toBe(true);
  });

  it("finds nothing wrong where no step is illegal, but for codes of a later version", () => {
    const lawful = new Set(
      plays.filter(({ exchange }) => isLawful(exchange)).map(({ clientPort }) => clientPort),
    );
    expect(lawful.size).toBeGreaterThan(50);
    const experts = items.filter(({ clientPort }) => lawful.has(clientPort)).flatMap(expertsOf);
    expect(experts.filter(({ name, severity }) => name !== "code" || severity !== "Warning")).toEqual([]);
  });

  it("has an expert info for each fault, an error unless it is a code", () => {
    const kinds = new Set<string>();
    for (const item of items) {
      const experts = expertsOf(item);
      expect(experts.map(({ text }) => text)).toEqual(frameOf(item).faults);
      for (const { name, severity } of experts) {
        expect(severity).toBe(name === "code" ? "Warning" : "Error");
        kinds.add(name);
      }
    }
    expect([...kinds].toSorted()).toEqual(declaredFaults());
  });

  it("shows the same when it reads the capture a second time", async () => {
    const twice = await tshark.run(all, "-2", ...everything, "-T", "pdml", "-J", "talkbyte");
    expect(itemsOf(twice, table.port).filter(isFrame).map(frameOf)).toEqual(
      items.filter(isFrame).map(frameOf),
    );
  }, 30_000);

  it("finds neither a malformed packet nor anything that TCP would not do", async () => {
    const suspect =
      "tcp.analysis.flags || _ws.malformed || tcp.checksum.status != 1 || ip.checksum.status != 1";
    const checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", ...everything];
    expect(await tshark.run(all, ...checks, "-Y", suspect)).toBe("");
    expect(await tshark.run(without(captureOf("echo-basic"), 3), ...checks, "-Y", suspect)).not.toBe("");
  });

  it("writes one line for each packet, and no password", async () => {
    const capture = captureOf("login-wrong-password-then-right");
    const lines = await tshark.run(capture, "-T", "fields", "-e", "_ws.col.Info", "-Y", "talkbyte");
    expect(lines.trimEnd().split("\n")).toEqual([
      "HELLO min-version=1 max-version=1 conformance",
      "WELCOME version=1 core/1 max-frame-bytes=65541 max-under-way=8 idle-timeout-ms=300000 PASSWORD",
      "AUTH PASSWORD alice",
      "REFUSED bad-credentials retry-after-ms=0 tries-left=2",
      "AUTH PASSWORD alice",
      "AUTHENTICATED",
    ]);
    const tree = await tshark.run(capture, "-O", "talkbyte", "-V");
    expect(tree).toContain(`mechanism-data length: ${USER.password.length} (content hidden by a preference)`);
    for (const password of [USER.password, "wrong battery"])
      for (const form of [password, Buffer.from(password).toString("hex")]) expect(tree).not.toContain(form);
    const open = await tshark.run(capture, ...everything, "-O", "talkbyte", "-V");
    expect(open).toContain(`"${USER.password}"`);
  });

  it("joins the frames of one packet", async () => {
    const capture = captureOf("hello-one-flight-with-auth");
    const lines = await tshark.run(
      capture,
      "-T",
      "fields",
      "-e",
      "_ws.col.Info",
      "-Y",
      "talkbyte.auth.username",
    );
    expect(lines).toBe("HELLO min-version=1 max-version=1 one flight, AUTH PASSWORD alice\n");
  });

  it("shows the begin of a frame that never ends", async () => {
    const capture = captureOf("end-inside-message");
    const begun = await tshark.run(
      capture,
      "-2",
      "-T",
      "fields",
      "-e",
      "talkbyte.begun",
      "-Y",
      "talkbyte.begun",
    );
    expect(begun).toBe("18\n");
  });

  it("leaves HTTP to Wireshark unless asked", async () => {
    const capture = captureOf("hello-http-request");
    expect(await tshark.run(capture, "-Y", "http.request.method == GET")).toContain("HTTP");
    expect(await tshark.run(capture, ...everything, "-Y", "talkbyte.fault.over_limit")).toContain("TalkByte");
  });

  it("follows its preference for ports, and Decode As", async () => {
    const { capture, clientPort } = plays.find(({ exchange }) => exchange.id === "echo-basic")!;
    const counted = async (...options: string[]) =>
      (await tshark.run(capture, ...options, "-Y", "talkbyte")).split("\n").length - 1;
    expect(await counted()).toBe(8);
    expect(await counted("-o", "talkbyte.ports:9000-9010")).toBe(0);
    expect(await counted("-o", "talkbyte.ports:9000,8000-8090")).toBe(8);
    expect(await counted("-o", "talkbyte.ports:9000", "-d", `tcp.port==${clientPort},talkbyte`)).toBe(8);
  });

  it("shows the application's calls as comments", async () => {
    const { capture } = plays.find(
      ({ exchange, result }) => exchange.id === "echo-basic" && result.role === "client",
    )!;
    const comments = await tshark.run(capture, "-T", "fields", "-e", "frame.comment", "-Y", "frame.comment");
    expect(comments.trimEnd().split("\n")).toEqual(
      ["login", "send", "stop"].map((call) => `the application calls ${call}`),
    );
  });
});

/** A capture without its n-th packet, counted from 0. */
function without(capture: Uint8Array, packet: number): Uint8Array {
  const view = new DataView(capture.buffer, capture.byteOffset, capture.length);
  const blocks: Uint8Array[] = [];
  for (let offset = 0; offset < capture.length; offset += view.getUint32(offset + 4, true))
    blocks.push(capture.subarray(offset, offset + view.getUint32(offset + 4, true)));
  return concat(blocks.toSpliced(2 + packet, 1));
}

const isFrame = ({ fields }: ShownItem) => fields[0]?.name === "talkbyte.length";

const lists = new Set(
  table.frames.flatMap((kind) =>
    kind.fields.filter(({ type }) => type === "list8").map(({ name }) => filterName(kind, [name])),
  ),
);

function frameOf({ from, fields }: ShownItem): Omit<ExpectedFrame, "labels"> {
  const own = fields.filter(
    ({ name }) =>
      name === "talkbyte.length" ||
      (name.startsWith("talkbyte.") && !/\.length$|^talkbyte\.(fault|discarded)\b/.test(name)),
  );
  return {
    from,
    // A list covers its groups; its own byte is the count.
    fields: own.map(({ name, hex }) => [name, brief(lists.has(name) ? hex.slice(0, 2) : hex)] as const),
    faults: fields.filter(({ name }) => name === "talkbyte.fault").map(({ show }) => show),
  };
}

function discardedBy(items: readonly ShownItem[], from: "C" | "S"): string {
  const fields = items.filter((item) => item.from === from).flatMap((item) => item.fields);
  return brief(
    fields
      .filter(({ name }) => name === "talkbyte.discarded")
      .map(({ hex }) => hex)
      .join(""),
  );
}

/** The expert infos of an item, each of which tshark shows as a kind, a message and a severity. */
function expertsOf({ fields }: ShownItem): { name: string; text: string; severity: string }[] {
  return fields.flatMap(({ name }, index) => {
    if (!name.startsWith("talkbyte.fault.")) return [];
    const [message, severity] = ["_ws.expert.message", "_ws.expert.severity"].map((wanted) =>
      fields.slice(index).find((field) => field.name === wanted),
    );
    return [
      {
        name: name.slice("talkbyte.fault.".length),
        text: message?.show ?? "",
        severity: /Severity level: (\w+)/.exec(severity?.label ?? "")?.[1] ?? "",
      },
    ];
  });
}

/** The kinds of faults that the dissector declares. */
function declaredFaults(): string[] {
  const kinds = Array.from(dissectorOf(table).matchAll(/fault_kind\("([a-z0-9_]+)"/g), ([, kind]) => kind!);
  return kinds.toSorted();
}
