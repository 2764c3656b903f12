// Reports for the page's tests, made as the command makes them: exchanges played in simulation, against the core's server
// and against small fakes that go wrong in one way.

import { exchangesFor, loadCatalog } from "../../src/conformance/exchange/catalog.ts";
import type { Role } from "../../src/conformance/exchange/exchange-checks.ts";
import { loadRequirements } from "../../src/conformance/exchange/requirements.ts";
import { play } from "../../src/conformance/play/player.ts";
import type { Segmentation } from "../../src/conformance/play/segmentation.ts";
import {
  simulateLink,
  type SimulatedPeer,
  type SimulatedWire,
} from "../../src/conformance/play/simulated-link.ts";
import { reportedCase, reportedRequirements, totalsOf } from "../../src/conformance/report/collect.ts";
import type { Report } from "../../src/conformance/report/report.ts";
import { wireTable } from "../../src/conformance/wire/wire-table.ts";
import { SimulatedClient } from "../protocol/simulated-client.ts";
import {
  DISABLED_USER,
  SETTINGS,
  simulatedProfile,
  simulateServer,
  USER,
} from "../protocol/simulated-server.ts";

/** Right in everything. */
export const rightServer = simulateServer("at once");
/** The same, but that its ERROR says frame-too-large where it means malformed. */
export function wrongCodeServer(wire: SimulatedWire): SimulatedPeer {
  return rightServer({
    ...wire,
    send(bytes) {
      const isError = bytes[4] === 0x23 && bytes[5] === 1;
      wire.send(isError ? bytes.with(5, 2) : bytes);
    },
  });
}

/** Right, but that the last byte of what it sends at once is wrong, where that is much. */
export function wrongLastByteServer(wire: SimulatedWire): SimulatedPeer {
  return rightServer({
    ...wire,
    send(bytes) {
      wire.send(bytes.length > 600 ? bytes.with(bytes.length - 1, 0x2a) : bytes);
    },
  });
}

export interface FixtureOptions {
  readonly name?: string;
  readonly role?: Role;
  readonly server?: (wire: SimulatedWire) => SimulatedPeer;
  /** Which exchanges are played; as a rule all. */
  readonly ids?: readonly string[];
  readonly segmentations?: readonly Segmentation[];
}

/** A few that show every kind of evidence, in a moment. */
export const fewIds = [
  "deadline-idle",
  "echo-basic",
  "frame-length-over-limit",
  "frame-length-zero",
  "login-wrong-password-then-right",
  "message-several-under-way",
];

const catalog = loadCatalog();
const requirements = loadRequirements();
const profile = simulatedProfile();

export async function playedReport(options: FixtureOptions = {}): Promise<Report> {
  const {
    name = "example 1.0",
    role = "server",
    server = rightServer,
    ids,
    segmentations = ["whole"],
  } = options;
  const exchanges = exchangesFor(catalog, role).filter(({ id }) => ids?.includes(id) ?? true);
  const cases = [];
  for (const exchange of exchanges) {
    const plays = [];
    for (const segmentation of segmentations) {
      const driver = new SimulatedClient();
      const link = () => simulateLink(role === "server" ? server : driver.start);
      const result = await play(exchange, {
        role,
        profile,
        driver,
        link,
        segmentation,
        seed: 1,
        timeoutMs: 1000,
      });
      plays.push({ result, lagMs: 0, durationMs: 12 });
    }
    const repeatOf = (): string => `talkbyte-conformance ${role} --profile mine.yaml --only ${exchange.id}`;
    const secrets = [USER.password, "wrong battery", DISABLED_USER.password];
    const played = { exchange, plays, gone: undefined };
    cases.push(
      reportedCase(played, { table: wireTable(), secrets, known: [], transcripts: "all", repeatOf }),
    );
  }
  const totals = totalsOf(cases);
  return {
    format: "talkbyte-conformance-report",
    version: 1,
    suite: { protocol: "TalkByte/1", version: "0.1.0", exchanges: exchanges.length },
    implementation: { name, role, transport: "plaintext", variables: { tries: SETTINGS.tries } },
    run: {
      startedAt: "2026-03-01T12:30:00.000Z",
      durationMs: 1234,
      seed: 1,
      timeScale: 1,
      strict: false,
      jobs: 1,
      segmentations,
      only: ids ?? [],
      skip: [],
    },
    requirements: reportedRequirements(requirements, cases, role),
    cases,
    totals,
    remarks: [],
    exitCode: totals.fail > 0 ? 1 : 0,
  };
}

/** The same report with `text` in place of every string that a peer, a profile or a file could have chosen. */
export function hostileReport(report: Report, text: string): Report {
  const { implementation, cases, requirements } = report;
  const renamed = new Map(cases.map(({ id }, index) => [id, `${id}${text}${index}`]));
  const rename = (ids: readonly string[]): string[] => ids.map((id) => renamed.get(id) ?? id);
  return {
    ...report,
    suite: { ...report.suite, protocol: text, version: text },
    implementation: { ...implementation, name: text, variables: { [text]: 1 } },
    run: { ...report.run, startedAt: text, only: [text], skip: [text] },
    remarks: [text],
    requirements: requirements.map((one) => ({
      ...one,
      text: `${one.text} ${text}`,
      cases: rename(one.cases),
    })),
    cases: cases.map((one) => ({
      ...one,
      id: renamed.get(one.id) ?? one.id,
      title: text,
      tags: [text],
      reason: text,
      known: text,
      repeat: text,
      minimized: text,
      plays: one.plays.map((play) => ({
        ...play,
        reason: text,
        failure: play.failure && {
          line: 1,
          step: text,
          expected: [text],
          received: [text, `     5  ${text}  ${text}`],
        },
        branches: [{ line: 1, name: text, advisedAgainst: false }],
        driverErrors: [text],
        transcript: play.transcript.map((entry) => ({
          ...entry,
          summary: text,
          hex: text,
          annotated: [text],
        })),
      })),
    })),
  };
}
