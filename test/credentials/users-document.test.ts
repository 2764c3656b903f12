import { describe, expect, it } from "vitest";

import { UsersDocument, type Stamp } from "../../src/credentials/users-document.ts";

const phc = "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNsdA$k81ovk8fkH1PorA/36zCkEKia28tQyMQYijfaS5RQy4";
const other = phc.replace("k81", "l81");
const third = phc.replace("k81", "m81");
const created: Stamp = { now: "2026-01-02T03:04:05.678Z", credentialId: "0".repeat(32) };
const later: Stamp = { now: "2026-02-03T04:05:06.789Z", credentialId: "f".repeat(32) };

function withAlice(): UsersDocument {
  const users = UsersDocument.empty();
  users.add("alice", phc, created);
  return UsersDocument.parse(users.toText());
}

/** A whole file whose one user has these fields over the right ones. */
function fileWith(fields: Record<string, unknown>): string {
  const entry = {
    password: phc,
    createdAt: created.now,
    updatedAt: created.now,
    credentialId: created.credentialId,
    ...fields,
  };
  return JSON.stringify({ version: 1, users: { alice: entry } });
}

describe("UsersDocument", () => {
  it("adds a user", () => {
    const users = UsersDocument.empty();
    expect(users.changed).toBe(false);
    users.add("alice", phc, created);
    expect(users.changed).toBe(true);
    const { now, credentialId } = created;
    const alice = {
      name: "alice",
      password: phc,
      disabled: false,
      createdAt: now,
      updatedAt: now,
      credentialId,
    };
    expect(users.get("alice")).toEqual(alice);
    expect(UsersDocument.parse(users.toText()).list()).toEqual([alice]);
    expect(users.get("Alice")).toBeUndefined();
  });

  it("refuses a second user of the name, a bad name and a bad hash", () => {
    const users = withAlice();
    const codes = [
      ["alice", phc, "user-exists"],
      ["al ice", phc, "username-invalid"],
      ["bob", "hunter2", "hash-invalid"],
    ] as const;
    for (const [name, hash, code] of codes) {
      expect(() => users.add(name, hash, later)).toThrow(expect.objectContaining({ code }));
    }
    expect(users.changed).toBe(false);
  });

  it("gives a new password and with it a new credentialId", () => {
    const users = withAlice();
    users.setPassword("alice", other, later);
    expect(users.get("alice")).toMatchObject({
      password: other,
      createdAt: created.now,
      updatedAt: later.now,
      credentialId: later.credentialId,
    });
    expect(users.changed).toBe(true);
    expect(() => users.setPassword("alice", "hunter2", later)).toThrow("invalid password hash");
  });

  it("disables and enables; only enabling renews the credentialId", () => {
    const users = withAlice();
    expect(users.enable("alice", later)).toBe(false);
    expect(users.changed).toBe(false);
    expect(users.disable("alice", later)).toBe(true);
    expect(users.get("alice")).toMatchObject({ disabled: true, credentialId: created.credentialId });
    expect(users.changed).toBe(true);
    expect(users.disable("alice", later)).toBe(false);
    expect(users.enable("alice", later)).toBe(true);
    expect(users.get("alice")).toMatchObject({ disabled: false, credentialId: later.credentialId });
    expect(users.toText()).not.toContain("disabled");
  });

  it("replaces the hash that was verified, and no other, and keeps the credentialId", () => {
    const users = withAlice();
    expect(users.replaceHash("alice", other, third, later)).toBe(false);
    expect(users.replaceHash("bob", phc, third, later)).toBe(false);
    expect(users.changed).toBe(false);
    expect(users.replaceHash("alice", phc, other, later)).toBe(true);
    expect(users.get("alice")).toMatchObject({ password: other, credentialId: created.credentialId });
    expect(users.changed).toBe(true);
    expect(() => users.replaceHash("alice", other, "hunter2", later)).toThrow("invalid password hash");
  });

  it("removes a user", () => {
    const users = withAlice();
    users.remove("alice");
    expect(users.changed).toBe(true);
    expect(users.list()).toEqual([]);
  });

  it("knows who isn't there", () => {
    const users = withAlice();
    const actions = [
      (): void => users.remove("bob"),
      (): boolean => users.enable("bob", later),
      (): boolean => users.disable("__proto__", later),
      (): void => users.setPassword("constructor", phc, later),
    ];
    for (const action of actions) expect(action).toThrow(expect.objectContaining({ code: "no-such-user" }));
    expect(() => users.remove("\u001b[2J")).toThrow(expect.objectContaining({ code: "username-invalid" }));
  });

  it.each(["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "12", "-0"])(
    "has room for a user called %s",
    (name) => {
      const users = withAlice();
      expect(users.get(name)).toBeUndefined();
      users.add(name, phc, created);
      users.setPassword(name, other, later);
      const again = UsersDocument.parse(users.toText());
      expect(again.get(name)).toMatchObject({ name, password: other });
      expect(again.list().map((user) => user.name)).toEqual(["alice", name]);
      again.remove(name);
      expect(again.list().map((user) => user.name)).toEqual(["alice"]);
    },
  );

  it("preserves what it doesn't know, at every level, in its order", () => {
    const text = `{
  "$schema": "https://example.org/users.json",
  "version": 1,
  "users": {
    "10": {
      "note": {
        "by": [
          1.50,
          "x",
          null
        ],
        "__proto__": {
          "id": 12345678901234567890
        }
      },
      "createdAt": "${created.now}",
      "updatedAt": "${created.now}",
      "clearance": {},
      "credentialId": "${created.credentialId}",
      "password": "${phc}"
    },
    "9": {
      "__proto__": 1,
      "password": "${phc}",
      "createdAt": "${created.now}",
      "updatedAt": "${created.now}",
      "credentialId": "${created.credentialId}"
    }
  },
  "later": [
    {}
  ]
}
`;
    const users = UsersDocument.parse(text);
    expect(users.toText()).toBe(text);
    expect(users.disable("10", created)).toBe(true);
    expect(users.replaceHash("9", phc, other, created)).toBe(true);
    const expected = text
      .replace(
        `"password": "${phc}"\n    },\n    "9"`,
        `"password": "${phc}",\n      "disabled": true\n    },\n    "9"`,
      )
      .replace(
        `"__proto__": 1,\n      "password": "${phc}"`,
        `"__proto__": 1,\n      "password": "${other}"`,
      );
    expect(users.toText()).toBe(expected);
  });

  it("takes a user without a password", () => {
    expect(UsersDocument.parse(fileWith({ password: undefined })).get("alice")?.password).toBeUndefined();
  });

  it.each([
    ["[]", "$: must be an object"],
    ["{}", "$.version: is missing"],
    ['{"version": 2, "users": {}}', "$.version: must be 1"],
    ['{"version": "1", "users": {}}', "$.version: must be 1"],
    ['{"version": 1}', "$.users: must be an object"],
    ['{"version": 1, "users": []}', "$.users: must be an object"],
    ['{"version": 1, "users": {"a b": {}}}', '$.users["a b"]: invalid username'],
    ['{"version": 1, "users": {"\\u001b[2J": {}}}', '$.users["\\u001b[2J"]: invalid username'],
    ['{"version": 1, "users": {"alice": null}}', "$.users.alice: must be an object"],
    ['{"version": 1, "users": {"al-ice": {}}}', '$.users["al-ice"].createdAt: is missing'],
    ['{"version": 1, "users": {"__proto__": {}}}', "$.users.__proto__.createdAt: is missing"],
    [fileWith({ password: 7 }), "$.users.alice.password: must be a string"],
    [fileWith({ password: null }), "$.users.alice.password: must be a string"],
    [fileWith({ password: "hunter2" }), "$.users.alice.password: invalid password hash: "],
    [
      fileWith({ password: phc.replace("m=64", "m=4000000000") }),
      "$.users.alice.password: password hash out of",
    ],
    [fileWith({ disabled: "yes" }), "$.users.alice.disabled: must be true or false"],
    [fileWith({ createdAt: "yesterday" }), "$.users.alice.createdAt: must be a time such as"],
    [fileWith({ updatedAt: 0 }), "$.users.alice.updatedAt: must be a string"],
    [
      fileWith({ credentialId: "F".repeat(32) }),
      "$.users.alice.credentialId: must be 32 lowercase hex digits",
    ],
    [fileWith({ credentialId: undefined }), "$.users.alice.credentialId: is missing"],
  ])("refuses %s, naming the place", (text, message) => {
    expect(() => UsersDocument.parse(text)).toThrow(expect.objectContaining({ code: "users-file-invalid" }));
    expect(() => UsersDocument.parse(text)).toThrow(message);
    expect(() => UsersDocument.parse(text)).not.toThrow("hunter2");
  });
});
