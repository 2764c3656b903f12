// The two state machines of spec section 5, as data. A row names the inputs that are legal in a state: frames
// by name, EXTENSION for types 0x80 and above, and `end` for end of stream. Each input says what the session does
// and which states can follow. What a row does not name is refused with `unexpected-frame` (TB-FRAME-10).
// Events that are not bytes (a verification's outcome, a deadline) stand in `events`. The tables and
// diagrams in the specification are generated from here.

import { EXTENSION_FIRST_TYPE, FRAME_TYPE, type FrameName } from "./wire.ts";

export interface Transition<Action extends string, State extends string> {
  readonly do: Action;
  readonly to: readonly State[];
}

export interface StateRow<Action extends string, State extends string> {
  /** What the state waits for, as the specification's table says it. */
  readonly waits: string;
  /** Whether frames are held, not processed, until an event comes. */
  readonly holds?: true;
  readonly frames: Partial<Record<FrameName | "EXTENSION", Transition<Action, State>>>;
  readonly events: Readonly<Record<string, readonly State[]>>;
}

export type ServerStateName =
  | "awaiting-hello"
  | "admitting"
  | "awaiting-auth"
  | "verifying"
  | "awaiting-response"
  | "ready"
  | "draining"
  | "stopping"
  | "finishing"
  | "closing";

export type ServerFrameAction =
  | "greet"
  | "authenticate"
  | "respond"
  | "accept"
  | "answer-ping"
  | "take-pong"
  | "stop"
  | "skip"
  | "peer-failed";

const skip = { do: "skip", to: [] } as const;
const peerFailed = { do: "peer-failed", to: ["closing"] } as const;
const answerPing = { do: "answer-ping", to: [] } as const;
const takePong = { do: "take-pong", to: [] } as const;

const accepting = {
  MESSAGE: { do: "accept", to: [] },
  PING: answerPing,
  PONG: takePong,
  STOP: { do: "stop", to: ["stopping", "closing"] },
  ERROR: peerFailed,
  EXTENSION: skip,
} as const;

export const SERVER_STATES = {
  "awaiting-hello": {
    waits: "HELLO",
    frames: { HELLO: { do: "greet", to: ["admitting", "closing"] }, ERROR: peerFailed },
    events: { "login deadline": ["closing"], drain: ["closing"], "end of stream": ["closing"] },
  },
  admitting: {
    waits: "the decision whether this source may try to log in",
    holds: true,
    frames: {},
    events: {
      admitted: ["awaiting-auth"],
      "not admitted": ["closing"],
      "login deadline": ["closing"],
      drain: ["closing"],
      "end of stream": ["closing"],
    },
  },
  "awaiting-auth": {
    waits: "AUTH",
    frames: {
      AUTH: { do: "authenticate", to: ["verifying", "awaiting-auth"] },
      ERROR: peerFailed,
      EXTENSION: skip,
    },
    events: { "login deadline": ["closing"], drain: ["closing"], "end of stream": ["closing"] },
  },
  verifying: {
    waits: "the outcome of a verification",
    holds: true,
    frames: {},
    events: {
      verified: ["ready"],
      challenged: ["awaiting-response"],
      refused: ["awaiting-auth", "closing"],
      drain: ["closing"],
      "end of stream": ["closing"],
    },
  },
  "awaiting-response": {
    waits: "RESPONSE",
    frames: {
      RESPONSE: { do: "respond", to: ["verifying", "awaiting-auth", "closing"] },
      ERROR: peerFailed,
      EXTENSION: skip,
    },
    events: { "login deadline": ["closing"], drain: ["closing"], "end of stream": ["closing"] },
  },
  ready: {
    waits: "messages, or STOP",
    frames: accepting,
    events: {
      drain: ["draining"],
      "idle deadline": ["closing"],
      "end of stream": ["finishing", "closing"],
      "application failed": ["finishing", "closing"],
    },
  },
  draining: {
    waits: "messages, or STOP, until the drain deadline; GOAWAY has been sent",
    frames: accepting,
    events: {
      "drain deadline": ["stopping", "closing"],
      "idle deadline": ["closing"],
      "end of stream": ["finishing", "closing"],
      "application failed": ["finishing", "closing"],
    },
  },
  stopping: {
    waits: "the replies still due, then sends STOPPED",
    frames: { PONG: takePong, ERROR: peerFailed },
    events: { "last reply": ["closing"], "application failed": ["finishing", "closing"] },
  },
  finishing: {
    waits: "the replies still due, then ends without STOPPED",
    holds: true,
    frames: {},
    events: { "last reply": ["closing"], "application failed": ["finishing", "closing"] },
  },
  closing: {
    waits: "nothing: its last frame is sent, input is discarded (section 9.4)",
    holds: true,
    frames: {},
    events: {},
  },
} as const satisfies Record<ServerStateName, StateRow<ServerFrameAction, ServerStateName>>;

export type ClientStateName =
  | "awaiting-welcome"
  | "unauthenticated"
  | "authenticating"
  | "responding"
  | "ready"
  | "draining"
  | "stopping"
  | "closing";

export type ClientFrameAction =
  | "take-welcome"
  | "take-authenticated"
  | "take-refused"
  | "take-early-refused"
  | "take-challenge"
  | "take-reply"
  | "answer-ping"
  | "take-pong"
  | "take-goaway"
  | "take-stopped"
  | "skip"
  | "peer-failed";

const clientInSession = {
  REPLY: { do: "take-reply", to: [] },
  PING: answerPing,
  PONG: takePong,
  ERROR: peerFailed,
  EXTENSION: skip,
} as const;

const takeStopped = { do: "take-stopped", to: ["closing"] } as const;

export const CLIENT_STATES = {
  "awaiting-welcome": {
    waits: "WELCOME; HELLO has been sent, with AUTH behind it or not",
    frames: {
      WELCOME: { do: "take-welcome", to: ["unauthenticated", "authenticating"] },
      ERROR: peerFailed,
    },
    events: { "end of stream": ["closing"] },
  },
  unauthenticated: {
    waits: "the application, which logs in",
    frames: {
      REFUSED: { do: "take-early-refused", to: ["closing"] },
      ERROR: peerFailed,
      EXTENSION: skip,
    },
    events: { login: ["authenticating"], "end of stream": ["closing"] },
  },
  authenticating: {
    waits: "the answer to AUTH or RESPONSE",
    frames: {
      AUTHENTICATED: { do: "take-authenticated", to: ["ready"] },
      REFUSED: { do: "take-refused", to: ["unauthenticated", "closing"] },
      CHALLENGE: { do: "take-challenge", to: ["responding"] },
      ERROR: peerFailed,
      EXTENSION: skip,
    },
    events: { "end of stream": ["closing"] },
  },
  responding: {
    waits: "the mechanism, which makes the RESPONSE",
    holds: true,
    frames: {},
    events: { respond: ["authenticating"], "end of stream": ["closing"] },
  },
  ready: {
    waits: "replies, and the application",
    frames: { ...clientInSession, GOAWAY: { do: "take-goaway", to: ["draining"] } },
    events: { stop: ["stopping"], "end of stream": ["closing"] },
  },
  draining: {
    waits: "replies, and STOPPED; GOAWAY has come",
    frames: { ...clientInSession, STOPPED: takeStopped },
    events: { stop: ["stopping"], "end of stream": ["closing"] },
  },
  stopping: {
    waits: "the replies still due, then STOPPED; STOP has been sent",
    frames: { ...clientInSession, GOAWAY: { do: "take-goaway", to: [] }, STOPPED: takeStopped },
    events: { "end of stream": ["closing"] },
  },
  closing: {
    waits: "nothing: the session is over, input is discarded (section 9.4)",
    holds: true,
    frames: {},
    events: {},
  },
} as const satisfies Record<ClientStateName, StateRow<ClientFrameAction, ClientStateName>>;

const NAME_OF_TYPE: ReadonlyMap<number, FrameName> = new Map(
  Object.entries(FRAME_TYPE).map(([name, type]) => [type, name as FrameName]),
);

/** The frame's name, EXTENSION for types 0x80 and above, undefined for a type that is not defined. */
export function frameName(type: number): FrameName | "EXTENSION" | undefined {
  return type >= EXTENSION_FIRST_TYPE ? "EXTENSION" : NAME_OF_TYPE.get(type);
}

/** The tables are the truth: a session that makes a step which its row does not name is a bug. */
export function assertFollows(
  states: Readonly<Record<string, StateRow<string, string>>>,
  from: string,
  to: string,
): void {
  const row = states[from]!;
  const named =
    to === "closing" ||
    Object.values(row.events).some((targets) => targets.includes(to)) ||
    Object.values(row.frames).some((transition) => transition.to.includes(to));
  if (!named) throw new Error(`no transition from ${from} to ${to}`);
}
