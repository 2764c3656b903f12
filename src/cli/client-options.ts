// The command line of talkbyte-client, and the help that documents what the command promises.

import { Command, InvalidArgumentError, Option } from "commander";

import { normalizeFingerprint } from "../net/trust.ts";
import { DEFAULT_PORT } from "../protocol/wire.ts";
import type { CommandIo } from "./command-io.ts";
import { createProgram } from "./program.ts";

export interface ClientCommandOptions {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
  readonly fingerprint?: string;
  readonly trustNewServer: boolean;
  readonly knownServers?: string;
  readonly plaintext: boolean;
  readonly raw: boolean;
  readonly json: boolean;
  readonly trace: boolean;
  readonly probe: boolean;
  /** In seconds. */
  readonly connectTimeout?: number;
  readonly answerTimeout?: number;
}

/** Throws what commander throws. */
export function parseClientOptions(argv: readonly string[], io: CommandIo): ClientCommandOptions {
  return { ...absent, ...makeProgram(io).parse(argv, { from: "user" }).opts<ClientCommandOptions>() };
}

/** Not as defaults, which --help would print. */
const absent = {
  trustNewServer: false,
  plaintext: false,
  raw: false,
  json: false,
  trace: false,
  probe: false,
};

function makeProgram(io: CommandIo): Command {
  const program = createProgram(
    "talkbyte-client",
    "Logs in to a TalkByte server, sends each line of standard input as a message, and prints the replies.",
    io,
  )
    .option("--host <host>", "the server's name or address", hostName, "localhost")
    .option("--port <port>", "the server's port", portNumber, DEFAULT_PORT)
    .option("--username <name>", "who logs in (default: asked for on the terminal)")
    .option(
      "--password-file <file>",
      "read the password from the first line of a file (default: asked for on the terminal)",
    );
  addTrustOptions(program);
  return addModeOptions(program)
    .option("--connect-timeout <s>", "longest wait for TCP and TLS, in seconds (default: 10)", seconds)
    .option(
      "--answer-timeout <s>",
      "longest wait for an answer that is due, in seconds (default: 30)",
      seconds,
    )
    .addHelpText("after", helpFooter)
    .action(() => undefined);
}

function addTrustOptions(program: Command): Command {
  const option = (flags: string, description: string): Option => new Option(flags, description);
  return program
    .optionsGroup("Trust (by default: known servers, the system's authorities, else OPAQUE, see below):")
    .addOption(
      option("--ca <file>", "trust the authorities in this PEM file instead of the system's").conflicts([
        "fingerprint",
        "trustNewServer",
      ]),
    )
    .addOption(
      option("--fingerprint <hex>", "trust the key with this fingerprint and no other")
        .argParser(fingerprint)
        .conflicts("trustNewServer"),
    )
    .addOption(option("--trust-new-server", "accept a server that nobody vouches for, and remember its key"))
    .option("--known-servers <file>", "remembered keys (default: known-servers in the state folder)")
    .addOption(
      option("--plaintext", "no TLS; only to this machine").conflicts([
        "ca",
        "fingerprint",
        "trustNewServer",
        "knownServers",
      ]),
    );
}

function addModeOptions(program: Command): Command {
  return program
    .optionsGroup("What to do:")
    .option("--raw", "send every line, `stop` among them")
    .option("--json", "print one JSON object a line for each event, see below")
    .option("--trace", "show each frame of the conversation on standard error")
    .addOption(
      new Option("--probe", "log in, echo once, stop, and print how long each took; reads no input")

        .conflicts("raw"),
    )
    .optionsGroup("Limits:");
}

const helpFooter = `
Lines end with LF. A CR before it is data, and the last line needs no LF. A line
that is just \`stop\` ends the session, as does the end of the input; both wait for
every reply. A line longer than the server takes ends it too, with exit code 4,
after the replies to those before.

On a terminal, replies are shown with control characters escaped. Elsewhere they
are printed byte for byte, one a line, and nothing else is: what is said to a
person goes to standard error.

The password is asked for on the terminal before connecting, even if standard
input is a pipe. It can't be given as an argument, which other users of the
machine can read.

A server that nobody vouches for gets no password. If it offers OPAQUE, the
password proves each side to the other without being sent, and the server's key
is remembered for this username. If that fails, the password is wrong or not
enrolled there, or the server is an impostor, who has had one guess.

Events of --json, told apart by "type":
  remembered  username, fingerprint, place, replaced: OPAQUE proved a new key
  session  host, port, username, session, server, mechanism, voucher, connectMs,
           tlsMs, loginMs, maxMessageBytes
  reply    line, and text, or base64 where it is not UTF-8
  goaway   reason, drainMs: the server is being stopped
  end      replies; notSent: { lines, bytes, atLeast } for what stood behind stop
  probe    as session, and echoMs
  error    code, message, exitCode, retryable; where they apply, side, reason,
           retryAfterMs, triesLeft, fingerprint, expected, place, opaque, sent,
           replies

Exit codes:
  0  done: every message was answered
  1  unexpected: a bug, please report it
  2  usage, or no terminal to ask on
  3  network: no connection, or it or the server ended before the session did
  4  refused: wrong password (or an impostor), or a line that is too long
  5  not trusted: nobody vouches for the server, or it has another key, and
     OPAQUE can't prove it
  6  protocol: the peer does not speak it as specified
  7  timeout: no connection, or no answer, in time
  8  busy: the server has no capacity, or saw too many failed attempts
  9  configuration: a file can't be used
  130  interrupted by SIGINT (143: SIGTERM, 129: SIGHUP)`;

function hostName(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, "$1");
  if (host === "" || /\s/.test(host)) throw new InvalidArgumentError("It must be a name or an address.");
  return host;
}

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError("It must be a whole number from 1 to 65535.");
}

const maxSeconds = 86_400;

function seconds(text: string): number {
  const value = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value > 0 && value <= maxSeconds) return value;
  throw new InvalidArgumentError(`It must be a number of seconds up to ${maxSeconds}, such as 5 or 0.5.`);
}

function fingerprint(text: string): string {
  const digits = normalizeFingerprint(text);
  if (digits === undefined) throw new InvalidArgumentError("It must have 64 hexadecimal digits.");
  return digits;
}
