// An adapter for the tests of the command, in front of a small client that is right; with one fault by name.
// Usage: node adapter.ts [FAULT]

import net from "node:net";
import { createInterface } from "node:readline";
import { attach, fakeClient, type FakeClient } from "../fakes.ts";

interface Request {
  readonly id: number;
  readonly call: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly payload: string;
}

const [, , fault = "none"] = process.argv;
let address: Request | undefined;
let client: FakeClient | undefined;
let socket: net.Socket | undefined;
let opened = 0;
const held: object[] = [];

function answer(fields: object): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

function open(request: Request): void {
  opened++;
  socket?.destroy();
  address = request;
  socket = undefined;
  client = undefined;
  if (fault === "dies-at-second-open" && opened === 2) die();
}

function login(request: Request): void {
  if (client === undefined) {
    const fresh = fakeClient();
    client = fresh;
    const { host = "", port = 0 } = address ?? {};
    socket = net.connect({ host, port, allowHalfOpen: true });
    socket.on("connect", () => socket !== undefined && attach(socket, fresh.start));
  }
  client.driver.login(request);
}

function carryOut(request: Request): void {
  switch (request.call) {
    case "open":
      return open(request);
    case "login":
      return login(request);
    case "send":
      return void client?.driver.send(Buffer.from(request.payload, "hex"));
    case "ping":
      return void client?.driver.ping();
    case "stop":
      return void client?.driver.stop();
    default:
      return void client?.driver.end();
  }
}

function die(): never {
  process.stderr.write("the client library has gone mad\n");
  process.exit(5);
}

function handle(request: Request): void {
  const { id, call } = request;
  if (fault === "silent") return;
  if (fault === "silent-at-second-open" && call === "open" && opened === 1) return;
  if (fault === "writes-garbage") return void process.stdout.write("connecting…\n");
  if (fault === "dies-on-login" && call === "login") die();
  if (fault === "has-no-ping" && call === "ping") return answer({ id, unsupported: true });
  carryOut(request);
  if (fault === "tells-passwords" && call === "login")
    return answer({ id, error: `logged in with ${request.password}` });
  if (fault !== "answers-backwards" || call === "open" || call === "login") return answer({ id });
  held.unshift({ id });
  if (call === "stop") for (const fields of held.splice(0)) answer(fields);
}

createInterface({ input: process.stdin })
  .on("line", (line) => handle(JSON.parse(line) as Request))
  .on("close", () => process.exit());
