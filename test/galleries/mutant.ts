// An implementation that is wrong in one named way: the real one, with a few characters of its source replaced as
// it is loaded. The galleries (scripts/galleries.ts) show that the exchanges notice each of them. A patch that no
// longer fits its file is an error and never a mutant that is none.

import type { Role } from "../../src/conformance/exchange/exchange-checks.ts";
import type { ServerLimits } from "../../src/net/limits.ts";

export interface Patch {
  /** Path from the project's folder. */
  readonly file: string;
  /** Text that the file has exactly once. */
  readonly find: string;
  readonly put: string;
}

export interface Mutant {
  /** Unique within its role. */
  readonly name: string;
  /** The requirement that it breaks, and by a case of which it must be found out. */
  readonly violates: string;
  /** What it does, in one sentence without its full stop. */
  readonly what: string;
  readonly patches: readonly Patch[];
  readonly settings?: PeerSettings;
  /** Moves so much that others would wait: nothing else is played meanwhile. */
  readonly alone?: true;
  /** How long a step may take, where this mutant needs more than the others to come so far. */
  readonly stepMs?: number;
  /**
   * It breaks a SHOULD, or a MUST of which nothing is to be seen but what a SHOULD asks for, such as an ERROR that is
   * missing: it is killed when warnings are failures, and must not be killed otherwise.
   */
  readonly strict?: true;
}

/** Legal but awkward: every case that applies must give pass or warn. */
export interface Oddball {
  readonly name: string;
  readonly role: Role;
  readonly what: string;
  readonly patches: readonly Patch[];
  readonly settings?: PeerSettings;
  /** Moves so much that others would wait: nothing else is played meanwhile. */
  readonly alone?: true;
  /** It is being stopped from the first: cases that stop it are not for it. */
  readonly stopping?: true;
  /** Why cases fail it wrongly as yet. It must still fail: one that passes is to be told from one that nobody tried. */
  readonly knownGap?: string;
}

/** How a peer of the galleries is set up, beyond what all of them share. */
export interface PeerSettings {
  readonly limits?: Partial<ServerLimits>;
  /** How what it writes goes over the network; by default as it comes. */
  readonly pace?: Pace;
}

export interface Pace {
  /** How long what is written waits for more of it. */
  readonly delayMs?: number;
  readonly oneByOne?: boolean;
}

/** The files that are patched, by what they hold. */
export const SOURCES = {
  agent: "src/net/agent.ts",
  body: "src/protocol/body.ts",
  client: "src/net/client.ts",
  "client-login": "src/net/client-login.ts",
  "client-session": "src/protocol/client-session.ts",
  "connect-socket": "src/net/connect-socket.ts",
  decoder: "src/protocol/decoder.ts",
  grease: "src/net/grease.ts",
  "login-frames": "src/protocol/login-frames.ts",
  mechanism: "src/protocol/mechanism.ts",
  "message-ids": "src/protocol/message-ids.ts",
  "opaque-client": "src/auth/opaque-client.ts",
  "opaque-stretching": "src/credentials/opaque-stretching.ts",
  "opaque-login": "src/auth/opaque-login.ts",
  password: "src/credentials/password.ts",
  "password-login": "src/auth/password-login.ts",
  "ping-watch": "src/protocol/ping-watch.ts",
  "reported-error": "src/protocol/reported-error.ts",
  server: "src/net/server.ts",
  "server-connection": "src/net/server-connection.ts",
  "server-deadlines": "src/protocol/server-deadlines.ts",
  "server-login": "src/protocol/server-login.ts",
  "server-session": "src/protocol/server-session.ts",
  "session-frames": "src/protocol/session-frames.ts",
  states: "src/protocol/states.ts",
  transport: "src/net/transport.ts",
  trust: "src/net/trust.ts",
  "under-way": "src/protocol/under-way.ts",
} as const;

export function patch(source: keyof typeof SOURCES, find: string, put: string): Patch {
  return { file: SOURCES[source], find, put };
}

export function mutant(name: string, violates: string, what: string, ...patches: readonly Patch[]): Mutant {
  return { name, violates, what, patches };
}

export function shownUnderStrict(mutant: Mutant): Mutant {
  return { ...mutant, strict: true };
}

/** An echo that takes a while, so that replies are due when something else happens. It is legal. */
export const slowApplication: Patch = patch(
  "server-connection",
  "if (handler === undefined) return payload;",
  `if (handler === undefined) {
      const copy = payload.copy();
      return this.#deferReply(new Promise((resolve) => void setTimeout(resolve, 20, copy)));
    }`,
);

export class PatchError extends Error {
  override readonly name = "PatchError";
}

/** @throws PatchError when a patch's text is missing or ambiguous */
export function applyPatches(owner: string, file: string, source: string, patches: readonly Patch[]): string {
  let text = source;
  for (const { find, put } of patches.filter((patch) => patch.file === file)) {
    const times = source.split(find).length - 1;
    if (times !== 1 || text.split(find).length !== 2)
      throw new PatchError(`${owner}: ${file} has ${times} times: ${find}`);
    text = text.replace(find, () => put);
  }
  return text;
}
