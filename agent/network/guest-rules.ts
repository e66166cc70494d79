// The rules that hold one VNIC to its own addresses: pure text for `nft -f -`, nothing is run here.
import { Address6 } from 'ip-address';
import type { VNicPlan } from './plans.ts';

/**
 * Why a frame was dropped, or `sent`/`received` if it was let through; one named counter each per VNIC, so that
 * the numbers survive a replacement of the rules.
 */
export const REASONS = [
  'sent',
  'received',
  /** From a guest: another source MAC than its own. */
  'mac',
  /** VLAN-tagged, priority-tagged or stacked tags. */
  'vlan',
  /** Neither ARP, IPv4 nor IPv6: BPDUs, LLDP, PPPoE and the like. */
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
] as const;

export type Reason = (typeof REASONS)[number];

/** The named counter of a VNIC's device for one reason. */
export const counterName = (device: string, reason: Reason): string => `${device}-${reason}`;

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

type Count = (reason: Reason) => string;

/** ARP (RFC 826): Ethernet and IPv4 only, the sender is the VNIC; a probe (RFC 5227) asks for its own address. */
function arpRules(plan: VNicPlan, count: Count): string[] {
  if (plan.ipv4 === undefined) return [`ether type arp ${count('arp')} drop`];
  const own = `ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether ${plan.mac}`;
  return [
    `${own} arp saddr ip ${plan.ipv4} arp operation { request, reply } ${count('sent')} accept`,
    `${own} arp saddr ip 0.0.0.0 arp daddr ip ${plan.ipv4} arp operation request ${count('sent')} accept`,
    `ether type arp ${count('arp')} drop`,
  ];
}

/**
 * IPv4. `udp sport` does not match where the UDP header cannot be read, so the last accepting rule says what it may
 * be, not what it may not. A later fragment cannot carry a UDP header: offsets count in units of its eight bytes.
 */
function ipv4Rules(plan: VNicPlan, count: Count): string[] {
  if (plan.ipv4 === undefined) return [`ether type ip ${count('ipv4')} drop`];
  const discover = 'ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67';
  return [
    `ether type ip ${discover} ${count('sent')} accept`,
    `ether type ip ip saddr != ${plan.ipv4} ${count('ipv4')} drop`,
    `ether type ip udp sport 67 ${count('dhcp')} drop`,
    `ether type ip meta l4proto != udp ${count('sent')} accept`,
    `ether type ip meta l4proto udp ip frag-off & 0x1fff != 0 ${count('sent')} accept`,
    `ether type ip udp sport != 67 ${count('sent')} accept`,
    `ether type ip ${count('malformed')} drop`,
  ];
}

/**
 * IPv6. From the unspecified address only what a booting node has to say: duplicate detection for its own addresses,
 * multicast listener reports, router solicitation. Neighbour discovery in fragments is dropped (RFC 6980), and so is
 * a first fragment whose header chain is incomplete (RFC 7113): its transport is unknown and no rule accepts it.
 */
function ipv6Rules(plan: VNicPlan, count: Count): string[] {
  if (plan.ipv6 === undefined) return [`ether type ip6 ${count('ipv6')} drop`];
  const own = [linkLocal(plan.mac), new Address6(plan.ipv6).correctForm()];
  const is6 = 'ether type ip6';
  const target = (type: string, from: string): string[] =>
    own.map(
      (address) =>
        `${is6} ${from}icmpv6 type ${type} @th,64,128 ${asNumber(address)} ${count('sent')} accept`,
    );
  return [
    `${is6} exthdr frag exists icmpv6 type 133-137 ${count('nd')} drop`,
    `${is6} icmpv6 type { nd-router-advert, nd-redirect } ${count('ra')} drop`,
    ...target('nd-neighbor-solicit', 'ip6 saddr :: '),
    `${is6} ip6 saddr :: icmpv6 type { nd-router-solicit, mld-listener-report, mld2-listener-report } ${count('sent')} accept`,
    `${is6} ip6 saddr :: icmpv6 type nd-neighbor-solicit ${count('nd')} drop`,
    `${is6} ip6 saddr != { ${own.join(', ')} } ${count('ipv6')} drop`,
    ...target('nd-neighbor-advert', ''),
    `${is6} icmpv6 type nd-neighbor-advert ${count('nd')} drop`,
    `${is6} udp sport 547 ${count('dhcp')} drop`,
    `${is6} meta l4proto != { udp, icmpv6 } ${count('sent')} accept`,
    `${is6} meta l4proto { udp, icmpv6 } frag frag-off != 0 ${count('sent')} accept`,
    `${is6} udp sport != 547 ${count('sent')} accept`,
    `${is6} icmpv6 type != { nd-router-advert, nd-redirect } ${count('sent')} accept`,
    `${is6} ${count('malformed')} drop`,
  ];
}

/** Everything the guest sends, in order; what no rule accepts is dropped by the last one. */
export function fromGuestRules(plan: VNicPlan): string[] {
  const count: Count = (reason) => `counter name "${counterName(plan.device, reason)}"`;
  return [
    `ether saddr != ${plan.mac} ${count('mac')} drop`,
    `ether type { 8021q, 8021ad, 0x9100 } ${count('vlan')} drop`,
    // 01:80:c2:00:00:0x is for bridges among themselves (IEEE 802.1D, table 7-10).
    `ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 ${count('type')} drop`,
    ...arpRules(plan, count),
    ...ipv4Rules(plan, count),
    ...ipv6Rules(plan, count),
    `${count('type')} drop`,
  ];
}

/** What reaches the guest: its own frames, broadcast and multicast, of the three protocols, without tags. */
export function toGuestRules(plan: VNicPlan): string[] {
  const count: Count = (reason) => `counter name "${counterName(plan.device, reason)}"`;
  return [
    `ether type { 8021q, 8021ad, 0x9100 } ${count('vlan')} drop`,
    `ether type != { ip, ip6, arp } ${count('type')} drop`,
    `ether daddr ${plan.mac} ${count('received')} accept`,
    `ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 ${count('received')} accept`,
    `${count('destination')} drop`,
  ];
}
