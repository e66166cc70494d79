// IPv4 arithmetic of VNets: which subnet, which gateway, which address next. Pure.
import { Address4 } from 'ip-address';
import { InnkeeperError } from '../resources/errors.ts';
import type { Subnet, VNet } from '../resources/vnet.ts';

/** A VNet without a size of its own leaves 8 host bits. */
export const DEFAULT_HOST_BITS = 8;
const IPV4_BITS = 32;

function number(address: string): number {
  return Number(new Address4(address).bigInt());
}

function text(value: number): string {
  return Address4.fromBigInt(BigInt(value)).address;
}

interface Range {
  first: number;
  last: number;
}

function rangeOf(network: string, prefixLength: number): Range {
  const size = 2 ** (IPV4_BITS - prefixLength);
  const first = Math.floor(number(network) / size) * size;
  return { first, last: first + size - 1 };
}

/**
 * Reads "10.1.2.0/24" with an optional gateway (default: the first host address).
 * @throws InnkeeperError `invalid`
 */
export function parseSubnet(cidr: string, gateway?: string): Subnet {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr);
  const prefixLength = Number(match?.[2]);
  if (!match || !Address4.isValid(match[1]!) || prefixLength < 8 || prefixLength > 30) {
    throw new InnkeeperError('invalid', `${cidr} is not an IPv4 subnet such as 10.1.2.0/24 (/8 to /30).`);
  }
  const range = rangeOf(match[1]!, prefixLength);
  if (range.first !== number(match[1]!)) {
    throw new InnkeeperError(
      'invalid',
      `${cidr} has host bits set; did you mean ${text(range.first)}/${prefixLength}?`,
    );
  }
  refuseSpecial(range, cidr);
  const subnet = { network: text(range.first), prefixLength, gateway: gateway ?? text(range.first + 1) };
  if (!isHostAddress(subnet, subnet.gateway)) {
    throw new InnkeeperError('invalid', `The gateway ${gateway} is not a host address of ${cidr}.`);
  }
  return subnet;
}

const SPECIAL = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'];

function refuseSpecial(range: Range, cidr: string): void {
  for (const special of SPECIAL) {
    const [network, length] = special.split('/');
    const other = rangeOf(network!, Number(length));
    if (range.first <= other.last && other.first <= range.last) {
      throw new InnkeeperError('invalid', `${cidr} lies in ${special}, which guests cannot use.`);
    }
  }
}

/** True for an address that a VNIC (or the gateway) of `subnet` may have. */
export function isHostAddress(subnet: { network: string; prefixLength: number }, address: string): boolean {
  if (!Address4.isValid(address) || address.includes('/')) return false;
  const { first, last } = rangeOf(subnet.network, subnet.prefixLength);
  const value = number(address);
  return value > first && value < last;
}

/** Host addresses of the subnet without the gateway. */
export function addressCount(subnet: Subnet): number {
  return 2 ** (IPV4_BITS - subnet.prefixLength) - 3;
}

/** The lowest address nobody has, or undefined. */
export function nextAddress(subnet: Subnet, taken: ReadonlySet<string>): string | undefined {
  const { first, last } = rangeOf(subnet.network, subnet.prefixLength);
  for (let value = first + 1; value < last; value++) {
    const candidate = text(value);
    if (candidate !== subnet.gateway && !taken.has(candidate)) return candidate;
  }
  return undefined;
}

/**
 * The two addresses of pair `number` in `range`, between host and namespace (RFC 3021).
 * @returns undefined when the range has no such pair
 */
export function transitPair(range: string, pair: number): { host: string; inside: string } | undefined {
  const [network, length] = range.split('/');
  const { first, last } = rangeOf(network!, Number(length));
  const host = first + 2 * pair;
  return host + 1 <= last ? { host: text(host), inside: text(host + 1) } : undefined;
}

/** The first subnet of the default size in `range` that no VNet of this host overlaps. */
export function nextSubnet(range: string, vnets: readonly VNet[]): Subnet | undefined {
  const [network, length] = range.split('/');
  const { first, last } = rangeOf(network!, Number(length));
  const size = 2 ** DEFAULT_HOST_BITS;
  const taken = vnets.flatMap(({ ipv4 }) => (ipv4 ? [rangeOf(ipv4.network, ipv4.prefixLength)] : []));
  for (let start = first; start + size - 1 <= last; start += size) {
    if (taken.some((other) => start <= other.last && other.first <= start + size - 1)) continue;
    return parseSubnet(`${text(start)}/${IPV4_BITS - DEFAULT_HOST_BITS}`);
  }
  return undefined;
}
