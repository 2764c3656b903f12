// Peers that keep to the specification in ways that few do. A case that fails one of them is wrong itself.

import type { Role } from "../../src/conformance/exchange/exchange-checks.ts";
import { patch, slowApplication, type Oddball, type PeerSettings, type Patch } from "./mutant.ts";

const ROLES: readonly Role[] = ["server", "client"];

const LONGEST_AGENT = "export const AGENT = `talkbyte-js/${version}`;";
const ERROR_DETAIL = "writeVersionRange(writer, error.versions).string8(error.detail)";
const LINGER = "    this.#lingering = true;\n    this.#dueAt = now + this.#deadlines.lingerMs;\n";
const EXTENSION = "Uint8Array.of(0, 0, 0, 3, 0xc1, 0, 1)";

/** Nothing of ERROR is sent; the end of the stream is what the peer sees. */
const withoutError: Patch = patch(
  "session-frames",
  `  return ${ERROR_DETAIL}.frame();`,
  `  ${ERROR_DETAIL};\n  return new Uint8Array(0);`,
);

/** Odd in a way that both roles can be. */
function eitherRole(role: Role): readonly Oddball[] {
  const odd = (
    name: string,
    what: string,
    patches: readonly Patch[],
    settings: PeerSettings = {},
  ): Oddball => ({
    name: `${role}-${name}`,
    role,
    what,
    patches,
    settings,
  });
  return [
    odd("as-it-is", "the implementation unchanged", []),
    odd("byte-by-byte", "writes each byte on its own", [], { pace: { oneByOne: true } }),
    odd("slow", "sends nothing before 20 ms have passed, and then in one write", [], {
      pace: { delayMs: 20 },
    }),
    odd("agent-empty", "does not name itself", [patch("agent", LONGEST_AGENT, 'export const AGENT = "";')]),
    odd("agent-longest", "names itself in 255 bytes that are not ASCII", [
      patch("agent", LONGEST_AGENT, 'export const AGENT = "€".repeat(85);'),
    ]),
    odd("error-detail-empty", "says nothing in the detail of ERROR", [
      patch("session-frames", ERROR_DETAIL, ERROR_DETAIL.replace("error.detail", '""')),
    ]),
    odd("error-detail-longest", "fills the detail of ERROR with 255 bytes that are not ASCII", [
      patch(
        "session-frames",
        ERROR_DETAIL,
        ERROR_DETAIL.replace(
          "error.detail",
          '"Ω\\u0007é€".repeat(31) + "Ω\\u0007\\u0007\\u0007\\u0007\\u0007"',
        ),
      ),
    ]),
    odd("resets-after-its-end", "does not linger, but resets the connection behind its end of stream", [
      patch(
        "transport",
        LINGER,
        '    this.#lingering = true;\n    if ("encrypted" in this.socket) this.socket.destroy();\n    else this.socket.resetAndDestroy();\n    void now;\n',
      ),
    ]),
    odd("ends-without-error", "ends its stream where others send ERROR", [withoutError]),
    odd("unknown-types-at-once", "judges the type of a frame before its body has come", [
      patch(
        "decoder",
        "    this.type = type;\n    const size",
        '    if (type < 0x80 && frameName(type) === undefined) throw breach("unknown-type", "type");\n    this.type = type;\n    const size',
      ),
      patch(
        "decoder",
        'import { EXTENSION_FIRST_TYPE } from "./wire.ts";',
        'import { EXTENSION_FIRST_TYPE } from "./wire.ts";\nimport { frameName } from "./states.ts";',
      ),
    ]),
  ];
}

const SEND_WELCOME = "this.#host.out.frame(this.#welcome);";
const REPLY_AT_ONCE = "this.#host.out.message(FRAME_TYPE.REPLY, decoder.bodyId(), reply);";
const LOGGED_IN = "        this.#deadlines.loggedIn(this.#now);\n";
const SEND_STOPPED = "this.#host.out.frame(encodeStopped(this.#accepted));";

const PING_WITH_REPLY: Patch = patch(
  "server-session",
  `else if (this.#underWay.count === 0) ${REPLY_AT_ONCE}`,
  `else if (this.#underWay.count === 0) {\n      this.#ping.send(this.#host.out, new Uint8Array(8).fill(7));\n      ${REPLY_AT_ONCE}\n    }`,
);

const servers: readonly Oddball[] = [
  {
    name: "server-lowest-limits",
    role: "server",
    what: "has the lowest limits that WELCOME may announce",
    patches: [],
    settings: {
      limits: { maxFrameBytes: 4096, maxUnderWay: 1, maxUnderWayBytes: 1024, maxPendingBytes: 1024 },
    },
  },
  {
    name: "server-highest-limits",
    role: "server",
    alone: true,
    what: "has the highest limits that WELCOME may announce, and 255 tries",
    patches: [],
    settings: {
      limits: {
        maxFrameBytes: 16_777_216,
        maxUnderWay: 65_535,
        tries: 255,
        frameMs: 5000,
        loginMs: 6500,
        idleMs: 6500,
      },
    },
  },
  {
    name: "server-greased",
    role: "server",
    what: "sends extension frames wherever they are allowed, up to the limit in force",
    patches: [
      patch("grease", "DEFAULT_GREASE_RATE: GreaseRate = 1 / 8", "DEFAULT_GREASE_RATE: GreaseRate = 1"),
      patch(
        "server-login",
        SEND_WELCOME,
        `${SEND_WELCOME}\n    this.#host.out.frame(Uint8Array.of(0, 0, 16, 0, 0xff, ...new Uint8Array(4095)));`,
      ),
      patch(
        "server-session",
        `else if (this.#underWay.count === 0) ${REPLY_AT_ONCE}`,
        `else if (this.#underWay.count === 0) {\n      this.#host.out.frame(${EXTENSION});\n      ${REPLY_AT_ONCE}\n      this.#host.out.frame(${EXTENSION});\n    }`,
      ),
      patch("server-session", SEND_STOPPED, `this.#host.out.frame(${EXTENSION});\n    ${SEND_STOPPED}`),
      patch(
        "session-frames",
        "return new BodyWriter(FRAME_TYPE.PONG).bytes(eightBytes(data)).frame();",
        `const pong = new BodyWriter(FRAME_TYPE.PONG).bytes(eightBytes(data)).frame();\n  return Uint8Array.of(...${EXTENSION}, ...pong);`,
      ),
    ],
  },
  {
    name: "server-pings",
    role: "server",
    what: "sends PING with each reply that leaves it nothing to do, while none is unanswered",
    patches: [
      {
        ...PING_WITH_REPLY,
        put: PING_WITH_REPLY.put.replace("this.#ping.send", "if (decoder.heldBytes === 0) this.#ping.send"),
      },
    ],
  },
  {
    name: "server-pings-at-once",
    role: "server",
    what: "sends PING behind AUTHENTICATED, and with every reply while none is unanswered",
    patches: [
      patch(
        "server-session",
        LOGGED_IN,
        `${LOGGED_IN}        this.#ping.send(this.#host.out, new Uint8Array(8).fill(9));\n`,
      ),
      PING_WITH_REPLY,
    ],
  },
  {
    name: "server-slow-application",
    role: "server",
    what: "takes 20 ms for each reply, so that PONG overtakes it and STOP waits for it",
    patches: [slowApplication],
  },
  {
    name: "server-goaway-early",
    role: "server",
    what: "sends GOAWAY behind AUTHENTICATED and goes on until STOP",
    stopping: true,
    patches: [
      patch(
        "server-session",
        LOGGED_IN,
        `${LOGGED_IN}        this.#host.out.frame(encodeGoaway({ reason: "shutdown", drainMs: 60_000 }));\n`,
      ),
    ],
  },
  {
    name: "server-many-mechanisms",
    role: "server",
    what: "offers sixteen mechanisms with parameters, PASSWORD last",
    patches: [
      patch(
        "server-login",
        "      idleTimeoutMs: idleMs,\n      mechanisms,",
        "      idleTimeoutMs: idleMs,\n      mechanisms: [\n        ...Array.from({ length: 16 - mechanisms.length }, (_, index) => ({ name: `FUTURE-${index}`, parameters: new Uint8Array(100) })),\n        ...mechanisms,\n      ],",
      ),
    ],
  },
  {
    name: "server-retry-after",
    role: "server",
    what: "asks for ever longer waits between attempts",
    patches: [
      patch(
        "server-login",
        "const triesLeft = this.#triesLeft;",
        "const triesLeft = this.#triesLeft;\n    retryAfterMs = this.#refusals * 1000;",
      ),
    ],
  },
  {
    name: "server-drops-replies-with-error",
    role: "server",
    what: "drops the replies still due when a session fails",
    patches: [
      patch(
        "server-session",
        "  #fail(error: TalkByteError): void {\n",
        "  #fail(error: TalkByteError): void {\n    if (!isBeforeLogin(this.#state)) this.#host.out.take();\n",
      ),
    ],
  },
];

const clients: readonly Oddball[] = [
  {
    name: "client-waits-for-welcome",
    role: "client",
    what: "sends AUTH once WELCOME has come, and ends its stream when it knows no mechanism",
    patches: [
      patch(
        "client-login",
        "    if (this.#channel === undefined) return await this.#byPassword(username, password, undefined);\n    await this.#open();\n",
        '    await this.#open();\n    if (this.#channel === undefined) return await this.#byPasswordIfOffered(username, password, "authority");\n',
      ),
      patch("client-login", "if (this.#channel !== undefined) this.#answer", "this.#answer"),
    ],
  },
  {
    name: "client-greased",
    role: "client",
    what: "sends extension frames wherever they are allowed",
    patches: [
      patch("grease", "DEFAULT_GREASE_RATE: GreaseRate = 1 / 8", "DEFAULT_GREASE_RATE: GreaseRate = 1"),
      patch(
        "client-session",
        "    this.#host.out.message(FRAME_TYPE.MESSAGE,",
        `    this.#host.out.frame(${EXTENSION});\n    this.#host.out.message(FRAME_TYPE.MESSAGE,`,
      ),
      patch(
        "client-session",
        "    this.#host.out.frame(encodeStop());\n",
        `    this.#host.out.frame(${EXTENSION});\n    this.#host.out.frame(encodeStop());\n`,
      ),
    ],
  },
  {
    name: "client-pings",
    role: "client",
    what: "sends PING before each message while none is unanswered",
    patches: [
      patch(
        "client",
        "        session.send(request.payload, deadlines.now());\n",
        "        if (this.#pong === undefined) void this.ping().catch(() => undefined);\n        session.send(request.payload, deadlines.now());\n",
      ),
    ],
  },
  {
    name: "client-ids-wrap",
    role: "client",
    what: "counts its ids from the last but one of 32 bits, past 0",
    patches: [patch("message-ids", "constructor(first = 1)", "constructor(first = 0xfffffffe)")],
  },
  {
    name: "client-ids-in-steps",
    role: "client",
    what: "gives ids that are far from each other",
    patches: [patch("message-ids", "return id === LAST_ID ? 0 : id + 1;", "return (id + 0x9e3779b9) >>> 0;")],
  },
  {
    name: "client-goaway-noted",
    role: "client",
    what: "sends no STOP of its own after GOAWAY, and further messages",
    patches: [patch("client", "        this.#goneAway = true;\n        this.#stopWanted = true;\n", "")],
  },
];

export const oddballs: readonly Oddball[] = [...ROLES.flatMap(eitherRole), ...servers, ...clients];
