// The command line of talkbyte-server. The flags for limits and deadlines are made from the server's own table,
// so that none can be forgotten.

import { Command, InvalidArgumentError, Option } from "commander";

import { parseNetworks } from "../auth/source.ts";
import { SERVER_LIMITS, type LimitRule, type ServerLimits } from "../net/limits.ts";
import { DEFAULT_PORT } from "../protocol/wire.ts";
import { usageError } from "./command-error.ts";
import type { CommandIo } from "./command-io.ts";
import { OPAQUE_SETUP_HELP } from "./opaque-setup.ts";
import { createProgram } from "./program.ts";

export interface ServerCommandOptions {
  readonly users?: string;
  readonly host: string;
  readonly port: number;
  readonly identity?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly opaqueSetup?: string;
  readonly opaque: boolean;
  readonly readOnlyUsers: boolean;
  readonly plaintext: boolean;
  readonly allowRemotePlaintext: boolean;
  readonly penaltyExempt: readonly string[];
  readonly logLevel: string;
  readonly logFormat?: "text" | "json";
  readonly check: boolean;
  readonly limits: Partial<ServerLimits>;
}

const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Throws what commander throws, and a CommandError for options that don't go together. */
export function parseServerOptions(argv: readonly string[], io: CommandIo): ServerCommandOptions {
  const options = makeProgram(io).parse(argv, { from: "user" }).opts<Record<string, unknown>>();
  const limits = Object.keys(SERVER_LIMITS).flatMap((name) =>
    options[name] === undefined ? [] : [[name, options[name]] as const],
  );
  const parsed = { ...options, limits: Object.fromEntries(limits) } as unknown as ServerCommandOptions;
  if (parsed.host === "") throw usageError("--host must not be empty: that would mean every address");
  if ((parsed.tlsCert === undefined) !== (parsed.tlsKey === undefined)) {
    throw usageError("--tls-cert and --tls-key go together");
  }
  if (parsed.opaqueSetup !== undefined && !parsed.opaque) {
    throw usageError("--opaque-setup and --no-opaque exclude each other");
  }
  if (parsed.allowRemotePlaintext && !parsed.plaintext) {
    throw usageError("--allow-remote-plaintext goes with --plaintext");
  }
  return parsed;
}

function makeProgram(io: CommandIo): Command {
  const program = createProgram("talkbyte-server", "Logs clients in over TLS and echoes their messages.", io)
    .option(
      "--users <file>",
      "the users file (default: $TALKBYTE_USERS, else users.json in the state folder)",
    )
    .option("--host <host>", "address or name to listen on", "localhost")
    .option(
      "--port <port>",
      "port to listen on; 0 picks a free one",
      wholeNumber({ min: 0, max: 65_535 }),
      DEFAULT_PORT,
    )
    .addOption(
      new Option(
        "--identity <file>",
        "PEM file with key and certificate, made if missing (default: identity.pem in the state folder)",
      ).conflicts(["tlsCert", "tlsKey", "plaintext"]),
    )
    .addOption(
      new Option("--tls-cert <file>", "PEM certificate chain, for a certificate of your own").conflicts(
        "plaintext",
      ),
    )
    .addOption(new Option("--tls-key <file>", "PEM private key that belongs to it").conflicts("plaintext"))
    .addOption(
      new Option("--opaque-setup <file>", `${OPAQUE_SETUP_HELP}; made if missing`).conflicts("plaintext"),
    )
    .option("--no-opaque", "don't offer OPAQUE: clients then send the password itself, inside TLS")
    .option("--read-only-users", "never write the users file: replace no weak hash, store no record", false)
    .option(
      "--plaintext",
      "no TLS: passwords cross the connection in the clear; loopback addresses only",
      false,
    )
    .option("--allow-remote-plaintext", "with --plaintext: listen on other addresses too", false)
    .option(
      "--penalty-exempt <network>",
      "address or CIDR network whose failed logins cost no penalty; may be given more than once",
      addNetwork,
      [],
    )
    .addOption(
      new Option("--log-level <level>", "what to log")
        .choices(["error", "warn", "info", "debug", "silent"])
        .default("info"),
    )
    .addOption(
      new Option("--log-format <format>", "how to log (default: text on a terminal, json otherwise)").choices(
        ["text", "json"],
      ),
    )
    .option("--check", "check users, identity and options, say what would run, and exit", false)
    .addHelpText("after", helpFooter)
    .optionsGroup("Limits and deadlines (-ms: milliseconds):");
  for (const [name, rule] of Object.entries(SERVER_LIMITS)) {
    program.option(`--${flagOf(name)} <n>`, `${rule.meaning} (default: ${rule.default})`, wholeNumber(rule));
  }
  return program;
}

const helpFooter = `
The log goes to standard output, everything else to standard error. SIGTERM and SIGINT let sessions finish
within --drain-ms; a second one ends the server at once. Each login and each failure is a line of the log; failures without
a login beyond --log-lines-per-second are counted, in a line of the event left-out. Users, TLS identity and OPAQUE setup are read anew when their files
change, and at SIGHUP: the sessions of a user who was removed, disabled or given a new password end then. A file that can't
be used changes nothing, and the log says so.

Over TLS users log in by OPAQUE, which never sends the password; who has a password hash alone logs in by PASSWORD once and
gets an OPAQUE record then. The setup behind the records is made if missing, but not unasked where nobody could be enrolled
under it: with --read-only-users, or in a folder that may not be written. OPAQUE is then offered as soon as there is a setup.

Exit codes: 0 done; 1 unexpected; 2 usage; 3 the address can't be had; 9 users, identity or settings can't be
used; 130 interrupted twice.`;

function addNetwork(text: string, before: readonly string[]): readonly string[] {
  try {
    parseNetworks([text]);
    return [...before, text];
  } catch {
    throw new InvalidArgumentError("It must be like 192.0.2.0/24 or 2001:db8::/32.");
  }
}

function wholeNumber({ min, max }: Pick<LimitRule, "min" | "max">): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
