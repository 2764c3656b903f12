// What TalkByte puts on top of RFC 9807 (spec section 6.4): the tags that bind a login to its TLS channel and to the
// frames around it, and those frames. Written from the specification alone, without src.

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, integer, prefixed, type Bytes } from "./encoding.ts";
import { expand } from "./suite.ts";

export function frame(type: number, ...fields: Bytes[]): Bytes {
  const body = concat(...fields);
  return concat(integer(body.length + 1, 4), integer(type, 1), body);
}

export function short(text: string): Bytes {
  return concat(integer(text.length, 1), ascii(text));
}

export interface Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export function encodeParameters({ memoryKib, passes, lanes }: Parameters): Bytes {
  return concat(integer(memoryKib, 4), integer(passes, 2), integer(lanes, 1));
}

export const hello = (): Bytes =>
  frame(0x01, ascii("TalkByte"), integer(1, 1), integer(1, 1), short("example/1"));

export function welcome(parameters: Parameters): Bytes {
  const offer = concat(short("OPAQUE"), prefixed(encodeParameters(parameters)));
  const limits = concat(integer(1_048_581, 4), integer(256, 2), integer(300_000, 4));
  return frame(0x02, integer(1, 1), short("example/1"), limits, integer(1, 1), offer);
}

export const auth = (username: string, ke1: Bytes): Bytes =>
  frame(0x03, short("OPAQUE"), short(username), prefixed(ke1));
export const challenge = (ke2: Bytes): Bytes => frame(0x04, prefixed(ke2));
export const response = (data: Bytes): Bytes => frame(0x05, prefixed(data));
export const authenticated = (sessionId: Bytes, serverTag: Bytes): Bytes =>
  frame(0x06, sessionId, prefixed(serverTag));

/** `th`: of HELLO, WELCOME, AUTH and CHALLENGE. */
export function transcriptHash(...frames: [Bytes, Bytes, Bytes, Bytes]): Bytes {
  return sha256(concat(...frames));
}

export interface BindingKeys {
  readonly clientKey: Bytes;
  readonly serverKey: Bytes;
}

export function bindingKeys(sessionKey: Bytes): BindingKeys {
  return {
    clientKey: expand(sessionKey, ascii("TalkByte/1 OPAQUE C"), 32),
    serverKey: expand(sessionKey, ascii("TalkByte/1 OPAQUE S"), 32),
  };
}

export function clientTag({ clientKey }: BindingKeys, channelBinding: Bytes, th: Bytes, ke3: Bytes): Bytes {
  return hmac(sha256, clientKey, concat(channelBinding, th, sha256(ke3)));
}

export function serverTag(
  { serverKey }: BindingKeys,
  channelBinding: Bytes,
  th: Bytes,
  responseFrame: Bytes,
  sessionId: Bytes,
): Bytes {
  return hmac(sha256, serverKey, concat(channelBinding, th, sha256(responseFrame), sha256(sessionId)));
}
