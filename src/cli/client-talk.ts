// The client's main work: a session in which each line of standard input is echoed on standard output. What was not
// sent, not accepted or not answered is said in the end, so that nothing is lost without a word.

import type { Client } from "../net/client.ts";
import { TalkByteError } from "../protocol/error.ts";
import type { Goaway } from "../protocol/session-frames.ts";
import type { ClientConsole } from "./client-console.ts";
import { Conversation, leaveMs, type NotSent } from "./client-conversation.ts";
import { ClientInput } from "./client-input.ts";
import type { Interruption } from "./client-interruption.ts";
import { address, openSession, sessionFields, type OpenedSession } from "./client-opening.ts";
import type { ClientCommandOptions } from "./client-options.ts";

const maxTimerMs = 2_147_483_647;

export class Talk {
  readonly #options: ClientCommandOptions;
  readonly #console: ClientConsole;
  readonly #interruption: Interruption;
  #conversation: Conversation | undefined;
  #goaway: Goaway | undefined;

  constructor(options: ClientCommandOptions, console: ClientConsole, interruption: Interruption) {
    this.#options = options;
    this.#console = console;
    this.#interruption = interruption;
  }

  /** How far it came, once there was a session. */
  get progress(): { readonly sent: number; readonly replies: number } | undefined {
    return this.#conversation;
  }

  async run(): Promise<void> {
    const session = await openSession(this.#options, this.#console, this.#interruption, (goaway) =>
      this.#serverLeaves(goaway),
    );
    const conversation = this.#begin(session);
    this.#conversation = conversation;
    this.#interruption.onFirst(() => conversation.leave(leaveMs));
    const timer = this.#console.prompt === undefined ? keepAlive(session.client) : undefined;
    try {
      await conversation.run();
    } finally {
      clearInterval(timer);
    }
    this.#conclude(conversation);
  }

  #begin(session: OpenedSession): Conversation {
    const { raw } = this.#options;
    const { output, events, prompt } = this.#console;
    const { client, username } = session;
    const fields = sessionFields(session, this.#options);
    events.event("session", { ...fields, maxMessageBytes: client.maxPayloadBytes });
    if (prompt !== undefined) {
      const end = raw ? "Ctrl-D ends" : "stop or Ctrl-D ends";
      this.#console.add([`Logged in to ${address(this.#options)} as ${username}; ${end}.`]);
    }
    const input = new ClientInput(process.stdin);
    return new Conversation(client, { input, output, events }, { raw, prompt });
  }

  #serverLeaves(goaway: Goaway): void {
    this.#goaway = goaway;
    this.#console.events.event("goaway", { ...goaway });
    this.#console.say("the server is being stopped");
    this.#conversation?.leave();
  }

  /** After a session that ended in good order. */
  #conclude({ sent, replies, complete, notSent }: Conversation): void {
    if (this.#interruption.received) throw new TalkByteError("cancelled", "local", "interrupted");
    if (sent > replies) {
      const lines = lineNumbers(replies + 1, sent);
      throw new TalkByteError("not-accepted", "peer", `the server ended the session before it took ${lines}`);
    }
    if (this.#goaway !== undefined && !complete) {
      const unread = `: line ${sent + 1} and what follows were not sent`;
      const lost = this.#console.prompt === undefined ? unread : ""; // a person knows
      throw new TalkByteError("not-accepted", "peer", `the server ended the session${lost}`);
    }
    const behind = notSent?.behind.bytes === 0 ? undefined : notSent;
    if (behind !== undefined) this.#console.say(describeNotSent(behind));
    const counts = behind && {
      lines: behind.behind.lines,
      bytes: behind.behind.bytes,
      atLeast: !behind.exact,
    };
    this.#console.events.event("end", { replies, notSent: counts });
  }
}

/** `line 7`, or `lines 7 to 9`. */
export function lineNumbers(first: number, last: number): string {
  return first === last ? `line ${first}` : `lines ${first} to ${last}`;
}

function describeNotSent({ line, behind: { lines, bytes }, exact }: NotSent): string {
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
  return (
    `stopped at line ${line}; ${exact ? "" : "at least "}${count(lines, "line")} ` +
    `(${count(bytes, "byte")}) behind it were not sent; --raw sends every line`
  );
}

/** A pipe may be slow to write or to read: that is no reason for the server's idle deadline to end the session. */
function keepAlive(client: Client): NodeJS.Timeout {
  const idleMs = client.welcome?.idleTimeoutMs ?? maxTimerMs;
  return setInterval(() => void client.ping().catch(() => undefined), Math.min(idleMs / 2, maxTimerMs));
}
