// The security list of a VNIC: what it allows passes, and the answers to it. Pure text for `nft -f -`.
import { isIPv6 } from 'node:net';
import { METADATA_IPV4, METADATA_IPV6 } from './names.ts';
import type { SecurityRule, VNicPlan } from './plans.ts';

/** Connections remembered of one VNIC and family, and echo requests; whatever a guest does, it can fill no more. */
const MOST_FLOWS = 8192;
const MOST_ECHOES = 1024;

/**
 * Chains and lists of every host. They are asked after the VNIC's own rules (-300, and -200 towards guests), so a list
 * allows nothing that those forbid. What a machine cannot do without on its VNet is not a matter of lists.
 */
export const LIST_MAPS = ['list_out', 'list_in'];

export const LIST_HOOKS = {
  listed_out: 'type filter hook prerouting priority -290',
  listed_in: 'type filter hook forward priority -190',
};

const ERRORS4 = 'icmp type { destination-unreachable, time-exceeded, parameter-problem } accept';
const ERRORS6 =
  'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept';
/** Without the first fragment, which is judged, nothing becomes of the others. */
const LATER_FRAGMENTS = ['ip frag-off & 0x1fff != 0 accept', 'ether type ip6 frag frag-off != 0 accept'];

export const LIST_CHAINS: Record<string, string[]> = {
  listed_out: ['iifname vmap @list_out'],
  listed_in: ['oifname vmap @list_in'],
  always_out: [
    'ether type arp accept',
    ...LATER_FRAGMENTS,
    'ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept',
    'ip6 daddr ff02::1:2 udp sport 546 udp dport 547 accept',
    ERRORS4,
    ERRORS6,
    'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept',
    'icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } accept',
    `ip daddr ${METADATA_IPV4} tcp dport 80 accept`,
    `ip6 daddr ${METADATA_IPV6} tcp dport 80 accept`,
  ],
  // No other guest can send what only servers, routers and the metadata addresses send.
  always_in: [
    'ether type arp accept',
    ...LATER_FRAGMENTS,
    'ether type ip udp sport 67 udp dport 68 accept',
    'ether type ip6 udp sport 547 udp dport 546 accept',
    ERRORS4,
    ERRORS6,
    'icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept',
    `ip saddr ${METADATA_IPV4} tcp sport 80 accept`,
    `ip6 saddr ${METADATA_IPV6} tcp sport 80 accept`,
  ],
};

const chainsOf = (device: string) => ['out', 'in', 'keep_out', 'keep_in'].map((name) => `${name}-${device}`);

/** The sets that remember, with their definitions. */
function setsOf(device: string): [name: string, definition: string][] {
  const flow = (address: string) => `type ${address} . inet_proto . inet_service . inet_service`;
  const flags = (size: number, timeout: string) =>
    `size ${size} ; flags dynamic, timeout ; timeout ${timeout} ;`;
  return [
    [`flows4-${device}`, `{ ${flow('ipv4_addr')} ; ${flags(MOST_FLOWS, '3m')} }`],
    [`flows6-${device}`, `{ ${flow('ipv6_addr')} ; ${flags(MOST_FLOWS, '3m')} }`],
    [`echoes4-${device}`, `{ typeof ip saddr . icmp id ; ${flags(MOST_ECHOES, '30s')} }`],
    [`echoes6-${device}`, `{ typeof ip6 saddr . icmpv6 id ; ${flags(MOST_ECHOES, '30s')} }`],
  ];
}

interface Side {
  direction: 'in' | 'out';
  /** Whose address is the other machine's, and its port; the VNIC's own port. */
  remote: 'saddr' | 'daddr';
  port: 'sport' | 'dport';
  own: 'sport' | 'dport';
  drop: string;
}

const OUT: Side = {
  direction: 'out',
  remote: 'daddr',
  port: 'dport',
  own: 'sport',
  drop: 'goto drop_security',
};
const IN: Side = {
  direction: 'in',
  remote: 'saddr',
  port: 'sport',
  own: 'dport',
  drop: 'goto drop_to_security',
};

const FAMILIES = [
  { ip: 'ip', icmp: 'icmp', digit: '4' },
  { ip: 'ip6', icmp: 'icmpv6', digit: '6' },
] as const;
type Family = (typeof FAMILIES)[number];

const flowKey = ({ remote, port, own }: Side, { ip }: Family) =>
  `${ip} ${remote} . meta l4proto . th ${port} . th ${own}`;

/** Gateway's services: DHCP renewed with the server itself, and the configuration service (CloudStack's clients ask there). */
function gatewayRules({ gateway4, gateway6 }: VNicPlan, { remote, port, direction }: Side): string[] {
  const web = (ip: string, address: string) => [
    `${ip} ${remote} ${address} tcp ${port} 80 accept`,
    `${ip} ${remote} ${address} tcp ${port} 8080 accept`,
  ];
  const renewal =
    gateway4 && direction === 'out' ? [`ip daddr ${gateway4} udp sport 68 udp dport 67 accept`] : [];
  return [...renewal, ...(gateway4 ? web('ip', gateway4) : []), ...(gateway6 ? web('ip6', gateway6) : [])];
}

/** One rule of the list for one family; ports are always those of the machine that is spoken to. */
function matchOf(
  { protocol, fromPort, toPort, remote }: SecurityRule,
  { remote: side }: Side,
  family: Family,
) {
  const { ip, icmp } = family;
  const address = remote === undefined ? `ether type ${ip}` : `${ip} ${side} ${remote}`;
  if (protocol === 'any') return address;
  if (protocol === 'icmp') return `${address} meta l4proto ${icmp}`;
  if (fromPort === undefined) return `${address} meta l4proto ${protocol}`;
  return `${address} ${protocol} dport ${fromPort}-${toPort ?? fromPort}`;
}

function listed(plan: VNicPlan, side: Side): string[] {
  return (plan.security ?? [])
    .filter(({ direction }) => direction === side.direction)
    .flatMap((rule) =>
      FAMILIES.filter(
        ({ digit }) => rule.remote === undefined || isIPv6(rule.remote.split('/')[0]!) === (digit === '6'),
      ).map((family) => `${matchOf(rule, side, family)} goto keep_${side.direction}-${plan.device}`),
    );
}

/** What passes on one side: what always does, what belongs to something known, what the list says. */
function sideRules(plan: VNicPlan, side: Side): string[] {
  const { device } = plan;
  const keep = `keep_${side.direction}-${device}`;
  return [
    `jump always_${side.direction}`,
    ...gatewayRules(plan, side),
    ...FAMILIES.flatMap((family) => [
      `${flowKey(side, family)} @flows${family.digit}-${device} goto ${keep}`,
      `${family.icmp} type echo-reply ${family.ip} ${side.remote} . ${family.icmp} id @echoes${family.digit}-${device} accept`,
    ]),
    ...listed(plan, side),
    side.drop,
  ];
}

/**
 * Remembers a packet that is allowed, so that its answers are; then lets it pass. One that cannot be remembered, since
 * there are too many, is dropped: it would get no answer. A connection that begins or ends is soon forgotten.
 */
function keepRules(device: string, side: Side): string[] {
  const perFamily = FAMILIES.flatMap((family) => {
    const { ip, icmp, digit } = family;
    const remember = (life: string) =>
      `update @flows${digit}-${device} { ${flowKey(side, family)} timeout ${life} } accept`;
    return [
      `ether type ${ip} tcp flags & (fin | syn | rst) != 0 ${remember('1m')}`,
      `ether type ${ip} meta l4proto tcp ${remember('1h')}`,
      `ether type ${ip} meta l4proto udp ${remember('3m')}`,
      `${icmp} type echo-request update @echoes${digit}-${device} { ${ip} ${side.remote} . ${icmp} id } accept`,
      `${icmp} type echo-request ${side.drop}`,
    ];
  });
  return [...perFamily, `meta l4proto tcp ${side.drop}`, `meta l4proto udp ${side.drop}`, 'accept'];
}

const elements = (device: string): [map: string, element: string][] => [
  ['list_out', `"${device}" : goto out-${device}`],
  ['list_in', `"${device}" : goto in-${device}`],
];

/** Lines that put a VNIC's list in place, or in the place of another. What is remembered stays. */
export function ensureListLines(prefix: string, plan: VNicPlan): string[] {
  const { device } = plan;
  const table = `bridge ${prefix}`;
  const chains: [string, string[]][] = [
    [`out-${device}`, sideRules(plan, OUT)],
    [`in-${device}`, sideRules(plan, IN)],
    [`keep_out-${device}`, keepRules(device, OUT)],
    [`keep_in-${device}`, keepRules(device, IN)],
  ];
  return [
    ...setsOf(device).map(([name, definition]) => `add set ${table} ${name} ${definition}`),
    ...chains.flatMap(([name]) => [`add chain ${table} ${name}`, `flush chain ${table} ${name}`]),
    ...chains.flatMap(([name, rules]) => rules.map((rule) => `add rule ${table} ${name} ${rule}`)),
    ...elements(device).map(([map, element]) => `add element ${table} ${map} { ${element} }`),
  ];
}

/** Lines that forget the connections of a VNIC: what its list does not allow any more ends. */
export function forgetLines(prefix: string, device: string): string[] {
  return setsOf(device).map(([name]) => `flush set bridge ${prefix} ${name}`);
}

/** Lines that remove a VNIC's list with all it remembers, there or not. */
export function removeListLines(prefix: string, device: string): string[] {
  const table = `bridge ${prefix}`;
  const chains = chainsOf(device);
  return [
    ...chains.map((name) => `add chain ${table} ${name}`),
    ...elements(device).flatMap(([map, element]) => [
      `add element ${table} ${map} { ${element} }`,
      `delete element ${table} ${map} { ${element} }`,
    ]),
    ...chains.map((name) => `flush chain ${table} ${name}`),
    ...chains.map((name) => `delete chain ${table} ${name}`),
    ...setsOf(device).flatMap(([name, definition]) => [
      `add set ${table} ${name} ${definition}`,
      `delete set ${table} ${name}`,
    ]),
  ];
}
