// The host's side of a VNet as lines for `ip -batch` and `bridge -batch`: bridge, veth pair, namespace, uplink.
import { createHash } from 'node:crypto';
import { legHostLines, removeLegLines } from './inet.ts';
import { GATEWAY_DEVICE, OUT_DEVICE, type VNetNames } from './names.ts';
import { type HostState, UNMOUNTED } from './observe.ts';
import type { TransportPlan, VNetPlan } from './plans.ts';

/**
 * Written to the host veth's alias when the namespace is complete: which namespace it leads to, and a digest of what
 * was set up in there. Without it, or with another namespace's number, the pair is half-made and is made anew.
 */
export interface Marker {
  namespaceInode: number;
  digest: string;
}

export const markerText = (marker: Marker): string => `innkeeper:${marker.namespaceInode}:${marker.digest}`;

/** Short digest of a namespace's script. */
export const digestOf = (script: string): string =>
  createHash('sha256').update(script).digest('hex').slice(0, 16);

/** Reads an alias; undefined if it is not one of ours. */
export function readMarker(alias: string | undefined): Marker | undefined {
  const found = /^innkeeper:(\d+):([0-9a-f]{16})$/.exec(alias ?? '');
  return found?.[2] === undefined ? undefined : { namespaceInode: Number(found[1]), digest: found[2] };
}

/** True if the veth pair is there and its other end is in the namespace that now has this name. */
export function isJoined(plan: VNetPlan, state: HostState): boolean {
  const marker = readMarker(state.links.get(plan.hostVeth)?.alias);
  return marker !== undefined && marker.namespaceInode === state.namespaces.get(plan.namespace);
}

function uplinkLines(transport: TransportPlan, uplink: string): string[] {
  if (transport.type === 'vlan') {
    return [`link add link ${transport.device} name ${uplink} type vlan id ${transport.id}`];
  }
  if (transport.type === 'vxlan') {
    const { vni, local, port, peers } = transport;
    // What an EVPN speaker says of a MAC must not be overruled by whoever sends from it.
    const learning = peers === 'evpn' ? ' nolearning' : '';
    return [`link add name ${uplink} type vxlan id ${vni} local ${local} dstport ${port ?? 4789}${learning}`];
  }
  return [];
}

/**
 * What is missing of a VNet, and everything that may be set again. Ports towards the namespace and the uplink are
 * isolated from each other: every host answers for the gateway itself, with the same MAC.
 */
export function ensureVNetLines(plan: VNetPlan, names: VNetNames, state: HostState): string[] {
  const { bridge, hostVeth, namespace, mtu } = plan;
  const lines: string[] = [];
  const inode = state.namespaces.get(namespace);
  if (inode === UNMOUNTED) lines.push(`netns delete ${namespace}`);
  if (inode === undefined || inode === UNMOUNTED) lines.push(`netns add ${namespace}`);
  if (!state.links.has(bridge)) {
    // Snooping without a querier would lose the multicast that IPv6 neighbour discovery lives on.
    lines.push(`link add name ${bridge} address ${names.bridgeMac} type bridge stp_state 0 mcast_snooping 0`);
  }
  lines.push(`link set dev ${bridge} mtu ${mtu} addrgenmode none`);
  const joined = isJoined(plan, state);
  if (!joined) {
    if (state.links.has(hostVeth)) lines.push(`link del dev ${hostVeth}`);
    const index = `index ${names.linkIndex}`;
    const peer = `peer name ${GATEWAY_DEVICE} ${index} address ${names.gatewayMac} mtu ${mtu} netns ${namespace}`;
    lines.push(`link add name ${hostVeth} ${index} mtu ${mtu} type veth ${peer}`);
  }
  const ports = [hostVeth];
  if (plan.transport.type !== 'local') {
    ports.push(names.uplink);
    if (!state.links.has(names.uplink)) lines.push(...uplinkLines(plan.transport, names.uplink));
  }
  for (const port of ports) {
    lines.push(
      `link set dev ${port} mtu ${mtu} addrgenmode none`,
      `link set dev ${port} master ${bridge}`,
      `link set dev ${port} type bridge_slave isolated on`,
      `link set dev ${port} up`,
    );
  }
  if (plan.transport.type === 'vxlan' && plan.transport.peers === 'evpn') {
    lines.push(`link set dev ${names.uplink} type bridge_slave learning off`);
  }
  lines.push(`link set dev ${bridge} up`, ...wayOutLines(plan, names, state, joined));
  return [...lines, ...legHostLines(plan, names, state, joined)];
}

/** The pair that leads from the namespace to the host; made anew with the namespace. */
function wayOutLines(plan: VNetPlan, { wayOut }: VNetNames, state: HostState, joined: boolean): string[] {
  const lines: string[] = [];
  const present = state.links.has(wayOut);
  if (present && (!joined || !plan.outbound)) lines.push(`link del dev ${wayOut}`);
  if (!plan.outbound) return lines;
  if (!present || !joined) {
    lines.push(`link add name ${wayOut} type veth peer name ${OUT_DEVICE} netns ${plan.namespace}`);
  }
  return [
    ...lines,
    `link set dev ${wayOut} addrgenmode none`,
    `address replace ${plan.outbound.host}/31 dev ${wayOut}`,
    `link set dev ${wayOut} up`,
  ];
}

/** Removes whatever is there of a VNet. The veth goes first: open sockets may keep the namespace itself alive. */
export function removeVNetLines(
  vnet: Pick<VNetPlan, 'bridge' | 'hostVeth' | 'namespace'>,
  names: VNetNames,
  state: HostState,
): string[] {
  const parts = [vnet.hostVeth, names.wayOut, names.uplink, vnet.bridge];
  const links = parts.filter((name) => state.links.has(name));
  const lines = [...links.map((name) => `link del dev ${name}`), ...removeLegLines(names, state)];
  if (state.namespaces.has(vnet.namespace)) lines.push(`netns delete ${vnet.namespace}`);
  return lines;
}

/** The MAC under which frames for everyone go to one peer (head-end replication). */
const FLOOD = '00:00:00:00:00:00';

/** What a VXLAN device sends to another host: frames for one MAC, or for everyone. */
export interface RemoteEntry {
  mac: string;
  dst: string;
}

/**
 * Lines for `bridge -batch` that make the VXLAN's flood list equal to `wanted`. Places learnt at a host that is no
 * peer any more are forgotten with it.
 */
export function peerLines(
  uplink: string,
  present: readonly RemoteEntry[],
  wanted: readonly string[],
): string[] {
  const flooded = present.filter(({ mac }) => mac === FLOOD).map(({ dst }) => dst);
  const add = wanted.filter((peer) => !flooded.includes(peer));
  const remove = present.filter(({ dst }) => !wanted.includes(dst));
  return [
    ...add.map((peer) => `fdb append ${FLOOD} dev ${uplink} dst ${peer} self permanent`),
    ...remove.map(({ mac, dst }) => `fdb del ${mac} dev ${uplink} dst ${dst} self`),
  ];
}

/** The entries in the answer of `bridge -j fdb show dev UPLINK` that name another host. */
export function readRemotes(json: string): RemoteEntry[] {
  const rows: unknown = JSON.parse(json || '[]');
  if (!Array.isArray(rows)) return [];
  return rows.flatMap(({ mac, dst }: { mac?: unknown; dst?: unknown }) =>
    typeof mac === 'string' && typeof dst === 'string' ? [{ mac, dst }] : [],
  );
}
