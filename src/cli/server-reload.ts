// What a running server takes up anew: its users and its TLS identity, when their files change, and by hand at SIGHUP.
// What can't be used is said, and what was there before stays. A terminal that is closed sends SIGHUP too: then the
// server stops.

import { closeSync, openSync } from "node:fs";

import { FileWatch } from "../credentials/file-watch.ts";
import { IdentityError, type Identity } from "../net/identity.ts";
import type { Server } from "../net/server.ts";
import type { Log } from "../net/server-context.ts";

/** Where an identity comes from. */
export interface IdentityFiles {
  readonly paths: readonly string[];
  /** @throws IdentityError naming the file */
  read(): Promise<Identity>;
}

export class ServerReload {
  readonly #server: Server;
  readonly #log: Log;
  readonly #files: IdentityFiles | undefined;
  readonly #watch: FileWatch | undefined;
  readonly #hangup = (): void => {
    if (terminalIsGone()) process.kill(process.pid, "SIGTERM");
    else void this.#byHand();
  };
  #identity: Identity | undefined;

  /** `files` and `identity` are undefined in plaintext. */
  constructor(server: Server, log: Log, files: IdentityFiles | undefined, identity: Identity | undefined) {
    this.#server = server;
    this.#log = log;
    this.#files = files;
    this.#identity = identity;
    if (files !== undefined) this.#watch = new FileWatch(files.paths, () => this.#reloadIdentity(files));
    process.on("SIGHUP", this.#hangup);
  }

  async close(): Promise<void> {
    process.off("SIGHUP", this.#hangup);
    await this.#watch?.close();
  }

  async #byHand(): Promise<void> {
    this.#log.info({ event: "reload" }, "SIGHUP: reading users and identity anew");
    await this.#server.reload();
    if (this.#files !== undefined) await this.#reloadIdentity(this.#files);
  }

  async #reloadIdentity(files: IdentityFiles): Promise<void> {
    try {
      const identity = await files.read();
      const before = this.#identity;
      if (identity.key === before?.key && identity.cert === before.cert) return;
      this.#server.setIdentity(identity);
      this.#identity = identity;
      this.#logIdentity(identity.fingerprint, before?.fingerprint === identity.fingerprint);
    } catch (error) {
      if (!(error instanceof IdentityError)) throw error;
      this.#log.error(
        { event: "identity-kept", reason: error.message },
        "the TLS identity can't be used; the one of before stays",
      );
    }
  }

  #logIdentity(fingerprint: string, sameKey: boolean): void {
    const fields = { event: "identity-reloaded", fingerprint };
    if (sameKey) this.#log.info(fields, "a new certificate for the same key");
    else this.#log.warn(fields, "a new key: clients that remember the old one will refuse it");
  }
}

/** A process that was started on a terminal can open it for as long as it is there. */
function terminalIsGone(): boolean {
  if (!process.stdin.isTTY) return false;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch {
    return true;
  }
}
