// The exporter value of a TLS connection (RFC 9266, `tls-exporter`), which only its two ends can compute: what a login
// is bound to, so that it can't be passed on through another connection.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { CHANNEL_BINDING_BYTES } from "../auth/opaque-binding.ts";

/** @throws TypeError without TLS */
export function exportChannelBinding(socket: Socket): Uint8Array {
  if (!(socket instanceof TLSSocket)) throw new TypeError("there is no TLS channel to bind to");
  return socket.exportKeyingMaterial(CHANNEL_BINDING_BYTES, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}
