// talkbyte-users: the operator's hand on users.json. Thin: it parses arguments, gets a password, calls one
// function of src/credentials and maps the error to an exit code. There is no --password VALUE, and none is
// ever repeated in a message: what stands on a command line, everyone on the machine can read.

import { dirname } from "node:path";

import { Command, Option } from "commander";

import { CredentialError } from "../credentials/error.ts";
import { preparePassword } from "../credentials/password.ts";
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
import { verifyPassword } from "../credentials/verifier.ts";
import { CommandError } from "./command-error.ts";
import { processIo, type CommandIo } from "./command-io.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { credentialFiles, OPAQUE_SETUP_HELP, type CredentialFiles } from "./opaque-setup.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./report.ts";
import { makeStateFolder, stateFolder, usersPath } from "./state-folder.ts";
import {
  askPassword,
  makeCredentials,
  readGivenSecret,
  warn,
  type CredentialOptions,
  type NewCredentials,
} from "./users-credentials.ts";
import { listUsersTo } from "./users-list.ts";
import { rotateOpaque } from "./users-rotation.ts";

interface CommonOptions {
  readonly users?: string;
  readonly opaqueSetup?: string;
}

type SecretOptions = CommonOptions & CredentialOptions;

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
    command("passwd", "Changes a user's password; sessions that are open end.").argument("<name>"),
  ).action((name: string, options: SecretOptions) => passwd(name, options, io));
  addSetupOption(command("list", "Lists the users and how each can log in."))
    .option("--json", "print JSON instead of a table")
    .action((options: CommonOptions & { json?: boolean }) => list(options, io));
  command("disable", "Keeps a user from logging in; sessions that are open end.")
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
  addSetupOption(
    command("rotate-opaque", "Replaces the OPAQUE setup, or makes one; first says whom that costs what."),
  )
    .option("--yes", "do it; without, nothing is changed")
    .action((options: CommonOptions & { yes?: boolean }) => rotate(options, io));
  return program;
}

const helpFooter = `
Passwords are asked for on the terminal, or read from where an option says. They can't be given as an
argument, since other users of the machine can read those.

A new password is stored as an argon2id hash, for PASSWORD, and as an OPAQUE record, which belongs to the setup of the server.
The setup is made if it isn't there: name the same one to talkbyte-server.

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

function addSetupOption(command: Command): Command {
  return command.option("--opaque-setup <file>", OPAQUE_SETUP_HELP);
}

function addNewPasswordOptions(command: Command): Command {
  return addSetupOption(addGivenPasswordOptions(command))
    .addOption(
      new Option("--generate", "make a random password and print it on standard output").conflicts(
        "hashStdin",
      ),
    )
    .addOption(
      new Option(
        "--hash-stdin",
        "read an argon2id PHC string, made by another tool, from standard input; there is no OPAQUE record then",
      ).conflicts("opaqueOnly"),
    )
    .option("--opaque-only", "store no hash: the user can't log in by PASSWORD")
    .addOption(new Option("--no-opaque", "store a hash alone").conflicts(["opaqueOnly", "opaqueSetup"]));
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
  await makeFolderOf(path, io);
  const made = await makeCredentials(name, options, filesOf(options, io), io);
  await addUser(path, name, made.phc, made.enrolment);
  finish(`added ${name} to ${path}`, made, io);
}

async function passwd(name: string, options: SecretOptions, io: CommandIo): Promise<void> {
  const path = usersPath(options.users, io.environment);
  const user = await getUser(path, name, io);
  const made = await makeCredentials(name, options, filesOf(options, io), io);
  await setPassword(path, name, made.phc, made.enrolment);
  const note = user.disabled ? ` (still disabled: "enable ${name}" lets the user in)` : "";
  finish(`changed the password of ${name}${note}`, made, io);
}

async function list(options: CommonOptions & { json?: boolean }, io: CommandIo): Promise<void> {
  const files = filesOf(options, io);
  await listUsersTo(await openUsers(files.users, io), files, options.json ?? false, io);
}

async function rotate(options: CommonOptions & { yes?: boolean }, io: CommandIo): Promise<void> {
  const files = filesOf(options, io);
  await makeFolderOf(files.users, io);
  await rotateOpaque(files, options.yes ?? false, io);
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

function filesOf(options: CommonOptions, io: CommandIo): CredentialFiles {
  return credentialFiles(usersPath(options.users, io.environment), options);
}

function finish(message: string, { generated }: NewCredentials, io: CommandIo): void {
  io.writeError(`${message}\n`);
  if (generated === undefined) return;
  io.writeError("the generated password, which is shown only this once:\n");
  io.writeOut(`${generated}\n`);
}
