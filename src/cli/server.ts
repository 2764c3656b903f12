// talkbyte-server: parses its command line, opens what it names, calls createServer, and stops in good order.

import { once } from "node:events";
import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { readUsers } from "../credentials/users-file.ts";
import { CredentialError, systemErrorCode } from "../credentials/error.ts";
import { displayHost } from "../net/display.ts";
import {
  IdentityError,
  openIdentity,
  readIdentity,
  readIdentityFile,
  type Identity,
} from "../net/identity.ts";
import { createServer, type Server } from "../net/server.ts";
import { TalkByteError } from "../protocol/error.ts";
import { CommandError } from "./command-error.ts";
import { processIo, type CommandIo } from "./command-io.ts";
import { displayPath } from "./display-path.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { makeLog, surviveLogErrors } from "./log.ts";
import { describePortOwner } from "./port-owner.ts";
import { reportError } from "./report.ts";
import { credentialFiles } from "./opaque-setup.ts";
import { parseServerOptions, type ServerCommandOptions } from "./server-options.ts";
import { IdentityReload, type IdentityFiles } from "./identity-reload.ts";
import { OpaqueReload } from "./opaque-reload.ts";
import { logStranded, openServerSetup } from "./server-opaque.ts";
import { ServerReload } from "./server-reload.ts";
import { isCheckout, makeStateFolder, stateFolder, usersPath } from "./state-folder.ts";

/** What a server says of itself once it listens, for `npm start`. */
export interface Started {
  readonly host: string;
  readonly port: number;
  readonly usersPath: string;
  readonly identity: Identity | undefined;
}

export async function run(
  argv: readonly string[],
  io: CommandIo = processIo,
  started: (server: Started) => Promise<void> = async () => {},
): Promise<ExitCode> {
  try {
    const options = parseServerOptions(argv, io);
    const users = usersPath(options.users, io.environment);
    const userCount = await inspectUsers(users, io);
    const identity = await openIdentityOf(options, io);
    const files = credentialFiles(users, options);
    const opaque = await openServerSetup(options, files, io);
    const log = makeLog(io, options.logLevel, options.logFormat ?? (process.stdout.isTTY ? "text" : "json"));
    const server = createServer({
      users,
      identity: identity ?? "plaintext",
      ...(opaque.setup === undefined ? {} : { opaque: opaque.setup }),
      readOnlyUsers: options.readOnlyUsers,
      allowRemotePlaintext: options.allowRemotePlaintext,
      penaltyExempt: options.penaltyExempt,
      limits: options.limits,
      log,
    });
    if (options.check) {
      io.writeError(
        `users: ${userCount} in ${displayPath(users)}\n${describeChecked(identity, options)}${opaque.line}\nall is well; the address was not tried\n`,
      );
      return exitCodes.ok;
    }
    surviveLogErrors();
    const { port } = await listen(server, options);
    const signal = stopSignal(); // before anybody is told that there is a server to stop
    io.writeError(
      `listening on ${displayHost(options.host)}:${port}\n${describeIdentity(identity)}\n${opaque.line}\n`,
    );
    logStranded(opaque, log);
    if (userCount === 0) io.writeError(`no users yet: add one with\n  ${addUserCommand(users, options)}\n`);
    const reload = new ServerReload(server, log, [
      ...(identity === undefined
        ? []
        : [new IdentityReload(server, log, identityFiles(options, io), identity)]),
      ...(options.plaintext || !options.opaque ? [] : [new OpaqueReload(server, log, files, opaque.setup)]),
    ]);
    await started({ host: options.host, port, usersPath: users, identity });
    await signal;
    await reload.close();
    return await stop(server, io);
  } catch (error) {
    return reportError(asCommandError(error), "talkbyte-server", argv, io);
  }
}

/** Reads the users file once, to warn and to count; the server reads it itself. */
async function inspectUsers(path: string, io: CommandIo): Promise<number> {
  try {
    const users = await readUsers(path);
    for (const { message } of users.warnings) io.writeError(`warning: ${message}\n`);
    return users.list().length;
  } catch (error) {
    if (error instanceof CredentialError && error.code === "users-file-missing") {
      io.writeError(`there is no users file ${displayPath(path)} yet\n`);
      return 0;
    }
    throw error;
  }
}

/** Undefined in plaintext. */
async function openIdentityOf(options: ServerCommandOptions, io: CommandIo): Promise<Identity | undefined> {
  if (options.plaintext) return undefined;
  if (options.tlsCert !== undefined && options.tlsKey !== undefined) {
    return await readIdentity(options.tlsCert, options.tlsKey);
  }
  const path = identityPath(options, io);
  if (options.check && !(await exists(path))) {
    const folder = dirname(resolve(path));
    if (options.identity !== undefined && !(await exists(folder))) {
      throw new CommandError(
        exitCodes.configuration,
        `there is no folder ${displayPath(folder)} for the identity`,
      );
    }
    io.writeError(`the identity ${displayPath(path)} would be made on the first start\n`);
    return undefined;
  }
  if (options.identity === undefined) await makeStateFolder(io.environment);
  const { identity, made, openToOthers } = await openIdentity(path);
  if (made) io.writeError(`made a TLS identity in ${displayPath(path)}\n`);
  if (openToOthers)
    io.writeError(
      `warning: ${displayPath(path)} holds a private key and is open to other users: run chmod 600 on it\n`,
    );
  return identity;
}

function identityPath(options: ServerCommandOptions, io: CommandIo): string {
  return options.identity ?? join(stateFolder(io.environment), "identity.pem");
}

/** The files that the identity was opened from. */
function identityFiles(options: ServerCommandOptions, io: CommandIo): IdentityFiles {
  const { tlsCert, tlsKey } = options;
  if (tlsCert !== undefined && tlsKey !== undefined)
    return { paths: [tlsCert, tlsKey], read: async () => await readIdentity(tlsCert, tlsKey) };
  const path = identityPath(options, io);
  return { paths: [path], read: async () => await readIdentityFile(path) };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** What `--check` says of the identity; one that is to be made has been spoken of. */
function describeChecked(identity: Identity | undefined, { plaintext }: ServerCommandOptions): string {
  return identity === undefined && !plaintext ? "" : `${describeIdentity(identity)}\n`;
}

function describeIdentity(identity: Identity | undefined): string {
  return identity === undefined
    ? "plaintext: passwords cross the connection in the clear"
    : `fingerprint ${identity.fingerprint}`;
}

function addUserCommand(path: string, options: ServerCommandOptions): string {
  const where = options.users === undefined ? "" : ` --users ${displayPath(path)}`;
  return isCheckout() ? `npm run adduser -- NAME${where}` : `talkbyte-users add NAME${where}`;
}

async function listen(server: Server, { host, port }: ServerCommandOptions): Promise<{ port: number }> {
  try {
    return await server.listen({ host, port });
  } catch (error) {
    const where = `${displayHost(host)}:${port}`;
    switch (systemErrorCode(error)) {
      case "EADDRINUSE": {
        const owner = await describePortOwner(host, port);
        throw new CommandError(
          exitCodes.network,
          `${where} is taken by ${owner}; stop it, or choose another port with --port`,
          { cause: error },
        );
      }
      case "EACCES":
        throw new CommandError(
          exitCodes.network,
          `may not listen on ${where}; choose a port from 1024 up with --port`,
          { cause: error },
        );
      case "EADDRNOTAVAIL":
      case "ENOTFOUND":
      case "EAI_AGAIN":
        throw new CommandError(
          exitCodes.network,
          `${displayHost(host)} is not an address of this machine; choose another with --host`,
          { cause: error },
        );
      default:
        throw error;
    }
  }
}

/** Resolves at SIGTERM or SIGINT. */
async function stopSignal(): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(process, "SIGTERM", { signal }), once(process, "SIGINT", { signal })]);
  over.abort();
}

/** Lets the sessions finish, and gives up on them at a second signal. */
async function stop(server: Server, io: CommandIo): Promise<ExitCode> {
  const interrupted = (): never => process.exit(exitCodes.interrupted);
  process.on("SIGTERM", interrupted).on("SIGINT", interrupted);
  io.writeError(`stopping: ${server.connections} connections may finish\n`);
  await server.close();
  process.off("SIGTERM", interrupted).off("SIGINT", interrupted);
  return exitCodes.ok;
}

function asCommandError(error: unknown): unknown {
  if (error instanceof IdentityError)
    return new CommandError(exitCodes.configuration, error.message, { cause: error });
  if (error instanceof TalkByteError && error.code === "wrong-state") {
    return new CommandError(
      exitCodes.usage,
      `${error.message}; use TLS, or --allow-remote-plaintext if you must`,
      { cause: error },
    );
  }
  return error;
}
