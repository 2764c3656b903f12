// The users file of a running server, which says in the log what became of it when it changed.

import { UsersFile } from "../auth/users-source.ts";
import type { UsersDifference } from "../credentials/users-difference.ts";
import type { BoundedLog } from "./bounded-log.ts";
import type { Log } from "./server-context.ts";

/** A file that can't be read is read again at each login. */
export function loggedUsersFile(path: string, log: Log, boundedLog: BoundedLog): UsersFile {
  return new UsersFile(path, {
    reloaded: (users, difference) =>
      log.info(
        { event: "users-reloaded", users: users.list().length, ...shortened(difference) },
        "the users file was read anew",
      ),
    kept: (error) =>
      boundedLog.error(
        { event: "users-kept", code: error.code, reason: error.message },
        "the users file can't be used; the users of before stay",
      ),
  });
}

const LOGGED_NAMES = 20;

/** As many names as fit on a line, and how many more there are; lists that are empty are left out. */
function shortened(difference: UsersDifference): Record<string, string> {
  return Object.fromEntries(
    Object.entries(difference)
      .filter(([, names]: [string, readonly string[]]) => names.length > 0)
      .map(([change, names]: [string, readonly string[]]) => {
        const rest = names.length - LOGGED_NAMES;
        const shown = names.slice(0, LOGGED_NAMES).join(" ");
        return [change, rest > 0 ? `${shown} and ${rest} more` : shown];
      }),
  );
}
