// What the agent wants of the host's network, as plain values, and the check that each value is what it claims.
import { isIPv4, isIPv6 } from 'node:net';
import { InnkeeperError } from '../resources/errors.ts';

/** A gateway address and the length of its subnet's prefix. */
export interface GatewayPlan {
  gateway: string;
  prefixLength: number;
}

/** How a VNet reaches its parts on other hosts. */
export type TransportPlan =
  | { type: 'local' }
  /** An 802.1Q VLAN (1–4094) on a device of the host. */
  | { type: 'vlan'; device: string; id: number }
  /**
   * VXLAN from the address `local`, UDP port 4789 unless given. `peers` are the other hosts, to each of which a frame
   * for everyone is sent; with `evpn` a speaker on this host (FRR, for one) says where each MAC is.
   */
  | { type: 'vxlan'; vni: number; local: string; peers: string[] | 'evpn'; port?: number };

/** One protocol of the provider's network: where packets go, and the addresses that are on the same link. */
export interface ProviderPlan {
  gateway: string;
  ranges: string[];
}

/** A VNet's leg in the provider's network, and which guest each public address belongs to. */
export interface InetPlan {
  bridge: string;
  /** The bridge is the agent's own; the host is its router and translates to its own address. */
  behindHost: boolean;
  ipv4?: ProviderPlan;
  ipv6?: ProviderPlan;
  /** IPv6 in canonical form (RFC 5952): that is how the kernel tells what is there. */
  addresses: { public: string; inside: string }[];
}

/** A VNet as the host has to build it. */
export interface VNetPlan {
  id: string;
  bridge: string;
  namespace: string;
  hostVeth: string;
  /** Largest IP packet, in bytes, on the VNet. */
  mtu: number;
  ipv4?: GatewayPlan;
  ipv6?: GatewayPlan;
  transport: TransportPlan;
  /** The way out for IPv4 (outbound NAT): the two addresses of a /31 between host and namespace. */
  outbound?: { host: string; inside: string };
  /** Only while a VNIC has a public address. */
  inet?: InetPlan;
  /** IP hops that answers over HTTP may travel; as many as the kernel gives if absent. */
  hopLimit?: number;
}

/** One thing that a VNIC's security list allows; `remote` is an address or a subnet, everywhere if absent. */
export interface SecurityRule {
  direction: 'in' | 'out';
  protocol: 'tcp' | 'udp' | 'icmp' | 'any';
  /** Of the machine that is spoken to; all if absent. `toPort` is `fromPort` if absent. */
  fromPort?: number;
  toPort?: number;
  remote?: string;
}

/** A VNIC as the host has to guard it. */
export interface VNicPlan {
  id: string;
  /** Tap or vif name; the rules are keyed by it and wait for it to appear. */
  device: string;
  bridge: string;
  mac: string;
  /** The only addresses it may use; without one, that protocol is dropped altogether. */
  ipv4?: string;
  ipv6?: string;
  /** Only this passes, besides what no guest can do without; everything if absent, nothing if empty. */
  security?: SecurityRule[];
  /** Gateways of its VNet, whose services a security list does not concern. */
  gateway4?: string;
  gateway6?: string;
}

/** Names that go into `ip` and `nft` texts unquoted. */
const DEVICE = /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/;
/** A unicast MAC in lower case. */
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;

function demand(holds: boolean, id: string, what: string): void {
  if (!holds) throw new InnkeeperError('invalid', `The network plan of ${id} is wrong: ${what}.`, { id });
}

const between = (value: number, low: number, high: number): boolean =>
  Number.isInteger(value) && value >= low && value <= high;

const isAddress = (text: string): boolean => isIPv4(text) || (isIPv6(text) && !text.includes('%'));

/** Throws `invalid` unless `name` can be the name of a network interface. */
export function checkDevice(name: string, id = name): void {
  demand(DEVICE.test(name), id, `'${name}' cannot be the name of an interface`);
}

/** Throws `invalid` naming the first value of the plan that is not what it should be. */
export function checkVNetPlan(plan: VNetPlan): void {
  const { id, transport } = plan;
  for (const name of [plan.bridge, plan.hostVeth, plan.namespace]) checkDevice(name, id);
  demand(between(plan.mtu, 576, 65_535), id, `MTU ${plan.mtu} is not within 576 and 65535`);
  if (plan.ipv4) {
    demand(isIPv4(plan.ipv4.gateway), id, `'${plan.ipv4.gateway}' is not an IPv4 address`);
    demand(between(plan.ipv4.prefixLength, 1, 32), id, 'the IPv4 prefix length is not within 1 and 32');
  }
  if (plan.ipv6) {
    demand(plan.mtu >= 1280, id, 'IPv6 needs an MTU of at least 1280');
    demand(
      isAddress(plan.ipv6.gateway) && isIPv6(plan.ipv6.gateway),
      id,
      'the IPv6 gateway is not an address',
    );
    demand(between(plan.ipv6.prefixLength, 1, 128), id, 'the IPv6 prefix length is not within 1 and 128');
  }
  if (plan.outbound) {
    demand([plan.outbound.host, plan.outbound.inside].every(isIPv4), id, 'the way out has no IPv4 addresses');
    demand(plan.ipv4 !== undefined, id, 'there is no IPv4 to lead out');
  }
  if (plan.inet) checkInetPlan(id, plan.inet);
  if (transport.type === 'vlan') {
    checkDevice(transport.device, id);
    demand(between(transport.id, 1, 4094), id, `VLAN ${transport.id} is not within 1 and 4094`);
  } else if (transport.type === 'vxlan') {
    demand(between(transport.vni, 1, 16_777_215), id, `VNI ${transport.vni} is not within 1 and 16777215`);
    const peers = transport.peers === 'evpn' ? [] : transport.peers;
    demand([transport.local, ...peers].every(isAddress), id, 'a VXLAN end is not an IP address');
    demand(between(transport.port ?? 4789, 1, 65_535), id, 'the VXLAN port is not within 1 and 65535');
  }
}

function checkInetPlan(id: string, { bridge, ipv4, ipv6, addresses }: InetPlan): void {
  checkDevice(bridge, id);
  for (const [provider, is] of [
    [ipv4, isIPv4],
    [ipv6, isIPv6],
  ] as const) {
    if (!provider) continue;
    const networks = provider.ranges.map((range) => range.replace(/\/\d{1,3}$/, ''));
    demand(
      [provider.gateway, ...networks].every((text) => is(text) && isAddress(text)),
      id,
      'INet has no addresses',
    );
  }
  for (const pair of addresses) {
    demand(isAddress(pair.public) && isAddress(pair.inside), id, 'a public address is not an address');
    const protocol = isIPv4(pair.public) ? ipv4 : ipv6;
    demand(isIPv4(pair.public) === isIPv4(pair.inside) && protocol !== undefined, id, 'protocols differ');
  }
}

/** Throws `invalid` naming the first value of the plan that is not what it should be. */
export function checkVNicPlan(plan: VNicPlan): void {
  checkDevice(plan.device, plan.id);
  demand(MAC.test(plan.mac), plan.id, `'${plan.mac}' is not a unicast MAC in lower case`);
  demand(plan.ipv4 === undefined || isIPv4(plan.ipv4), plan.id, `'${plan.ipv4}' is not an IPv4 address`);
  demand(
    plan.ipv6 === undefined || (isIPv6(plan.ipv6) && isAddress(plan.ipv6)),
    plan.id,
    `'${plan.ipv6}' is not an IPv6 address`,
  );
  for (const gateway of [plan.gateway4, plan.gateway6])
    demand(gateway === undefined || isAddress(gateway), plan.id, `'${gateway}' is not an IP address`);
  for (const rule of plan.security ?? []) checkSecurityRule(plan.id, rule);
}

/** Throws `invalid` unless the rule can be written as one of nft's. */
export function checkSecurityRule(id: string, rule: SecurityRule): void {
  const { protocol, fromPort, toPort, remote } = rule;
  const ports = fromPort !== undefined || toPort !== undefined;
  demand(!ports || protocol === 'tcp' || protocol === 'udp', id, `${protocol} has no ports`);
  demand(!ports || fromPort !== undefined, id, 'a rule with toPort needs fromPort');
  demand(!ports || between(fromPort!, 1, 65_535), id, `port ${fromPort} is not within 1 and 65535`);
  demand(
    toPort === undefined || between(toPort, fromPort!, 65_535),
    id,
    `port ${toPort} is below ${fromPort}`,
  );
  if (remote === undefined) return;
  const [address = '', length, ...more] = remote.split('/');
  const longest = isIPv6(address) ? 128 : 32;
  const good = length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= longest);
  demand(isAddress(address) && good && more.length === 0, id, `'${remote}' is neither address nor subnet`);
}
