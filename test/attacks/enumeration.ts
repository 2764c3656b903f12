// An attack that asks who is there by the clock: it tries a name that it asks about and one that nobody has, in turns, the
// password being wrong for both, and compares how long the answers took. Pairs that lie close together share what else
// goes on at the machine, and the median of their differences forgives single ones.

import { firstMessage } from "./first-message.ts";
import {
  ABANDON,
  auth,
  CHALLENGE,
  hello,
  onFrames,
  openTls,
  readRefusal,
  REFUSED,
  type Lane,
} from "./lane.ts";

/** The first pairs warm up what they run through, and do not count. */
const [WARM_UP, PAIRS] = [4, 60];

export const ENUMERATIONS = {
  /** Times the refusal of a password. */
  "enumerate-by-password": async (lane: Lane): Promise<void> => {
    const asker = await Asker.connect(lane);
    await compare(lane, async (name) => await asker.timePassword(name));
  },
  /** Times the challenge of OPAQUE. */
  "enumerate-by-challenge": async (lane: Lane): Promise<void> => {
    const [asker, ke1] = [await Asker.connect(lane), await firstMessage()];
    await compare(lane, async (name) => await asker.timeFirstMessage(name, ke1));
  },
  /** Beside it a message that a server need not work on: whether the attacker's clock would tell the work from none. */
  "compare-challenge-with-none": async (lane: Lane): Promise<void> => {
    const [asker, ke1] = [await Asker.connect(lane), await firstMessage()];
    const none = new Uint8Array(ke1.length).fill(0xff);
    const asked = lane.account!.username;
    await compare(lane, async (name) => await asker.timeFirstMessage(asked, name === asked ? ke1 : none));
  },
} as const;

/** Answers on one connection, one after the other, each with its time. */
class Asker {
  readonly #write: (bytes: Uint8Array) => void;
  #answered = Promise.withResolvers<number>();

  private constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  static async connect(lane: Lane): Promise<Asker> {
    const socket = openTls(lane);
    const asker = new Asker((bytes) => socket.write(bytes));
    onFrames(socket, (type, body) => {
      if (type === REFUSED && readRefusal(body).triesLeft === 0) throw new Error("no tries are left");
      if (type === REFUSED || type === CHALLENGE) asker.#answered.resolve(type);
    });
    await new Promise<void>((resolve) => socket.once("secureConnect", resolve));
    socket.write(hello());
    return asker;
  }

  async timePassword(name: string): Promise<number> {
    const { ms } = await this.#ask(auth(name, "a guess at it"));
    return ms;
  }

  async timeFirstMessage(name: string, ke1: Uint8Array): Promise<number> {
    const { type, ms } = await this.#ask(auth(name, ke1, "OPAQUE"));
    if (type === CHALLENGE) await this.#ask(ABANDON);
    return ms;
  }

  async #ask(bytes: Uint8Array): Promise<{ readonly type: number; readonly ms: number }> {
    this.#answered = Promise.withResolvers();
    const startedAt = performance.now();
    this.#write(bytes);
    const type = await this.#answered.promise;
    return { type, ms: performance.now() - startedAt };
  }
}

/**
 * What the attacker learns: how long the answer takes for the name asked about, and how much longer than for absent ones. Whoever
 * comes first pays for what lies between, so that it is one and then the other, and two pairs make one difference.
 */
async function compare({ account, tally }: Lane, time: (name: string) => Promise<number>): Promise<void> {
  const { username } = account!;
  const [times, differences]: [number[], number[]] = [[], []];
  for (let pair = 0; pair < WARM_UP + PAIRS; pair += 2) {
    const asked = await time(username);
    const absent = await time(`nobody-${pair}`);
    const absentFirst = await time(`nobody-${pair + 1}`);
    const askedLast = await time(username);
    if (pair < WARM_UP) continue;
    times.push(asked, askedLast);
    differences.push((asked + askedLast - absent - absentFirst) / 2);
  }
  tally["medianMs"] = median(times);
  tally["differenceMs"] = median(differences);
  tally["pairs"] = PAIRS;
  await new Promise<never>(() => {}); // it knows what it can
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
