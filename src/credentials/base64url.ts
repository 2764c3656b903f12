// Bytes in JSON files: base64url without padding, one spelling for each string of bytes.

export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/** Undefined unless the text is the one spelling of so many bytes. */
export function parseBase64url(text: string, length: number): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length !== length || bytes.toString("base64url") !== text) return undefined;
  return new Uint8Array(bytes);
}
