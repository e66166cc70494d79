// The inside of a VNet's namespace: addresses, routes and the filter in front of DHCP and the metadata service.
import { GATEWAY_DEVICE, METADATA_IPV4, METADATA_IPV6 } from './names.ts';
import type { VNetPlan } from './plans.ts';

/** Kernel switches of the namespace, relative to /proc/sys/net. A new namespace copies the host's IPv4 ones. */
const SWITCHES: [path: string, value: number][] = [
  ['ipv4/ip_forward', 0],
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
  if (plan.ipv6) {
    lines.push(
      `address replace ${gatewayLinkLocal}/64 dev ${GATEWAY_DEVICE} nodad`,
      `address replace ${plan.ipv6.gateway}/${plan.ipv6.prefixLength} dev ${GATEWAY_DEVICE} nodad`,
      `address replace ${METADATA_IPV6}/128 dev ${GATEWAY_DEVICE} nodad`,
    );
  }
  return lines;
}

/**
 * The namespace's own filter, one table of the inet family: what is not addressed to the gateway never passes
 * (whatever ip_forward says), and only DHCP, the metadata service, echo and neighbour discovery get in.
 */
export function namespaceFilter(prefix: string, plan: VNetPlan): string[] {
  const addresses4 = plan.ipv4 ? [plan.ipv4.gateway, METADATA_IPV4] : [];
  const addresses6 = plan.ipv6 ? [plan.ipv6.gateway, METADATA_IPV6] : [];
  const input: string[] = ['iifname "lo" accept'];
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
    chain('prerouting', 'accept', ['fib daddr type != { local, broadcast, multicast } counter drop']),
    chain('input', 'drop', [...input, 'counter']),
    chain('forward', 'drop', []),
    '}',
  ];
}

/**
 * The whole of it as one script for `ip netns exec NAMESPACE sh -s`: one process from the agent's point of view.
 * Plans are checked beforehand, so nothing in here can end a quotation.
 */
export function namespaceScript(prefix: string, plan: VNetPlan, gatewayLinkLocal: string): string {
  const switches = plan.ipv6 ? [...SWITCHES, ...SWITCHES_IPV6] : SWITCHES;
  return `${[
    'set -e',
    ...switches.map(([path, value]) => `echo ${value} > /proc/sys/net/${path}`),
    "ip -batch - <<'END'",
    ...namespaceAddresses(plan, gatewayLinkLocal),
    'END',
    "nft -f - <<'END'",
    ...namespaceFilter(prefix, plan),
    'END',
  ].join('\n')}\n`;
}
