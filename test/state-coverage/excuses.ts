// The pairs of state and input that no exchange brings about, each with the reason and the test that shows it instead.
// An excuse that a pair no longer needs, or that fits no pair, is stale, and the check says so.

import { CLIENT_STATES, SERVER_STATES } from "../../src/protocol/states.ts";
import { pairsOf, type CoverageRole, type Pair } from "./pairs.ts";

export interface Excuse {
  readonly role: CoverageRole;
  readonly reason: string;
  /** Test files below test/, and the title of a test or group in each, which show what the exchanges don't. */
  readonly shownBy: Readonly<Record<string, string>>;
  readonly pairs: readonly Pair[];
}

const everyServerState = Object.keys(SERVER_STATES);
const everyClientState = Object.keys(CLIENT_STATES);

/** Calls out of turn of which exchanges show that nothing is sent. */
const SHOWN_CALLS: Readonly<Record<string, readonly string[]>> = {
  authenticating: ["login", "send", "ping", "stop"],
  stopping: ["send", "ping"],
  closing: ["login"],
};

const FRAMES_TEST = "protocol/states.test.ts";
const INPUTS_TEST = "protocol/state-inputs.test.ts";
const eachServerState = {
  [FRAMES_TEST]: "a server in %s",
  [INPUTS_TEST]: "a server in %s, beyond whole frames",
};
const eachClientState = {
  [FRAMES_TEST]: "a client in %s",
  [INPUTS_TEST]: "a client in %s, beyond whole frames",
};

export const excuses: readonly Excuse[] = [
  excuse("server", ["admitting"], only(["not admitted"]), {
    reason: "no step gives a source a bad name, or fills the line, before it connects",
    shownBy: { "protocol/server-login.test.ts": "is refused at once (TB-REFUSED-7)" },
  }),
  excuse("server", ["admitting"], only(["login deadline"]), {
    reason: "the decision is the server's own, and no step keeps it waiting",
    shownBy: { "protocol/server-deadlines.test.ts": "runs while the source is being judged" },
  }),
  excuse("server", ["awaiting-hello", "admitting"], only(["reset"]), {
    reason:
      "nothing that a server must send comes before or after it: a file can't hold the server to anything",
    shownBy: { [INPUTS_TEST]: "meets a reset" },
  }),
  excuse("server", ["ready", "draining", "stopping"], only(["PONG"]), {
    reason: "no step makes a server send the PING that a PONG answers",
    shownBy: {
      [FRAMES_TEST]: "a server in %s",
      "protocol/server-session.test.ts": "one of the server's own at a time (TB-PING-6)",
    },
  }),
  excuse("server", ["ready", "draining", "stopping", "drained", "finishing"], only(["application failed"]), {
    reason: "the echo application does not fail",
    shownBy: { "protocol/server-session.test.ts": "an application that fails (TB-MSG-7)" },
  }),
  excuse("server", ["draining"], only(["shutdown"]), {
    reason: "a server can be told to stop a second time, but then its operator wants it gone",
    shownBy: { [INPUTS_TEST]: "meets shutdown" },
  }),
  excuse("server", everyServerState, only(["revoked"]), {
    reason: "no step changes a server's users",
    shownBy: { [INPUTS_TEST]: "meets revocation" },
  }),
  excuse("server", ["stopping"], only(["frame deadline"]), {
    reason: "an echo server owes no reply for as long as a frame deadline",
    shownBy: { [INPUTS_TEST]: "meets the frame deadline, where frames are processed" },
  }),
  excuse("server", ["finishing"], only(["bytes", "end of stream", "reset"]), {
    reason:
      "end of stream has brought the server here, and a file has nothing for the client to send behind its own",
    shownBy: eachServerState,
  }),
  excuse("server", ["drained"], everythingBut([...outcomes(), "application failed", "revoked"]), {
    reason: "an echo server owes no reply at the drain deadline: it goes from draining to closing",
    shownBy: {
      ...eachServerState,
      "protocol/server-endings.test.ts": "behind its deadline what the client still sends is discarded",
    },
  }),
  excuse("server", everyServerState, illegal(outcomes()), {
    reason: "not the peer's doing: an outcome that the session does not wait for changes nothing",
    shownBy: { [INPUTS_TEST]: "meets outcomes that it does not wait for" },
  }),

  excuse("client", ["responding", "confirming"], everythingBut([...calls(), "answer deadline"]), {
    reason: "PASSWORD takes one step: a client that knows nothing else never answers a CHALLENGE",
    shownBy: eachClientState,
  }),
  excuse("client", ["responding"], only(["response"]), {
    reason: "PASSWORD takes one step: a client that knows nothing else never answers a CHALLENGE",
    shownBy: { "protocol/client-login.test.ts": "CHALLENGE asks for RESPONSE; what comes meanwhile waits" },
  }),
  excuse("client", ["authenticating"], only(["CHALLENGE"]), {
    reason: "PASSWORD takes one step: to a client that knows nothing else a CHALLENGE is a breach",
    shownBy: { [FRAMES_TEST]: "a client in %s" },
  }),
  excuse("client", ["awaiting-welcome"], only(["login"]), {
    reason: "whether AUTH rides behind HELLO is the client's choice, which no step makes for it",
    shownBy: { "protocol/client-login.test.ts": "may ride behind HELLO (TB-HELLO-4)" },
  }),
  excuse("client", everyClientState, only(["answer deadline"]), {
    reason: "a client's own deadlines are no variables of a profile: no step waits for them",
    shownBy: { [INPUTS_TEST]: "meets the answer deadline, where an answer is due" },
  }),
  excuse("client", ["ending"], everythingBut([...calls(), "answer deadline", "end of stream"]), {
    reason: "the client's own stream has ended: what it makes of input can't be seen on the wire",
    shownBy: {
      ...eachClientState,
      "protocol/client-session.test.ts": "takes the replies still due, answers no PING",
    },
  }),
  excuse(
    "client",
    everyClientState,
    (pair) => illegal(calls())(pair) && !SHOWN_CALLS[pair.state]?.includes(pair.input),
    {
      reason: "the application's own mistake: nothing goes over the wire",
      shownBy: { [INPUTS_TEST]: "meets calls that it has no place for" },
    },
  ),
];

type Choice = (pair: Pair) => boolean;

function excuse(
  role: CoverageRole,
  states: readonly string[],
  choice: Choice,
  why: Pick<Excuse, "reason" | "shownBy">,
): Excuse {
  const pairs = pairsOf(role).filter((pair) => states.includes(pair.state) && choice(pair));
  return { role, ...why, pairs };
}

function only(inputs: readonly string[]): Choice {
  return ({ input }) => inputs.includes(input);
}

function everythingBut(inputs: readonly string[]): Choice {
  return ({ input }) => !inputs.includes(input);
}

function illegal(inputs: readonly string[]): Choice {
  return ({ input, legal }) => !legal && inputs.includes(input);
}

/** What the server's other parts tell its session. */
function outcomes(): string[] {
  return ["admitted", "not admitted", "accepted", "challenged", "refused"];
}

/** What an application asks of its client. */
function calls(): string[] {
  return ["login", "response", "send", "ping", "stop", "end without STOP"];
}
