// A server under test: launched on a free port, or running already.

import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Opening } from "../play/run.ts";
import type { Link } from "../play/link.ts";
import { connectLink } from "../play/socket-link.ts";
import { connectUnusually } from "../play/unusual-link.ts";
import type { Connection } from "../exchange/exchange.ts";
import { deathText, LaunchedProcess, type Death } from "./child-process.ts";
import type { Implementation } from "./implementation.ts";
import { launchOf } from "./launch-command.ts";
import { NotReady, type Target } from "./target.ts";

const tryAgainMs = 20;
const mostPortsTried = 100;

// Ports of servers that have been launched: until one listens, the system would give its port to another job as free.
const launchedPorts = new Set<number>();

export class ServerTarget implements Target {
  readonly role = "server";
  sane = true;
  readonly #implementation: Implementation;
  #port: number;
  #process: LaunchedProcess | undefined;

  constructor(implementation: Implementation) {
    this.#implementation = implementation;
    this.#port = implementation.port ?? 0;
  }

  get death(): Death | undefined {
    return this.#process?.death;
  }

  async died(withinMs: number): Promise<void> {
    await this.#process?.goneWithin(withinMs);
  }

  async start(): Promise<void> {
    const { host, port, startMs, launch } = this.#implementation;
    if (launch === undefined && port === undefined)
      throw new NotReady("give --port, or a profile with a launch command");
    await this.stop();
    if (launch !== undefined) {
      if (port !== undefined && (await accepts(host, port, startMs)))
        throw new NotReady(`something else listens at ${host}:${port} already`);
      this.#port = port ?? (await freePort(host));
      launchedPorts.add(this.#port);
      const command = launchOf(this.#implementation, this.#port);
      if (command === undefined) return;
      this.#process = new LaunchedProcess(command);
      this.#process.stdout.resume();
    }
    const until = performance.now() + startMs;
    while (!(await accepts(host, this.#port, startMs))) {
      if (this.death !== undefined)
        throw new NotReady(`the server ended before it listened: ${deathText(this.death)}`);
      if (performance.now() > until)
        throw new NotReady(`nothing accepts a connection at ${host}:${this.#port} within ${startMs} ms`);
      await delay(tryAgainMs);
    }
  }

  open(connection?: Connection): Promise<Opening> {
    const { host, transport, fingerprint } = this.#implementation;
    const address = { host, port: this.#port };
    const launched = this.#process;
    const operator = launched === undefined ? {} : { operator: { stop: () => launched.kill("SIGTERM") } };
    if (transport === "plaintext")
      return Promise.resolve({ link: () => connectLink(address), connection: "plaintext", ...operator });
    const tls = { rejectUnauthorized: false };
    const link = (): Promise<Link> =>
      connection === undefined
        ? connectLink(address, { tls, fingerprint })
        : connectUnusually(address, connection, tls);
    return Promise.resolve({ link, ...(connection === "plaintext" ? {} : { connection }), ...operator });
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
    launchedPorts.delete(this.#port);
  }
}

async function accepts(host: string, port: number, timeoutMs: number): Promise<boolean> {
  const socket = net.connect({ host, port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(timeoutMs) });
    // Where nobody listens, a socket that was given the same port itself connects to itself.
    return socket.localPort !== port;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePort(host: string): Promise<number> {
  for (let tried = 0; tried < mostPortsTried; tried++) {
    const port = await unusedPort(host);
    if (!launchedPorts.has(port)) return port;
  }
  throw new NotReady("there is no free port");
}

async function unusedPort(host: string): Promise<number> {
  const server = net.createServer();
  server.listen(0, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new NotReady(`there is no free port: ${error instanceof Error ? error.message : String(error)}`);
  }
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
