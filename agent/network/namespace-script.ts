// The inside of a VNet's namespace: addresses, routes and the filter in front of DHCP and the metadata service.
import { inetChains, inetForward, inetGuard, inetInput, inetScript, inetTranslate, pairsOf } from './inet.ts';
import { GATEWAY_DEVICE, METADATA_IPV4, METADATA_IPV6, OUT_DEVICE } from './names.ts';
import type { VNetPlan } from './plans.ts';

/** Kernel switches of the namespace, relative to /proc/sys/net. A new namespace copies the host's IPv4 ones. */
const SWITCHES: [path: string, value: number][] = [
  ['ipv4/conf/all/send_redirects', 0],
  [`ipv4/conf/${GATEWAY_DEVICE}/send_redirects`, 0],
  ['ipv4/conf/all/accept_redirects', 0],
  // Answer ARP for addresses of this interface only, whoever asks from wherever.
  ['ipv4/conf/all/arp_ignore', 1],
];

/** Only where the VNet has IPv6; otherwise the device has no IPv6 at all. */
const SWITCHES_IPV6: [path: string, value: number][] = [
  [`ipv6/conf/${GATEWAY_DEVICE}/disable_ipv6`, 0],
  [`ipv6/conf/${GATEWAY_DEVICE}/accept_ra`, 0],
  [`ipv6/conf/${GATEWAY_DEVICE}/accept_redirects`, 0],
];

/** Lines for `ip -batch` in the namespace; every one may be applied again. */
export function namespaceAddresses(plan: VNetPlan, gatewayLinkLocal: string): string[] {
  const lines = [
    'link set dev lo up',
    // Addresses are ours alone: none is derived by the kernel, so none has to wait for duplicate detection.
    `link set dev ${GATEWAY_DEVICE} mtu ${plan.mtu} addrgenmode none`,
    `link set dev ${GATEWAY_DEVICE} up`,
  ];
  if (plan.ipv4) {
    lines.push(
      `address replace ${plan.ipv4.gateway}/${plan.ipv4.prefixLength} brd + dev ${GATEWAY_DEVICE}`,
      `address replace ${METADATA_IPV4}/32 dev ${GATEWAY_DEVICE}`,
      // DHCP answers to clients that have no address yet.
      `route replace 255.255.255.255/32 dev ${GATEWAY_DEVICE}`,
    );
  }
  if (plan.outbound) {
    lines.push(
      `link set dev ${OUT_DEVICE} addrgenmode none`,
      `address replace ${plan.outbound.inside}/31 dev ${OUT_DEVICE}`,
      `link set dev ${OUT_DEVICE} up`,
      `route replace default via ${plan.outbound.host} dev ${OUT_DEVICE}`,
    );
  }
  if (plan.ipv6) {
    lines.push(
      `address replace ${gatewayLinkLocal}/64 dev ${GATEWAY_DEVICE} nodad`,
      `address replace ${plan.ipv6.gateway}/${plan.ipv6.prefixLength} dev ${GATEWAY_DEVICE} nodad`,
      `address replace ${METADATA_IPV6}/128 dev ${GATEWAY_DEVICE} nodad`,
    );
  }
  return lines;
}

/** What a guest passes on to others behind it (a proxy, a container that was taken over) must not arrive there. */
function hopLimit(plan: VNetPlan, hops: number): string[] {
  const answers = 'tcp sport { 80, 8080 }';
  return [
    ...(plan.ipv4 ? [`meta nfproto ipv4 ${answers} ip ttl set ${hops}`] : []),
    ...(plan.ipv6 ? [`meta nfproto ipv6 ${answers} ip6 hoplimit set ${hops}`] : []),
  ];
}

/** Guests' connections go out, and what belongs to them comes back. */
const FORWARD = [
  `iifname "${GATEWAY_DEVICE}" oifname "${OUT_DEVICE}" accept`,
  `iifname "${OUT_DEVICE}" oifname "${GATEWAY_DEVICE}" ct state established,related accept`,
];

/** Guests' addresses are unique only in here, so they are translated in here. */
function nat(plan: VNetPlan): string[] {
  const rules = [...inetTranslate(plan), ...(plan.outbound ? [`oifname "${OUT_DEVICE}" masquerade`] : [])];
  if (rules.length === 0) return [];
  return [
    ` chain translate {\n  type nat hook postrouting priority 100 ;\n${rules.map((rule) => `  ${rule}\n`).join('')} }`,
  ];
}

/**
 * Drops what is not addressed to the gateway, unless the VNet has a way out or the guest a public address; link-local
 * addresses never have one.
 */
function notForUs(plan: VNetPlan): string[] {
  const foreign = 'fib daddr type != { local, broadcast, multicast } counter drop';
  if (!plan.outbound && !plan.inet) return [foreign];
  const others = (nft: 'ip' | 'ip6', own: { inside: string }[]): string =>
    own.length === 0
      ? `meta nfproto ${nft === 'ip' ? 'ipv4' : 'ipv6'} ${foreign}`
      : `${nft} saddr != { ${own.map(({ inside }) => inside).join(', ')} } ${foreign}`;
  return [
    ...inetGuard(plan, foreign),
    `ip daddr 169.254.0.0/16 ${foreign}`,
    `ip6 daddr { fe80::/10, fd00:ec2::/32 } ${foreign}`,
    ...[
      ...(plan.outbound ? [] : [others('ip', pairsOf(plan, 'ipv4'))]),
      others('ip6', pairsOf(plan, 'ipv6')),
    ].map((rule) => (plan.inet ? `iifname "${GATEWAY_DEVICE}" ${rule}` : rule)),
  ];
}

/**
 * The namespace's own filter, one table of the inet family: what is not addressed to the gateway never passes
 * (whatever ip_forward says), and only DHCP, the metadata service, echo and neighbour discovery get in.
 */
export function namespaceFilter(prefix: string, plan: VNetPlan): string[] {
  const addresses4 = plan.ipv4 ? [plan.ipv4.gateway, METADATA_IPV4] : [];
  const addresses6 = plan.ipv6 ? [plan.ipv6.gateway, METADATA_IPV6] : [];
  const input: string[] = ['iifname "lo" accept'];
  if (plan.outbound) {
    input.push(
      `iifname "${OUT_DEVICE}" ct state established,related accept`,
      `iifname "${OUT_DEVICE}" counter drop`,
    );
  }
  input.push(...inetInput(plan));
  if (plan.ipv4) {
    input.push(
      'meta nfproto ipv4 udp sport 68 udp dport 67 accept',
      `ip daddr { ${addresses4.join(', ')} } tcp dport { 80, 8080 } accept`,
      'icmp type { echo-request, destination-unreachable, time-exceeded } accept',
    );
  }
  if (plan.ipv6) {
    input.push(
      'meta nfproto ipv6 udp sport 546 udp dport 547 accept',
      `ip6 daddr { ${addresses6.join(', ')} } tcp dport { 80, 8080 } accept`,
      'icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded } accept',
      'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
    );
  }
  const chain = (name: string, policy: string, rules: string[]): string =>
    ` chain ${name} {\n  type filter hook ${name} priority ${name === 'prerouting' ? -300 : 0} ; policy ${policy} ;\n${rules
      .map((rule) => `  ${rule}\n`)
      .join('')} }`;
  return [
    `table inet ${prefix}`,
    `delete table inet ${prefix}`,
    `table inet ${prefix} {`,
    chain('prerouting', 'accept', notForUs(plan)),
    chain('input', 'drop', [...input, 'counter']),
    chain('forward', 'drop', [...inetForward(plan), ...(plan.outbound ? FORWARD : [])]),
    ...(plan.hopLimit === undefined ? [] : [chain('output', 'accept', hopLimit(plan, plan.hopLimit))]),
    ...inetChains(plan),
    ...nat(plan),
    '}',
  ];
}

/**
 * The whole of it as one script for `ip netns exec NAMESPACE sh -s`: one process from the agent's point of view.
 * Plans are checked beforehand, so nothing in here can end a quotation.
 */
export function namespaceScript(prefix: string, plan: VNetPlan, gatewayLinkLocal: string): string {
  const passesOn = plan.outbound !== undefined || pairsOf(plan, 'ipv4').length > 0;
  const forwarding: [string, number][] = [['ipv4/ip_forward', passesOn ? 1 : 0]];
  if (plan.ipv6) forwarding.push(['ipv6/conf/all/forwarding', pairsOf(plan, 'ipv6').length > 0 ? 1 : 0]);
  const switches = [...SWITCHES, ...(plan.ipv6 ? SWITCHES_IPV6 : [])];
  return `${[
    'set -e',
    ...switches.map(([path, value]) => `echo ${value} > /proc/sys/net/${path}`),
    // First: nothing is forwarded before the filter is there, whatever the namespace has taken over from the host.
    "nft -f - <<'END'",
    ...namespaceFilter(prefix, plan),
    'END',
    "ip -batch - <<'END'",
    ...namespaceAddresses(plan, gatewayLinkLocal),
    'END',
    ...inetScript(prefix, plan),
    ...forwarding.map(([path, value]) => `echo ${value} > /proc/sys/net/${path}`),
  ].join('\n')}\n`;
}
