// What the suite holds the side under test to in every exchange, whatever the steps say: well-formed
// frames, the limit in force (spec section 8.1), and extension frames only where one is allowed (3.4).

import { toHex } from "../wire/bytes.ts";
import { createSplitter, fieldContent, numberAt, readFrame, type FrameReading } from "../wire/frames.ts";
import { opaqueComplaint } from "./opaque-offer.ts";
import type { Speaker } from "../exchange/steps.ts";
import { limitNamed, type WireTable } from "../wire/wire-table.ts";

export interface Watch {
  // The limit on the next frame's length field, which is the same in both directions.
  limitBytes(): number;
  // A frame that passed, whoever sent it.
  see(speaker: Speaker, reading: FrameReading): void;
  // Bytes that the runner sends, which need not be whole frames.
  seeBytes(speaker: Speaker, bytes: Uint8Array): void;
  // What is wrong with a frame of the side under test besides what its step says.
  complaint(speaker: Speaker, reading: FrameReading): string | undefined;
  // A PING that no step asks for is legal here, and gets its PONG.
  mayPing(speaker: Speaker): boolean;
  // A server may say GOAWAY once, while it is logged in.
  mayGoAway(): boolean;
  // It has sent its last frame, so that the end of its stream must follow at once (spec section 9.4).
  isClosing(speaker: Speaker): boolean;
  // Whether the runner has sent the beginning of a frame, but not its end.
  insideFrame(): boolean;
  // The application logs in; AUTHENTICATED, REFUSED or ERROR is the server's answer to that.
  loginAsked(): void;
  loginAnswered(): boolean;
}

export function createWatch(table: WireTable, plaintext = false): Watch {
  const seen = { C: new Set<string>(), S: new Set<string>() };
  const sent = createSplitter(0xffffffff);
  let limit = limitNamed(table, "login-frame-bytes");
  let announced = limit;
  let answered = false;
  const closing = new Set<Speaker>();
  const unanswered = new Set<string>();

  function see(speaker: Speaker, reading: FrameReading): void {
    const name = reading.kind?.name;
    if (name === undefined) return;
    if (name === "WELCOME") announced = numberAt(reading, "max-frame-bytes") ?? limit;
    if (name === "AUTHENTICATED") limit = announced;
    if (name === "AUTHENTICATED" || name === "REFUSED" || name === "ERROR") answered = true;
    const id = toHex(fieldContent(reading, "id") ?? new Uint8Array());
    if (name === "MESSAGE") unanswered.add(id);
    if (name === "REPLY") unanswered.delete(id);
    seen[speaker].add(name);
    const last = name === "REFUSED" && numberAt(reading, "tries-left") === 0;
    if (last || name === "STOPPED" || name === "ERROR") closing.add(speaker);
  }

  return {
    limitBytes: () => limit,
    see,
    seeBytes(speaker, bytes) {
      sent.push(bytes, 0);
      for (let split = sent.next(); split?.kind === "frame"; split = sent.next())
        see(speaker, readFrame(table, split.bytes));
    },
    complaint(speaker, reading) {
      if (reading.extension) {
        const opening = speaker === "C" ? "HELLO" : "WELCOME";
        const last = speaker === "C" ? "STOP" : "STOPPED";
        for (const name of [last, "ERROR"])
          if (seen[speaker].has(name)) return `an extension frame after ${name}`;
        return seen[speaker].has(opening) ? undefined : `an extension frame before ${opening}`;
      }
      const [fault] = reading.faults;
      const id = fieldContent(reading, "id");
      if (
        speaker === "C" &&
        reading.kind?.name === "MESSAGE" &&
        id !== undefined &&
        unanswered.has(toHex(id))
      )
        return `a MESSAGE with the id ${Number(numberAt(reading, "id"))}, which is still unanswered`;
      if (fault === undefined)
        return reading.kind?.name === "WELCOME" ? opaqueComplaint(table, reading, plaintext) : undefined;
      const name = reading.kind?.name ?? `type 0x${toHex(Uint8Array.of(reading.type ?? 0))}`;
      return `a malformed ${name}: at offset ${fault.offset} of the frame, ${fault.path === "" ? "" : `${fault.path} `}${fault.problem}`;
    },
    loginAsked: () => void (answered = false),
    loginAnswered: () => answered,
    mayGoAway: () => seen.S.has("AUTHENTICATED") && !seen.S.has("GOAWAY") && !seen.S.has("STOPPED"),
    isClosing: (speaker) => closing.has(speaker),
    insideFrame: () => sent.partial().length > 0,
    mayPing: (speaker) =>
      seen.S.has("AUTHENTICATED") && !seen[speaker].has(speaker === "C" ? "STOP" : "STOPPED"),
  };
}
