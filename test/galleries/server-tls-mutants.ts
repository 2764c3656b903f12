// Servers that bind the protocol to TLS wrongly, or wait too long for a handshake (spec sections 8.2 and 11.1).

import { mutant, patch, shownUnderStrict, type Mutant } from "./mutant.ts";

const VERSION = 'minVersion: "TLSv1.3",';
const PROTOCOLS = "ALPNProtocols: [ALPN],";
const TLS_DEADLINE = "handshakeTimeout: this.#context.limits.tlsMs,";
const WITH_ALPN = "if (socket.alpnProtocol === ALPN) this.#open(socket);";
const WITHOUT_ALPN = "else this.#refuseAlpn(socket);";
const ON_CONNECTION = 'listener.on("connection", (socket: Socket) => this.#enter(socket));\n    // Without';
const TICKETS = "secureOptions: constants.SSL_OP_NO_TICKET }";

export const serverTlsMutants: readonly Mutant[] = [
  mutant(
    "tls-1-2-accepted",
    "TB-TLS-1",
    "accepts TLS 1.2 too",
    patch("server", VERSION, 'minVersion: "TLSv1.2",'),
  ),
  mutant(
    "tls-1-2-accepted-then-closed",
    "TB-TLS-1",
    "completes a handshake of TLS 1.2, and ends its stream then",
    patch("server", VERSION, 'minVersion: "TLSv1.2",'),
    patch(
      "server",
      WITH_ALPN,
      `if (socket.getProtocol() !== "TLSv1.3") socket.end();\n      else ${WITH_ALPN}`,
    ),
  ),
  mutant(
    "alpn-not-required",
    "TB-TLS-6",
    "goes on when the handshake settled no ALPN protocol",
    patch("server", WITHOUT_ALPN, "else this.#open(socket);"),
  ),
  mutant(
    "alpn-required-of-hello",
    "TB-TLS-6",
    "sends ERROR alpn-required only when HELLO has come",
    patch("server", WITHOUT_ALPN, 'else socket.once("data", () => this.#refuseAlpn(socket));'),
  ),
  mutant(
    "alpn-required-malformed",
    "TB-TLS-6",
    "answers a handshake without ALPN with ERROR malformed",
    patch("server", 'abort("alpn-required", "peer"', 'abort("malformed", "peer"'),
  ),
  shownUnderStrict(
    mutant(
      "alpn-required-silent",
      "TB-TLS-6",
      "drops a connection without ALPN, and says nothing",
      patch("server", WITHOUT_ALPN, "else socket.destroy();"),
    ),
  ),
  mutant(
    "alpn-other-taken",
    "TB-TLS-5",
    "speaks to a client that offers http/1.1 alone",
    patch("server", PROTOCOLS, 'ALPNProtocols: [ALPN, "http/1.1"],'),
    patch("server", WITHOUT_ALPN, "else this.#open(socket);"),
  ),
  shownUnderStrict(
    mutant(
      "alpn-other-answered-by-error",
      "TB-TLS-5",
      "completes a handshake that offers http/1.1 alone, for an ERROR alpn-required in place of the alert",
      patch("server", PROTOCOLS, 'ALPNProtocols: [ALPN, "http/1.1"],'),
    ),
  ),
  mutant(
    "sessions-resumed",
    "TB-TLS-7",
    "gives tickets, and resumes TLS sessions by them",
    patch("server", TICKETS, "secureOptions: constants.SSL_OP_ALL }"),
  ),
  mutant(
    "tls-deadline-forgotten",
    "TB-TIME-1",
    "waits for a handshake for as long as it takes",
    patch("server", TLS_DEADLINE, "handshakeTimeout: 86_400_000,"),
  ),
  mutant(
    "tls-deadline-too-late",
    "TB-TIME-1",
    "waits twice the tls deadline",
    patch("server", TLS_DEADLINE, TLS_DEADLINE.replace(",", " * 2,")),
  ),
  mutant(
    "tls-deadline-too-early",
    "TB-TIME-1",
    "waits half of the tls deadline",
    patch("server", TLS_DEADLINE, TLS_DEADLINE.replace(",", " / 2,")),
  ),
  mutant(
    "tls-deadline-over-once-begun",
    "TB-TIME-1",
    "keeps the tls deadline only until the first byte of a handshake",
    patch("server", TLS_DEADLINE, "handshakeTimeout: 86_400_000,"),
    patch(
      "server",
      ON_CONNECTION,
      ON_CONNECTION.replace(
        "this.#enter(socket));",
        "{\n      this.#enter(socket);\n      setTimeout(() => socket.bytesRead === 0 && socket.destroy(), this.#context.limits.tlsMs);\n    });",
      ),
    ),
  ),
];
