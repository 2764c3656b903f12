// A vector of RFC 9807: values by name, in hexadecimal.

import { equal } from "node:assert/strict";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { Bytes } from "./encoding.ts";
import type { Identities } from "./envelope.ts";

/** Reads values by name, and keeps count: none may be left over at the end. */
export class VectorReader {
  readonly #vector: Readonly<Record<string, string>>;
  readonly #unread: Set<string>;

  constructor(vector: Readonly<Record<string, string>>) {
    this.#vector = vector;
    this.#unread = new Set(Object.keys(vector));
  }

  get unread(): readonly string[] {
    return [...this.#unread];
  }

  get(name: string): Bytes {
    this.#unread.delete(name);
    return hexToBytes(this.#vector[name]!);
  }

  get identities(): Identities {
    if (this.#vector["client_identity"] === undefined) return {};
    return { client: this.get("client_identity"), server: this.get("server_identity") };
  }

  expectAll(values: Readonly<Record<string, Bytes>>): void {
    for (const [name, value] of Object.entries(values)) {
      equal(bytesToHex(value), bytesToHex(this.get(name)), name);
    }
  }
}
