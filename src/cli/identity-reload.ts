// A running server's next TLS identity: connections from now on get it, those that are open keep theirs.

import { IdentityError, type Identity } from "../net/identity.ts";
import type { Server } from "../net/server.ts";
import type { Log } from "../net/server-context.ts";
import type { Reloadable } from "./server-reload.ts";

/** Where an identity comes from. */
export interface IdentityFiles {
  readonly paths: readonly string[];
  /** @throws IdentityError naming the file */
  read(): Promise<Identity>;
}

export class IdentityReload implements Reloadable {
  readonly #server: Server;
  readonly #log: Log;
  readonly #files: IdentityFiles;
  #identity: Identity;

  constructor(server: Server, log: Log, files: IdentityFiles, identity: Identity) {
    this.#server = server;
    this.#log = log;
    this.#files = files;
    this.#identity = identity;
  }

  get paths(): readonly string[] {
    return this.#files.paths;
  }

  async reload(): Promise<void> {
    try {
      const identity = await this.#files.read();
      const before = this.#identity;
      if (identity.key === before.key && identity.cert === before.cert) return;
      this.#server.setIdentity(identity);
      this.#identity = identity;
      this.#logIdentity(identity.fingerprint, before.fingerprint === identity.fingerprint);
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
