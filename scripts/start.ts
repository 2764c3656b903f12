// `npm start`: a server on an embedded default. On the first run it makes a user with a generated password, in files
// under .talkbyte/, and on every run it prints the client command that logs in with them.

import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { enrol } from "../src/auth/opaque-enrolment.ts";
import type { Enrolment } from "../src/credentials/opaque-record.ts";
import { generatePassword, preparePassword, type PreparedPassword } from "../src/credentials/password.ts";
import { addUser } from "../src/credentials/users-file.ts";
import { hashPassword } from "../src/credentials/verifier.ts";
import { run, type Started } from "../src/cli/server.ts";
import { displayPath } from "../src/cli/display-path.ts";
import { credentialFiles, openSetup } from "../src/cli/opaque-setup.ts";
import { parseServerOptions, type ServerCommandOptions } from "../src/cli/server-options.ts";
import { makeStateFolder, stateFolder } from "../src/cli/state-folder.ts";
import { processIo } from "../src/cli/command-io.ts";

const USERNAME = "alice";

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** The password goes to its file before the user exists: a kill between the two leaves nothing half-made. */
async function makeFirstUser(usersPath: string, passwordPath: string): Promise<void> {
  if (await exists(usersPath)) return;
  const password = generatePassword();
  await rm(passwordPath, { force: true });
  await writeFile(passwordPath, `${password}\n`, { mode: 0o600, flag: "wx" });
  const prepared = preparePassword(password);
  await addUser(usersPath, USERNAME, await hashPassword(prepared), await makeRecord(prepared));
  process.stderr.write(
    `made the user ${USERNAME}, with a generated password in ${displayPath(passwordPath)}\n`,
  );
}

/** None for a server that wouldn't use it. */
async function makeRecord(password: PreparedPassword): Promise<Enrolment | undefined> {
  if (options === undefined || options.plaintext || !options.opaque) return undefined;
  const { setup } = await openSetup(credentialFiles(usersPath, options));
  return await enrol(setup, USERNAME, password);
}

async function printClientCommand({ host, port, identity, ...started }: Started): Promise<void> {
  const login = started.usersPath === usersPath && (await exists(passwordPath));
  const parts = [
    "npx talkbyte-client",
    ...(host === "localhost" ? [] : [`--host ${host}`]),
    ...(port === 8080 ? [] : [`--port ${port}`]),
    ...(login ? [`--username ${USERNAME}`, `--password-file ${displayPath(passwordPath)}`] : []),
    ...(identity === undefined ? ["--plaintext"] : [`--fingerprint ${identity.fingerprint}`]),
  ];
  process.stderr.write(`\nNow run this in a second terminal, and type:\n\n  ${parts.join(" ")}\n\n`);
}

/** Undefined when the command line doesn't ask for a server that runs, so that a slip or --help makes nothing. */
function parseOptions(argv: readonly string[]): ServerCommandOptions | undefined {
  try {
    const parsed = parseServerOptions(argv, { ...processIo, writeOut() {}, writeError() {} });
    return parsed.check ? undefined : parsed;
  } catch {
    return undefined; // what is wrong is said by the server's command
  }
}

const folder = stateFolder();
const passwordPath = join(folder, "password");
const usersPath = join(folder, "users.json");
const argv = ["--users", usersPath, ...process.argv.slice(2)];
const options = parseOptions(argv);
if (options !== undefined) {
  await makeStateFolder();
  await makeFirstUser(usersPath, passwordPath);
}
process.exitCode = await run(argv, undefined, async (server) => await printClientCommand(server));
