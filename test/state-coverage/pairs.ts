// What can come to a session in each of its states: every pair of a state and an input, from the tables of
// src/protocol/states.ts and section 8.2. A pair is legal when the tables, or a sentence of the specification, have a
// place for it. A frame that is legal by its kind can still be refused for what it holds: that is a pair of its own,
// `X, faulty`. In a state that holds or discards, no frame is looked at: there `bytes` stands for all of them. The
// tls and write-stall deadlines are the connection's: to a session they are a reset.

import {
  CLIENT_STATES,
  SERVER_STATES,
  type ClientStateName,
  type ServerStateName,
  type StateRow,
} from "../../src/protocol/states.ts";
import { FRAME_TYPE } from "../../src/protocol/wire.ts";

export type CoverageRole = "server" | "client";

export interface Pair {
  readonly role: CoverageRole;
  readonly state: string;
  readonly input: string;
  readonly legal: boolean;
}

export const rowsOf: Readonly<Record<CoverageRole, Readonly<Record<string, StateRow<string, string>>>>> = {
  server: SERVER_STATES,
  client: CLIENT_STATES,
};

export const FRAME_INPUTS: readonly string[] = [...Object.keys(FRAME_TYPE), "EXTENSION"];

/** How what breaks the framing itself is called; it is illegal in every state. */
export const BROKEN_INPUTS = ["undefined type", "length 0", "oversize"] as const;

export function keyOf({ state, input }: Pick<Pair, "state" | "input">): string {
  return `${state} × ${input}`;
}

export function pairsOf(role: CoverageRole): Pair[] {
  return Object.entries(rowsOf[role]).flatMap(([state, row]) => {
    const events = role === "server" ? serverEvents(state) : clientEvents(state);
    return [...wireInputs(row), ...events].map(([input, legal]) => ({ role, state, input, legal }));
  });
}

type Input = readonly [input: string, legal: boolean];

function wireInputs({ input, frames }: StateRow<string, string>): Input[] {
  const ends: Input[] = [
    ["end of stream", true],
    ["reset", true],
  ];
  if (input !== undefined) return [["bytes", true], ...ends];
  const steps = Object.entries(frames);
  const judged = steps.filter(([name, step]) => name !== "ERROR" && step.do !== "skip");
  return [
    ...FRAME_INPUTS.map((name): Input => [name, steps.some(([legal]) => legal === name)]),
    ...judged.map(([name]): Input => [`${name}, faulty`, false]),
    ...BROKEN_INPUTS.map((name): Input => [name, false]),
    ...ends,
  ];
}

/** What the rest of the server does to its session, and the states in which it is heard. */
const SERVER_EVENTS: Readonly<Record<string, readonly ServerStateName[]>> = {
  admitted: ["admitting"],
  "not admitted": ["admitting"],
  accepted: ["verifying"],
  challenged: ["verifying"],
  refused: ["verifying"],
  // Heard everywhere: where there is nothing to be done, nothing is done (TB-END-21, TB-END-23).
  shutdown: Object.keys(SERVER_STATES) as ServerStateName[],
  revoked: Object.keys(SERVER_STATES) as ServerStateName[],
};

/** What can come about only where a message is under way. */
const SERVER_MESSAGES: Readonly<Record<string, readonly ServerStateName[]>> = {
  "application failed": ["ready", "draining", "stopping", "drained", "finishing"],
  "last reply": ["stopping", "drained", "finishing"],
};

/** The deadlines, where they run (section 8.2); elsewhere they can't expire. */
const SERVER_DEADLINES: Readonly<Record<string, readonly ServerStateName[]>> = {
  "login deadline": ["awaiting-hello", "admitting", "awaiting-auth", "awaiting-response"],
  "frame deadline": ["awaiting-hello", "awaiting-auth", "awaiting-response", "ready", "draining", "stopping"],
  "idle deadline": ["ready", "draining"],
  "drain deadline": ["draining"],
};

/** What the application does to its client; anywhere else it is the application's own mistake. */
const CLIENT_EVENTS: Readonly<Record<string, readonly ClientStateName[]>> = {
  login: ["awaiting-welcome", "unauthenticated"],
  response: ["responding"],
  send: ["ready", "draining"],
  ping: ["ready", "draining"],
  stop: ["ready", "draining"],
  "end without STOP": ["ready", "draining"],
};

const CLIENT_DEADLINES: Readonly<Record<string, readonly ClientStateName[]>> = {
  "answer deadline": [
    "awaiting-welcome",
    "authenticating",
    "confirming",
    "ready",
    "draining",
    "stopping",
    "ending",
  ],
};

function serverEvents(state: string): Input[] {
  const bound = { ...SERVER_MESSAGES, ...SERVER_DEADLINES };
  return [...heard(SERVER_EVENTS, state), ...possible(bound, state)];
}

function clientEvents(state: string): Input[] {
  return [...heard(CLIENT_EVENTS, state), ...possible(CLIENT_DEADLINES, state)];
}

function heard(events: Readonly<Record<string, readonly string[]>>, state: string): Input[] {
  return Object.entries(events).map(([event, states]): Input => [event, states.includes(state)]);
}

function possible(events: Readonly<Record<string, readonly string[]>>, state: string): Input[] {
  return heard(events, state).filter(([, legal]) => legal);
}
