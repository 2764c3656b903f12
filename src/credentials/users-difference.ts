// What has changed from one reading of the users file to the next, for a log.

import type { UsersSnapshot } from "./users-file.ts";

/** Names of users, each in one list. */
export interface UsersDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly disabled: readonly string[];
  readonly enabled: readonly string[];
  /** Who got a new password. */
  readonly renewed: readonly string[];
}

export function usersDifference(before: UsersSnapshot, after: UsersSnapshot): UsersDifference {
  const lists = {
    added: [] as string[],
    removed: [] as string[],
    disabled: [] as string[],
    enabled: [] as string[],
    renewed: [] as string[],
  };
  for (const user of after.list()) {
    const old = before.get(user.name);
    if (old === undefined) lists.added.push(user.name);
    else if (user.disabled !== old.disabled) lists[user.disabled ? "disabled" : "enabled"].push(user.name);
    else if (user.credentialId !== old.credentialId) lists.renewed.push(user.name);
  }
  for (const { name } of before.list()) if (after.get(name) === undefined) lists.removed.push(name);
  return lists;
}
