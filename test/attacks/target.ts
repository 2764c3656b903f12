// What is attacked: talkbyte-server in a process of its own, over TLS, with its defaults but for the options given. And
// an honest user of it, whose logins are timed.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { addUser } from "../../src/credentials/users-file.ts";
import { connect } from "../../src/net/client.ts";
import { ClientProcess } from "../cli/client-process.ts";
import { makeTemporaryFolder } from "../credentials/temporary-folder.ts";
import { LOOPBACK, PASSWORD, phcOfPassword } from "../net/harness.ts";

export interface Target {
  readonly port: number;
  readonly fingerprint: string;
}

const serverBin = fileURLToPath(new URL("../../src/bin/talkbyte-server.ts", import.meta.url));

export async function startTarget(...options: string[]): Promise<Target> {
  const folder = makeTemporaryFolder();
  const users = join(folder, "users.json");
  await addUser(users, "alice", await phcOfPassword());
  const files = ["--users", users, "--identity", join(folder, "identity.pem")];
  const args = [serverBin, ...files, "--host", LOOPBACK, "--port", "0", "--log-level", "error", ...options];
  const { err } = new ClientProcess(args);
  await err.shows("fingerprint ");
  await err.shows("\n");
  const [, port, fingerprint] = /:(\d+)\nfingerprint ([0-9a-f]{64})\n/.exec(err.text)!;
  return { port: Number(port), fingerprint: fingerprint! };
}

/** The milliseconds of each of so many honest logins, one after the other, from connect to the echo of a message. */
export async function timeLogins({ port, fingerprint }: Target, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    const client = await connect({
      host: LOOPBACK,
      port,
      username: "alice",
      password: PASSWORD,
      trust: { fingerprint },
    });
    await client.send("hello");
    times.push(performance.now() - startedAt);
    await client.stop();
  }
  return times;
}

/** Prints the figures of an attack, for who reads the tests' output. */
export function report(
  attack: string,
  times: readonly number[],
  tally: Readonly<Record<string, number>>,
): void {
  const [median, longest] = [times.toSorted((a, b) => a - b)[times.length >> 1]!, Math.max(...times)];
  process.stdout.write(
    `${attack}: honest logins ${median.toFixed(0)} ms median, ${longest.toFixed(0)} ms at most; the attacker's answers: ${JSON.stringify(tally)}\n`,
  );
}
