// Connections as a peer that keeps to the specification would not make them, or that show what TLS settled
// (spec/exchanges.md, section 1). A handshake that fails shows as a link that is dropped at once: that is what the other
// side did.

import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import net from "node:net";
import tls from "node:tls";
import type { Connection } from "../exchange/exchange.ts";
import { wireTable } from "../wire/wire-table.ts";
import type { Link } from "./link.ts";
import { StepFailed } from "./result.ts";
import { connectLink, droppedLink, faultyLink, socketLink, type Address } from "./socket-link.ts";

const timeoutMs = 5000;
// How long a server may take to send a session ticket.
const ticketMs = 500;

export async function connectUnusually(
  address: Address,
  connection: Connection,
  options: tls.ConnectionOptions,
): Promise<Link> {
  const attempt = (variant: tls.ConnectionOptions): Promise<Link> =>
    connectLink(address, { tls: { ...options, ...variant }, timeoutMs });
  switch (connection) {
    case "tls":
      return checkAlpn(await connectSecurely(address, options));
    case "tls-1.2":
      return await faultyIfAccepted(attempt({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }));
    case "no-alpn":
      return await droppedIfRefused(attempt({ ALPNProtocols: [] }));
    case "other-alpn":
      return await droppedIfRefused(attempt({ ALPNProtocols: ["http/1.1"] }));
    case "no-handshake":
      return await connectLink(address, { timeoutMs });
    case "resumption":
      return await connectAgain(address, options);
    case "other-key":
    case "stranger":
      throw new StepFailed("unsupported", "the client alone judges keys");
    case "plaintext":
      throw new StepFailed("unsupported", "the server under test speaks TLS");
  }
}

// A peer that refuses a handshake sends an alert and closes; one that's not there does neither.
async function droppedIfRefused(link: Promise<Link>): Promise<Link> {
  try {
    return await link;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code.startsWith("ERR_SSL") || code === "ECONNRESET" || code === "EPROTO") return droppedLink();
    throw error;
  }
}

// A server must not complete this handshake, whatever it does then.
async function faultyIfAccepted(attempt: Promise<Link>): Promise<Link> {
  let accepted = true;
  const link = await droppedIfRefused(
    attempt.catch((error: unknown) => {
      accepted = false;
      throw error;
    }),
  );
  if (!accepted) return link;
  await link.close();
  return faultyLink("the server completed a handshake of TLS 1.2");
}

interface SecureSocket {
  readonly secure: tls.TLSSocket;
  // What a reset needs.
  readonly raw: net.Socket;
}

async function connectSecurely(
  address: Address,
  options: tls.ConnectionOptions,
  onTicket: (ticket: Buffer) => void = () => undefined,
): Promise<SecureSocket> {
  const signal = AbortSignal.timeout(timeoutMs);
  const raw = net.connect({ ...address, allowHalfOpen: true });
  await once(raw, "connect", { signal });
  const secure = tls.connect({
    minVersion: "TLSv1.3",
    ALPNProtocols: [wireTable().alpn],
    ...options,
    ...address,
    socket: raw,
  });
  secure.allowHalfOpen = true;
  // That it was lost is noticed by whoever waits for something.
  secure.on("error", () => undefined);
  secure.on("session", onTicket);
  try {
    await once(secure, "secureConnect", { signal });
  } catch (error) {
    raw.destroy();
    throw error;
  }
  return { secure, raw };
}

function checkAlpn({ secure, raw }: SecureSocket): Link {
  if (secure.alpnProtocol === wireTable().alpn) return socketLink(secure, raw);
  secure.destroy();
  return faultyLink(`the handshake selected the ALPN protocol ${secure.alpnProtocol || "none"}`);
}

// Connects, takes whatever ticket comes, and connects again with it.
async function connectAgain(address: Address, options: tls.ConnectionOptions): Promise<Link> {
  // Listened for from the start: it may come with the end of the handshake.
  const { promise: coming, resolve } = Promise.withResolvers<Buffer>();
  const first = await connectSecurely(address, options, resolve);
  const ticket = await Promise.race([coming, delay(ticketMs, undefined, { ref: false })]);
  first.secure.destroy();
  const session = ticket === undefined ? {} : { session: ticket };
  const { secure, raw } = await connectSecurely(address, { ...options, ...session });
  if (!secure.isSessionReused()) return socketLink(secure, raw);
  secure.destroy();
  return faultyLink("the server resumed a TLS session");
}
