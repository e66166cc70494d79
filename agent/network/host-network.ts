// Builds, guards, observes and removes VNets and VNICs on this host; every verb may be repeated.
import { readFile } from 'node:fs/promises';
import {
  addVNetText,
  ensureVNicText,
  removeVNetText,
  removeVNicText,
  replaceListText,
  type VNetPorts,
} from './bridge-table.ts';
import { linkLocal } from './guest-rules.ts';
import {
  digestOf,
  ensureVNetLines,
  isJoined,
  markerText,
  peerLines,
  readMarker,
  readRemotes,
  removeVNetLines,
} from './host-commands.ts';
import { announceScript } from './inet.ts';
import { checkPrefix, vnetNames, vnicNames } from './names.ts';
import { namespaceScript } from './namespace-script.ts';
import {
  type HostState,
  type Link,
  readHost,
  readNamespaces,
  UNMOUNTED,
  type VNicCounters,
} from './observe.ts';
import { checkDevice, checkVNetPlan, checkVNicPlan, type VNetPlan, type VNicPlan } from './plans.ts';
import { Ruleset } from './ruleset.ts';
import { type Run, run as runCommand } from './run.ts';

/** Everything on the host that carries this agent's prefix. */
export interface ObservedNetwork {
  bridges: string[];
  hostVeths: string[];
  uplinks: string[];
  namespaces: string[];
  /** Taps that exist. */
  taps: string[];
  /** Devices (taps, veths, uplinks) the rules know, existing or not. */
  ruled: string[];
  /** Every link of the host, ours and others'. */
  links: ReadonlyMap<string, Link>;
  /** VNet ids of which at least one part is there, and whether all of it is. */
  vnets: { id: string; complete: boolean }[];
}

/** Namespaces set up at the same time: enough to keep the kernel's lock busy, not a crowd of processes. */
const NAMESPACES_AT_ONCE = 4;

/** The host's network of one agent; `prefix` begins every name it gives, so several agents can share a host. */
export class HostNetwork {
  readonly prefix: string;
  readonly #run: Run;
  readonly #rules: Ruleset;
  /** What this object has put in place; when it is empty, the table may have become useless. */
  readonly #held = new Set<string>();

  /** @throws InnkeeperError `invalid` for a prefix that is not two to four lower-case letters */
  constructor(options: { prefix: string; run?: Run }) {
    checkPrefix(options.prefix);
    this.prefix = options.prefix;
    this.#run = options.run ?? runCommand;
    this.#rules = new Ruleset(this.prefix, this.#run);
  }

  /** Makes what is missing of a VNet, or all of it. */
  async ensureVNet(plan: VNetPlan): Promise<void> {
    await this.#buildVNets([plan], '', false);
  }

  /** Makes the hosts that a VXLAN floods to those of the plan; what an EVPN speaker has to say is left alone. */
  async setPeers({ id, transport }: Pick<VNetPlan, 'id' | 'transport'>): Promise<void> {
    if (transport.type !== 'vxlan' || transport.peers === 'evpn') return;
    const { uplink } = vnetNames(this.prefix, id);
    const { peers } = transport;
    const attempt = async (): Promise<void> => {
      const present = readRemotes(await this.#run('bridge', ['-j', 'fdb', 'show', 'dev', uplink]));
      const lines = peerLines(uplink, present, peers);
      if (lines.length > 0) await this.#run('bridge', ['-batch', '-'], `${lines.join('\n')}\n`);
    };
    // An entry that was learnt may have been forgotten since it was read.
    await attempt().catch(attempt);
  }

  /** Removes a VNet with whatever is there of it; VNICs still on it lose their bridge. */
  async removeVNet(
    vnet: string | Pick<VNetPlan, 'id' | 'bridge' | 'hostVeth' | 'namespace' | 'outbound'>,
  ): Promise<void> {
    const id = typeof vnet === 'string' ? vnet : vnet.id;
    const names = vnetNames(this.prefix, id);
    const parts = typeof vnet === 'string' ? names : vnet;
    const outbound = typeof vnet === 'string' ? undefined : vnet.outbound;
    await this.#change((state) => removeVNetLines(parts, names, state));
    const wayOut = outbound && { device: names.wayOut, inside: outbound.inside };
    const { bridge, hostVeth } = parts;
    const ports = { bridge, hostVeth, uplink: names.uplink, leg: names.inetLeg, wayOut };
    await this.#rules.apply(removeVNetText(this.prefix, ports));
    this.#held.delete(parts.bridge);
    if (this.#held.size === 0) await this.#rules.removeIfEmpty();
  }

  /** Puts a VNIC's rules in place, before its tap exists, or replaces them in one transaction. */
  async ensureVNic(plan: VNicPlan): Promise<void> {
    checkVNicPlan(plan);
    await this.#rules.apply(ensureVNicText(this.prefix, plan));
    this.#held.add(plan.device);
  }

  /** Replaces a VNIC's security list in one transaction, or takes it away; the rest of its rules stay as they are. */
  async replaceSecurityList(plan: VNicPlan): Promise<void> {
    checkVNicPlan(plan);
    await this.#rules.apply(replaceListText(this.prefix, plan));
  }

  /** Removes a VNIC's rules, by its id or its device's name; a tap still there can no longer send or receive. */
  async removeVNic(vnic: string): Promise<void> {
    const device = /^vnic-[0-9a-f]{8}$/.test(vnic) ? vnicNames(this.prefix, vnic).device : vnic;
    checkDevice(device);
    await this.#rules.apply(removeVNicText(this.prefix, device));
    this.#held.delete(device);
    if (this.#held.size === 0) await this.#rules.removeIfEmpty();
  }

  /**
   * Puts everything in place at the agent's start: one nft transaction and one `ip -batch` for all, and one process
   * for each VNet whose namespace is not complete. Running guests notice nothing.
   */
  async restore(vnets: readonly VNetPlan[], vnics: readonly VNicPlan[]): Promise<void> {
    for (const plan of vnics) checkVNicPlan(plan);
    await this.#buildVNets(vnets, vnics.map((plan) => ensureVNicText(this.prefix, plan)).join(''), true);
    for (const plan of vnics) this.#held.add(plan.device);
  }

  /** What is there: one `ip -j`, one `nft -j`, one directory. */
  async observe(): Promise<ObservedNetwork> {
    const [state, ruled] = await Promise.all([readHost(this.#run, this.prefix), this.#rules.ports()]);
    const named = (kind: string): string[] => {
      const pattern = new RegExp(`^${this.prefix}${kind}[0-9a-f]{8}$`);
      return [...state.links.keys()].filter((name) => pattern.test(name)).sort();
    };
    const [bridges, hostVeths, uplinks, taps] = [named('b'), named('v'), named('u'), named('t')];
    const namespaces = [...state.namespaces.keys()].sort();
    const all = [...bridges, ...hostVeths, ...uplinks, ...namespaces];
    const ids = new Set(
      all.map((name) => `vnet-${name.slice(-8)}`).filter((id) => /^vnet-[0-9a-f]{8}$/.test(id)),
    );
    const vnets = [...ids].sort().map((id) => ({ id, complete: this.#isComplete(id, state, ruled) }));
    return { bridges, hostVeths, uplinks, namespaces, taps, ruled, links: state.links, vnets };
  }

  /** Frames seen and dropped since the rules were made, by device and reason. */
  counters(): Promise<Map<string, VNicCounters>> {
    return this.#rules.counters();
  }

  #isComplete(id: string, state: HostState, ruled: string[]): boolean {
    const names = vnetNames(this.prefix, id);
    const veth = state.links.get(names.hostVeth);
    return (
      state.links.get(names.bridge)?.up === true &&
      veth?.up === true &&
      veth.master === names.bridge &&
      ruled.includes(names.hostVeth) &&
      state.namespaces.has(names.namespace) &&
      readMarker(veth.alias)?.namespaceInode === state.namespaces.get(names.namespace)
    );
  }

  #portsOf({ id, bridge, hostVeth, transport, outbound, inet }: VNetPlan): VNetPorts {
    const names = vnetNames(this.prefix, id);
    return {
      bridge,
      hostVeth,
      ...(transport.type === 'local' ? {} : { uplink: names.uplink }),
      ...(outbound ? { wayOut: { device: names.wayOut, inside: outbound.inside } } : {}),
      ...(inet ? { inet: { leg: names.inetLeg, plan: inet } } : {}),
    };
  }

  /** Rules first, then links, then the insides of the namespaces; `extra` joins the nft transaction. */
  async #buildVNets(plans: readonly VNetPlan[], extra: string, trustMarkers: boolean): Promise<void> {
    for (const plan of plans) checkVNetPlan(plan);
    const ports = plans.map((plan) => addVNetText(this.prefix, this.#portsOf(plan))).join('');
    // Looking takes as long as writing rules, and neither needs the other.
    const before = plans.length > 0 ? readHost(this.#run, this.prefix) : undefined;
    before?.catch(() => {});
    if (ports + extra !== '') await this.#rules.apply(ports + extra, trustMarkers);
    if (before === undefined) return;
    const lines = (now: HostState) =>
      plans.flatMap((plan) => ensureVNetLines(plan, vnetNames(this.prefix, plan.id), now));
    const state = await this.#change(lines, before);
    const namespaces = await readNamespaces(this.prefix);
    const waiting = [...plans];
    const worker = async (): Promise<void> => {
      for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
        await this.#finishVNet(plan, state, namespaces.get(plan.namespace) ?? UNMOUNTED, trustMarkers);
        this.#held.add(plan.bridge);
      }
    };
    await Promise.all(Array.from({ length: NAMESPACES_AT_ONCE }, worker));
  }

  /**
   * Looks at the host, runs the lines that follow from it, and tells what it saw. A link may vanish in between (the
   * kernel takes a deleted namespace apart later), so a failure is a reason to look and try once more.
   */
  async #change(
    linesFor: (state: HostState) => string[],
    looked = readHost(this.#run, this.prefix),
  ): Promise<HostState> {
    const attempt = async (look: Promise<HostState>): Promise<HostState> => {
      const state = await look;
      const lines = linesFor(state);
      if (lines.length > 0) await this.#run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
      return state;
    };
    return attempt(looked).catch(() => attempt(readHost(this.#run, this.prefix)));
  }

  /** What needs more than the host's batch: the bridge's IPv6 switch, the peers, the namespace, and the marker. */
  async #finishVNet(plan: VNetPlan, before: HostState, inode: number, trustMarker: boolean): Promise<void> {
    const names = vnetNames(this.prefix, plan.id);
    await this.setPeers(plan);
    const script = namespaceScript(this.prefix, plan, linkLocal(names.gatewayMac));
    const marker = { namespaceInode: inode, digest: digestOf(script) };
    const found = readMarker(before.links.get(plan.hostVeth)?.alias);
    const ipv6Off = switchOffIpv6(plan.bridge);
    // An end that was made anew just now has none of what the script sets.
    const ends = [...(plan.outbound ? [names.wayOut] : []), ...(plan.inet ? [names.inetLeg] : [])];
    const kept = isJoined(plan, before) && ends.every((end) => before.links.has(end));
    if (trustMarker && kept && found?.digest === marker.digest) {
      // Looked at first: an agent that only restarts starts no process for each VNet.
      const path = ipv6Switch(plan.bridge);
      if ((await readFile(path, 'utf8').catch(() => '')).trim() === '0') {
        await this.#run('sh', ['-s'], `${ipv6Off}\n`);
      }
      return;
    }
    // One process; and what writes below /proc/sys and mounts is a child that may be in the host's mount namespace.
    const lines = [
      'set -e',
      ipv6Off,
      // Not `ip netns exec`: it copies every mount of the host, of which each VNet is one.
      `nsenter --net=/run/netns/${plan.namespace} sh -s <<'NAMESPACE'`,
      script.trimEnd(),
      'NAMESPACE',
      // The host passes on what ways out bring; its rules keep everything else of ours from being passed on.
      ...(plan.outbound || plan.inet?.behindHost ? ['echo 1 > /proc/sys/net/ipv4/ip_forward'] : []),
      ...(plan.inet ? announceScript(names) : []),
      `ip link set dev ${plan.hostVeth} alias ${markerText(marker)}`,
    ];
    await this.#run('sh', ['-s'], `${lines.join('\n')}\n`);
  }
}

const ipv6Switch = (bridge: string) => `/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`;

/** A line of shell. The switch is absent where the host has no IPv6 at all, which is as good. */
function switchOffIpv6(bridge: string): string {
  const path = ipv6Switch(bridge);
  return `[ ! -e ${path} ] || echo 1 > ${path}`;
}
