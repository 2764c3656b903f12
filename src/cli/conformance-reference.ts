// Our own implementation as the peer that keeps to the specification, which --minimize needs: in this process for a
// server, behind our adapter for a client.

import { fileURLToPath } from "node:url";
import type { Role } from "../conformance/exchange/exchange-checks.ts";
import type { Profile } from "../conformance/exchange/profile.ts";
import { ClientTarget } from "../conformance/suite/client-target.ts";
import { unprofiled, type Implementation } from "../conformance/suite/implementation.ts";
import { ServerTarget } from "../conformance/suite/server-target.ts";
import type { Target } from "../conformance/suite/target.ts";
import { preparePassword } from "../credentials/password.ts";
import { hashPassword } from "../credentials/verifier.ts";
import { serverLimits } from "../net/limits.ts";
import { createServer } from "../net/server.ts";
import type { UsersSource } from "../auth/users-source.ts";

// This file is TypeScript in a checkout and JavaScript in the package, and so is the adapter.
const extension = import.meta.url.slice(-3);

export interface Reference {
  readonly target: Target;
  close(): Promise<void>;
}

export async function openReference(role: Role, profile: Profile, timeoutMs: number): Promise<Reference> {
  const implementation: Implementation = {
    ...unprofiled,
    name: "reference",
    transport: "plaintext",
    profile,
  };
  if (role === "client") {
    const adapter = fileURLToPath(new URL(`../bin/talkbyte-adapter${extension}`, import.meta.url));
    const launch = [process.execPath, adapter];
    const target = new ClientTarget({ ...implementation, launch }, undefined, timeoutMs);
    await target.start();
    return { target, close: () => target.stop() };
  }
  const server = createServer({
    users: await usersOf(profile),
    identity: "plaintext",
    penaltyExempt: ["127.0.0.0/8"],
    limits: limitsOf(profile),
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return { target: new ServerTarget({ ...implementation, port }), close: () => server.close() };
}

function limitsOf({ variables }: Profile): ReturnType<typeof serverLimits> {
  const given = (name: keyof typeof variables): number | undefined => {
    const value = variables[name];
    return typeof value === "number" ? value : undefined;
  };
  const limits = {
    tries: given("tries"),
    maxFrameBytes: given("max-frame-bytes"),
    maxUnderWay: given("max-under-way"),
    loginMs: given("login-ms"),
    frameMs: given("frame-ms"),
    idleMs: given("idle-ms"),
  };
  return serverLimits(Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)));
}

// Hashes as cheap as they come: nothing is kept of them.
async function usersOf({ variables }: Profile): Promise<UsersSource> {
  const user = async (name: unknown, password: unknown, disabled: boolean) =>
    typeof name === "string" && typeof password === "string"
      ? [
          {
            name,
            password: await hashPassword(preparePassword(password), { memoryKib: 8, passes: 1, lanes: 1 }),
            disabled,
            createdAt: "",
            updatedAt: "",
            credentialId: "",
          },
        ]
      : [];
  const list = [
    ...(await user(variables.username, variables.password, false)),
    ...(await user(variables["disabled-username"], variables["disabled-password"], true)),
  ];
  const snapshot = {
    get: (name: string) => list.find((candidate) => candidate.name === name),
    list: () => list,
    warnings: [],
  };
  return { current: () => Promise.resolve(snapshot), replaceHash: () => Promise.resolve(false) };
}
