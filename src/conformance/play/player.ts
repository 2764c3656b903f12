// Plays one exchange: the runner takes the side that is not under test, and holds the other to the file
// (spec/exchanges.md, sections 2 and 5). Frames and connection ends are judged, never texts.

import { setTimeout as delay } from "node:timers/promises";
import { speakerOf, valuesOf, type Role } from "../exchange/exchange-checks.ts";
import type { Connection, Exchange } from "../exchange/exchange.ts";
import { chooseBranch, expectStep } from "./expecting.ts";
import { UnsupportedCall, type Driver, type Link, type LinkSource, type Operator } from "./link.ts";
import { perform } from "./performing.ts";
import { outlasts, type Profile } from "../exchange/profile.ts";
import { literalBytes } from "./resolve.ts";
import { StepFailed, type Result, type TranscriptEntry } from "./result.ts";
import { createScript, type Computations, type Scene } from "./scene.ts";
import type { Segmentation } from "./segmentation.ts";
import { createStage } from "./stage.ts";
import {
  plainSteps,
  type AppStep,
  type Branch,
  type OperatorStep,
  type Speaker,
  type Step,
  type WireStep,
} from "../exchange/steps.ts";
import { wireTable, type WireTable } from "../wire/wire-table.ts";

export interface PlayOptions {
  // The side under test.
  readonly role: Role;
  readonly link: LinkSource;
  // Required where the client is under test.
  readonly driver?: Driver;
  // Stops the server under test; without it, exchanges that ask for that are unsupported.
  readonly operator?: Operator;
  // How the link was, or will be, connected; an exchange that asks for another way is unsupported.
  readonly connection?: Connection | undefined;
  readonly profile: Profile;
  readonly segmentation?: Segmentation;
  readonly seed?: number;
  // How long each step of the side under test may take, where the step names no deadline.
  readonly timeoutMs?: number;
  // Multiplies the waits that an exchange gives in milliseconds.
  readonly timeScale?: number;
  readonly compute?: Computations;
  readonly table?: WireTable;
}

type Outcome = Pick<Result, "verdict" | "reason" | "line" | "comparison">;

const held = { line: undefined, comparison: undefined } as const;

export async function play(exchange: Exchange, options: PlayOptions): Promise<Result> {
  const { role, profile } = options;
  if (!exchange.roles.includes(role)) throw new TypeError(`${exchange.id} can't test a ${role}`);
  if (role === "client" && options.driver === undefined)
    throw new TypeError("a client under test needs a driver");
  const play: Play = {
    exchange,
    options,
    transcript: [],
    driverErrors: [],
    unsupportedCall: Promise.withResolvers(),
    scene: undefined,
    line: undefined,
    login: undefined,
    stop: undefined,
    stoppedInOrder: false,
    brokenOff: false,
    breached: false,
    notReached: undefined,
  };
  // Nobody may be waiting for anything when it does.
  play.unsupportedCall.promise.catch(() => undefined);
  const played = await settle(play);
  await play.scene?.stage.close();
  const outcome = await withStopAnswer(play, played);
  return {
    id: exchange.id,
    role,
    ...outcome,
    branches: play.scene?.branches ?? [],
    notReached: outcome.verdict === "pass" ? play.notReached : undefined,
    shortestLimitMs: shortest(play.scene),
    timings: play.scene?.timings ?? [],
    transcript: play.transcript,
    driverErrors: play.driverErrors,
    segmentation: options.segmentation ?? "whole",
    seed: options.seed ?? 1,
  };

  async function settle(play: Play): Promise<Outcome> {
    try {
      const missing = unsupportedReason(exchange, profile, options.compute ?? {});
      if (missing !== undefined) throw new StepFailed("unsupported", missing);
      const lacking = lackingReason(exchange, options);
      if (lacking !== undefined) throw new StepFailed("unsupported", lacking);
      if (role === "server") await openScene(play);
      for (const step of exchange.steps) await playStep(play, step);
      await answersSoFar(play);
      const warning = play.scene?.warning;
      return warning === undefined
        ? { ...held, verdict: "pass", reason: "" }
        : { ...held, verdict: "warn", reason: warning };
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      const { verdict, message: reason, comparison } = error;
      return { verdict, reason, line: play.line, comparison };
    }
  }
}

interface Play {
  readonly exchange: Exchange;
  readonly options: PlayOptions;
  readonly transcript: TranscriptEntry[];
  readonly driverErrors: string[];
  // Rejects once the client under test turns out to lack something that the application asks of it.
  readonly unsupportedCall: PromiseWithResolvers<never>;
  scene: Scene | undefined;
  line: number | undefined;
  // The application's login, until the client has told it the outcome.
  login: Promise<unknown> | undefined;
  // The application's stop: whether the client says that it succeeded.
  stop: { readonly line: number; readonly succeeded: Promise<boolean> } | undefined;
  // The runner has sent a STOPPED that the client may take.
  stoppedInOrder: boolean;
  // The client has broken the session off, as a `closes` asks.
  brokenOff: boolean;
  // The runner has sent something illegal.
  breached: boolean;
  notReached: string | undefined;
}

function shortest(scene: Scene | undefined): number | undefined {
  return scene === undefined || scene.limits.length === 0 ? undefined : Math.min(...scene.limits);
}

// What this way of playing lacks.
function lackingReason(exchange: Exchange, { role, operator, connection }: PlayOptions): string | undefined {
  if (exchange.operated && role === "server" && operator === undefined)
    return "the runner can't stop this server: it did not launch it";
  if (exchange.connection !== undefined && exchange.connection !== connection)
    return `the runner can't connect like this here: ${exchange.connection}`;
  return undefined;
}

// What the profile or the runner lacks; undefined if nothing.
export function unsupportedReason(
  exchange: Exchange,
  profile: Profile,
  computations: Computations,
): string | undefined {
  for (const name of exchange.variables)
    if (profile.variables[name] === undefined) return `the profile has no $${name}`;
  for (const need of exchange.needs) {
    if (need.value !== undefined && profile.variables[need.variable] !== need.value)
      return `the exchange is for $${need.variable} = ${need.value}`;
    if (need.outlasts !== undefined && !outlasts(profile, need.variable, need.outlasts))
      return `$${need.variable} may pass before ${need.outlasts.share === 1 ? "" : `${need.outlasts.share} of `}$${need.outlasts.variable}`;
  }
  for (const value of plainSteps(exchange.steps).flatMap(valuesOf))
    if (value.kind === "computed" && computations[value.name] === undefined)
      return `this runner can't compute "${value.name}"`;
  return undefined;
}

// What the client has answered by now: that it lacks a call counts also behind the last step.
async function answersSoFar({ unsupportedCall }: Play): Promise<void> {
  await Promise.race([unsupportedCall.promise, Promise.resolve()]);
}

async function playStep(play: Play, step: Step): Promise<void> {
  play.line = step.line;
  if (step.kind === "app") {
    if (play.options.role !== "client") return;
    await loginOutcome(play);
    callDriver(play, step);
    return;
  }
  if (step.kind === "operator") {
    if (play.options.role === "server") await operate(play, step);
    return;
  }
  const scene = await openScene(play);
  if (step.kind === "wire") return playWireStep(play, scene, step);
  const speaker = step.branches[0]?.steps[0];
  const expected = speaker?.kind === "wire" && speaker.speaker === scene.underTest;
  const branch = expected ? await chooseBranch(scene, step) : step.branches[0];
  if (branch === undefined) return;
  const { name } = branch;
  scene.branches.push({ line: step.line, name, advisedAgainst: branch.advisedAgainst });
  if (expected && play.breached && step.branches.some(refuses) && !refuses(branch))
    play.notReached = `it went by "${name}" (line ${step.line}), so it processed nothing that it had to refuse`;
  for (const inner of branch.steps) await playStep(play, inner);
  if (branch.advisedAgainst && expected)
    scene.warning ??= `took the branch "${branch.name}", which is advised against (line ${step.line})`;
}

function refuses({ steps }: Branch): boolean {
  return steps.some((step) => step.kind === "wire" && step.acts.some(({ kind }) => kind === "closes"));
}

async function operate(play: Play, { call }: OperatorStep): Promise<void> {
  const { stage } = await openScene(play);
  play.transcript.push({ at: stage.now(), from: "operator", kind: "call", text: call });
  await play.options.operator?.stop();
}

async function playWireStep(play: Play, scene: Scene, step: WireStep): Promise<void> {
  const { acts } = step;
  if (step.speaker === scene.underTest) {
    await expectStep(scene, step);
    if (acts.some(({ kind }) => kind === "closes")) play.brokenOff = true;
  } else {
    await perform(scene, step);
    if (step.illegal) play.breached = true;
    const stopped = acts.some((act) => act.kind === "frame" && act.frame.name === "STOPPED");
    if (stopped && !step.illegal && !step.optional) play.stoppedInOrder = true;
  }
  if (step.mark !== undefined) scene.marks.set(step.mark, scene.previous);
}

// A client connects when its application logs in, so the connection is asked for at the first step that
// needs one.
async function openScene(play: Play): Promise<Scene> {
  if (play.scene !== undefined) return play.scene;
  const { options } = play;
  const table = options.table ?? wireTable();
  const link = await openLink(play);
  const underTest = speakerOf(options.role);
  const stage = createStage({
    table,
    link,
    underTest,
    plaintext: options.connection === "plaintext",
    segmentation: options.segmentation ?? "whole",
    seed: options.seed ?? 1,
    transcript: play.transcript,
    givenUp: play.unsupportedCall.promise,
  });
  // What the application did before there was a connection has no time of its own.
  const start = stage.now();
  for (const [index, entry] of play.transcript.entries()) play.transcript[index] = { ...entry, at: start };
  play.scene = {
    ...createScript(table, options.profile, options.compute ?? {}),
    stage,
    underTest,
    timeoutMs: options.timeoutMs ?? 5000,
    marks: new Map([["start", stage.now()]]),
    branches: [],
    timings: [],
    timeScale: options.timeScale ?? 1,
    limits: [],
    sendingMs: 0,
    previous: stage.now(),
    warning: undefined,
    pongSentAt: undefined,
    patienceMs: 0,
    judged: new WeakSet(),
    pongsDue: [],
    asksFor: framesAskedFor(play.exchange, underTest),
  };
  return play.scene;
}

function framesAskedFor({ steps }: Exchange, underTest: Speaker): ReadonlySet<string> {
  const acts = plainSteps(steps).flatMap((step) =>
    step.kind === "wire" && step.speaker === underTest ? step.acts : [],
  );
  const frames = acts.flatMap((act) => (act.kind === "frame" ? act : act.kind === "repeat" ? act.of : []));
  return new Set(frames.map(({ frame }) => frame.name));
}

async function openLink(play: Play): Promise<Link> {
  const { link, role } = play.options;
  try {
    return typeof link === "function" ? await Promise.race([link(), play.unsupportedCall.promise]) : link;
  } catch (error) {
    if (error instanceof StepFailed) throw error;
    // A server that can't be reached may be a matter of the setup; a client that was told to log in and
    // doesn't connect has failed to.
    const reason = error instanceof Error ? error.message : String(error);
    if (role === "server") throw new StepFailed("inconclusive", `could not be reached: ${reason}`);
    throw new StepFailed("fail", `the client did not connect: ${reason}`, {
      expected: ["a connection"],
      received: ["none"],
    });
  }
}

// An application acts on what its client tells it: once the server has answered AUTH, the next call waits
// until the client has passed that on. A call before the answer doesn't wait.
async function loginOutcome(play: Play): Promise<void> {
  const { login, scene } = play;
  if (login === undefined || scene?.stage.watch.loginAnswered() !== true) return;
  await within(login, scene.timeoutMs);
  play.login = undefined;
}

// Undefined if it takes longer.
async function within<Value>(promise: Promise<Value>, milliseconds: number): Promise<Value | undefined> {
  const patience = new AbortController();
  const late = delay(milliseconds, undefined, { signal: patience.signal }).catch(() => undefined);
  const value = await Promise.race([promise, late]);
  patience.abort();
  return value;
}

// An application whose `stop` succeeds believes that the server has accepted all that STOPPED counts, so it can't where the
// client had to break the session off (spec/conformance.md, section 3). Asked once the connection is over, for a client
// may answer no sooner.
async function withStopAnswer(play: Play, outcome: Outcome): Promise<Outcome> {
  const { stop, scene } = play;
  const held = outcome.verdict === "pass" || outcome.verdict === "warn";
  if (!held || stop === undefined || scene === undefined || !play.brokenOff || play.stoppedInOrder)
    return outcome;
  if ((await within(stop.succeeded, scene.timeoutMs)) !== true) return outcome;
  return {
    verdict: "fail",
    reason: "the client told its application that stop succeeded, in a session that it must let fail",
    line: stop.line,
    comparison: { expected: ["an error in answer to stop"], received: ["success in answer to stop"] },
  };
}

function callDriver(play: Play, step: AppStep): void {
  const { driver, profile } = play.options;
  if (driver === undefined) return;
  const { call } = step;
  const text = (value: Parameters<typeof literalBytes>[1]): string =>
    new TextDecoder().decode(literalBytes(profile, value));
  play.transcript.push({ at: play.scene?.stage.now() ?? 0, from: "app", kind: "call", text: call.kind });
  try {
    const outcome = ((): unknown => {
      switch (call.kind) {
        case "login":
          return driver.login({ username: text(call.username), password: text(call.password) });
        case "send":
          return driver.send(payloadOf(play, call.payload));
        case "ping":
          return driver.ping();
        case "stop":
          return driver.stop();
        case "end":
          return driver.end();
      }
    })();
    const succeeded = Promise.resolve(outcome).then(
      () => true,
      (error: unknown) => {
        noteDriverError(play, call.kind, error);
        return false;
      },
    );
    if (call.kind === "stop" && outcome instanceof Promise) play.stop = { line: step.line, succeeded };
    if (call.kind === "login") {
      play.login = succeeded;
      play.scene?.stage.watch.loginAsked();
    }
  } catch (error) {
    noteDriverError(play, call.kind, error);
  }
}

function payloadOf(play: Play, value: Parameters<typeof literalBytes>[1]): Uint8Array {
  if (value.kind !== "ref") return literalBytes(play.options.profile, value);
  const bytes = play.scene?.captures.get(value.name);
  if (bytes === undefined) throw new TypeError(`"${value.name}" has not been captured`);
  return bytes;
}

function noteDriverError(play: Play, call: string, error: unknown): void {
  if (error instanceof UnsupportedCall)
    play.unsupportedCall.reject(new StepFailed("unsupported", "the client has no such call"));
  const reason = error instanceof Error ? error.message : String(error);
  play.driverErrors.push(`${call}: ${reason}`);
}
