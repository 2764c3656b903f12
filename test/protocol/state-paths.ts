// How the test benches bring a session into each of its states, and a frame of each kind that fits there.

import type { ClientStateName, ServerStateName } from "../../src/protocol/states.ts";
import { frame, hex, message, reply, utf8 } from "./bytes.ts";
import {
  AUTHENTICATED,
  CHALLENGE,
  GOAWAY,
  refused,
  stopped,
  welcome,
  type ClientBench,
} from "./client-bench.ts";
import { encodeByTable, shapeOf } from "./field-table.ts";
import { auth, HELLO, PING_DATA, response, SESSION_ID, STOP, type ServerBench } from "./server-bench.ts";

const EXTENSION = frame(0x80, hex("00 01"));
const PONG = encodeByTable("PONG", { data: PING_DATA });
const accepted = { type: "accepted", sessionId: SESSION_ID, mechanismData: new Uint8Array(0) } as const;

/** How a server's session comes into each state; with a PING of its own that waits where it may have one. */
export const SERVER_PATHS: Readonly<Record<ServerStateName, (bench: ServerBench) => void>> = {
  "awaiting-hello": () => undefined,
  admitting: (bench) => bench.receive(HELLO),
  "awaiting-auth": (bench) => {
    SERVER_PATHS.admitting(bench);
    bench.session.admitted(bench.now);
  },
  verifying: (bench) => {
    SERVER_PATHS["awaiting-auth"](bench);
    bench.receive(auth("x", "TWO-STEPS"));
  },
  "awaiting-response": (bench) => {
    SERVER_PATHS.verifying(bench);
    bench.session.verified({ type: "challenge", mechanismData: hex("00") }, bench.now);
  },
  ready: (bench) => {
    SERVER_PATHS.verifying(bench);
    bench.session.verified(accepted, bench.now);
    bench.session.ping(PING_DATA);
  },
  draining: (bench) => {
    SERVER_PATHS.ready(bench);
    bench.session.drain(bench.now);
  },
  stopping: (bench) => {
    SERVER_PATHS.ready(bench);
    bench.receive(message(1, ""), STOP);
  },
  drained: (bench) => {
    SERVER_PATHS.draining(bench);
    bench.receive(message(1, ""));
    bench.pass(10_000);
  },
  finishing: (bench) => {
    SERVER_PATHS.ready(bench);
    bench.receive(message(1, ""));
    bench.session.receiveEnd(bench.now);
  },
  closing: (bench) => bench.receive(hex("00000000")),
};

/** How a client's session comes into each state. */
export const CLIENT_PATHS: Readonly<Record<ClientStateName, (bench: ClientBench) => void>> = {
  "awaiting-welcome": () => undefined,
  unauthenticated: (bench) => bench.receive(welcome()),
  authenticating: (bench) => {
    bench.login("TWO-STEPS");
    bench.receive(welcome());
  },
  responding: (bench) => {
    CLIENT_PATHS.authenticating(bench);
    bench.receive(CHALLENGE);
  },
  confirming: (bench) => {
    CLIENT_PATHS.responding(bench);
    bench.session.respond(hex("0101"), bench.now);
  },
  ready: (bench) => {
    CLIENT_PATHS.authenticating(bench);
    bench.receive(AUTHENTICATED);
    bench.session.ping(PING_DATA, bench.now);
    bench.send("x", "y");
    bench.receive(reply(1, ""));
  },
  draining: (bench) => {
    CLIENT_PATHS.ready(bench);
    bench.receive(GOAWAY);
  },
  stopping: (bench) => {
    CLIENT_PATHS.ready(bench);
    bench.session.stop(bench.now);
  },
  ending: (bench) => {
    CLIENT_PATHS.ready(bench);
    bench.session.end(bench.now);
  },
  closing: (bench) => bench.session.abandon(),
};

/** A frame of this kind that fits where its kind is legal at all. */
export function wellFormed(kind: string): Uint8Array {
  switch (kind) {
    case "EXTENSION":
      return EXTENSION;
    case "UNKNOWN":
      return frame(0x30, hex("00"));
    case "HELLO":
      return HELLO;
    case "AUTH":
      return auth("x", "TWO-STEPS");
    case "RESPONSE":
      return response("x");
    case "REFUSED":
      return refused("busy", 0);
    case "WELCOME":
      return welcome();
    case "REPLY":
      return reply(2, utf8(""));
    case "STOPPED":
      return stopped(1);
    case "PONG":
      return PONG;
    default:
      return encodeByTable(kind, shapeOf(kind).example);
  }
}
