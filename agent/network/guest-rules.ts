// The rules that hold guests to their own addresses: a short chain per VNIC, and what all VNICs share.
// Pure text for `nft -f -`, nothing is run here.
import { Address6 } from 'ip-address';
import type { VNicPlan } from './plans.ts';

/** Why a frame was dropped; each is a set of the table, in which a device appears with its count once it happens. */
export const REASONS = [
  /** From a guest: another source MAC than its own. */
  'mac',
  /** VLAN-tagged, priority-tagged or stacked tags. */
  'vlan',
  /** Neither ARP, IPv4 nor IPv6, or meant for bridges among themselves: BPDUs, LLDP, PPPoE and the like. */
  'type',
  /** ARP for addresses of others, or malformed. */
  'arp',
  'ipv4',
  'ipv6',
  /** A DHCP server's answer, v4 or v6. */
  'dhcp',
  /** Router advertisement or redirect. */
  'ra',
  /** Neighbour advertisement or probe for addresses of others, or in fragments. */
  'nd',
  /** The transport header cannot be read, so nobody can say what it is. */
  'malformed',
  /** To a guest: a frame for somebody else's MAC. */
  'destination',
  /** From or to a guest: not allowed by the VNIC's security list. */
  'security',
] as const;

export type Reason = (typeof REASONS)[number];

/** The set that counts drops for a reason. */
export const dropSet = (reason: Reason): string => `dropped_${reason}`;

const drop = (reason: Reason): string => `goto drop_${reason}`;

/** Chain for what the guest sends. */
export const fromChain = (device: string): string => `from-${device}`;

/** Chain for what is sent to the guest. */
export const toChain = (device: string): string => `to-${device}`;

/** The EUI-64 link-local address of a MAC (RFC 4291, appendix A). */
export function linkLocal(mac: string): string {
  const [first = 0, ...rest] = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return new Address6(`fe80::${hex.replace(/(.{4})(?=.)/g, '$1:')}`).correctForm();
}

/** 128 bits as nft's raw payload expressions take them. nft before 1.0.8 has no name for an ND target. */
const asNumber = (address: string): string =>
  `0x${new Address6(address).canonicalForm().replaceAll(':', '')}`;

/**
 * What one guest may send. Only what depends on its addresses is here, without sets or counters of its own: a
 * thousand VNICs have to fit into one transaction. The shared chains decide the rest.
 */
export function fromGuestRules({ mac, ipv4, ipv6 }: VNicPlan): string[] {
  const rules = [`ether saddr != ${mac} ${drop('mac')}`];
  if (ipv4 !== undefined) {
    rules.push(
      `ether type arp arp saddr ether ${mac} arp saddr ip ${ipv4} goto from_arp`,
      // A probe (RFC 5227) asks for its own address; for another's it would look like a conflict to that guest.
      `ether type arp arp saddr ether ${mac} arp saddr ip 0.0.0.0 arp daddr ip ${ipv4} goto from_arp_probe`,
      `ether type ip ip saddr ${ipv4} goto from_ipv4`,
      'ether type ip ip saddr 0.0.0.0 goto from_ipv4_unspecified',
    );
  }
  if (ipv6 !== undefined) {
    const own = [linkLocal(mac), new Address6(ipv6).correctForm()];
    const foreign = ['::', ...own].map((address) => `ip6 saddr != ${address}`).join(' ');
    rules.push(
      `ether type ip6 ${foreign} ${drop('ipv6')}`,
      // Comes back only with a neighbour advertisement or a probe: both must be about its own addresses.
      'ether type ip6 jump from_ipv6',
      ...own.map((address) => `ether type ip6 meta l4proto icmpv6 @th,64,128 ${asNumber(address)} accept`),
      `ether type ip6 ${drop('nd')}`,
    );
  }
  return [...rules, 'goto from_others'];
}

/** What one guest gets: frames for its MAC, or for everyone. */
export function toGuestRules({ mac }: VNicPlan): string[] {
  return [`ether daddr ${mac} goto to_own`, 'goto to_others'];
}

const TAGGED = 'ether type { 8021q, 8021ad, 0x9100 }';

/** ARP (RFC 826) from a checked sender: Ethernet and IPv4, requests and replies. */
const ARP_FORMAT = 'arp htype 1 arp ptype ip arp hlen 6 arp plen 4';

/**
 * Chains all VNICs share, by name. Each ends with a verdict, except `from_ipv6` for neighbour discovery, and
 * `before_guests`.
 *
 * `udp sport` does not match where the UDP header cannot be read, so the last accepting rule always says what a
 * datagram may be, not what it may not. A later IPv4 fragment cannot carry a UDP header: offsets count in units of
 * its eight bytes. Neighbour discovery in fragments is dropped (RFC 6980), and so is a first fragment whose header
 * chain is incomplete (RFC 7113): its transport is unknown and no rule accepts it.
 */
export const SHARED_CHAINS: Record<string, string[]> = {
  ...Object.fromEntries(
    REASONS.map((reason) => {
      const side = reason === 'destination' ? 'oifname' : 'iifname';
      return [`drop_${reason}`, [`update @${dropSet(reason)} { ${side} } drop`]];
    }),
  ),
  drop_to_vlan: [`update @${dropSet('vlan')} { oifname } drop`],
  drop_to_security: [`update @${dropSet('security')} { oifname } drop`],
  drop_to_type: [`update @${dropSet('type')} { oifname } drop`],
  // 01:80:c2:00:00:0x is for bridges among themselves (IEEE 802.1D, table 7-10).
  before_guests: [
    `${TAGGED} ${drop('vlan')}`,
    `ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 ${drop('type')}`,
  ],
  from_arp: [`${ARP_FORMAT} arp operation { request, reply } accept`, drop('arp')],
  from_arp_probe: [`${ARP_FORMAT} arp operation request accept`, drop('arp')],
  from_ipv4: [
    `udp sport 67 ${drop('dhcp')}`,
    'meta l4proto != udp accept',
    'meta l4proto udp ip frag-off & 0x1fff != 0 accept',
    'udp sport != 67 accept',
    drop('malformed'),
  ],
  from_ipv4_unspecified: ['ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept', drop('ipv4')],
  from_ipv6: [
    `exthdr frag exists icmpv6 type 133-137 ${drop('nd')}`,
    `icmpv6 type { nd-router-advert, nd-redirect } ${drop('ra')}`,
    'ip6 saddr :: goto from_ipv6_unspecified',
    'icmpv6 type nd-neighbor-advert return',
    `udp sport 547 ${drop('dhcp')}`,
    'meta l4proto != { udp, icmpv6 } accept',
    'meta l4proto { udp, icmpv6 } frag frag-off != 0 accept',
    'udp sport != 547 accept',
    'icmpv6 type != { nd-router-advert, nd-redirect } accept',
    drop('malformed'),
  ],
  // What a booting node has to say before it has an address.
  from_ipv6_unspecified: [
    'icmpv6 type nd-neighbor-solicit return',
    'icmpv6 type { nd-router-solicit, mld-listener-report, mld2-listener-report } accept',
    drop('ipv6'),
  ],
  from_others: [
    `ether type arp ${drop('arp')}`,
    `ether type ip ${drop('ipv4')}`,
    `ether type ip6 ${drop('ipv6')}`,
    drop('type'),
  ],
  to_own: [`${TAGGED} goto drop_to_vlan`, 'ether type { ip, ip6, arp } accept', 'goto drop_to_type'],
  to_others: ['ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 goto to_own', drop('destination')],
};
