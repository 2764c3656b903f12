// Measures one cell: all peers' connections are opened first, then the peers take turns, round by round, each round
// beginning with another, so that what the machine does meanwhile meets all of them alike.

import { isSkipped, MAX_IN_FLIGHT_BYTES, bytesText, type Cell } from "./cells.ts";
import { Generator, type Sample, type Window } from "./generator.ts";
import type { Ground, Peer } from "./peers.ts";
import { cellResult, peerResult, skippedCell, type CellResult } from "./result.ts";
import type { Compiled } from "./tools.ts";

export interface Plan extends Window {
  readonly rounds: number;
}

interface Lane {
  readonly peer: Peer;
  readonly generator: Generator;
  readonly samples: Sample[];
}

/** @param load the generator in C, where it compiles */
export async function measureCell(
  cell: Cell,
  peers: readonly Peer[],
  ground: Ground,
  load: Compiled | undefined,
  plan: Plan,
): Promise<CellResult> {
  if (isSkipped(cell)) return skippedCell(cell, `over ${bytesText(MAX_IN_FLIGHT_BYTES)} in flight`);
  const failures: string[] = [];
  let lanes: Lane[] = [];
  /** A peer that failed is left out from then on. */
  const attempt = async (peer: Peer, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(`${peer.name}, ${peer.transport}: ${(error as Error).message}`);
      lanes = lanes.filter((lane) => lane.peer !== peer);
    }
  };
  await using generators = new AsyncDisposableStack();
  for (const peer of peers) {
    await attempt(peer, async () => {
      const generator = generators.use(await Generator.open(cell, peer, ground, load));
      lanes.push({ peer, generator, samples: [] });
    });
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const { peer, generator, samples } of rotated(lanes, round))
      await attempt(peer, async () => void samples.push(await generator.play(plan)));
  }
  const results = lanes.map(({ peer, generator, samples }) => peerResult(peer, generator.kind, samples));
  return cellResult(cell, results, failures);
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
