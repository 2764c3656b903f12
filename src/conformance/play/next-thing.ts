// What the side under test does next that matters: extension frames are skipped wherever they may stand, a PING that no
// step asks for is answered, and the first GOAWAY that none asks for is passed over; a peer may send them at any time.

import { annotate, annotatedLine } from "../wire/annotate.ts";
import { toHex, writeInteger } from "../wire/bytes.ts";
import { fieldContent, numberAt, type FrameReading } from "../wire/frames.ts";
import { StepFailed } from "./result.ts";
import { fillingOf, templateOf, type Scene } from "./scene.ts";
import type { Thing } from "./stage.ts";
import type { Act, FrameAct } from "../exchange/steps.ts";
import { materialize } from "./template.ts";
import { frameNamed } from "../wire/wire-table.ts";

// `asked`: what the step, or its branches, may begin with; undefined where nothing at all may be passed over but
// extensions.
export async function nextThing(
  scene: Scene,
  asked: readonly Act[] | undefined,
  timeoutMs: number,
): Promise<Thing> {
  const { stage } = scene;
  const until = stage.now() + timeoutMs;
  scene.patienceMs = timeoutMs;
  for (;;) {
    const thing = await stage.next(Math.max(0, until - stage.now()));
    if (thing.kind === "oversize") refuseOversize(scene, thing);
    if (thing.kind !== "frame") return thing;
    // What was put back has been judged.
    const complaint = scene.judged.has(thing)
      ? undefined
      : stage.watch.complaint(scene.underTest, thing.reading);
    scene.judged.add(thing);
    if (complaint !== undefined)
      throw new StepFailed("fail", complaint, {
        expected: ["a frame that is well-formed, and legal here"],
        received: annotate(scene.table, thing.bytes),
      });
    if (thing.reading.extension) continue;
    checkVersions(scene, thing);
    const passes = asked !== undefined && passesOver(scene, asked, thing.reading);
    stage.watch.see(scene.underTest, thing.reading);
    if (!passes) return thing;
    if (thing.reading.kind?.name === "PING") await takePing(scene, thing);
  }
}

// Lets time pass while the runner does nothing; a PING is answered at once, the rest is kept for later.
export async function waitAnswering(scene: Scene, milliseconds: number): Promise<void> {
  const { stage } = scene;
  const until = stage.now() + milliseconds;
  const kept: Thing[] = [];
  for (let left = milliseconds; left > 0; left = until - stage.now()) {
    const thing = await stage.next(left);
    if (thing.kind === "timeout") break;
    const ping = thing.kind === "frame" && thing.reading.kind?.name === "PING" && !scene.asksFor.has("PING");
    if (ping && stage.watch.mayPing(scene.underTest)) {
      stage.watch.see(scene.underTest, thing.reading);
      await takePing(scene, thing);
    } else kept.push(thing);
    // What follows can't be told apart from it.
    if (thing.kind === "oversize") break;
  }
  for (const thing of kept.toReversed()) stage.putBack(thing);
}

// PONGs that had to wait, for the runner was inside a frame of its own.
export async function sendDuePongs(scene: Scene): Promise<void> {
  if (scene.stage.watch.insideFrame()) return;
  for (const pong of scene.pongsDue.splice(0)) await sendPong(scene, pong);
}

// An ERROR names the versions that its sender speaks, whatever it is about (TB-ERROR-5).
function checkVersions(scene: Scene, { reading, bytes }: Extract<Thing, { kind: "frame" }>): void {
  if (reading.kind?.name !== "ERROR") return;
  const low = numberAt(reading, "min-version");
  const high = numberAt(reading, "max-version");
  const { version } = scene.table;
  const highest = scene.profile.variables["max-version"] ?? version;
  if (low === version && high === highest) return;
  throw new StepFailed("fail", `ERROR says that its sender speaks versions ${low} to ${high}`, {
    expected: [`min-version = ${version}`, `max-version = ${highest}`],
    received: annotate(scene.table, bytes),
  });
}

function passesOver(scene: Scene, asked: readonly Act[], reading: FrameReading): boolean {
  const name = reading.kind?.name;
  const { watch } = scene.stage;
  const quiet = asked.some(({ kind }) => kind === "quiet");
  if (name === "PING" && quiet && scene.asksFor.has(name)) return false;
  if (name === "PING") return !asked.some((act) => isFrame(act, name)) && watch.mayPing(scene.underTest);
  // An exchange about GOAWAY says where one may come.
  if (name === "GOAWAY") return scene.underTest === "S" && !scene.asksFor.has(name) && watch.mayGoAway();
  return false;
}

function isFrame(act: Act, name: string): boolean {
  return act.kind === "frame" && act.frame.name === name;
}

async function takePing(scene: Scene, thing: Extract<Thing, { kind: "frame" }>): Promise<void> {
  if (scene.pongsDue.length > 0 || (scene.pongSentAt !== undefined && thing.at <= scene.pongSentAt))
    throw new StepFailed("fail", "a second PING before the first was answered", {
      expected: ["no PING before the PONG"],
      received: annotate(scene.table, thing.bytes),
    });
  const frame = frameNamed(scene.table, "PONG");
  const data = fieldContent(thing.reading, "data");
  if (frame === undefined || data === undefined) return;
  scene.pongsDue.push({ kind: "frame", frame, values: { data: { kind: "hex", hex: toHex(data) } } });
  await sendDuePongs(scene);
}

async function sendPong(scene: Scene, pong: FrameAct): Promise<void> {
  await scene.stage.send(materialize(templateOf(scene, pong), fillingOf(scene)), scene.timeoutMs);
  scene.pongSentAt = scene.stage.now();
}

function refuseOversize(scene: Scene, { length }: Extract<Thing, { kind: "oversize" }>): never {
  const limit = scene.stage.watch.limitBytes();
  throw new StepFailed("fail", `a frame of length ${length}, over the limit in force of ${limit}`, {
    expected: [`a length of ${limit} at most`],
    received: [annotatedLine(0, toHex(writeInteger(length, 4)), `length ${length}`)],
  });
}
