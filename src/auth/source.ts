// Where a connection comes from, as penalties, caps and shares count it. One customer line of IPv6 is a /64, so its
// addresses are one source; an IPv4 address is the same source whichever family the listener met it through.

import { BlockList, isIP, SocketAddress } from "node:net";

export interface Source {
  /** For logs and the application. */
  readonly address: string;
  /** What is counted: an IPv4 address, an IPv6 /64, or `local` for all who come without an address. */
  readonly key: string;
  /** It gets no penalties. */
  readonly exempt: boolean;
}

/** Without an address comes who uses a unix socket: Node has no interface for the peer's user, so they are one source. */
const LOCAL: Source = { address: "unknown", key: "local", exempt: false };
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/** The source of a socket with this remote address; `undefined` when the system knows none. */
export function sourceOf(remoteAddress: string | undefined, exempt: BlockList): Source {
  const family = remoteAddress === undefined ? 0 : isIP(remoteAddress);
  if (remoteAddress === undefined || family === 0) return LOCAL;
  if (family === 4) return ipv4Source(remoteAddress, exempt);
  // In its one canonical spelling, without a zone.
  const { address } = new SocketAddress({ address: remoteAddress, family: "ipv6" });
  const mapped = MAPPED_IPV4.exec(address)?.[1];
  if (mapped !== undefined) return ipv4Source(mapped, exempt);
  return { address, key: prefixOf(address), exempt: exempt.check(address, "ipv6") };
}

/**
 * Networks in CIDR notation; an address alone is a network of one.
 * @throws RangeError naming the text that is no network
 */
export function parseNetworks(texts: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const text of texts) {
    const [, address = "", prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const family = isIP(address);
    const longest = family === 4 ? 32 : 128;
    const length = prefix === undefined ? longest : Number(prefix);
    if (family === 0 || length > longest) throw new RangeError(`${JSON.stringify(text)} is not a network`);
    if (/^::ffff:/i.test(address)) {
      throw new RangeError(`${text}: an IPv4 network is written as IPv4`);
    }
    networks.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  return networks;
}

function ipv4Source(address: string, exempt: BlockList): Source {
  return { address, key: address, exempt: exempt.check(address, "ipv4") };
}

/** The first four groups of a canonical IPv6 address. */
function prefixOf(address: string): string {
  const [head, tail] = address.split("::") as [string, string?];
  const groups = groupsOf(head);
  if (tail !== undefined) {
    const last = groupsOf(tail);
    while (groups.length + last.length < 8) groups.push("0");
    groups.push(...last);
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** A dotted tail, which stands for two groups, is beyond the first four in any case. */
function groupsOf(text: string): string[] {
  return text === ""
    ? []
    : text.split(":").flatMap((group) => (group.includes(".") ? [group, group] : [group]));
}
