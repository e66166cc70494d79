// IPv6 arithmetic of VNets: which subnet, which gateway, which address next. Pure.
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { Address6 } from 'ip-address';
import { InnkeeperError } from '../resources/errors.ts';
import type { Subnet, VNet } from '../resources/vnet.ts';

/** The size of every IPv6 subnet that is allocated (RFC 7421). */
export const IPV6_PREFIX_LENGTH = 64;
const BITS = 128;
/** Addresses looked through for a free one; a VNet with more VNICs has to name them. */
const MOST_TRIED = 65_536;

interface Range {
  first: bigint;
  last: bigint;
}

const number = (address: string): bigint => new Address6(address).bigInt();

const text = (value: bigint): string => Address6.fromBigInt(value).correctForm();

function rangeOf(network: string, prefixLength: number): Range {
  const size = 1n << BigInt(BITS - prefixLength);
  const first = (number(network) / size) * size;
  return { first, last: first + size - 1n };
}

const overlap = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;

/** The one way of writing an address (RFC 5952), by which guests are found. */
export function canonical(address: string): string {
  return new Address6(address).correctForm();
}

/** True for an IPv6 address without a zone. */
function isPlain(address: string): boolean {
  return isIPv6(address) && !address.includes('%');
}

/** Loopback and unspecified, mapped IPv4, link-local, multicast, and where the configuration service is. */
const SPECIAL = ['::/8', 'fe80::/10', 'ff00::/8', 'fd00:ec2::/32'];

function split(cidr: string): { network: string; prefixLength: number } | undefined {
  const [network = '', length = '', ...rest] = cidr.split('/');
  if (!isPlain(network) || !/^\d{1,3}$/.test(length) || rest.length > 0) return undefined;
  return { network, prefixLength: Number(length) };
}

/**
 * Reads "fd12:3456:789a:1::/64" with an optional gateway (default: the first address after the network's own).
 * @throws InnkeeperError `invalid`
 */
export function parseSubnet6(cidr: string, gateway?: string): Subnet {
  const given = split(cidr);
  if (!given || given.prefixLength < 48 || given.prefixLength > 120) {
    const why = `${cidr} is not an IPv6 subnet such as fd12:3456:789a:1::/64 (/48 to /120).`;
    throw new InnkeeperError('invalid', why);
  }
  const range = rangeOf(given.network, given.prefixLength);
  if (range.first !== number(given.network)) {
    const meant = `${text(range.first)}/${given.prefixLength}`;
    throw new InnkeeperError('invalid', `${cidr} has host bits set; did you mean ${meant}?`);
  }
  for (const special of SPECIAL) {
    const other = split(special)!;
    if (overlap(range, rangeOf(other.network, other.prefixLength))) {
      throw new InnkeeperError('invalid', `${cidr} lies in ${special}, which guests cannot use.`);
    }
  }
  const subnet = {
    network: text(range.first),
    prefixLength: given.prefixLength,
    gateway: text(range.first + 1n),
  };
  if (gateway === undefined) return subnet;
  if (!isHostAddress6(subnet, gateway)) {
    throw new InnkeeperError('invalid', `The gateway ${gateway} is not a host address of ${cidr}.`);
  }
  return { ...subnet, gateway: canonical(gateway) };
}

/** True for an address that a VNIC (or the gateway) may have: not the network's own, the routers' anycast address. */
export function isHostAddress6(subnet: Pick<Subnet, 'network' | 'prefixLength'>, address: string): boolean {
  if (!isPlain(address)) return false;
  const { first, last } = rangeOf(subnet.network, subnet.prefixLength);
  const value = number(address);
  return value > first && value <= last;
}

/** Host addresses of the subnet without the gateway; more than can be counted exactly are told as the most that can. */
export function addressCount6({ prefixLength }: Subnet): number {
  return Math.min(2 ** (BITS - prefixLength) - 2, Number.MAX_SAFE_INTEGER);
}

/** The lowest address nobody has, or undefined. */
export function nextAddress6(subnet: Subnet, taken: ReadonlySet<string>): string | undefined {
  const { first, last } = rangeOf(subnet.network, subnet.prefixLength);
  for (let value = first + 1n; value <= last && value - first <= MOST_TRIED; value++) {
    const candidate = text(value);
    if (candidate !== subnet.gateway && !taken.has(candidate)) return candidate;
  }
  return undefined;
}

/** The /48 of unique local addresses (RFC 4193) a host has to itself, from its id: the same at every start. */
export function hostRange6(hostId: string): string {
  const globalId = createHash('sha256').update(`innkeeper ${hostId}`).digest('hex').slice(0, 10);
  return `fd${globalId.slice(0, 2)}:${globalId.slice(2, 6)}:${globalId.slice(6)}::/48`;
}

/** The first /64 of `range` that no VNet of this host overlaps. @throws InnkeeperError `invalid` for a bad range */
export function nextSubnet6(range: string, vnets: readonly VNet[]): Subnet | undefined {
  const given = split(range);
  if (!given || given.prefixLength > IPV6_PREFIX_LENGTH) {
    throw new InnkeeperError('invalid', `${range} is not an IPv6 range of /${IPV6_PREFIX_LENGTH} or more.`);
  }
  const { first, last } = rangeOf(given.network, given.prefixLength);
  const size = 1n << BigInt(BITS - IPV6_PREFIX_LENGTH);
  const taken = vnets.flatMap(({ ipv6 }) => (ipv6 ? [rangeOf(ipv6.network, ipv6.prefixLength)] : []));
  // The subnet with number zero is left out: its addresses are easily mistaken for those of the range.
  const start = given.prefixLength < IPV6_PREFIX_LENGTH ? first + size : first;
  for (let from = start; from + size - 1n <= last; from += size) {
    if (taken.some((other) => overlap(other, { first: from, last: from + size - 1n }))) continue;
    return parseSubnet6(`${text(from)}/${IPV6_PREFIX_LENGTH}`);
  }
  return undefined;
}
