// Bare Node: what arrives goes back, without frames, without users. With a key and a certificate over TLS.
//
//   node peer-echo.ts [CERTIFICATE KEY]        prints "listening on PORT"; ends when its input does

import { readFileSync } from "node:fs";
import { createServer as createPlainServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

const [certificate, key] = process.argv.slice(2);

function echo(socket: Socket): void {
  socket.on("data", (chunk: Buffer) => {
    if (!socket.write(chunk)) socket.pause();
  });
  socket.on("drain", () => socket.resume());
  socket.on("error", () => socket.destroy());
}

const options = { noDelay: true };
const server =
  certificate === undefined || key === undefined
    ? createPlainServer(options, echo)
    : createTlsServer(
        { ...options, cert: readFileSync(certificate), key: readFileSync(key), minVersion: "TLSv1.3" },
        echo,
      );
server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on("end", () => process.exit());
