// A running server's next OPAQUE setup, after `talkbyte-users rotate-opaque`, or its first, where it had none to begin with.
// Connections from now on get it; those that are open finish their login with the one that their WELCOME was made with.

import { CredentialError } from "../credentials/error.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import { readOpaqueSetup } from "../credentials/opaque-setup-file.ts";
import type { Server } from "../net/server.ts";
import type { Log } from "../net/server-context.ts";
import { listUsers, strandedUsers, type CredentialFiles } from "./opaque-setup.ts";
import { logStranded } from "./server-opaque.ts";
import type { Reloadable } from "./server-reload.ts";

export class OpaqueReload implements Reloadable {
  readonly paths: readonly string[];
  readonly #server: Server;
  readonly #log: Log;
  readonly #files: CredentialFiles;
  #setup: OpaqueSetup | undefined;

  /** `setup` is undefined where there was none to begin with. */
  constructor(server: Server, log: Log, files: CredentialFiles, setup: OpaqueSetup | undefined) {
    this.paths = [files.setup];
    this.#server = server;
    this.#log = log;
    this.#files = files;
    this.#setup = setup;
  }

  async reload(): Promise<void> {
    try {
      const setup = await readOpaqueSetup(this.#files.setup);
      if (setup.id === this.#setup?.id) return;
      await this.#server.setOpaqueSetup(setup);
      this.#setup = setup;
      this.#log.info(
        { event: "opaque-setup-reloaded", setup: setup.id },
        "a new OPAQUE setup, for connections from now on",
      );
      await this.#logStranded(setup);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      if (this.#setup === undefined && error.code === "opaque-setup-missing") return; // as it was
      this.#logKept(error);
    }
  }

  #logKept({ code, message: reason }: CredentialError): void {
    this.#log.error(
      { event: "opaque-setup-kept", code, reason },
      this.#setup === undefined
        ? "the OPAQUE setup can't be used; OPAQUE is still not offered"
        : "the OPAQUE setup can't be used; the one of before stays",
    );
  }

  async #logStranded(setup: OpaqueSetup): Promise<void> {
    try {
      logStranded({ setup, stranded: strandedUsers(await listUsers(this.#files.users), setup) }, this.#log);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error; // what is wrong with the users is said elsewhere
    }
  }
}
