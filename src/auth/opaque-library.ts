// The OPAQUE library: RFC 9807 with ristretto255-SHA512 and 3DH, compiled to WebAssembly. It is loaded on first
// use, for it takes 20 ms and most commands have no use for it. It speaks base64url and doesn't judge lengths:
// messages are measured before they get here (spec section 6.4).

import type { HashParameters } from "../credentials/phc.ts";

export type OpaqueLibrary = typeof import("@serenity-kit/opaque");

export async function loadOpaque(): Promise<OpaqueLibrary> {
  const library = await import("@serenity-kit/opaque");
  await library.ready;
  return library;
}

export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
}

export function toBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64url"));
}

/** The library's name for argon2id with these parameters. */
export function keyStretching({ memoryKib, passes, lanes }: HashParameters) {
  return { "argon2id-custom": { memory: memoryKib, iterations: passes, parallelism: lanes } };
}
