// Who listens on a port that is taken: another TalkByte server shows itself by ALPN in a TLS handshake.

import { connect } from "node:tls";

import { fingerprintOf } from "../net/identity.ts";
import { ALPN } from "../protocol/wire.ts";

const PROBE_MS = 1000;

/** A phrase such as "another TalkByte server (fingerprint …)". */
export async function describePortOwner(host: string, port: number): Promise<string> {
  const socket = connect({
    host,
    port,
    ALPNProtocols: [ALPN],
    minVersion: "TLSv1.3",
    rejectUnauthorized: false,
  });
  try {
    return await new Promise<string>((resolve) => {
      socket.once("secureConnect", () => {
        const key = socket.getPeerX509Certificate()?.publicKey;
        const isTalkByte = socket.alpnProtocol === ALPN && key !== undefined;
        resolve(
          isTalkByte ? `another TalkByte server (fingerprint ${fingerprintOf(key)})` : "another program",
        );
      });
      socket.once("error", () => resolve("another program"));
      socket.setTimeout(PROBE_MS, () => resolve("a program that does not answer"));
    });
  } finally {
    socket.destroy();
  }
}
