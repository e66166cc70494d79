// A VNet's leg in the provider's network, and the one-to-one translation behind it: texts for ip, nft and sh.
import { Address4, Address6 } from 'ip-address';
import { linkLocal } from './guest-rules.ts';
import { GATEWAY_DEVICE, INET_DEVICE, type VNetNames, vnetNames } from './names.ts';
import type { HostState, Link } from './observe.ts';
import type { InetPlan, VNetPlan } from './plans.ts';

/** Routes and rules for what leaves under a public address; numbers mean something in this namespace only. */
const TABLE = 100;
const MARK = 1;

/** Addresses of the provider's network are not a guest's own, wherever they come from. */
const PAIRS = {
  ipv4: { nft: 'ip', length: 32, special: ['169.254.0.0/16', '127.0.0.0/8'] },
  ipv6: { nft: 'ip6', length: 128, special: ['fd00:ec2::/32', '::1/128'] },
} as const;

type Protocol = keyof typeof PAIRS;
const PROTOCOLS = ['ipv4', 'ipv6'] as const;

/** What a router says and hears of its neighbours, from this link and no other (RFC 4861, section 7.1). */
const NEIGHBOURS = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept';

/** A line of `ip -batch` that gives a device an address of its own, without a subnet. */
function addressLine(address: string, device: string): string {
  const protocol = protocolOf(address);
  return `address replace ${address}/${PAIRS[protocol].length} dev ${device}${protocol === 'ipv6' ? ' nodad' : ''}`;
}

interface Pair {
  public: string;
  inside: string;
}

const protocolOf = (address: string): Protocol => (address.includes(':') ? 'ipv6' : 'ipv4');

/** The public addresses of one protocol with the guests' own. */
export function pairsOf(plan: VNetPlan, protocol: Protocol): Pair[] {
  return (plan.inet?.addresses ?? []).filter((pair) => protocolOf(pair.public) === protocol);
}

const set = (members: string[]): string => `{ ${members.join(', ')} }`;
const insides = (pairs: Pair[]): string => set(pairs.map(({ inside }) => inside));
const inward = (pairs: Pair[]): string => set(pairs.map((pair) => `${pair.public} : ${pair.inside}`));
const outward = (pairs: Pair[]): string => set(pairs.map((pair) => `${pair.inside} : ${pair.public}`));

/** The VNet's own subnet, as nft wants it. */
function subnetOf(plan: VNetPlan, protocol: Protocol): string[] {
  const own = plan[protocol];
  if (!own) return [];
  const text = `${own.gateway}/${own.prefixLength}`;
  const start = protocol === 'ipv4' ? new Address4(text).startAddress() : new Address6(text).startAddress();
  return [`${start.correctForm()}/${own.prefixLength}`];
}

/** Rules by protocol, for those that have a public address. */
function each(plan: VNetPlan, rules: (pairs: Pair[], nft: string, protocol: Protocol) => string[]): string[] {
  return PROTOCOLS.flatMap((protocol) => {
    const pairs = pairsOf(plan, protocol);
    return pairs.length > 0 ? rules(pairs, PAIRS[protocol].nft, protocol) : [];
  });
}

/**
 * Prerouting: from the leg comes only what is for a public address, and nothing that claims to be from inside.
 * @param foreign drops what is not addressed to this namespace
 */
export function inetGuard(plan: VNetPlan, foreign: string): string[] {
  if (!plan.inet) return [];
  const claims = (protocol: Protocol): string => {
    const { nft, special } = PAIRS[protocol];
    const own = set([...subnetOf(plan, protocol), ...special]);
    return `iifname "${INET_DEVICE}" ${nft} saddr ${own} counter drop`;
  };
  return [`iifname "${INET_DEVICE}" ${foreign}`, claims('ipv4'), claims('ipv6')];
}

/** Input: on the leg the namespace itself only speaks neighbour discovery. */
export function inetInput(plan: VNetPlan): string[] {
  if (!plan.inet) return [];
  return [`iifname "${INET_DEVICE}" ${NEIGHBOURS}`, `iifname "${INET_DEVICE}" counter drop`];
}

/** Forward: guests with a public address, both ways; and guests of this VNet to each other's public addresses. */
export function inetForward(plan: VNetPlan): string[] {
  if (!plan.inet) return [];
  return [
    // What connection tracking does not understand would leave untranslated.
    'ct state invalid counter drop',
    ...each(plan, (pairs, nft) => [
      `iifname "${GATEWAY_DEVICE}" oifname "${INET_DEVICE}" ${nft} saddr ${insides(pairs)} accept`,
      `iifname "${INET_DEVICE}" oifname "${GATEWAY_DEVICE}" ${nft} daddr ${insides(pairs)} ct status dnat accept`,
      `iifname "${INET_DEVICE}" oifname "${GATEWAY_DEVICE}" ${nft} daddr ${insides(pairs)} ct state established,related accept`,
    ]),
    `iifname "${GATEWAY_DEVICE}" oifname "${GATEWAY_DEVICE}" ct status dnat accept`,
  ];
}

/** Postrouting: the guest's own address becomes the public one. */
export function inetTranslate(plan: VNetPlan): string[] {
  return each(plan, (pairs, nft, protocol) => {
    const own = `${nft} saddr ${set(subnetOf(plan, protocol))} oifname "${GATEWAY_DEVICE}" ct status dnat`;
    const source = `snat ${nft} to ${nft} saddr map ${outward(pairs)}`;
    // Within the VNet the answer has to come back this way, or the asker would not know it.
    return [`oifname "${INET_DEVICE}" ${source}`, `${own} ${source}`, `${own} masquerade`];
  });
}

/** Chains that only a VNet with public addresses has, as the lines of its table. */
export function inetChains(plan: VNetPlan): string[] {
  if (!plan.inet) return [];
  const chain = (name: string, hook: string, rules: string[]): string =>
    ` chain ${name} {\n  type ${hook} ; policy accept ;\n${rules.map((rule) => `  ${rule}\n`).join('')} }`;
  return [
    chain(
      'choose_way',
      'filter hook prerouting priority -150',
      each(plan, (pairs, nft) => [
        `iifname "${GATEWAY_DEVICE}" ${nft} saddr ${insides(pairs)} meta mark set ${MARK}`,
      ]),
    ),
    chain(
      'translate_back',
      'nat hook prerouting priority -100',
      each(plan, (pairs, nft) => [
        `iifname { "${INET_DEVICE}", "${GATEWAY_DEVICE}" } dnat ${nft} to ${nft} daddr map ${inward(pairs)}`,
      ]),
    ),
  ];
}

/** Lines of `ip -batch` for the leg's addresses and for the routes of what leaves by it. */
function legLines(plan: VNetPlan, inet: InetPlan, legLinkLocal: string): string[] {
  const routes = PROTOCOLS.flatMap((protocol) => {
    const provider = inet[protocol];
    if (!provider || pairsOf(plan, protocol).length === 0) return [];
    const way = `default via ${provider.gateway} dev ${INET_DEVICE} onlink`;
    return [
      ...provider.ranges.map((range) => `route replace ${range} dev ${INET_DEVICE} table ${TABLE}`),
      `route replace ${way} table ${TABLE}`,
      // For what this namespace has to say itself, such as "too big".
      ...(plan.outbound && protocol === 'ipv4' ? [] : [`route replace ${way}`]),
    ];
  });
  return [
    ...(pairsOf(plan, 'ipv6').length > 0
      ? [`address replace ${legLinkLocal}/64 dev ${INET_DEVICE} nodad`]
      : []),
    ...inet.addresses.map((pair) => addressLine(pair.public, INET_DEVICE)),
    ...routes,
  ];
}

/**
 * Shell for the inside of the namespace, after its filter is there. Connections of addresses that come or go are
 * forgotten: whoever had the address before must not go on using it.
 */
export function inetScript(prefix: string, plan: VNetPlan): string[] {
  if (!plan.inet) return [];
  const legLinkLocal = linkLocal(vnetNames(prefix, plan.id).legMac);
  const wanted = plan.inet.addresses.map((pair) => pair.public).join(' ');
  const protocols = PROTOCOLS.filter((protocol) => pairsOf(plan, protocol).length > 0);
  const switches = [
    ['ipv4/conf/all/rp_filter', 0],
    [`ipv4/conf/${INET_DEVICE}/rp_filter`, 0],
    [`ipv4/conf/${INET_DEVICE}/accept_redirects`, 0],
    [`ipv4/conf/${INET_DEVICE}/send_redirects`, 0],
    // The kernel announces addresses by gratuitous ARP and unsolicited neighbour advertisements.
    [`ipv4/conf/${INET_DEVICE}/arp_notify`, 1],
    [`ipv6/conf/${INET_DEVICE}/ndisc_notify`, 1],
    [`ipv6/conf/${INET_DEVICE}/accept_ra`, 0],
    [`ipv6/conf/${INET_DEVICE}/accept_redirects`, 0],
    [`ipv6/conf/${INET_DEVICE}/disable_ipv6`, protocols.includes('ipv6') ? 0 : 1],
  ].map(([path, value]) => `[ ! -e /proc/sys/net/${path} ] || echo ${value} > /proc/sys/net/${path}`);
  const rules = protocols.flatMap((protocol) => {
    const family = protocol === 'ipv4' ? '-4' : '-6';
    const rule = (priority: number, what: string): string =>
      `ip ${family} rule show pref ${priority} | grep -q . || ip ${family} rule add pref ${priority} ${what}`;
    return [
      rule(TABLE, 'lookup main suppress_prefixlength 0'),
      rule(TABLE + 1, `fwmark ${MARK} lookup ${TABLE}`),
    ];
  });
  return [
    ...switches,
    `ip link set dev ${INET_DEVICE} addrgenmode none`,
    `ip link set dev ${INET_DEVICE} up`,
    "wanted=' WANTED '".replace('WANTED', wanted),
    "have=' '",
    `for word in $(ip -o address show dev ${INET_DEVICE} scope global); do`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours.
    ' case $word in */32 | */128) have="$have${word%/*} " ;; esac',
    'done',
    'forget() {',
    ' case $1 in *:*) protocol=ipv6 length=128 ;; *) protocol=ipv4 length=32 ;; esac',
    ' for side in --orig-dst --reply-dst; do',
    '  conntrack -D -f $protocol $side "$1" > /dev/null 2>&1 || true',
    ' done',
    '}',
    'for one in $wanted; do case "$have" in *" $one "*) ;; *) forget "$one" ;; esac; done',
    "ip -batch - <<'END'",
    ...legLines(plan, plan.inet, legLinkLocal),
    'END',
    ...rules,
    'for one in $have; do',
    ' case "$wanted" in *" $one "*) continue ;; esac',
    ' forget "$one"',
    ` ip address del "$one/$length" dev ${INET_DEVICE}`,
    'done',
  ];
}

/** Lines of the host's `ip -batch` for the leg; made anew with the namespace, gone with the last public address. */
export function legHostLines(plan: VNetPlan, names: VNetNames, state: HostState, joined: boolean): string[] {
  const { inetLeg, legMac } = names;
  const present = state.links.has(inetLeg);
  const { inet } = plan;
  if (!inet) return present ? removeLegLines(names, state) : [];
  const mtu = state.links.get(inet.bridge)?.mtu ?? 1500;
  const lines = inet.behindHost ? ownBridgeLines(inet, state) : [];
  if (present && !joined) lines.push(`link del dev ${inetLeg}`);
  if (!present || !joined) {
    // With the bridge's own MTU: a bridge takes over the smallest of its ports.
    const peer = `peer name ${INET_DEVICE} address ${legMac} mtu ${mtu} netns ${plan.namespace}`;
    lines.push(`link add name ${inetLeg} mtu ${mtu} type veth ${peer}`);
  }
  lines.push(`link set dev ${inetLeg} addrgenmode none`);
  // Without the provider's bridge the leg waits for it, and everything else of the VNet is there.
  if (inet.behindHost || state.links.has(inet.bridge))
    lines.push(`link set dev ${inetLeg} master ${inet.bridge}`);
  return [...lines, `link set dev ${inetLeg} up`];
}

/** The agent's own bridge in the provider's place: the host is its router. */
function ownBridgeLines(inet: InetPlan, state: HostState): string[] {
  const { bridge } = inet;
  const lines = state.links.has(bridge)
    ? []
    : [`link add name ${bridge} address 0e:69:00:00:00:01 type bridge stp_state 0 mcast_snooping 0`];
  lines.push(`link set dev ${bridge} addrgenmode none`, `link set dev ${bridge} up`);
  for (const protocol of PROTOCOLS) {
    const provider = inet[protocol];
    if (!provider) continue;
    lines.push(addressLine(provider.gateway, bridge));
    lines.push(...provider.ranges.map((range) => `route replace ${range} dev ${bridge}`));
  }
  return lines;
}

/** The leg, and the agent's own bridge with the last one. */
export function removeLegLines({ inetLeg, inetBridge }: VNetNames, state: HostState): string[] {
  const legs = [...state.links.values()].filter(
    ({ master, name }) => master === inetBridge && name !== inetLeg,
  );
  return [
    ...(state.links.has(inetLeg) ? [`link del dev ${inetLeg}`] : []),
    ...(state.links.has(inetBridge) && legs.length === 0 ? [`link del dev ${inetBridge}`] : []),
  ];
}

/** True if the leg is as it was made, or cannot be: without the provider's bridge there is nothing to repair. */
export function legIsThere(
  { inetLeg }: VNetNames,
  inet: InetPlan,
  links: ReadonlyMap<string, Link>,
): boolean {
  const leg = links.get(inetLeg);
  if (!leg?.up) return false;
  return leg.master === inet.bridge || !(inet.behindHost || links.has(inet.bridge));
}

/** Shell for the host: waits until the bridge passes the leg's frames, and lets the kernel announce its addresses. */
export function announceScript({ inetLeg, legMac, namespace }: VNetNames): string[] {
  const state = `/sys/class/net/${inetLeg}/brport/state`;
  return [
    'tries=0',
    `while [ -e ${state} ] && [ "$(cat ${state})" != 3 ] && [ $tries -lt 50 ]; do`,
    ' sleep 0.1',
    ' tries=$((tries + 1))',
    'done',
    // Setting the address it has already is what makes it announce them all.
    `ip -n ${namespace} link set dev ${INET_DEVICE} address ${legMac}`,
  ];
}

/** Chains of the host's table where it is the router of the public addresses; may be added again. */
export function behindHostText(prefix: string, { bridge, ipv4, ipv6 }: InetPlan): string[] {
  const table = `inet ${prefix}`;
  const masquerade = (nft: string, ranges: string[] | undefined): string[] =>
    ranges === undefined ? [] : [`${nft} saddr ${set(ranges)} oifname != "${bridge}" masquerade`];
  const chains: [name: string, hook: string, rules: string[]][] = [
    [
      'inet_input',
      'filter hook input priority 0',
      [
        `iifname "${bridge}" ct state established,related accept`,
        `iifname "${bridge}" ${NEIGHBOURS}`,
        `iifname "${bridge}" counter drop`,
      ],
    ],
    [
      'inet_forward',
      'filter hook forward priority 0',
      [
        `iifname "${bridge}" oifname @ways counter drop`,
        `iifname "${bridge}" ip daddr 169.254.0.0/16 counter drop`,
      ],
    ],
    [
      'inet_translate',
      'nat hook postrouting priority 100',
      [...masquerade('ip', ipv4?.ranges), ...masquerade('ip6', ipv6?.ranges)],
    ],
  ];
  return [
    `add set ${table} ways { type ifname ; }`,
    ...chains.flatMap(([name, hook, rules]) => [
      `add chain ${table} ${name} { type ${hook} ; policy accept ; }`,
      `flush chain ${table} ${name}`,
      ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
    ]),
  ];
}
