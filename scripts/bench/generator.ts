// One load generator at one peer, for one cell: its connections stay open while it waits for its turn, so that the peers
// of a cell can take turns of a fraction of a second.

import { fileURLToPath } from "node:url";
import type { Cell } from "./cells.ts";
import { Child } from "./child.ts";
import type { Ground, Peer } from "./peers.ts";
import type { Histogram } from "./statistics.ts";
import type { Compiled } from "./tools.ts";

/** What a generator saw in one turn: load that is not counted, a window that is, and the last replies. */
export interface Sample {
  /** Of the window. */
  readonly replies: number;
  readonly ns: number;
  readonly histogram: Histogram;
  /** Of the whole turn. */
  readonly turnReplies: number;
  readonly turnNs: number;
  /** CPU time of the generator itself in the turn. */
  readonly cpuNs: number;
  /** CPU time of the server in the turn, all its threads; 0 where the system does not tell. */
  readonly serverCpuNs: number;
}

export interface Window {
  /** Load that is not counted, for the pipelines to fill. */
  readonly warmMs: number;
  readonly measureMs: number;
}

export type GeneratorKind = "c" | "node";

/** The one in C, unless it can't be had, or not with TLS. */
export function generatorFor(peer: Pick<Peer, "transport">, compiled: Compiled | undefined): GeneratorKind {
  return compiled !== undefined && (peer.transport === "plain" || compiled.tls) ? "c" : "node";
}

export class Generator implements AsyncDisposable {
  readonly kind: GeneratorKind;
  readonly #child: Child;

  private constructor(kind: GeneratorKind, child: Child) {
    this.kind = kind;
    this.#child = child;
  }

  /** @throws Error when the peer does not let it in */
  static async open(
    cell: Cell,
    peer: Peer,
    ground: Ground,
    compiled: Compiled | undefined,
  ): Promise<Generator> {
    const kind = generatorFor(peer, compiled);
    const { payloadBytes, depth, connections } = cell;
    const certificate = peer.transport === "tls" ? ground.certificate : "-";
    const numbers = [peer.port, payloadBytes, depth, connections, peer.pid].map(String);
    const args = [peer.protocol, ...numbers, certificate, ground.username];
    const child =
      kind === "c"
        ? new Child("generator", compiled!.path, args)
        : new Child("generator", process.execPath, [
            fileURLToPath(new URL("load.ts", import.meta.url)),
            ...args,
          ]);
    const generator = new Generator(kind, child);
    try {
      child.write(`${ground.password}\n`);
      await child.line(/^ready$/);
      return generator;
    } catch (error) {
      await generator[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws Error on a wrong reply, or when the peer went away */
  async play({ warmMs, measureMs }: Window): Promise<Sample> {
    this.#child.write(`${warmMs} ${measureMs}\n`);
    const [line] = await this.#child.line(/^\{.*\}$/);
    return JSON.parse(line) as Sample;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }
}
