// The servers that a client remembers (spec section 11.2): a text file of one line each,
//
//   host port fingerprint origin username date
//
// `origin` says why the key is believed: `trusted-by-user`, or `opaque`, by which a user has logged in. `username` says
// for whom (`*`: anyone). Lines that are not understood, and comments, are kept.

import { readFile } from "node:fs/promises";
import { CredentialError, systemErrorCode } from "../credentials/error.ts";
import { writeFileAtomic } from "../credentials/atomic-file.ts";
import { withFileLock } from "../credentials/file-lock.ts";

export interface KnownServer {
  readonly host: string;
  readonly port: number;
  /** Lower-case hexadecimal SHA-256 of the SubjectPublicKeyInfo. */
  readonly fingerprint: string;
  /** For whom it vouches; undefined: for anyone. */
  readonly username: string | undefined;
  /** Where it stands, as `path:line`. */
  readonly place: string;
}

/** A key as it is remembered now. */
export interface LearntServer extends KnownServer {
  /** The fingerprint whose place it took. */
  readonly replaced: string | undefined;
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

  /** All that is remembered of this host and port. @throws KnownServersError when the file can't be read */
  async list(host: string, port: number): Promise<readonly KnownServer[]> {
    return this.#search(await this.#read(this.path), host, port);
  }

  /** What is remembered for this user, or else for anyone. */
  async find(host: string, port: number, username?: string): Promise<KnownServer | undefined> {
    return findFor(username, await this.list(host, port));
  }

  /**
   * Remembers a key for anyone because the user said so, and returns what is now remembered: another process may
   * have been quicker.
   */
  async remember(host: string, port: number, fingerprint: string): Promise<KnownServer> {
    return await this.#change((text) => {
      const earlier = findFor(undefined, this.#search(text, host, port));
      if (earlier !== undefined) return { text, result: earlier };
      const longer = append(text, lineOf(host, port, fingerprint, "trusted-by-user", ANYONE));
      return { text: longer, result: findFor(undefined, this.#search(longer, host, port))! };
    });
  }

  /** Remembers a key for this user alone, who has logged in by OPAQUE, in place of an earlier one of theirs. */
  async learn(host: string, port: number, fingerprint: string, username: string): Promise<LearntServer> {
    return await this.#change((text) => {
      const line = lineOf(host, port, fingerprint, "opaque", encodeName(username));
      const own = this.#search(text, host, port).find((known) => known.username === username);
      if (own?.fingerprint === fingerprint) return { text, result: { ...own, replaced: undefined } };
      const changed = own === undefined ? append(text, line) : replaceLine(text, own, line);
      const learnt = this.#search(changed, host, port).find((known) => known.username === username)!;
      return { text: changed, result: { ...learnt, replaced: own?.fingerprint } };
    });
  }

  /** Rewrites the file where the change makes another text of it. */
  async #change<Result>(
    change: (text: string) => { readonly text: string; readonly result: Result },
  ): Promise<Result> {
    try {
      return await withFileLock(this.path, async (target) => {
        const before = await this.#read(target);
        const { text, result } = change(before);
        if (text !== before) await writeFileAtomic(target, text, 0o600);
        return result;
      });
    } catch (cause) {
      if (!(cause instanceof CredentialError)) throw cause;
      throw new KnownServersError(`the server can't be remembered: ${cause.message}`, { cause });
    }
  }

  #search(text: string, host: string, port: number): readonly KnownServer[] {
    const found: KnownServer[] = [];
    for (const [index, line] of text.split("\n").entries()) {
      const [lineHost, linePort] = line.split(/\s+/);
      if (lineHost?.toLowerCase() !== host.toLowerCase() || linePort !== String(port)) continue;
      const place = `${this.path}:${index + 1}`;
      const fields = LINE.exec(line.trimEnd())?.groups;
      if (fields === undefined) {
        // Passing it over would let another key in unasked.
        const message = `${place} is about this server and can't be understood: mend or remove it`;
        throw new KnownServersError(message);
      }
      const username = fields["username"] === ANYONE ? undefined : decodeName(fields["username"]!);
      found.push({ host, port, fingerprint: fields["fingerprint"]!, username, place });
    }
    return found;
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

/** What is remembered for this user, else for anyone. */
export function findFor(
  username: string | undefined,
  known: readonly KnownServer[],
): KnownServer | undefined {
  const own = username === undefined ? undefined : known.find((entry) => entry.username === username);
  return own ?? known.find((entry) => entry.username === undefined);
}

function lineOf(host: string, port: number, fingerprint: string, origin: string, username: string): string {
  return [host.toLowerCase(), port, fingerprint, origin, username, new Date().toISOString()].join(" ");
}

function append(text: string, line: string): string {
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  return `${text}${separator}${line}\n`;
}

function replaceLine(text: string, { place }: KnownServer, line: string): string {
  const number = Number(place.slice(place.lastIndexOf(":") + 1));
  return text
    .split("\n")
    .with(number - 1, line)
    .join("\n");
}

/** A user may be called `*`, and must not vouch for anyone by that. */
function encodeName(username: string): string {
  return username.replaceAll("%", "%25").replaceAll(ANYONE, "%2A");
}

function decodeName(text: string): string {
  return text.replaceAll("%2A", ANYONE).replaceAll("%25", "%");
}
