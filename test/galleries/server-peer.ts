// The server of a gallery, in a process of its own: plaintext on a free port, deadlines short enough to wait for.
// It tells its parent the port, and whatever broke inside it: a mutant that crashes is a bug of the gallery.

import { createServer, hashPassword, preparePassword, type UsersSource } from "../../src/index.ts";
import { gallerySettings } from "./gallery-profile.ts";
import type { PeerSettings } from "./mutant.ts";

const { limits } = JSON.parse(process.env["GALLERY_SETTINGS"] ?? "{}") as PeerSettings;

async function users(): Promise<UsersSource> {
  // The lightest hash that is allowed: what is tested here is the wire.
  const { password } = gallerySettings;
  const hash = await hashPassword(preparePassword(password), { memoryKib: 8, passes: 1, lanes: 1 });
  const rest = { password: hash, createdAt: "", updatedAt: "", credentialId: "" };
  const list = [
    { name: gallerySettings.username, disabled: false, ...rest },
    { name: gallerySettings.disabledUsername, disabled: true, ...rest },
  ];
  const snapshot = {
    get: (name: string) => list.find((user) => user.name === name),
    list: () => list,
    warnings: [],
  };
  return { current: async () => snapshot, replaceHash: async () => false };
}

const ignore = (): void => undefined;
const server = createServer({
  users: await users(),
  identity: "plaintext",
  limits: { ...gallerySettings.limits, ...limits },
  log: {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields: object, text: string) =>
      void process.stderr.write(`broken: ${text}: ${inspectError(fields)}\n`),
  },
});
const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`${JSON.stringify({ port })}\n`);
process.stdin.on("end", () => process.exit()).resume();

function inspectError(fields: object): string {
  const { err } = fields as { err?: unknown };
  return err instanceof Error ? (err.stack ?? err.message) : JSON.stringify(fields);
}
