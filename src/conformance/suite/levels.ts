// The order in which an implementation grows (spec/implementing.md): a case belongs to the first level at which an
// implementation that has everything up to there can pass it, and to the level that its subject names, whichever comes later.
// test/interop/weekend grows so, and shows that the levels hold.

import type { Exchange } from "../exchange/exchange.ts";
import { plainSteps, type Act, type FrameAct, type PlainStep } from "../exchange/steps.ts";

export const levels = ["framing", "login", "echo", "endings", "limits", "extensions", "tls"] as const;
export type Level = (typeof levels)[number];

// What the area of a requirement's id is about.
const levelOfArea: Readonly<Record<string, Level>> = {
  FRAME: "framing",
  HELLO: "framing",
  WELCOME: "framing",
  AUTH: "login",
  PASSWORD: "login",
  REFUSED: "login",
  MSG: "echo",
  PING: "echo",
  END: "endings",
  ERROR: "endings",
  LIMIT: "limits",
  TIME: "limits",
  EXT: "extensions",
  TLS: "tls",
};

// The longest payload of a MESSAGE or REPLY under the limit before login, which an implementation may still have.
const fitsEverywhere = 4096 - 5;

// What a peer must be able to do with a frame to get past it.
const levelOfFrame: Readonly<Record<string, Level>> = {
  HELLO: "framing",
  WELCOME: "framing",
  AUTH: "login",
  CHALLENGE: "login",
  RESPONSE: "login",
  AUTHENTICATED: "login",
  REFUSED: "login",
  MESSAGE: "echo",
  REPLY: "echo",
  PING: "echo",
  PONG: "echo",
  STOP: "echo",
  STOPPED: "echo",
  GOAWAY: "endings",
  ERROR: "framing",
};

export function levelOf(exchange: Exchange): Level {
  // An unusual connection is unusual TLS.
  if (exchange.connection !== undefined && exchange.connection !== "plaintext") return "tls";
  const [subject = ""] = exchange.covers;
  const needed = plainSteps(exchange.steps).flatMap(levelsNeeded);
  const named = levelOfArea[subject.split("-")[1] ?? ""];
  return [...needed, ...(named === undefined ? [] : [named])].reduce(later, "framing");
}

function levelsNeeded(step: PlainStep): readonly Level[] {
  // What may be left out is not needed.
  if (step.kind !== "wire" || step.optional) return [];
  const timed: Level[] = step.at === undefined ? [] : ["limits"];
  const acts = step.acts.flatMap((act): Level[] => {
    if (isExtension(act)) return ["extensions"];
    // What is refused needs no more of its receiver than what came before.
    if (step.illegal) return [];
    const frame = act.kind === "frame" ? act : "of" in act ? act.of : undefined;
    if (frame === undefined) return [];
    // Later than what any frame needs.
    if (isLarge(frame)) return ["limits"];
    const level = levelOfFrame[frame.frame.name];
    return level === undefined ? [] : [level];
  });
  return [...timed, ...acts];
}

function isExtension(act: Act): boolean {
  if (act.kind === "raw") return Number.parseInt(act.hex.slice(8, 10), 16) >= 0x80;
  return act.kind === "extension";
}

// Only a limit that has been raised lets such a frame pass.
function isLarge({ values }: FrameAct): boolean {
  return Object.values(values).some((value) => {
    if (value?.kind !== "repeat") return false;
    const { times } = value;
    const bytes = value.hex.length / 2;
    return times.kind === "variable"
      ? times.name === "max-frame-bytes"
      : times.value * bytes > fitsEverywhere;
  });
}

function later(a: Level, b: Level): Level {
  return levels.indexOf(a) >= levels.indexOf(b) ? a : b;
}
