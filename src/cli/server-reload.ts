// What a running server takes up anew: its users, its TLS identity and its OPAQUE setup, when their files change, and by
// hand at SIGHUP. What can't be used is said, and what was there before stays. A terminal that is closed sends SIGHUP too:
// then the server stops.

import { closeSync, openSync } from "node:fs";

import { FileWatch } from "../credentials/file-watch.ts";
import type { Server } from "../net/server.ts";
import type { Log } from "../net/server-context.ts";

/** Something that a server was given from files, and is given anew. */
export interface Reloadable {
  readonly paths: readonly string[];
  /** Logs what it took up, or why what was there before stays. */
  reload(): Promise<void>;
}

export class ServerReload {
  readonly #server: Server;
  readonly #log: Log;
  readonly #watches: readonly FileWatch[];
  readonly #hangup = (): void => {
    if (terminalIsGone()) process.kill(process.pid, "SIGTERM");
    else void this.#byHand();
  };

  /** The users are the server's own business, but for SIGHUP. */
  constructor(server: Server, log: Log, reloadables: readonly Reloadable[]) {
    this.#server = server;
    this.#log = log;
    this.#watches = reloadables.map(
      (reloadable) => new FileWatch(reloadable.paths, async () => await reloadable.reload()),
    );
    process.on("SIGHUP", this.#hangup);
  }

  async close(): Promise<void> {
    process.off("SIGHUP", this.#hangup);
    for (const watch of this.#watches) await watch.close();
  }

  async #byHand(): Promise<void> {
    this.#log.info({ event: "reload" }, "SIGHUP: reading users, identity and OPAQUE setup anew");
    for (const watch of this.#watches) watch.again();
    await this.#server.reload();
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
