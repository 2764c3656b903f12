// Whether a client has verified the server by the end of the handshake (spec section 11.2). A pin and a named authority
// judge for themselves; of other servers it depends on the user who logs in, and one that nobody vouches for is a
// stranger, who is sent no password.

import type { TLSSocket } from "node:tls";
import { TalkByteError } from "../protocol/error.ts";
import { fingerprintOf } from "./identity.ts";
import { findFor, type KnownServer, type KnownServers, type LearntServer } from "./known-servers.ts";

export interface TrustOptions {
  /** Pins the server's key: 64 hexadecimal digits. Nothing else is then judged. */
  readonly fingerprint?: string;
  /** PEM certificates of authorities to trust instead of the system's. */
  readonly ca?: string;
  readonly knownServers?: KnownServers;
  /**
   * Accept a server that nobody vouches for and of which no other key is remembered, and remember its key in
   * `knownServers`; without that, whatever it shows.
   */
  readonly trustNewServer?: boolean;
}

/** How the server was verified; `opaque`: by the user's own login. */
export type Voucher = "fingerprint" | "authority" | "known-server" | "new-server" | "opaque";

/** Why a server is not trusted. */
export type Distrust =
  | "wrong-fingerprint"
  | "unknown-authority"
  /** It is a stranger, and can't be logged in to by OPAQUE. */
  | "unknown-server"
  | "changed-key"
  /** It let the user in, and could not prove that it holds a record of their password (TB-OPAQUE-15). */
  | "wrong-proof";

/** What a stranger said of OPAQUE that left no way to log in. */
export type MissingOffer = "not-offered" | "out-of-bounds";

/** What a refusal can say for a person to act on. */
export class NotTrustedError extends TalkByteError {
  /** The fingerprint that the server showed. */
  readonly fingerprint: string;
  readonly reason: Distrust;
  /** The line of the known servers file that disagrees, as `path:line`. */
  readonly place: string | undefined;
  /** The fingerprint that was pinned or is remembered. */
  readonly expected: string | undefined;
  readonly opaque: MissingOffer | undefined;

  constructor(
    reason: Distrust,
    fingerprint: string,
    message: string,
    details: { place?: string; expected?: string; opaque?: MissingOffer } = {},
  ) {
    super("not-trusted", "peer", message);
    this.reason = reason;
    this.fingerprint = fingerprint;
    this.place = details.place;
    this.expected = details.expected;
    this.opaque = details.opaque;
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

/** Why a server is a stranger to a user. */
export interface Stranger {
  readonly reason: "unknown-server" | "changed-key";
  readonly message: string;
  /** What is remembered instead. */
  readonly known?: KnownServer;
}

/** What a client knows of a server by the end of the handshake. */
export class Standing {
  /** Of the key that the server showed. */
  readonly fingerprint: string;
  /** For whom it does not depend on who logs in. */
  readonly #certain: Voucher | undefined;
  readonly #known: readonly KnownServer[];
  readonly #authorized: boolean;
  readonly #unknown: string;
  readonly #learn: Learn | undefined;

  constructor(
    fingerprint: string,
    evidence: {
      readonly certain?: Voucher;
      readonly known?: readonly KnownServer[];
      readonly authorized?: boolean;
      /** How to say that nobody vouches for it. */
      readonly unknown?: string;
      readonly learn?: Learn | undefined;
    },
  ) {
    this.fingerprint = fingerprint;
    this.#certain = evidence.certain;
    this.#known = evidence.known ?? [];
    this.#authorized = evidence.authorized ?? false;
    this.#learn = evidence.learn;
    this.#unknown = evidence.unknown ?? "nobody vouches for the server";
  }

  /** Who vouches for the server to this user, or to anyone. */
  voucherFor(username?: string): Voucher | undefined {
    if (this.#certain !== undefined) return this.#certain;
    const known = findFor(username, this.#known);
    if (known !== undefined) return known.fingerprint === this.fingerprint ? "known-server" : undefined;
    return this.#authorized ? "authority" : undefined;
  }

  /** Why nobody does. */
  strangerTo(username: string): Stranger {
    // A key that another user's login has verified says nothing for this one, but a change is worth a warning.
    const others = this.#known.filter(({ fingerprint }) => fingerprint !== this.fingerprint);
    const known = findFor(username, others) ?? others[0];
    if (known === undefined) return { reason: "unknown-server", message: this.#unknown };
    const message = `the server's key is not the one remembered in ${known.place}`;
    return { reason: "changed-key", message, known };
  }

  /** The user has verified the server by OPAQUE. @throws KnownServersError when the file can't be written */
  async learn(username: string): Promise<LearntServer | undefined> {
    return await this.#learn?.(username);
  }
}

type Learn = (username: string) => Promise<LearntServer>;

/** @throws NotTrustedError when the pin or the authority that the user named does not vouch for the server */
export async function verifyServer(
  socket: TLSSocket,
  host: string,
  port: number,
  trust: TrustOptions,
): Promise<Standing> {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined)
    throw new TalkByteError("tls-failed", "peer", "the server showed no certificate");
  const shown = fingerprintOf(certificate.publicKey);
  const { authorized, authorizationError } = socket;
  if (trust.fingerprint !== undefined) return checkPin(trust.fingerprint, shown);
  if (trust.ca !== undefined) {
    if (authorized && trust.ca.includes("-----BEGIN")) return new Standing(shown, { certain: "authority" });
    const message = `the given authority does not vouch for ${host}: ${String(authorizationError)}`;
    throw new NotTrustedError("unknown-authority", shown, message);
  }
  const { knownServers, trustNewServer = false } = trust;
  const known = (await knownServers?.list(host, port)) ?? [];
  const unknown = `nobody vouches for ${host}:${port}: ${String(authorizationError)}`;
  const isNew = known.every(({ fingerprint, username }) => username !== undefined && fingerprint === shown);
  const learn =
    knownServers && (async (username: string) => await knownServers.learn(host, port, shown, username));
  if (!trustNewServer || !isNew || authorized)
    return new Standing(shown, { known, authorized, unknown, learn });
  const remembered = await knownServers?.remember(host, port, shown);
  if (remembered === undefined || remembered.fingerprint === shown)
    return new Standing(shown, { certain: "new-server" });
  return new Standing(shown, { known: [...known, remembered], unknown, learn });
}

function checkPin(pin: string, shown: string): Standing {
  const expected = normalizeFingerprint(pin);
  if (expected === shown) return new Standing(shown, { certain: "fingerprint" });
  const message = "the server's key is not the one that was pinned";
  throw new NotTrustedError("wrong-fingerprint", shown, message, { expected: expected ?? pin });
}
