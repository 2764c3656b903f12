// The servers that a client remembers (spec section 11.2): a text file of one line each,
//
//   host port fingerprint origin username date
//
// `origin` says why the key is believed, `username` for whom (`*`: anyone). Lines that are not understood, and
// comments, are kept.

import { readFile } from "node:fs/promises";
import { CredentialError, systemErrorCode } from "../credentials/error.ts";
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

/** The file of known servers can't be read or written; `cause` says why. */
export class KnownServersError extends Error {
  override readonly name = "KnownServersError";
}

const LINE =
  /^(?<host>\S+) (?<port>\d{1,5}) (?<fingerprint>[0-9a-f]{64}) (?<origin>\S+) (?<username>\S+) \S+\r?$/;

const ANYONE = "*";

export class KnownServers {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** What is remembered of this host and port. @throws KnownServersError when the file can't be read */
  async find(host: string, port: number): Promise<KnownServer | undefined> {
    return this.#search(await this.#read(this.path), host, port);
  }

  /**
   * Remembers a key because the user said so, and returns what is now remembered of this host and port: another
   * process may have been quicker.
   */
  async remember(host: string, port: number, fingerprint: string): Promise<KnownServer> {
    const line = [
      host.toLowerCase(),
      port,
      fingerprint,
      "trusted-by-user",
      ANYONE,
      new Date().toISOString(),
    ].join(" ");
    const append = async (target: string): Promise<KnownServer> => {
      const text = await this.#read(target);
      const earlier = this.#search(text, host, port);
      if (earlier !== undefined) return earlier;
      const separator = text === "" || text.endsWith("\n") ? "" : "\n";
      const longer = `${text}${separator}${line}\n`;
      await writeFileAtomic(target, longer, 0o600);
      return this.#search(longer, host, port)!;
    };
    try {
      return await withFileLock(this.path, append);
    } catch (cause) {
      if (!(cause instanceof CredentialError)) throw cause;
      throw new KnownServersError(`the server can't be remembered: ${cause.message}`, { cause });
    }
  }

  #search(text: string, host: string, port: number): KnownServer | undefined {
    for (const [index, line] of text.split("\n").entries()) {
      const fields = LINE.exec(line.trimEnd())?.groups;
      const [lineHost, linePort] = line.split(/\s+/);
      if (
        fields === undefined &&
        lineHost?.toLowerCase() === host.toLowerCase() &&
        linePort === String(port)
      ) {
        // Passing it over would let another key in unasked.
        throw new KnownServersError(
          `${this.path}:${index + 1} is about this server and can't be understood: mend or remove it`,
        );
      }
      if (fields?.["host"] !== host.toLowerCase() || Number(fields["port"]) !== port) continue;
      if (fields["username"] !== ANYONE) continue; // what vouches for one user does not vouch for others
      return { host, port, fingerprint: fields["fingerprint"]!, place: `${this.path}:${index + 1}` };
    }
    return undefined;
  }

  async #read(path: string): Promise<string> {
    try {
      return await readFile(path, "utf8");
    } catch (cause) {
      const code = systemErrorCode(cause);
      if (code === "ENOENT") return "";
      throw new KnownServersError(`${path} can't be read (${code ?? String(cause)})`, { cause });
    }
  }
}
