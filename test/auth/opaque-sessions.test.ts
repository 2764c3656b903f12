// A login by OPAQUE from HELLO to AUTHENTICATED through the real sessions of both sides, without a socket between:
// the transcripts that they keep are the same.

import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { OpaqueClientAttempt } from "../../src/auth/opaque-client.ts";
import { parseStretching } from "../../src/credentials/opaque-stretching.ts";
import { preparePassword } from "../../src/credentials/password.ts";
import type { HashParameters } from "../../src/credentials/phc.ts";
import { ClientSession, type ClientAction } from "../../src/protocol/client-session.ts";
import { FrameWriter } from "../../src/protocol/frame-writer.ts";
import { ServerSession } from "../../src/protocol/server-session.ts";
import type { ServerAction } from "../../src/protocol/server-host.ts";
import { SERVER_SETTINGS } from "../protocol/server-bench.ts";
import { concat } from "../protocol/bytes.ts";
import { openServer, PASSWORD_OF_ALICE, type OpaqueServer } from "./opaque-harness.ts";

/** Returns what the client has come to believe, and both sides' last states. */
async function logIn(server: OpaqueServer, password: string, channels: readonly [Uint8Array, Uint8Array]) {
  const [fromClient, fromServer] = [new FrameWriter(), new FrameWriter()];
  const work: (() => Promise<void> | void)[] = [];
  const connection = server.login.connect(channels[1]);
  const attempt = await OpaqueClientAttempt.start(preparePassword(password), channels[0]);
  let stretching: HashParameters | undefined;
  let confirmed: boolean | undefined;

  const actAsServer = (action: ServerAction): void => {
    if (action.type === "admit") work.push(() => serverSession.admitted(0));
    if (action.type !== "verify") return;
    work.push(async () => serverSession.verified(await connection.verify(action.attempt), 0));
  };
  const actAsClient = (action: ClientAction): void => {
    if (action.type === "welcome") stretching = parseStretching(action.welcome.mechanisms[0]!.parameters);
    if (action.type === "challenge") {
      const { transcript } = clientSession;
      const ke2 = action.mechanismData.slice();
      const respond = attempt.respond({ ke2, stretching: stretching!, transcript });
      work.push(async () => clientSession.respond(await respond, 0));
    }
    if (action.type === "authenticated") {
      const { sessionId, mechanismData } = action.authenticated;
      confirmed = attempt.confirm(clientSession.transcript, sessionId, mechanismData);
    }
  };
  const serverSession: ServerSession = new ServerSession(
    { ...SERVER_SETTINGS, mechanisms: [server.login.mechanism] },
    { out: fromServer, act: actAsServer, message: () => new Uint8Array(0) },
    0,
  );
  const clientSession: ClientSession = new ClientSession(
    { agent: "client/1", answerMs: 60_000 },
    { out: fromClient, act: actAsClient, reply: () => undefined },
    0,
  );
  clientSession.login({ mechanism: "OPAQUE", username: "alice", mechanismData: attempt.ke1 }, 0);
  for (;;) {
    const [up, down] = [concat(...fromClient.take()), concat(...fromServer.take())];
    if (up.length > 0) serverSession.receive(up, 0);
    if (down.length > 0) clientSession.receive(down, 0);
    const next = work.shift();
    if (next !== undefined) await next();
    else if (up.length + down.length === 0) break;
  }
  return { confirmed, states: [clientSession.state, serverSession.state] };
}

it("both sides log in, and each knows the other", async () => {
  const server = await openServer();
  const channel = new Uint8Array(randomBytes(32));
  expect(await logIn(server, PASSWORD_OF_ALICE, [channel, channel])).toEqual({
    confirmed: true,
    states: ["ready", "ready"],
  });
});

it("neither does with a wrong password, or with someone in the middle", async () => {
  const server = await openServer();
  const [channel, other] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
  const refused = { confirmed: undefined, states: ["unauthenticated", "awaiting-auth"] };
  expect(await logIn(server, "wrong horse battery", [channel, channel])).toEqual(refused);
  expect(await logIn(server, PASSWORD_OF_ALICE, [channel, other])).toEqual(refused);
});
