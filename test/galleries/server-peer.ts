// The servers of a gallery, in a process of their own, with deadlines short enough to wait for. The parent writes a line for
// each that it wants, or wants to be stopped as an operator would; a server costs little, so an exchange that stops one
// gets its own. Whatever breaks inside is told on standard error: a mutant that crashes is a bug of the gallery.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

import {
  createOpaqueSetup,
  createServer,
  enrol,
  hashPassword,
  makeIdentity,
  preparePassword,
  type Identity,
  type Server,
  type UsersSource,
} from "../../src/index.ts";
import { gallerySettings } from "./gallery-profile.ts";
import type { PeerSettings } from "./mutant.ts";

/** `open` is answered by a line with the port that it got; `stop` names one, and is not answered. */
export type ServerRequest = { readonly open: "plaintext" | "tls" } | { readonly stop: number };

const { limits } = JSON.parse(process.env["GALLERY_SETTINGS"] ?? "{}") as PeerSettings;
const servers = new Map<number, Server>();
const setup = await createOpaqueSetup();
const source = await users();
let identity: Promise<Identity> | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as ServerRequest;
  if ("open" in request) process.stdout.write(`${JSON.stringify({ port: await open(request.open) })}\n`);
  else {
    void servers.get(request.stop)?.close();
    servers.delete(request.stop);
  }
}
process.exit();

async function open(transport: "plaintext" | "tls"): Promise<number> {
  const server = createServer({
    users: source,
    opaque: setup,
    identity: transport === "plaintext" ? transport : await (identity ??= makeIdentity()),
    // Or each login would replace its light hash by a strong one.
    readOnlyUsers: true,
    penaltyExempt: ["127.0.0.0/8"],
    limits: { ...gallerySettings.limits, ...limits },
    log: { debug: ignore, info: ignore, warn: ignore, error: tellBroken },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  servers.set(port, server);
  return port;
}

async function users(): Promise<UsersSource> {
  // The lightest hash that is allowed: what is tested here is the wire.
  const { password } = gallerySettings;
  const hash = await hashPassword(preparePassword(password), { memoryKib: 8, passes: 1, lanes: 1 });
  const rest = { password: hash, createdAt: "", updatedAt: "", credentialId: "" };
  const passwordSha256 = createHash("sha256").update(hash).digest("hex");
  const record = async (name: string) => ({
    ...(await enrol(setup, name, preparePassword(password))),
    passwordSha256,
  });
  const [active, disabled] = [gallerySettings.username, gallerySettings.disabledUsername];
  const list = [
    { name: active, disabled: false, opaque: await record(active), ...rest },
    { name: disabled, disabled: true, opaque: await record(disabled), ...rest },
  ];
  const snapshot = {
    get: (name: string) => list.find((user) => user.name === name),
    list: () => list,
    warnings: [],
  };
  return { current: async () => snapshot, replaceHash: async () => false };
}

function ignore(): void {}

function tellBroken(fields: object, text: string): void {
  const { err } = fields as { err?: unknown };
  const what = err instanceof Error ? (err.stack ?? err.message) : JSON.stringify(fields);
  process.stderr.write(`broken: ${text}: ${what}\n`);
}
