// talkbyte-users: the operator's hand on users.json. Thin: it parses arguments, gets a password, calls one
// function of src/credentials and maps the error to an exit code. There is no --password VALUE, and none is
// ever repeated in a message: what stands on a command line, everyone on the machine can read.

import { dirname } from "node:path";

import { Command, Option } from "commander";

import { CredentialError } from "../credentials/error.ts";
import { checkNewPassword, generatePassword, preparePassword } from "../credentials/password.ts";
import { importPhc, parsePhc } from "../credentials/phc.ts";
import { checkUsername } from "../credentials/username.ts";
import {
  addUser,
  disableUser,
  enableUser,
  readUsers,
  removeUser,
  setPassword,
  type UsersSnapshot,
} from "../credentials/users-file.ts";
import type { User } from "../credentials/users-schema.ts";
import { hashPassword, verifyPassword } from "../credentials/verifier.ts";
import { CommandError } from "./command-error.ts";
import { processIo, type CommandIo } from "./command-io.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./report.ts";
import { readSecretFile, readSecretLine } from "./secret-source.ts";
import { makeStateFolder, stateFolder, usersPath } from "./state-folder.ts";

interface CommonOptions {
  readonly users?: string;
}

interface SecretOptions extends CommonOptions {
  readonly passwordStdin?: boolean;
  readonly passwordFile?: string;
  readonly generate?: boolean;
  readonly hashStdin?: boolean;
}

export async function run(argv: readonly string[], io: CommandIo = processIo): Promise<ExitCode> {
  try {
    await makeProgram(io).parseAsync(argv, { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    return reportError(error, "talkbyte-users", argv, io);
  }
}

function makeProgram(io: CommandIo): Command {
  const program = createProgram("talkbyte-users", "Manages the users of a TalkByte server.", io).addHelpText(
    "after",
    helpFooter,
  );
  const command = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option(
        "--users <file>",
        "the users file (default: $TALKBYTE_USERS, else users.json in the state folder)",
      );

  addNewPasswordOptions(command("add", "Adds a user and asks for the password.").argument("<name>")).action(
    (name: string, options: SecretOptions) => add(name, options, io),
  );
  addNewPasswordOptions(
    command("passwd", "Changes a user's password; sessions that are open stay open.").argument("<name>"),
  ).action((name: string, options: SecretOptions) => passwd(name, options, io));
  command("list", "Lists the users.")
    .option("--json", "print JSON instead of a table")
    .action((options: CommonOptions & { json?: boolean }) => list(options, io));
  command("disable", "Keeps a user from logging in; sessions that are open stay open.")
    .argument("<name>")
    .action((name: string, options: CommonOptions) => disable(name, options, io));
  command("enable", "Lets a disabled user log in again.")
    .argument("<name>")
    .action((name: string, options: CommonOptions) => enable(name, options, io));
  command("remove", "Removes a user.")
    .argument("<name>")
    .action((name: string, options: CommonOptions) => remove(name, options, io));
  addGivenPasswordOptions(
    command("verify", "Checks a user's password: exit code 0 or 4.").argument("<name>"),
  ).action((name: string, options: SecretOptions) => verify(name, options, io));
  return program;
}

const helpFooter = `
Passwords are asked for on the terminal, or read from where an option says. They can't be given as an
argument, since other users of the machine can read those.

Exit codes: 0 done; 1 unexpected; 2 usage; 4 refused (wrong password, unknown user, policy); 8 the users
file stayed locked; 9 the users file can't be used; 130 interrupted.`;

function addGivenPasswordOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--password-stdin", "read the password from the first line of standard input").conflicts([
        "passwordFile",
        "generate",
        "hashStdin",
      ]),
    )
    .addOption(
      new Option("--password-file <file>", "read the password from the first line of a file").conflicts([
        "generate",
        "hashStdin",
      ]),
    );
}

function addNewPasswordOptions(command: Command): Command {
  return addGivenPasswordOptions(command)
    .addOption(
      new Option("--generate", "make a random password and print it on standard output").conflicts(
        "hashStdin",
      ),
    )
    .option("--hash-stdin", "read an argon2id PHC string, made by another tool, from standard input");
}

async function openUsers(path: string, io: CommandIo): Promise<UsersSnapshot> {
  const users = await readUsers(path);
  for (const warning of users.warnings) warn(warning.message, io);
  return users;
}

async function getUser(path: string, name: string, io: CommandIo): Promise<User> {
  const user = (await openUsers(path, io)).get(name);
  if (user !== undefined) return user;
  checkUsername(name);
  throw new CredentialError("no-such-user", `there is no user ${name} in ${path}`);
}

async function refuseExisting(path: string, name: string, io: CommandIo): Promise<void> {
  try {
    if ((await openUsers(path, io)).get(name) === undefined) return;
  } catch (error) {
    if (error instanceof CredentialError && error.code === "users-file-missing") return;
    throw error;
  }
  throw new CredentialError(
    "user-exists",
    `the user ${name} already exists in ${path}: passwd changes a password`,
  );
}

/** Only the state folder is made unasked. */
async function makeFolderOf(path: string, io: CommandIo): Promise<void> {
  if (dirname(path) === stateFolder(io.environment)) await makeStateFolder(io.environment);
}

async function add(name: string, options: SecretOptions, io: CommandIo): Promise<void> {
  checkUsername(name);
  const path = usersPath(options.users, io.environment);
  // Before a password is asked for in vain; addUser() decides again under the lock.
  await refuseExisting(path, name, io);
  const { phc, generated } = await makeHash(name, options, io);
  await makeFolderOf(path, io);
  await addUser(path, name, phc);
  finish(`added ${name} to ${path}`, generated, io);
}

async function passwd(name: string, options: SecretOptions, io: CommandIo): Promise<void> {
  const path = usersPath(options.users, io.environment);
  const user = await getUser(path, name, io);
  const { phc, generated } = await makeHash(name, options, io);
  await setPassword(path, name, phc);
  const note = user.disabled ? ` (still disabled: "enable ${name}" lets the user in)` : "";
  finish(`changed the password of ${name}${note}`, generated, io);
}

async function list(options: CommonOptions & { json?: boolean }, io: CommandIo): Promise<void> {
  const users = await openUsers(usersPath(options.users, io.environment), io);
  const rows = users.list().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (options.json === true) {
    io.writeOut(`${JSON.stringify(rows.map(describeUser), null, 2)}\n`);
    return;
  }
  if (rows.length === 0) io.writeError("no users\n");
  const width = Math.max(4, ...rows.map((user) => user.name.length));
  for (const user of rows) {
    const { name, disabled, hash, updatedAt } = describeUser(user);
    const cost = hash === null ? "no password" : `m=${hash.m},t=${hash.t},p=${hash.p}`;
    io.writeOut(`${name.padEnd(width)}  ${disabled ? "disabled" : "enabled "}  ${updatedAt}  ${cost}\n`);
  }
}

async function disable(name: string, options: CommonOptions, io: CommandIo): Promise<void> {
  const changed = await disableUser(usersPath(options.users, io.environment), name);
  io.writeError(changed ? `disabled ${name}\n` : `${name} is disabled already\n`);
}

async function enable(name: string, options: CommonOptions, io: CommandIo): Promise<void> {
  const changed = await enableUser(usersPath(options.users, io.environment), name);
  io.writeError(changed ? `enabled ${name}\n` : `${name} is enabled already\n`);
}

async function remove(name: string, options: CommonOptions, io: CommandIo): Promise<void> {
  await removeUser(usersPath(options.users, io.environment), name);
  io.writeError(`removed ${name}\n`);
}

async function verify(name: string, options: SecretOptions, io: CommandIo): Promise<void> {
  const user = await getUser(usersPath(options.users, io.environment), name, io);
  if (user.password === undefined) throw new CommandError(exitCodes.refused, `${name} has no password hash`);
  const secret = (await readGivenSecret(options, io)) ?? (await askPassword(name, io));
  const { outcome } = await verifyPassword(user.password, preparePassword(secret));
  if (outcome !== "match") throw new CommandError(exitCodes.refused, `wrong password for ${name}`);
  if (user.disabled)
    throw new CommandError(exitCodes.refused, `the password is right, but ${name} is disabled`);
  io.writeError(`the password of ${name} is right\n`);
}

interface NewHash {
  readonly phc: string;
  readonly generated?: string;
}

async function makeHash(name: string, options: SecretOptions, io: CommandIo): Promise<NewHash> {
  if (options.hashStdin === true) {
    const line = await readSecretLine(io.stdin);
    return { phc: importPhc(Buffer.from(line).toString("utf8")) };
  }
  if (options.generate === true) {
    const generated = generatePassword();
    return { phc: await hashPassword(preparePassword(generated)), generated };
  }
  const given = await readGivenSecret(options, io);
  const { password, warnings } = checkNewPassword(given ?? (await askNewPassword(name, io)), name);
  for (const warning of warnings) warn(warning.message, io);
  return { phc: await hashPassword(password) };
}

async function readGivenSecret(options: SecretOptions, io: CommandIo): Promise<Uint8Array | undefined> {
  if (options.passwordStdin === true) return await readSecretLine(io.stdin);
  if (options.passwordFile === undefined) return undefined;
  const { secret, warnings } = await readSecretFile(options.passwordFile);
  for (const warning of warnings) warn(warning, io);
  return secret;
}

async function askPassword(name: string, io: CommandIo): Promise<string> {
  const terminal = io.openTerminal();
  try {
    return await terminal.askHidden(`Password of ${name}: `);
  } finally {
    terminal.close();
  }
}

async function askNewPassword(name: string, io: CommandIo): Promise<string> {
  const terminal = io.openTerminal();
  try {
    const password = await terminal.askHidden(`New password for ${name}: `);
    checkNewPassword(password, name); // before it is typed a second time in vain
    if ((await terminal.askHidden("Again: ")) === password) return password;
  } finally {
    terminal.close();
  }
  throw new CommandError(exitCodes.refused, "the two passwords differ: nothing was changed");
}

function finish(message: string, generated: string | undefined, io: CommandIo): void {
  io.writeError(`${message}\n`);
  if (generated === undefined) return;
  io.writeError("the generated password, which is shown only this once:\n");
  io.writeOut(`${generated}\n`);
}

function warn(message: string, io: CommandIo): void {
  io.writeError(`warning: ${message}\n`);
}

interface UserRow extends Omit<User, "password"> {
  /** What the hash costs, and nothing of the hash itself. */
  readonly hash: { readonly m: number; readonly t: number; readonly p: number } | null;
}

function describeUser({ password, ...rest }: User): UserRow {
  if (password === undefined) return { ...rest, hash: null };
  const { memoryKib, passes, lanes } = parsePhc(password);
  return { ...rest, hash: { m: memoryKib, t: passes, p: lanes } };
}
