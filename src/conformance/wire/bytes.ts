// Hex, UTF-8 and big-endian integers, for the suite alone.

export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, "");
  if (!isHex(digits)) throw new TypeError(`not hexadecimal, or an odd number of digits: "${hex}"`);
  return new Uint8Array(Buffer.from(digits, "hex"));
}

export function isHex(text: string): boolean {
  const digits = text.replaceAll(/\s/g, "");
  return digits.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(digits);
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

// The same bytes, but for the lowest bit of the one at this offset.
export function flipBit(bytes: Uint8Array, offset: number): Uint8Array {
  const byte = bytes[offset];
  if (byte === undefined) throw new RangeError(`${bytes.length} bytes have none at offset ${offset}`);
  return bytes.with(offset, byte ^ 1);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function writeInteger(value: bigint | number, width: number): Uint8Array {
  let rest = BigInt(value);
  if (rest < 0n || rest >= 1n << BigInt(width * 8))
    throw new RangeError(`${value} does not fit an integer of ${width} bytes`);
  const bytes = new Uint8Array(width);
  for (let index = width - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function readInteger(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

export function repeatBytes(unit: Uint8Array, times: number): Uint8Array {
  const whole = new Uint8Array(unit.length * times);
  if (unit.length === 1) return whole.fill(unit[0] ?? 0);
  for (let index = 0; index < times; index++) whole.set(unit, index * unit.length);
  return whole;
}
