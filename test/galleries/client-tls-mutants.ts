// Clients that bind the protocol to TLS wrongly, or take a server for verified that is not (spec section 11).

import { mutant, patch, type Mutant } from "./mutant.ts";

const VERSION = 'minVersion: "TLSv1.3",';
const PROTOCOLS = "ALPNProtocols: [ALPN],";
const CHECK_ALPN = "if (socket.alpnProtocol !== ALPN)";
const ACCEPT_PIN = "if (expected === shown) return new Standing";
const CHECK_PIN = "if (trust.fingerprint !== undefined) return checkPin(";

export const clientTlsMutants: readonly Mutant[] = [
  mutant(
    "tls-1-2-offered",
    "TB-TLS-2",
    "offers TLS 1.2 too",
    patch("connect-socket", VERSION, 'minVersion: "TLSv1.2",'),
  ),
  mutant(
    "tls-1-2-offered-then-closed",
    "TB-TLS-2",
    "offers TLS 1.2 too, and closes the connection when it gets it",
    patch("connect-socket", VERSION, 'minVersion: "TLSv1.2",'),
    patch(
      "connect-socket",
      CHECK_ALPN,
      'if (socket.alpnProtocol !== ALPN || socket.getProtocol() !== "TLSv1.3")',
    ),
  ),
  mutant(
    "alpn-not-offered",
    "TB-TLS-3",
    "offers no ALPN protocol, and wants it selected",
    patch("connect-socket", PROTOCOLS, ""),
  ),
  mutant(
    "alpn-not-offered-nor-wanted",
    "TB-TLS-3",
    "offers no ALPN protocol, and goes on without",
    patch("connect-socket", PROTOCOLS, ""),
    patch("connect-socket", CHECK_ALPN, "if (socket.destroyed)"),
  ),
  mutant(
    "alpn-in-capitals",
    "TB-TLS-3",
    "offers TALKBYTE/1",
    patch("connect-socket", PROTOCOLS, "ALPNProtocols: [ALPN.toUpperCase()],"),
    patch("connect-socket", CHECK_ALPN, "if (socket.destroyed)"),
  ),
  mutant(
    "alpn-not-wanted",
    "TB-TLS-4",
    "goes on when the handshake has selected no ALPN protocol",
    patch("connect-socket", CHECK_ALPN, "if (socket.destroyed)"),
  ),
  mutant(
    "alpn-missed-behind-hello",
    "TB-TLS-4",
    "finds out behind its first bytes that no ALPN protocol was selected",
    patch(
      "connect-socket",
      CHECK_ALPN,
      "if (socket.alpnProtocol !== ALPN) socket.write(ALPN);\n    if (socket.alpnProtocol !== ALPN)",
    ),
  ),
  mutant(
    "pin-ignored",
    "TB-TLS-9",
    "takes any key where its user has pinned one",
    patch("trust", ACCEPT_PIN, "if (expected !== undefined) return new Standing"),
  ),
  mutant(
    "pin-judged-behind-auth",
    "TB-TLS-9",
    "sends its first bytes before it judges the key",
    patch(
      "trust",
      CHECK_PIN,
      `if (trust.fingerprint !== undefined) socket.write(new Uint8Array(4));\n  ${CHECK_PIN}`,
    ),
  ),
];
