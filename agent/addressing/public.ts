// Arithmetic of the provider's ranges: which addresses there are, which is next. Pure.
import { isIPv4, isIPv6 } from 'node:net';
import { Address4, Address6 } from 'ip-address';
import { InnkeeperError } from '../resources/errors.ts';
import type { Protocol } from '../resources/public-ip.ts';

/** The provider's network as the configuration has it. */
export interface Inet {
  bridge?: string;
  ipv4_ranges: string[];
  ipv4_gateway?: string;
  ipv6_ranges: string[];
  ipv6_gateway?: string;
}

/** One protocol of it, completed. */
export interface Provider {
  gateway: string;
  ranges: string[];
}

interface Range {
  first: bigint;
  last: bigint;
}

const BITS = { ipv4: 32, ipv6: 128 };
/** Never anybody's public address: this host, link-local, multicast, the configuration service. */
const SPECIAL = {
  ipv4: ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'],
  ipv6: ['::/8', 'fe80::/10', 'ff00::/8', 'fd00:ec2::/32'],
};

const isAddress = { ipv4: isIPv4, ipv6: (text: string) => isIPv6(text) && !text.includes('%') };

function number(protocol: Protocol, address: string): bigint {
  return protocol === 'ipv4' ? new Address4(address).bigInt() : new Address6(address).bigInt();
}

function text(protocol: Protocol, value: bigint): string {
  return protocol === 'ipv4' ? Address4.fromBigInt(value).address : Address6.fromBigInt(value).correctForm();
}

/** Which protocol an address is of; undefined if it is none. The address in the one way of writing it. */
export function readAddress(address: string): { protocol: Protocol; address: string } | undefined {
  if (isIPv4(address)) return { protocol: 'ipv4', address };
  return isAddress.ipv6(address)
    ? { protocol: 'ipv6', address: new Address6(address).correctForm() }
    : undefined;
}

/** @throws InnkeeperError `invalid` */
function rangeOf(protocol: Protocol, cidr: string): Range {
  const [network = '', length = ''] = cidr.split('/');
  const wrong = new InnkeeperError('invalid', `inet: ${cidr} is not a range of ${protocol} addresses.`);
  if (!isAddress[protocol](network) || !/^\d{1,3}$/.test(length) || Number(length) > BITS[protocol])
    throw wrong;
  const size = 1n << BigInt(BITS[protocol] - Number(length));
  const first = number(protocol, network);
  if (first % size !== 0n) {
    const meant = `${text(protocol, first - (first % size))}/${length}`;
    throw new InnkeeperError('invalid', `inet: ${cidr} has host bits set; did you mean ${meant}?`);
  }
  return { first, last: first + size - 1n };
}

const within = (value: bigint, { first, last }: Range): boolean => first <= value && value <= last;

/** What INet has of a protocol; undefined without a range. Without a provider's bridge the host is the gateway. */
export function providerOf(inet: Inet, protocol: Protocol): Provider | undefined {
  const ranges = protocol === 'ipv4' ? inet.ipv4_ranges : inet.ipv6_ranges;
  const [first] = ranges;
  if (first === undefined) return undefined;
  const named = protocol === 'ipv4' ? inet.ipv4_gateway : inet.ipv6_gateway;
  return { ranges, gateway: named ?? text(protocol, rangeOf(protocol, first).first + 1n) };
}

/** @throws InnkeeperError `invalid` naming what is wrong with the configuration of INet */
export function checkInet(inet: Inet): void {
  for (const protocol of ['ipv4', 'ipv6'] as const) {
    const provider = providerOf(inet, protocol);
    if (!provider) continue;
    const gateway = protocol === 'ipv4' ? inet.ipv4_gateway : inet.ipv6_gateway;
    if (inet.bridge !== undefined && gateway === undefined) {
      const why = `inet: ${protocol}_gateway is missing, the provider's router on ${inet.bridge}.`;
      throw new InnkeeperError('invalid', why);
    }
    if (!isAddress[protocol](provider.gateway)) {
      throw new InnkeeperError('invalid', `inet: ${provider.gateway} is not an ${protocol} address.`);
    }
    for (const cidr of provider.ranges) {
      const range = rangeOf(protocol, cidr);
      const special = SPECIAL[protocol].find((other) => {
        const { first, last } = rangeOf(protocol, other);
        return range.first <= last && first <= range.last;
      });
      if (special) throw new InnkeeperError('invalid', `inet: ${cidr} lies in ${special}.`);
    }
  }
}

/** The ends of a range on the agent's own bridge are a subnet's ends; a provider's range is what he says. */
function usable(inet: Inet, protocol: Protocol): Range[] {
  const edge = inet.bridge === undefined ? 1n : 0n;
  return (providerOf(inet, protocol)?.ranges ?? []).map((cidr) => {
    const { first, last } = rangeOf(protocol, cidr);
    return { first: first + edge, last: last - edge };
  });
}

/** True if the configuration gives the address away. */
export function isPublicAddress(inet: Inet, protocol: Protocol, address: string): boolean {
  const value = number(protocol, address);
  const gateway = providerOf(inet, protocol)?.gateway;
  if (gateway !== undefined && number(protocol, gateway) === value) return false;
  return usable(inet, protocol).some((range) => within(value, range));
}

/** The lowest address that nobody has, or undefined. */
export function nextPublicAddress(
  inet: Inet,
  protocol: Protocol,
  taken: ReadonlySet<string>,
): string | undefined {
  for (const { first, last } of usable(inet, protocol)) {
    // Ends soon even in a huge range: only so many can be taken.
    for (let value = first; value <= last; value++) {
      const address = text(protocol, value);
      if (!taken.has(address) && isPublicAddress(inet, protocol, address)) return address;
    }
  }
  return undefined;
}

/** How many addresses there are; more than can be counted exactly are told as the most that can. */
export function publicAddressCount(inet: Inet, protocol: Protocol): number {
  const ranges = usable(inet, protocol);
  const gateway = providerOf(inet, protocol)?.gateway;
  const inside = gateway !== undefined && ranges.some((range) => within(number(protocol, gateway), range));
  const count = ranges.reduce((sum, { first, last }) => sum + (last >= first ? last - first + 1n : 0n), 0n);
  return Number(
    [count - (inside ? 1n : 0n), BigInt(Number.MAX_SAFE_INTEGER)].reduce((a, b) => (a < b ? a : b)),
  );
}

/** True if an address is in a subnet. */
export function isInSubnet(
  protocol: Protocol,
  subnet: { network: string; prefixLength: number },
  address: string,
): boolean {
  return within(number(protocol, address), rangeOf(protocol, `${subnet.network}/${subnet.prefixLength}`));
}
