import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CredentialError } from "../../src/credentials/error.ts";
import { findUsableRecord, type Enrolment } from "../../src/credentials/opaque-record.ts";
import { UsersDocument, type Stamp } from "../../src/credentials/users-document.ts";

const phc = "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNsdA$k81ovk8fkH1PorA/36zCkEKia28tQyMQYijfaS5RQy4";
const other = phc.replace("k81", "l81");
const created: Stamp = { now: "2026-01-02T03:04:05.678Z", credentialId: "0".repeat(32) };
const later: Stamp = { now: "2026-02-03T04:05:06.789Z", credentialId: "f".repeat(32) };
const setupId = "a".repeat(32);
const enrolment: Enrolment = { setupId, record: new Uint8Array(randomBytes(192)) };
const another: Enrolment = { setupId: "b".repeat(32), record: new Uint8Array(randomBytes(192)) };

function reread(users: UsersDocument): UsersDocument {
  return UsersDocument.parse(users.toText());
}

function withAlice(password: string | undefined = phc, enrolled: Enrolment | undefined = enrolment) {
  const users = UsersDocument.empty();
  users.add("alice", password, created, enrolled);
  return reread(users);
}

const usable = (users: UsersDocument, setup = setupId) => findUsableRecord(users.get("alice")!, setup);

describe("the OPAQUE record in the users file", () => {
  it("lies beside the hash, and names the setup and the hash that it goes with", () => {
    const users = withAlice();
    const passwordSha256 = createHash("sha256").update(phc).digest("hex");
    expect(users.get("alice")!.opaque).toEqual({ ...enrolment, passwordSha256 });
    expect(users.toText()).toContain(Buffer.from(enrolment.record).toString("base64url"));
    expect(usable(users)).toEqual(enrolment.record);
  });

  it("counts as absent under another setup", () => {
    expect(usable(withAlice(), "c".repeat(32))).toBeUndefined();
  });

  it("counts as absent once the hash is another, or gone", () => {
    const text = withAlice().toText();
    expect(usable(UsersDocument.parse(text.replaceAll(phc, other)))).toBeUndefined();
    const without = text.replace(`"password": "${phc}",`, "");
    expect(UsersDocument.parse(without).get("alice")!.password).toBeUndefined();
    expect(usable(UsersDocument.parse(without))).toBeUndefined();
  });

  it("stands alone for a user without a hash, and counts as absent once one appears", () => {
    const users = UsersDocument.empty();
    users.add("alice", undefined, created, enrolment);
    expect(users.get("alice")).toMatchObject({ password: undefined, opaque: { passwordSha256: undefined } });
    expect(usable(reread(users))).toEqual(enrolment.record);
    const withHash = users.toText().replace('"opaque"', `"password": "${phc}",\n"opaque"`);
    expect(usable(UsersDocument.parse(withHash))).toBeUndefined();
  });

  it("is replaced with the password, or goes with it", () => {
    const users = withAlice();
    users.setPassword("alice", other, later, another);
    expect([usable(users), usable(users, another.setupId)]).toEqual([undefined, another.record]);
    users.setPassword("alice", phc, later);
    expect(users.get("alice")!.opaque).toBeUndefined();
    users.setPassword("alice", undefined, later, enrolment);
    expect(users.get("alice")!.password).toBeUndefined();
    expect(usable(reread(users))).toEqual(enrolment.record);
  });

  it("follows a stronger hash of the same password, and no other", () => {
    const users = withAlice();
    expect(users.replaceHash("alice", phc, other, later)).toBe(true);
    expect(usable(reread(users))).toEqual(enrolment.record);
    const third = phc.replace("k81", "m81");
    const foreign = UsersDocument.parse(withAlice().toText().replaceAll(phc, other));
    expect(foreign.replaceHash("alice", other, third, later)).toBe(true);
    expect(usable(foreign)).toBeUndefined();
  });

  it("is kept by disable and enable", () => {
    const users = withAlice();
    users.disable("alice", later);
    users.enable("alice", later);
    expect(usable(users)).toEqual(enrolment.record);
  });

  it("is added after a login, with the credentialId kept", () => {
    const users = UsersDocument.empty();
    users.add("alice", phc, created);
    expect(users.enrol("alice", phc, enrolment, later)).toBe(true);
    expect(users.get("alice")).toMatchObject({
      credentialId: created.credentialId,
      updatedAt: later.now,
      password: phc,
    });
    expect(usable(reread(users))).toEqual(enrolment.record);
  });

  it("is not added to another password, to nobody, or over one that holds", () => {
    const users = withAlice();
    expect(users.enrol("alice", other, another, later)).toBe(false);
    expect(users.enrol("bob", phc, another, later)).toBe(false);
    expect(users.enrol("alice", phc, { ...another, setupId }, later)).toBe(false);
    expect(users.changed).toBe(false);
    expect(users.enrol("alice", phc, another, later)).toBe(true);
    expect(usable(users, another.setupId)).toEqual(another.record);
  });

  it("needs a hash or a record", () => {
    const users = UsersDocument.empty();
    expect(() => users.add("alice", undefined, created)).toThrow(TypeError);
    expect(() => withAlice().setPassword("alice", undefined, later)).toThrow(TypeError);
    expect(users.get("alice")).toBeUndefined();
  });

  const record = Buffer.from(enrolment.record).toString("base64url");
  it.each([
    ["no object", "x", "$.users.alice.opaque: must be an object"],
    ["no setup", { record }, "$.users.alice.opaque.setup: must be 32"],
    ["a setup in capitals", { setup: "A".repeat(32), record }, "$.users.alice.opaque.setup"],
    ["a short hash", { setup: setupId, passwordSha256: "ab", record }, "opaque.passwordSha256: must be 64"],
    ["a hash that is null", { setup: setupId, passwordSha256: null, record }, "opaque.passwordSha256"],
    ["no record", { setup: setupId }, "opaque.record: must be 192 bytes"],
    ["a short record", { setup: setupId, record: record.slice(4) }, "opaque.record"],
    ["padding", { setup: setupId, record: `${record}=` }, "opaque.record"],
    ["another alphabet", { setup: setupId, record: `+${record.slice(1)}` }, "opaque.record"],
  ])("refuses %s, without quoting it", (_, opaque, message) => {
    const alice = {
      password: phc,
      createdAt: created.now,
      updatedAt: created.now,
      credentialId: created.credentialId,
      opaque,
    };
    const parse = () => UsersDocument.parse(JSON.stringify({ version: 1, users: { alice } }));
    expect(parse).toThrow(CredentialError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(record.slice(4, 20));
  });
});
