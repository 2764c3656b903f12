// Whether a client has verified the server by the end of the handshake (spec section 11.2). Nothing that
// authenticates the user is sent before this has said yes.

import type { TLSSocket } from "node:tls";
import { TalkByteError } from "../protocol/error.ts";
import { fingerprintOf } from "./identity.ts";
import type { KnownServer, KnownServers } from "./known-servers.ts";

export interface TrustOptions {
  /** Pins the server's key: 64 hexadecimal digits. Nothing else is then judged. */
  readonly fingerprint?: string;
  /** PEM certificates of authorities to trust instead of the system's. */
  readonly ca?: string;
  readonly knownServers?: KnownServers;
  /** Accept a server that nobody vouches for, and remember its key in `knownServers`; without that, whatever it shows. */
  readonly trustNewServer?: boolean;
}

/** How the server was verified. */
export type Voucher = "fingerprint" | "authority" | "known-server" | "new-server";

/**
 * What a refusal can say for a person to act on.
 */
export class NotTrustedError extends TalkByteError {
  /** The fingerprint that the server showed. */
  readonly fingerprint: string;
  readonly reason: "wrong-fingerprint" | "changed-key" | "unknown-authority" | "unknown-server";
  /** The line of the known servers file that disagrees, as `path:line`. */
  readonly place: string | undefined;
  /** The fingerprint that was pinned or is remembered. */
  readonly expected: string | undefined;

  constructor(
    reason: NotTrustedError["reason"],
    fingerprint: string,
    message: string,
    { place, expected }: { place?: string; expected?: string } = {},
  ) {
    super("not-trusted", "peer", message);
    this.reason = reason;
    this.fingerprint = fingerprint;
    this.place = place;
    this.expected = expected;
  }
}

/** A fingerprint as users write it: colons and upper case are forgiven. */
export function normalizeFingerprint(text: string): string | undefined {
  const digits = text
    .replace(/^sha256:/i, "")
    .replace(/:/g, "")
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
}

/** @throws NotTrustedError when nobody vouches for the server */
export async function verifyServer(
  socket: TLSSocket,
  host: string,
  port: number,
  trust: TrustOptions,
): Promise<Voucher> {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined)
    throw new TalkByteError("tls-failed", "peer", "the server showed no certificate");
  const shown = fingerprintOf(certificate.publicKey);
  if (trust.fingerprint !== undefined) {
    const expected = normalizeFingerprint(trust.fingerprint);
    if (expected === shown) return "fingerprint";
    const message = "the server's key is not the one that was pinned";
    throw new NotTrustedError("wrong-fingerprint", shown, message, {
      expected: expected ?? trust.fingerprint,
    });
  }
  if (trust.ca !== undefined) {
    if (socket.authorized && trust.ca.includes("-----BEGIN")) return "authority";
    throw new NotTrustedError(
      "unknown-authority",
      shown,
      `the given authority does not vouch for ${host}: ${String(socket.authorizationError)}`,
    );
  }
  const known = await trust.knownServers?.find(host, port);
  if (known !== undefined) return checkKnown(known, shown, "known-server");
  if (socket.authorized) return "authority";
  if (trust.trustNewServer !== true) {
    throw new NotTrustedError(
      "unknown-server",
      shown,
      `nobody vouches for ${host}:${port}: ${String(socket.authorizationError)}`,
    );
  }
  const remembered = await trust.knownServers?.remember(host, port, shown);
  return remembered === undefined ? "new-server" : checkKnown(remembered, shown, "new-server");
}

function checkKnown({ fingerprint, place }: KnownServer, shown: string, voucher: Voucher): Voucher {
  if (fingerprint === shown) return voucher;
  const message = `the server's key is not the one remembered in ${place}`;
  throw new NotTrustedError("changed-key", shown, message, { place, expected: fingerprint });
}
