// The key stretching of spec section 6.4: argon2id with a salt of 16 zero bytes and 64 bytes out.

import { argon2id, hash } from "argon2";
import type { Parameters } from "./binding.ts";
import type { Bytes } from "./encoding.ts";
import { HASH_BYTES, type Stretch } from "./suite.ts";

export function stretchWith({ memoryKib, passes, lanes }: Parameters): Stretch {
  return async (input: Bytes) =>
    await hash(Buffer.from(input), {
      raw: true,
      type: argon2id,
      version: 0x13,
      memoryCost: memoryKib,
      timeCost: passes,
      parallelism: lanes,
      salt: Buffer.alloc(16),
      hashLength: HASH_BYTES,
    });
}
