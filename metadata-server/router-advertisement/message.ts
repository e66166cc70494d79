// The router advertisement of a VNet as octets: what every guest on it is told without asking for a lease.
import { METADATA_ADDRESS_V6, type ServedNetwork, type ServedSubnet } from '../contract.ts';
import { toOctets } from '../dhcp6/address.ts';
import { encodeDomain } from '../dhcp6/information.ts';

const ROUTER_ADVERTISEMENT = 134;
const HOP_LIMIT = 64;
/** M and O: addresses and everything else come by DHCPv6 (RFC 4861, section 4.2). */
const FLAGS = 0x80 | 0x40;
/** The longest a router may promise (RFC 4861, section 6.2.1): guests outlast an agent that is away for so long. */
const LIFETIME_SECONDS = 9000;
const FOREVER = 0xffff_ffff;
/** On link, and not for making addresses of one's own: every other address than the VNIC's is dropped. */
const ON_LINK = 0x80;

const OPTION = { prefix: 3, mtu: 5, route: 24, dnsServers: 25, searchDomains: 31 } as const;

/**
 * ICMPv6 without its checksum, which the kernel fills in.
 *
 *     type 134 | code 0 | checksum | hop limit | M O flags | lifetime | reachable time | retransmission timer | options
 */
export function routerAdvertisement(network: ServedNetwork & { ipv6: ServedSubnet }): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt8(ROUTER_ADVERTISEMENT, 0);
  head.writeUInt8(HOP_LIMIT, 4);
  head.writeUInt8(FLAGS, 5);
  head.writeUInt16BE(LIFETIME_SECONDS, 6);
  const dns = (network.dnsServers ?? []).filter((address) => address.includes(':')).map(toOctets);
  const domains = (network.searchDomains ?? []).flatMap(encodeDomain);
  return Buffer.concat([
    head,
    option(OPTION.mtu, Buffer.alloc(2), u32(network.mtu)),
    prefixOption(network.ipv6),
    // For guests whose way out is on another NIC (RFC 4191).
    option(OPTION.route, Buffer.of(128, 0), u32(LIFETIME_SECONDS), toOctets(METADATA_ADDRESS_V6)),
    ...(dns.length > 0 ? [option(OPTION.dnsServers, Buffer.alloc(2), u32(LIFETIME_SECONDS), ...dns)] : []),
    ...(domains.length > 0
      ? [option(OPTION.searchDomains, Buffer.alloc(2), u32(LIFETIME_SECONDS), ...domains)]
      : []),
  ]);
}

function prefixOption({ address, prefixLength }: ServedSubnet): Buffer {
  const prefix = toOctets(address);
  for (let bit = prefixLength; bit < 128; bit++) prefix[bit >> 3]! &= ~(0x80 >> (bit & 7));
  const flags = Buffer.of(prefixLength, ON_LINK);
  return option(OPTION.prefix, flags, u32(FOREVER), u32(FOREVER), u32(0), prefix);
}

/** Lengths count units of eight octets, type and length included; the rest is zero. */
function option(type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const units = Math.ceil((body.length + 2) / 8);
  return Buffer.concat([Buffer.of(type, units), body], units * 8);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}
