// What ties an OPAQUE login to its TLS channel and to the frames around it (spec section 6.4): two keys from the
// session key, and a tag of each side over the channel's exporter value and the transcript.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Transcript } from "../protocol/login-frames.ts";

export const CHANNEL_BINDING_BYTES = 32;

export class OpaqueBinding {
  readonly #clientKey: Uint8Array;
  readonly #serverKey: Uint8Array;
  readonly #channel: Uint8Array;

  constructor(sessionKey: Uint8Array, channelBinding: Uint8Array) {
    checkChannelBinding(channelBinding);
    this.#clientKey = expand(sessionKey, "TalkByte/1 OPAQUE C");
    this.#serverKey = expand(sessionKey, "TalkByte/1 OPAQUE S");
    this.#channel = channelBinding;
  }

  clientTag(transcript: Transcript, ke3: Uint8Array): Uint8Array {
    return this.#tag(this.#clientKey, transcript, hash(ke3));
  }

  /** The transcript must go up to RESPONSE. */
  serverTag(transcript: Transcript, sessionId: Uint8Array): Uint8Array {
    return this.#tag(this.#serverKey, transcript, hash(present(transcript.response)), hash(sessionId));
  }

  #tag(key: Uint8Array, transcript: Transcript, ...parts: Uint8Array[]): Uint8Array {
    const { hello, welcome, auth, challenge } = transcript;
    const th = hash(hello, welcome, auth, present(challenge));
    const hmac = createHmac("sha256", key).update(this.#channel).update(th);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  }
}

/** @throws TypeError: without TLS there is no channel to bind to, and no OPAQUE (TB-OPAQUE-1, TB-OPAQUE-2) */
export function checkChannelBinding(channelBinding: Uint8Array): void {
  if (channelBinding.length === CHANNEL_BINDING_BYTES) return;
  throw new TypeError(`a channel binding has ${CHANNEL_BINDING_BYTES} bytes`);
}

/** In constant time, but for the lengths. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** HKDF-Expand with SHA-512 for up to one block; node:crypto has it only together with Extract. */
function expand(key: Uint8Array, info: string): Uint8Array {
  return createHmac("sha512", key).update(info).update(Uint8Array.of(1)).digest().subarray(0, 32);
}

function hash(...parts: Uint8Array[]): Uint8Array {
  const sha256 = createHash("sha256");
  for (const part of parts) sha256.update(part);
  return sha256.digest();
}

function present(frame: Uint8Array | undefined): Uint8Array {
  if (frame === undefined) throw new TypeError("the transcript is not complete");
  return frame;
}
