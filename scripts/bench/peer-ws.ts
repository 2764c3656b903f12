// The `ws` package: each message goes back as it came. With a key and a certificate over TLS.
//
//   node peer-ws.ts [CERTIFICATE KEY]        prints "listening on PORT"; ends when its input does

import { readFileSync } from "node:fs";
import { createServer as createPlainServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** What is used of ws, which brings no types. */
interface WebSocket {
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
  on(event: "error", listener: () => void): void;
  send(data: Buffer, options: { binary: boolean }): void;
}
interface WebSocketModule {
  readonly WebSocketServer: new (options: object) => {
    on(event: "connection", listener: (socket: WebSocket) => void): void;
  };
}

const packageName: string = "ws";
const { WebSocketServer } = (await import(packageName)) as WebSocketModule;
const [certificate, key] = process.argv.slice(2);

const server: Server =
  certificate === undefined || key === undefined
    ? createPlainServer()
    : createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key), minVersion: "TLSv1.3" });
const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 2 * 1_048_576 });
sockets.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
  socket.on("error", () => undefined);
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on("end", () => process.exit());
