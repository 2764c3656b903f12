// What is measured: every payload at every depth with so many connections, less the cells that would put more under way
// than MAX_IN_FLIGHT_BYTES, which are shown as skipped. The quick ones have names.

export interface Cell {
  readonly name: string;
  readonly payloadBytes: number;
  /** Messages under way on each connection. */
  readonly depth: number;
  readonly connections: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const PAYLOADS = [16, KIB, 64 * KIB, MIB] as const;
const DEPTHS = [1, 16, 64] as const;
const CONNECTIONS = [1, 50, 1000] as const;
export const MAX_IN_FLIGHT_BYTES = 256 * MIB;

/** What one sees first of a server: the wait of one caller, small messages in a crowd, and bulk. */
const QUICK: Readonly<Record<string, readonly [payloadBytes: number, depth: number, connections: number]>> = {
  "one-caller": [16, 1, 1],
  "small-depth-1": [16, 1, 50],
  "small-depth-16": [16, 16, 50],
  "small-depth-64": [16, 64, 50],
  crowd: [16, 1, 1000],
  "kilobyte-depth-16": [KIB, 16, 50],
  "bulk-64-kib": [64 * KIB, 16, 1],
  "bulk-1-mib": [MIB, 1, 1],
};

export function inFlightBytes({ payloadBytes, depth, connections }: Cell): number {
  return payloadBytes * depth * connections;
}

export function isSkipped(cell: Cell): boolean {
  return inFlightBytes(cell) > MAX_IN_FLIGHT_BYTES;
}

export function quickCells(): Cell[] {
  return Object.entries(QUICK).map(([name, [payloadBytes, depth, connections]]) => ({
    name,
    payloadBytes,
    depth,
    connections,
  }));
}

/** The whole table; a cell that is also a quick one has its name. */
export function allCells(): Cell[] {
  const names = new Map(quickCells().map((cell) => [plainName(cell), cell.name]));
  return PAYLOADS.flatMap((payloadBytes) =>
    CONNECTIONS.flatMap((connections) =>
      DEPTHS.map((depth) => {
        const name = plainName({ payloadBytes, depth, connections });
        return { name: names.get(name) ?? name, payloadBytes, depth, connections };
      }),
    ),
  );
}

/** The cell with this name, else those whose name or description holds this text, as "1 MiB" or "depth 16,". */
export function onlyCells(cells: readonly Cell[], only: string): Cell[] {
  const named = cells.filter(({ name }) => name === only);
  return named.length > 0 ? named : cells.filter((cell) => `${cell.name}: ${describe(cell)},`.includes(only));
}

export function describe({ payloadBytes, depth, connections }: Omit<Cell, "name">): string {
  return `${bytesText(payloadBytes)}, depth ${depth}, ${connections.toLocaleString("en")} connection${connections === 1 ? "" : "s"}`;
}

export function bytesText(bytes: number): string {
  if (bytes >= MIB) return `${bytes / MIB} MiB`;
  return bytes >= KIB ? `${bytes / KIB} KiB` : `${bytes} B`;
}

function plainName({ payloadBytes, depth, connections }: Omit<Cell, "name">): string {
  return `${bytesText(payloadBytes).replace(" ", "").toLowerCase()}-depth-${depth}-by-${connections}`;
}
