// `talkbyte-users list`: who there is, by which mechanisms each can log in, and what the hash costs; of hash and record
// themselves nothing.

import { findUsableRecord } from "../credentials/opaque-record.ts";
import type { OpaqueSetup } from "../credentials/opaque-setup.ts";
import { parsePhc } from "../credentials/phc.ts";
import type { UsersSnapshot } from "../credentials/users-file.ts";
import type { User } from "../credentials/users-schema.ts";
import type { CommandIo } from "./command-io.ts";
import { describeStranded, findSetup, strandedUsers, type CredentialFiles } from "./opaque-setup.ts";
import { warn } from "./users-credentials.ts";

export async function listUsersTo(
  users: UsersSnapshot,
  files: CredentialFiles,
  json: boolean,
  io: CommandIo,
): Promise<void> {
  const setup = await findSetup(files);
  const list = users.list().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const rows = list.map((user) => describeUser(user, setup));
  for (const line of describeStranded(strandedUsers(list, setup), files)) warn(line, io);
  if (json) {
    io.writeOut(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  if (rows.length === 0) io.writeError("no users\n");
  const width = Math.max(4, ...rows.map(({ name }) => name.length));
  for (const { name, disabled, mechanisms, hash, updatedAt } of rows) {
    const cost = hash === null ? "no password hash" : `m=${hash.m},t=${hash.t},p=${hash.p}`;
    const ways = (mechanisms.join("+") || "none").padEnd(WIDEST_MECHANISMS);
    io.writeOut(
      `${name.padEnd(width)}  ${disabled ? "disabled" : "enabled "}  ${updatedAt}  ${ways}  ${cost}\n`,
    );
  }
}

const WIDEST_MECHANISMS = "OPAQUE+PASSWORD".length;

interface UserRow extends Omit<User, "password" | "opaque"> {
  /** By which the user can log in, if not disabled. */
  readonly mechanisms: readonly string[];
  readonly hash: { readonly m: number; readonly t: number; readonly p: number } | null;
}

function describeUser(user: User, setup: OpaqueSetup | undefined): UserRow {
  const { password, opaque: _, ...rest } = user;
  const enrolled = setup !== undefined && findUsableRecord(user, setup.id) !== undefined;
  const mechanisms = [...(enrolled ? ["OPAQUE"] : []), ...(password === undefined ? [] : ["PASSWORD"])];
  if (password === undefined) return { ...rest, mechanisms, hash: null };
  const { memoryKib, passes, lanes } = parsePhc(password);
  return { ...rest, mechanisms, hash: { m: memoryKib, t: passes, p: lanes } };
}
