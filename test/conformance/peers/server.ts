// A server for the tests of the command, in a process of its own: the core's, right in everything and without deadlines,
// with one fault by name. Usage: node server.ts PORT [FAULT]

import { spawn } from "node:child_process";
import net from "node:net";
import type { SimulatedPeer, SimulatedWire } from "../../../src/conformance/play/simulated-link.ts";
import { simulateServer } from "../../protocol/simulated-server.ts";

const [, , portText = "0", fault = "none"] = process.argv;
const limitBytes = 65_541;

let deaf = false;
let heard = "";
// The last bytes that came, however they were cut.
let tail = Buffer.alloc(0);
let connections = 0;

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  connections++;
  if (fault === "leaves-after-three" && connections > 3) process.exit(0);
  const peer = simulateServer("at once")(wireOf(socket));
  socket.on("data", (bytes: Buffer) => receive(peer, bytes));
  socket.on("end", () => peer.receiveEnd());
  socket.on("error", () => peer.receiveReset());
  socket.on("close", () => {
    if (fault === "crashes-late" && connections === 3) die("tired of it");
  });
});

function receive(peer: SimulatedPeer, bytes: Buffer): void {
  if (fault === "silent" || deaf) return;
  tail = Buffer.concat([tail, bytes]).subarray(-4);
  const oversize = tail.length === 4 && tail.readUInt32BE(0) === limitBytes + 1;
  if (oversize && fault === "crashes-on-oversize") die("boom:\u001b[2J out of memory");
  if (oversize && fault === "tells-passwords") die(`the last login was ${bytes.toString("latin1")}${heard}`);
  if (oversize && fault === "wedges-on-oversize") deaf = true;
  heard += bytes.toString("latin1");
  if (!deaf) peer.receive(new Uint8Array(bytes));
}

function die(lastWords: string): never {
  process.stderr.write(`${lastWords}\n`);
  process.exit(9);
}

function wireOf(socket: net.Socket): SimulatedWire {
  return {
    now: () => performance.now(),
    send: (bytes) => void (socket.writable && socket.write(faulty(bytes))),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}

// The first letter of what is echoed comes back as another.
function faulty(bytes: Uint8Array): Uint8Array {
  const echo = Buffer.from(bytes).indexOf("hello");
  return fault === "echoes-wrongly" && echo !== -1 ? bytes.with(echo, 0x48) : bytes;
}

switch (fault) {
  case "exits-at-once":
    process.stderr.write("no such configuration\n");
    process.exitCode = 7;
    break;
  case "never-listens":
    setInterval(() => undefined, 1000);
    break;
  case "behind-a-wrapper": {
    // As npm and shells do: the server is a child that inherits the output, and its parent knows nothing of SIGTERM's end.
    const child = spawn(process.execPath, [process.argv[1] ?? "", portText], { stdio: "inherit" });
    process.stderr.write(`wrapping ${child.pid}\n`);
    process.on("SIGTERM", () => process.exit(0));
    break;
  }
  case "ignores-sigterm":
    process.on("SIGTERM", () => undefined);
    server.listen(Number(portText), "127.0.0.1");
    break;
  default:
    server.listen(Number(portText), "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) process.stdout.write(`${address.port}\n`);
    });
}
