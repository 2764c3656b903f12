// A socket that is destroyed but has not said so yet: what the session still has to send then goes nowhere, and
// nothing may wait, or turn in a circle, for it to leave.

import { expect, test } from "vitest";

import { message, rawConnect, startServer, watchServerSockets } from "./harness.ts";

test("a deferred reply to a socket that is lost ends quietly", async () => {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const running = await startServer({
    onMessage: async (payload) => {
      asked.resolve();
      await gate.promise;
      return payload;
    },
  });
  const sockets = watchServerSockets(running);
  const client = await (await rawConnect(running)).logIn();
  client.send(message(1, "x"));
  await asked.promise;
  expect(sockets).toHaveLength(1);
  sockets[0]!.destroy();
  gate.resolve(); // the reply comes before the socket's "close"
  await running.log.wait("closed");
  const other = await (await rawConnect(running)).logIn();
  other.send(message(1, "y"));
  expect(await other.line()).toBe("REPLY 1 y");
});
