// The two state machines of spec section 5, as data. A row names the inputs that are legal in a state: frames
// by name, EXTENSION for types 0x80 and above. Each says what the session does, what it sends, and which states can
// follow. What a row does not name is refused with `unexpected-frame` (TB-FRAME-10). What is not bytes from the
// peer (a verification's outcome, a deadline, end of stream) stands in `events`. The tables and diagrams in the
// specification are generated from here.

import { EXTENSION_FIRST_TYPE, FRAME_TYPE, type FrameName } from "./wire.ts";

/** Where an input leads, and what is sent on the way, in the specification's words. */
export interface Step<State extends string> {
  readonly to: readonly State[];
  readonly sends?: string;
}

export interface FrameStep<Action extends string, State extends string> extends Step<State> {
  readonly do: Action;
}

export interface StateRow<Action extends string, State extends string> {
  /** What the state waits for, as the specification's table says it. */
  readonly waits: string;
  /** Frames wait until an event comes (`holds`), or are never processed (`discards`). */
  readonly input?: "holds" | "discards";
  readonly frames: Partial<Record<FrameName | "EXTENSION", FrameStep<Action, State>>>;
  readonly events: Readonly<Record<string, Step<State>>>;
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
  | "drained"
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
const answerPing = { do: "answer-ping", to: [], sends: "PONG" } as const;
const takePong = { do: "take-pong", to: [] } as const;

const endsBeforeLogin = {
  shutdown: { to: ["closing"], sends: "ERROR `shutdown`" },
  "end of stream": { to: ["closing"] },
} as const;
const untilLogin = {
  "login deadline": { to: ["closing"], sends: "ERROR `timeout`" },
  ...endsBeforeLogin,
} as const;

const accepting = {
  MESSAGE: { do: "accept", to: [], sends: "REPLY, in its turn" },
  PING: answerPing,
  PONG: takePong,
  STOP: { do: "stop", to: ["stopping", "closing"], sends: "STOPPED and *closing* if no reply is due" },
  ERROR: peerFailed,
  EXTENSION: skip,
} as const;
const whileAccepting = {
  "idle deadline": { to: ["closing"], sends: "ERROR `timeout`" },
  "end of stream": { to: ["finishing", "closing"], sends: "*closing* if no reply is due" },
} as const;
const revocable = { revoked: { to: ["closing"], sends: "ERROR `revoked`" } } as const;
const repliesDue = {
  "application failed": {
    to: ["finishing", "closing"],
    sends: "ERROR `internal` behind the earlier replies",
  },
} as const;
const lastReply = { to: ["closing"], sends: "STOPPED" } as const;

export const SERVER_STATES = {
  "awaiting-hello": {
    waits: "HELLO",
    frames: { HELLO: { do: "greet", to: ["admitting"] }, ERROR: peerFailed },
    events: untilLogin,
  },
  admitting: {
    waits: "the decision whether this source may try to log in",
    input: "holds",
    frames: {},
    events: {
      admitted: { to: ["awaiting-auth"], sends: "WELCOME" },
      "not admitted": { to: ["closing"], sends: "WELCOME, REFUSED with tries-left 0" },
      ...untilLogin,
    },
  },
  "awaiting-auth": {
    waits: "AUTH",
    frames: {
      AUTH: {
        do: "authenticate",
        to: ["verifying", "awaiting-auth"],
        sends: "REFUSED and *awaiting-auth* if the mechanism is not on offer",
      },
      ERROR: peerFailed,
      EXTENSION: skip,
    },
    events: untilLogin,
  },
  verifying: {
    waits: "the outcome of a verification",
    input: "holds",
    frames: {},
    events: {
      accepted: { to: ["ready"], sends: "AUTHENTICATED" },
      challenged: { to: ["awaiting-response"], sends: "CHALLENGE" },
      refused: { to: ["awaiting-auth", "closing"], sends: "REFUSED; *closing* if tries-left is 0" },
      ...endsBeforeLogin,
    },
  },
  "awaiting-response": {
    waits: "RESPONSE",
    frames: {
      RESPONSE: {
        do: "respond",
        to: ["verifying", "awaiting-auth", "closing"],
        sends: "REFUSED `abandoned` if it is empty; *closing* if tries-left is 0",
      },
      ERROR: peerFailed,
      EXTENSION: skip,
    },
    events: untilLogin,
  },
  ready: {
    waits: "messages, or STOP",
    frames: accepting,
    events: {
      shutdown: { to: ["draining"], sends: "GOAWAY" },
      ...whileAccepting,
      ...repliesDue,
      ...revocable,
    },
  },
  draining: {
    waits: "messages, or STOP; GOAWAY has been sent",
    frames: accepting,
    events: {
      "drain deadline": { to: ["drained", "closing"], sends: "STOPPED and *closing* if no reply is due" },
      ...whileAccepting,
      ...repliesDue,
      ...revocable,
    },
  },
  stopping: {
    waits: "the replies still due; STOP has come",
    frames: { PONG: takePong, ERROR: peerFailed },
    events: { "last reply": lastReply, ...repliesDue, ...revocable },
  },
  drained: {
    waits: "the replies still due; the drain deadline has passed",
    frames: { MESSAGE: skip, PING: skip, PONG: takePong, STOP: skip, ERROR: peerFailed, EXTENSION: skip },
    events: { "last reply": lastReply, ...repliesDue, ...revocable },
  },
  finishing: {
    waits: "the replies still due; then the session ends without STOPPED",
    input: "discards",
    frames: {},
    events: { "last reply": { to: ["closing"] }, ...repliesDue, ...revocable },
  },
  closing: {
    waits: "the end of the connection (section 9.4)",
    input: "discards",
    frames: {},
    events: {},
  },
} as const satisfies Record<ServerStateName, StateRow<ServerFrameAction, ServerStateName>>;

const BEFORE_LOGIN: ReadonlySet<ServerStateName> = new Set<ServerStateName>([
  "awaiting-hello",
  "admitting",
  "awaiting-auth",
  "verifying",
  "awaiting-response",
]);

export function isBeforeLogin(state: ServerStateName): boolean {
  return BEFORE_LOGIN.has(state);
}

export type ClientStateName =
  | "awaiting-welcome"
  | "unauthenticated"
  | "authenticating"
  | "responding"
  | "confirming"
  | "ready"
  | "draining"
  | "stopping"
  | "ending"
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

const lost = { "end of stream": { to: ["closing"] } } as const;
const logIn = { to: ["authenticating"], sends: "AUTH" } as const;

const loginAnswers = {
  AUTHENTICATED: { do: "take-authenticated", to: ["ready"] },
  REFUSED: { do: "take-refused", to: ["unauthenticated", "closing"] },
  ERROR: peerFailed,
  EXTENSION: skip,
} as const;
const clientInSession = {
  REPLY: { do: "take-reply", to: [] },
  PING: answerPing,
  PONG: takePong,
  ERROR: peerFailed,
  EXTENSION: skip,
} as const;
const takeStopped = { do: "take-stopped", to: ["closing"] } as const;
const whileReady = {
  stop: { to: ["stopping"], sends: "STOP" },
  "end without STOP": { to: ["ending"], sends: "end of stream" },
  ...lost,
} as const;

export const CLIENT_STATES = {
  "awaiting-welcome": {
    waits: "WELCOME; HELLO has been sent, with AUTH behind it or not",
    frames: {
      WELCOME: { do: "take-welcome", to: ["unauthenticated", "authenticating"] },
      ERROR: peerFailed,
    },
    events: lost,
  },
  unauthenticated: {
    waits: "the application, which logs in",
    frames: {
      REFUSED: { do: "take-early-refused", to: ["closing"] },
      ERROR: peerFailed,
      EXTENSION: skip,
    },
    events: { login: logIn, ...lost },
  },
  authenticating: {
    waits: "the answer to AUTH",
    frames: {
      ...loginAnswers,
      CHALLENGE: { do: "take-challenge", to: ["responding"] },
    },
    events: lost,
  },
  responding: {
    waits: "the mechanism, which makes the RESPONSE",
    input: "holds",
    frames: {},
    events: { response: { to: ["confirming"], sends: "RESPONSE" }, ...lost },
  },
  confirming: {
    waits: "the answer to RESPONSE",
    frames: loginAnswers,
    events: lost,
  },
  ready: {
    waits: "replies, and the application",
    frames: { ...clientInSession, GOAWAY: { do: "take-goaway", to: ["draining"] } },
    events: whileReady,
  },
  draining: {
    waits: "replies, the application, and STOPPED; GOAWAY has come",
    frames: { ...clientInSession, STOPPED: takeStopped },
    events: whileReady,
  },
  stopping: {
    waits: "the replies still due, then STOPPED; STOP has been sent",
    frames: {
      ...clientInSession,
      GOAWAY: { do: "take-goaway", to: [], sends: "nothing; legal if none has come" },
      STOPPED: takeStopped,
    },
    events: lost,
  },
  ending: {
    waits: "the replies still due, then end of stream; the client's own stream has ended",
    frames: {
      ...clientInSession,
      PING: skip,
      GOAWAY: { do: "take-goaway", to: [], sends: "nothing; legal if none has come" },
      STOPPED: { ...takeStopped, sends: "nothing; legal if GOAWAY has come" },
    },
    events: lost,
  },
  closing: {
    waits: "the end of the connection (section 9.4)",
    input: "discards",
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
    Object.values(row.events).some((step) => step.to.includes(to)) ||
    Object.values(row.frames).some((step) => step.to.includes(to));
  if (!named) throw new Error(`no transition from ${from} to ${to}`);
}
