// What is attacked: talkbyte-server in a process of its own, over TLS, with its defaults but for the options given. And
// an honest user of it, whose logins and echoes are timed. Alice can log in by both mechanisms; the account is the attacker's.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { createOpaqueSetup, enrol } from "../../src/auth/opaque-enrolment.ts";
import { ensureOpaqueSetup } from "../../src/credentials/opaque-setup-file.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import { addUser } from "../../src/credentials/users-file.ts";
import { connect, type Client } from "../../src/net/client.ts";
import { ClientProcess } from "../cli/client-process.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import {
  auth,
  hello,
  LOOPBACK,
  message,
  PASSWORD,
  phcOfPassword,
  rawConnectTls,
  type RawPeer,
} from "../net/harness.ts";
import type { Account } from "./lane.ts";

export interface Target {
  readonly port: number;
  readonly fingerprint: string;
  readonly pid: number;
  readonly process: ClientProcess;
  /** The users file. */
  readonly users: string;
}

export const ACCOUNT: Account = { username: "mallory", password: PASSWORD };

const serverBin = fileURLToPath(new URL("../../src/bin/talkbyte-server.ts", import.meta.url));

export async function startTarget(...options: string[]): Promise<Target> {
  const folder = makeTemporaryFolder();
  const users = join(folder, "users.json");
  const setup = await ensureOpaqueSetup(join(folder, "opaque-setup.json"), createOpaqueSetup);
  const phc = await phcOfPassword();
  for (const name of ["alice", ACCOUNT.username])
    await addUser(users, name, phc, await enrol(setup, name, preparePassword(PASSWORD)));
  const files = ["--users", users, "--identity", join(folder, "identity.pem")];
  const args = [serverBin, ...files, "--host", LOOPBACK, "--port", "0", "--log-level", "error", ...options];
  const server = new ClientProcess(args);
  await server.err.shows("fingerprint ");
  await server.err.shows("\n");
  const [, port, fingerprint] = /:(\d+)\nfingerprint ([0-9a-f]{64})\n/.exec(server.err.text)!;
  return {
    port: Number(port),
    fingerprint: fingerprint!,
    pid: server.child.pid!,
    process: server,
    users,
  };
}

/** Alice, by OPAQUE. */
export async function connectHonest({ port, fingerprint }: Target): Promise<Client> {
  const credentials = { username: "alice", password: PASSWORD };
  const client = await connect({ host: LOOPBACK, port, trust: { fingerprint }, ...credentials });
  if (client.mechanism !== "OPAQUE") throw new Error(`logged in by ${client.mechanism}`);
  return client;
}

/** The milliseconds of each of so many honest logins by OPAQUE, one after the other, from connect to the echo of a message. */
export async function timeLogins(target: Target, count: number): Promise<number[]> {
  return await timeEach(count, async () => {
    const client = await connectHonest(target);
    await client.send("hello");
    return async () => await client.stop();
  });
}

/** The same by PASSWORD, which our client takes only where OPAQUE fails: so by hand. */
export async function timePasswordLogins(target: Target, count: number): Promise<number[]> {
  return await timeEach(count, async () => {
    const peer = await rawConnectTls(target);
    peer.send(hello(), auth(), message(1, "hello"));
    for (const due of ["WELCOME", "AUTHENTICATED", "REPLY"]) {
      const name = await nameOfNext(peer);
      if (name !== due) throw new Error(`not ${due} but ${name}`);
    }
    return async () => await peer.end().closed();
  });
}

/** Extension frames are passed over. */
async function nameOfNext(peer: RawPeer): Promise<string> {
  for (;;) {
    const next = await peer.next();
    if (next === undefined) return "the end";
    if (next.type < 0x80) return next.name;
  }
}

async function timeEach(count: number, act: () => Promise<() => Promise<void>>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    const leave = await act();
    times.push(performance.now() - startedAt);
    await leave();
  }
  return times;
}

/** The milliseconds of each echo of a session that another one logged in for, as long as `work` takes; at least one. */
export async function timeEchoesDuring(client: Client, work: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const state = { over: false };
  const settled = work.finally(() => (state.over = true));
  do {
    const startedAt = performance.now();
    const reply = await client.send("0123456789abcdef");
    if (reply.length !== 16) throw new Error("not the echo");
    times.push(performance.now() - startedAt);
  } while (!state.over);
  await settled;
  return times;
}

/** Prints the figures of an attack, for who reads the tests' output. */
export function report(attack: string, ...figures: readonly string[]): void {
  process.stdout.write(`${attack}: ${figures.join("; ")}\n`);
}

export function describeTimes(what: string, times: readonly number[]): string {
  const median = times.toSorted((a, b) => a - b)[times.length >> 1]!;
  return `${times.length} ${what}, ${median.toFixed(1)} ms median, ${Math.max(...times).toFixed(0)} ms at most`;
}

export function describeTally(tally: Readonly<Record<string, number>>): string {
  return `the attacker counted ${JSON.stringify(tally)}`;
}
