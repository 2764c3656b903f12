// Who logs in, and with what: from options, or asked for on the terminal. All of it before the connection is
// opened, since nobody types within a server's login deadline (TB-TIME-7), and since standard input carries the
// messages.

import { CredentialError } from "../credentials/error.ts";
import { preparePassword } from "../credentials/password.ts";
import { checkUsername } from "../credentials/username.ts";
import type { Credentials } from "../net/client.ts";
import { usageError } from "./command-error.ts";
import { Terminal } from "./prompt.ts";
import { readSecretFile } from "./secret-source.ts";

export interface CredentialOptions {
  readonly username?: string;
  readonly passwordFile?: string;
}

/** Throws a CommandError, or a CredentialError when name or password can't be one. */
export async function readCredentials(
  options: CredentialOptions,
  warn: (message: string) => void,
): Promise<Credentials> {
  if (options.username !== undefined) checkUsername(options.username);
  const secret =
    options.passwordFile === undefined ? undefined : await readPasswordFile(options.passwordFile, warn);
  if (options.username !== undefined && secret !== undefined) {
    return { username: options.username, password: preparePassword(secret) };
  }
  const terminal = openTerminal(options);
  try {
    const username = options.username ?? (await terminal.askLine("Username: "));
    checkUsername(username);
    const password = secret ?? (await terminal.askHidden(`Password of ${username}: `));
    return { username, password: preparePassword(password) };
  } finally {
    terminal.close();
  }
}

async function readPasswordFile(path: string, warn: (message: string) => void): Promise<Uint8Array> {
  const { secret, warnings } = await readSecretFile(path);
  for (const warning of warnings) warn(warning);
  if (secret.length === 0) throw new CredentialError("password-invalid", `${path} holds no password`);
  return secret;
}

function openTerminal({ username, passwordFile }: CredentialOptions): Terminal {
  try {
    return new Terminal();
  } catch {
    const missing = [
      ...(username === undefined ? ["--username"] : []),
      ...(passwordFile === undefined ? ["--password-file"] : []),
    ];
    throw usageError(`there is no terminal to ask on (/dev/tty): give ${missing.join(" and ")}`);
  }
}
