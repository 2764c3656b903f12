// A recorded login, played to the server again. By OPAQUE the attacker is given the client's frames in the clear, as a client that
// writes down too much would; over TLS he has what passes on the way. Neither opens a session.

import { once } from "node:events";
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";

import { encodeResponse } from "../../src/protocol/login-frames.ts";
import { LOOPBACK, rawConnectTls, type RawPeer } from "../net/harness.ts";
import { OpaquePeer } from "../net/opaque-peer.ts";
import { describeFrame } from "../protocol/bytes.ts";
import { report, startTarget, timePasswordLogins, type Target } from "./target.ts";

/** Extension frames are passed over. */
async function answers(peer: RawPeer, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) {
    const next = await peer.next();
    if (next === undefined || next.type < 0x80)
      lines.push(next === undefined ? "the end" : describeFrame(next));
  }
  return lines;
}

/** What became of each attempt to log in, once the server has stopped. */
async function loginsOf(target: Target): Promise<string[]> {
  target.process.child.kill("SIGTERM");
  const { out } = await target.process.finished();
  const lines = out.split("\n").filter((line) => line !== "");
  return lines
    .map((line) => JSON.parse(line) as { event: string; outcome: string })
    .flatMap(({ event, outcome }) => (event === "login" ? [outcome] : []));
}

const LOGGED = ["--log-level", "info", "--log-format", "json", "--drain-ms", "100"];

test("of the frames of a login by OPAQUE: the old RESPONSE does not fit the new CHALLENGE", async () => {
  const target = await startTarget(...LOGGED);
  const first = await OpaquePeer.connect(target);
  const challenged = await first.challenge("alice");
  const response = encodeResponse(await first.respond(challenged));
  expect(await answers(first.raw.send(response), 1)).toEqual(["AUTHENTICATED"]);
  const { hello, auth } = challenged.transcript;
  for (const beside of ["while the first is open", "when it has ended"]) {
    const second = await rawConnectTls(target);
    second.send(hello, auth);
    expect(await answers(second, 2), beside).toEqual(["WELCOME", "CHALLENGE"]);
    const [refusal] = await answers(second.send(response), 1);
    expect(refusal, beside).toBe("REFUSED bad-credentials after 0 left 2");
    report(`replay of a login by OPAQUE ${beside}`, refusal!);
    first.raw.socket.destroy();
  }
  expect(await loginsOf(target)).toEqual(["accepted", "bad-credentials", "bad-credentials"]);
});

/** Stands between client and server, hands everything on, and keeps what the client sent. */
async function record(port: number): Promise<{ readonly port: number; readonly sent: () => Buffer }> {
  const chunks: Buffer[] = [];
  const listener = createServer((client) => {
    const server = connectTcp({ host: LOOPBACK, port });
    client.on("data", (chunk: Buffer) => void chunks.push(chunk));
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      socket.on("error", () => undefined);
      onTestFinished(() => void socket.destroy());
    }
  });
  listener.listen({ host: LOOPBACK, port: 0 });
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  return { port: (listener.address() as AddressInfo).port, sent: () => Buffer.concat(chunks) };
}

/** Sends all of it, and returns what the server said before it closed. */
async function replay(port: number, bytes: Buffer): Promise<Buffer> {
  const socket: Socket = connectTcp({ host: LOOPBACK, port });
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => void received.push(chunk));
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(received);
}

test("of the records of a login by PASSWORD over TLS: the server can't make sense of them", async () => {
  const target = await startTarget(...LOGGED, "--tls-ms", "120000"); // it is not to be the deadline that ends them
  const recorder = await record(target.port);
  await timePasswordLogins({ ...target, port: recorder.port }, 1);
  const recorded = recorder.sent();
  const answer = await replay(target.port, recorded);
  // Its hello goes as far as that of any client; then the keys differ.
  expect(answer.subarray(0, 1).toString("hex")).toBe("16");
  report(
    "replay of the TLS records of a login",
    `${recorded.length} bytes sent, ${answer.length} answered, closed`,
  );
  expect(await loginsOf(target)).toEqual(["accepted"]);
});
