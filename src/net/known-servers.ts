// The servers that a client remembers (spec section 11.2): a text file of one line each,
//
//   host port fingerprint origin username date
//
// `origin` says why the key is believed, `username` for whom (`*`: anyone). Lines that are not understood, and
// comments, are kept.

import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "../credentials/atomic-file.ts";
import { withFileLock } from "../credentials/file-lock.ts";

export interface KnownServer {
  readonly host: string;
  readonly port: number;
  /** Lower-case hexadecimal SHA-256 of the SubjectPublicKeyInfo. */
  readonly fingerprint: string;
  /** Where it stands, as `path:line`. */
  readonly place: string;
}

const LINE =
  /^(?<host>\S+) (?<port>\d{1,5}) (?<fingerprint>[0-9a-f]{64}) (?<origin>\S+) (?<username>\S+) \S+$/;

export class KnownServers {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** What is remembered of this host and port. */
  async find(host: string, port: number): Promise<KnownServer | undefined> {
    const lines = (await this.#read(this.path)).split("\n");
    for (const [index, line] of lines.entries()) {
      const fields = LINE.exec(line)?.groups;
      if (fields === undefined || fields["host"] !== host.toLowerCase() || Number(fields["port"]) !== port)
        continue;
      return { host, port, fingerprint: fields["fingerprint"]!, place: `${this.path}:${index + 1}` };
    }
    return undefined;
  }

  /** Remembers a key because the user said so. */
  async remember(host: string, port: number, fingerprint: string): Promise<void> {
    const line = [
      host.toLowerCase(),
      port,
      fingerprint,
      "trusted-by-user",
      "*",
      new Date().toISOString(),
    ].join(" ");
    await withFileLock(this.path, async (target) => {
      const text = await this.#read(target);
      const separator = text === "" || text.endsWith("\n") ? "" : "\n";
      await writeFileAtomic(target, `${text}${separator}${line}\n`, 0o600);
    });
  }

  async #read(path: string): Promise<string> {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  }
}
