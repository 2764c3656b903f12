// The key schedule of 3DH, RFC 9807, section 6.4.2: three shared secrets and the transcript become two keys for the
// tags of server and client, and the session key.

import { ascii, concat, integer, prefixed, type Bytes } from "./encoding.ts";
import { expand, extract, hash, SECRET_BYTES } from "./suite.ts";

export interface Preamble {
  readonly context: Bytes;
  readonly clientIdentity: Bytes;
  readonly serverIdentity: Bytes;
  readonly ke1: Bytes;
  /** KE2 but for the server's tag. */
  readonly ke2Untagged: Bytes;
}

export interface Keys {
  readonly handshakeSecret: Bytes;
  readonly serverMacKey: Bytes;
  readonly clientMacKey: Bytes;
  readonly sessionKey: Bytes;
}

export function encodePreamble({
  context,
  clientIdentity,
  serverIdentity,
  ke1,
  ke2Untagged,
}: Preamble): Bytes {
  return concat(
    ascii("OPAQUEv1-"),
    prefixed(context),
    prefixed(clientIdentity),
    ke1,
    prefixed(serverIdentity),
    ke2Untagged,
  );
}

export function deriveKeys(sharedSecrets: readonly Bytes[], preamble: Bytes): Keys {
  const key = extract(concat(...sharedSecrets));
  const transcript = hash(preamble);
  const handshakeSecret = deriveSecret(key, "HandshakeSecret", transcript);
  return {
    handshakeSecret,
    serverMacKey: deriveSecret(handshakeSecret, "ServerMAC", ascii("")),
    clientMacKey: deriveSecret(handshakeSecret, "ClientMAC", ascii("")),
    sessionKey: deriveSecret(key, "SessionKey", transcript),
  };
}

/** The labels are those of TLS 1.3, with another name in front. */
function deriveSecret(secret: Bytes, label: string, context: Bytes): Bytes {
  const fullLabel = ascii(`OPAQUE-${label}`);
  const info = concat(
    integer(SECRET_BYTES, 2),
    integer(fullLabel.length, 1),
    fullLabel,
    integer(context.length, 1),
    context,
  );
  return expand(secret, info, SECRET_BYTES);
}
