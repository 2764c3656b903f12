// Feeds the core what no honest peer sends: random bytes, and conversations that were valid before they were
// mutated. Two things must hold whatever comes. Nothing is thrown out of a session; and what it sends and asks for
// does not depend on how the stream was cut (TB-FRAME-4). A seed repeats a case.

import { concat, everyByte, Random, randomCuts, toHex, unsigned, utf8 } from "../test/protocol/bytes.ts";
import { randomValues } from "../test/protocol/codecs.ts";
import { ClientBench } from "../test/protocol/client-bench.ts";
import { encodeByTable, FRAMES } from "../test/protocol/field-table.ts";
import { auth, HELLO, PING_DATA, response, ServerBench } from "../test/protocol/server-bench.ts";

export const TARGETS = ["server", "client"] as const;
export type Target = (typeof TARGETS)[number];

/** A case that broke an invariant; `message` says how to repeat it. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
}

/** Runs `count` cases, the seeds counting up from `firstSeed`. @throws FuzzFailure */
export function fuzzCore(target: Target, count: number, firstSeed: number): void {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) fuzzOnce(target, seed);
}

function fuzzOnce(target: Target, seed: number): void {
  const random = new Random(seed);
  const stream = makeStream(target, random);
  const seen = target === "server" ? seenByServer : seenByClient;
  const outcomes = [[stream], everyByte(stream), randomCuts(stream, random, random.pick([3, 64, 5000]))].map(
    (chunks) => {
      try {
        return seen(chunks, seed);
      } catch (error) {
        throw new FuzzFailure(`${target} seed ${seed} threw ${String(error)}`, { cause: error });
      }
    },
  );
  const [whole, ...cut] = outcomes;
  for (const outcome of cut) {
    if (outcome !== whole) {
      throw new FuzzFailure(`${target} seed ${seed}: the cut mattered\n${whole}\n${outcome}`);
    }
  }
}

/** Everything that a server did with a stream that came in these chunks. */
function seenByServer(chunks: readonly Uint8Array[], seed: number): string {
  const bench = new ServerBench({
    answers: "at once",
    settings: { tries: (seed % 5) + 1, maxFrameBytes: seed % 3 === 0 ? 4096 : 20_000 },
    message: (payload) => (payload.byteLength % 7 === 3 ? payload.copy() : payload),
  });
  const sent: Uint8Array[] = [];
  for (const chunk of chunks) {
    bench.session.receive(chunk, bench.now);
    if (seed % 2 === 0) bench.session.ping(PING_DATA);
    sent.push(...bench.out.take());
    bench.session.resume(bench.now);
  }
  // The PINGs of its own depend on the state between two chunks, so they are no part of the comparison.
  const frames = seed % 2 === 0 ? "" : toHex(concat(...sent));
  return finish(bench, frames, seed);
}

/** Everything that a client did: it logs in early or late, sends, pings, and stops after some replies. */
function seenByClient(chunks: readonly Uint8Array[], seed: number): string {
  let replies = 0;
  const bench = new ClientBench({
    onAction: (action, bench) => {
      const { session, now } = bench;
      if (action.type === "welcome" && session.state === "unauthenticated") bench.login("TWO-STEPS");
      if (action.type === "refused" && action.refused.triesLeft > 0) bench.login();
      if (action.type === "challenge") session.respond(utf8(seed % 4 === 0 ? "" : "x"), now);
      if (action.type === "goaway" && seed % 4 === 1 && session.state === "draining") session.stop(now);
      if (action.type !== "authenticated") return;
      bench.send("one", "two", "three");
      session.ping(PING_DATA, now);
    },
    onReply: ({ session, now }) => {
      replies++;
      if (replies === 1 + (seed % 4) && (session.state === "ready" || session.state === "draining")) {
        if (seed % 3 === 0) session.end(now);
        else session.stop(now);
      }
    },
  });
  if (seed % 2 === 0) bench.login();
  for (const chunk of chunks) bench.session.receive(chunk, bench.now);
  return finish(bench, toHex(concat(...bench.out.take())), seed);
}

/** What follows the stream: time, its end, or a reset. */
function finish(bench: ServerBench | ClientBench, frames: string, seed: number): string {
  const before = bench.session.state;
  if (seed % 3 > 0) bench.pass(10_000_000);
  if (seed % 3 > 1 && bench instanceof ServerBench) bench.session.receiveReset();
  else bench.session.receiveEnd(bench.now);
  const rest = toHex(concat(...bench.out.take()));
  return [
    frames,
    before,
    seed % 2 === 0 && bench instanceof ServerBench ? "" : rest,
    ...bench.actions(),
  ].join("\n");
}

function makeStream(target: Target, random: Random): Uint8Array {
  if (random.below(10) === 0) return random.bytes(random.below(400));
  let stream = concat(...(target === "server" ? clientFrames(random) : serverFrames(random)));
  for (let mutations = random.pick([0, 1, 1, 2, 5]); mutations > 0; mutations--)
    stream = mutate(stream, random);
  return stream;
}

const anyFrame = (random: Random): Uint8Array => {
  const { name } = random.pick(FRAMES);
  return encodeByTable(name, randomValues(name, random));
};

const extension = (random: Random): Uint8Array => {
  const body = random.bytes(random.below(300));
  return concat(unsigned(body.length + 1, 4), Uint8Array.of(random.between(0x80, 0xff)), body);
};

function withOddities(frames: readonly Uint8Array[], random: Random): Uint8Array[] {
  return frames.flatMap((frame) => {
    if (random.below(15) === 0) return [anyFrame(random), frame];
    return random.below(10) === 0 ? [extension(random), frame] : [frame];
  });
}

function clientFrames(random: Random): Uint8Array[] {
  const login = random.pick([
    [auth("correct")],
    [auth("wrong"), auth("correct")],
    [auth("busy"), auth("x", "OTHER"), auth("correct")],
    [auth("x", "TWO-STEPS"), response(random.pick(["correct", "wrong", ""]))],
  ]);
  const messages = Array.from({ length: random.below(8) }, () => {
    if (random.below(4) === 0) return encodeByTable("PING", { data: random.bytes(8) });
    const payload = random.bytes(random.pick([0, 3, random.below(100), random.below(12_000)]));
    return encodeByTable("MESSAGE", { id: random.below(2 ** 32), payload });
  });
  const stop = random.below(3) === 0 ? [] : [encodeByTable("STOP", {})];
  return withOddities([HELLO, ...login, ...messages, ...stop], random);
}

function serverFrames(random: Random): Uint8Array[] {
  const login = random.pick([
    ["AUTHENTICATED"],
    ["REFUSED", "AUTHENTICATED"],
    ["CHALLENGE", "AUTHENTICATED"],
  ]);
  const opening = ["WELCOME", ...login].map((name) => {
    const values = randomValues(name, random);
    if (name === "WELCOME") return encodeByTable(name, { ...values, version: 1 });
    const honest = name === "AUTHENTICATED" && random.below(4) > 0 ? { "mechanism-data": "" } : {};
    return encodeByTable(name, { ...values, ...honest });
  });
  const replies = Array.from({ length: random.below(6) }, (_, at) =>
    encodeByTable("REPLY", { id: at + 1, payload: random.bytes(random.pick([0, 5, random.below(9000)])) }),
  );
  const later = [
    encodeByTable("PING", { data: random.bytes(8) }),
    encodeByTable("PONG", { data: PING_DATA }),
    encodeByTable("GOAWAY", { reason: "shutdown", "drain-ms": 5 }),
  ].filter(() => random.below(3) > 0);
  const stopped = encodeByTable("STOPPED", { accepted: random.below(5) });
  return withOddities([...opening, ...later, ...replies, stopped], random);
}

function mutate(stream: Uint8Array, random: Random): Uint8Array {
  if (stream.length === 0) return stream;
  const at = random.below(stream.length);
  const end = Math.min(stream.length, at + random.between(1, 20));
  const changed = stream.slice();
  switch (random.below(6)) {
    case 0: // one bit
      changed[at]! ^= 1 << random.below(8);
      return changed;
    case 1: // one byte
      changed[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
      return changed;
    case 2: // bytes put in
      return concat(stream.subarray(0, at), random.bytes(random.between(1, 8)), stream.subarray(at));
    case 3: // bytes left out
      return concat(stream.subarray(0, at), stream.subarray(end));
    case 4: // bytes twice
      return concat(stream.subarray(0, end), stream.subarray(at));
    default: // the end missing
      return stream.slice(0, at);
  }
}
