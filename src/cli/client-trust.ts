// What vouches for the server: from options to TrustOptions, and from a refusal to what a person can do about it.

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { systemErrorCode } from "../credentials/error.ts";
import { displayHost } from "../net/display.ts";
import { KnownServers } from "../net/known-servers.ts";
import type { NotTrustedError, TrustOptions } from "../net/trust.ts";
import type { ClientCommandOptions } from "./client-options.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { makeStateFolder, stateFolder } from "./state-folder.ts";

export async function readTrust(options: ClientCommandOptions): Promise<TrustOptions> {
  if (options.plaintext) return {};
  if (options.fingerprint !== undefined) return { fingerprint: options.fingerprint };
  if (options.ca !== undefined) return { ca: await readAuthorities(options.ca) };
  const path = options.knownServers ?? join(await findStateFolder(options), "known-servers");
  return { knownServers: new KnownServers(path), trustNewServer: options.trustNewServer };
}

/** Only the state folder is made unasked; without one, a login by OPAQUE is as good, and its server not remembered. */
async function findStateFolder({ trustNewServer }: ClientCommandOptions): Promise<string> {
  const made = makeStateFolder();
  return trustNewServer ? await made : await made.catch(() => stateFolder());
}

/** Node takes a file without a certificate for one without authorities. */
async function readAuthorities(path: string): Promise<string> {
  try {
    const pem = await readFile(path, "utf8");
    for (const [block] of pem.matchAll(certificateBlock)) void new X509Certificate(block);
    if (certificateBlock.test(pem)) return pem;
  } catch (cause) {
    const reason = systemErrorCode(cause) ?? "unknown error";
    throw new CommandError(exitCodes.configuration, `${path} can't be used as --ca (${reason})`, { cause });
  }
  throw new CommandError(
    exitCodes.configuration,
    `${path} can't be used as --ca: it holds no PEM certificate`,
  );
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

export interface TrustAdvice {
  /** One line. */
  readonly headline: string;
  readonly details: readonly string[];
}

/** What to do about a server that was refused; it has been sent nothing that helps to guess a password. */
export function adviseTrust(
  error: NotTrustedError,
  options: ClientCommandOptions,
  argv: readonly string[],
): TrustAdvice {
  const server = `${displayHost(options.host)}:${options.port}`;
  const trustFlag = "--trust-new-server";
  const pinned = `  ${commandWith(argv, "--fingerprint", error.fingerprint)}`;
  const remembering = `  ${commandWith(argv.includes(trustFlag) ? argv : [...argv, trustFlag])}`;
  switch (error.reason) {
    case "unknown-server":
      return {
        headline: `not trusted: nobody vouches for ${server}, and it ${offers(error)}`,
        details: [
          ...withoutOpaque,
          "The server's key has the fingerprint",
          `  ${error.fingerprint}`,
          "Compare it with the one that the server printed when it started. If they are the same, pin it:",
          pinned,
          "or remember it, and be warned whenever it changes:",
          remembering,
        ],
      };
    case "changed-key":
      return {
        headline: `not trusted: the key of ${server} is not the one remembered in ${error.place}`,
        details: [
          `  remembered  ${error.expected}`,
          `  shown       ${error.fingerprint}`,
          `The password could prove it by OPAQUE, but the server ${offers(error)}.`,
          "Somebody may have put a server of theirs in between. Only if you know that the server has a new key,",
          `remove the line ${error.place} and run:`,
          remembering,
        ],
      };
    case "wrong-fingerprint":
      return {
        headline: `not trusted: the key of ${server} is not the one that was pinned`,
        details: [
          `  pinned  ${error.expected}`,
          `  shown   ${error.fingerprint}`,
          "Either the pin was mistyped, or the server has a new key, or somebody put a server of theirs in between.",
        ],
      };
    case "wrong-proof":
      return {
        headline: `not trusted: ${server} is an impostor`,
        details: [
          `It has the key ${error.fingerprint}, took the login, and`,
          "could not prove that it holds a record of your password. Somebody has put a server of theirs in between.",
        ],
      };
    case "unknown-authority":
      return {
        headline: `not trusted: ${error.message}`,
        details: ["The server's key has the fingerprint", `  ${error.fingerprint}`],
      };
  }
}

function offers({ opaque }: NotTrustedError): string {
  return opaque === "out-of-bounds"
    ? "asks for more or less work on the password than is allowed"
    : "does not offer OPAQUE";
}

const withoutOpaque = [
  "With OPAQUE the password itself would prove the server. Either it is set up without (talkbyte-server makes a",
  "setup when it starts), or somebody in between took it from the offer. Nothing but a greeting was sent.",
];

/** The command as it was given, and this. */
function commandWith(argv: readonly string[], ...more: readonly string[]): string {
  return [programName(), ...argv, ...more].map(shellQuote).join(" ");
}

function programName(): string {
  return process.env["npm_command"] === "exec" ? "npx talkbyte-client" : "talkbyte-client";
}

function shellQuote(text: string, index: number): string {
  return index === 0 || /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
