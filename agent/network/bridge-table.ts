// The nft tables of one agent on the host: hooks, lists of ports, and the texts that add and remove them.
import { counterName, fromChain, fromGuestRules, REASONS, toChain, toGuestRules } from './guest-rules.ts';
import type { VNicPlan } from './plans.ts';

/** What one VNet adds to the table. */
export interface VNetPorts {
  bridge: string;
  hostVeth: string;
  /** Only for VLAN and VXLAN. */
  uplink?: string;
}

const TAP_DIGITS = [...'0123456789abcdef'];

/** Quoted, so that a name such as `ct` or `50e1` is never read as something else. */
const quoted = (name: string): string => `"${name}"`;

/**
 * The guard: what is known of each port decides what it may send and receive.
 *
 * Guests are checked in prerouting, before the bridge learns a source MAC and before br_netfilter shows the frame to
 * the host's IP rules (priority 0). A tap of this agent that no list knows is dropped in both directions.
 * Nothing passes between a VNet and the host itself: its only way out is the namespace or the uplink.
 */
function bridgeFrame(prefix: string): string[] {
  const table = `bridge ${prefix}`;
  const rules = (chain: string, list: string[]): string[] =>
    list.map((rule) => `add rule ${table} ${chain} ${rule}`);
  const strays = (side: 'iifname' | 'oifname'): string[] =>
    TAP_DIGITS.map((digit) => `${side} ${quoted(`${prefix}t${digit}*`)} counter name "strays" drop`);
  const chains = ['prerouting', 'forward', 'input', 'output'];
  return [
    `add table ${table}`,
    `add map ${table} from_guest { type ifname : verdict ; }`,
    `add map ${table} to_guest { type ifname : verdict ; }`,
    `add set ${table} ports { type ifname ; }`,
    `add set ${table} uplinks { type ifname ; }`,
    `add counter ${table} strays`,
    `add counter ${table} host`,
    `add counter ${table} uplinks`,
    `add chain ${table} prerouting { type filter hook prerouting priority -300 ; policy accept ; }`,
    `add chain ${table} forward { type filter hook forward priority -200 ; policy accept ; }`,
    `add chain ${table} input { type filter hook input priority -200 ; policy accept ; }`,
    `add chain ${table} output { type filter hook output priority -200 ; policy accept ; }`,
    `add chain ${table} from_uplink`,
    `add chain ${table} strays_in`,
    `add chain ${table} strays_out`,
    ...[...chains, 'from_uplink', 'strays_in', 'strays_out'].map((chain) => `flush chain ${table} ${chain}`),
    ...rules('prerouting', [
      'iifname vmap @from_guest',
      'iifname @uplinks goto from_uplink',
      `iifname ${quoted(`${prefix}t*`)} goto strays_in`,
    ]),
    ...rules('forward', ['oifname vmap @to_guest', `oifname ${quoted(`${prefix}t*`)} goto strays_out`]),
    ...rules('input', ['iifname @ports counter name "host" drop']),
    ...rules('output', [
      'oifname @ports counter name "host" drop',
      `oifname ${quoted(`${prefix}t*`)} goto strays_out`,
    ]),
    ...rules('from_uplink', [
      'udp sport { 67, 547 } counter name "uplinks" drop',
      'icmpv6 type { nd-router-advert, nd-redirect } counter name "uplinks" drop',
    ]),
    ...rules('strays_in', strays('iifname')),
    ...rules('strays_out', strays('oifname')),
  ];
}

/**
 * Where br_netfilter is on, the host's connection tracking would see bridged frames: it would put together fragments
 * of different VNets that use the same addresses, and know two tenants' connections as one. Ours are left alone
 * before either can happen (defragmentation has priority -400).
 */
function untrackedFrame(prefix: string): string[] {
  const table = `inet ${prefix}`;
  return [
    `add table ${table}`,
    `add set ${table} bridges { type ifname ; }`,
    `add chain ${table} prerouting { type filter hook prerouting priority -450 ; policy accept ; }`,
    `flush chain ${table} prerouting`,
    `add rule ${table} prerouting iifname @bridges notrack`,
  ];
}

/** Both tables without ports: safe to apply again at any time, keeps the lists and the VNICs' chains. */
export function frameText(prefix: string): string {
  return `${[...bridgeFrame(prefix), ...untrackedFrame(prefix)].join('\n')}\n`;
}

/** Removes both tables with everything in them, there or not. */
export function removeFrameText(prefix: string): string {
  const tables = [`table bridge ${prefix}`, `table inet ${prefix}`];
  return `${tables.flatMap(addAndDelete).join('\n')}\n`;
}

/** Adds the ports of a VNet; adding them again changes nothing. */
export function addVNetText(prefix: string, ports: VNetPorts): string {
  const devices = ports.uplink === undefined ? [ports.hostVeth] : [ports.hostVeth, ports.uplink];
  const lines = [
    `add element bridge ${prefix} ports { ${devices.map(quoted).join(', ')} }`,
    `add element inet ${prefix} bridges { ${quoted(ports.bridge)} }`,
  ];
  if (ports.uplink !== undefined)
    lines.push(`add element bridge ${prefix} uplinks { ${quoted(ports.uplink)} }`);
  return `${lines.join('\n')}\n`;
}

/** nft has no "delete if there" before 1.0.8; adding first makes the deletion certain, in the same transaction. */
function addAndDelete(what: string): string[] {
  return [`add ${what}`, `delete ${what}`];
}

/** Removes the ports of a VNet, there or not. Needs the frame. */
export function removeVNetText(prefix: string, ports: Required<VNetPorts>): string {
  const table = `bridge ${prefix}`;
  return `${[
    ...addAndDelete(`element ${table} ports { ${quoted(ports.hostVeth)} }`),
    ...addAndDelete(`element ${table} ports { ${quoted(ports.uplink)} }`),
    ...addAndDelete(`element ${table} uplinks { ${quoted(ports.uplink)} }`),
    ...addAndDelete(`element inet ${prefix} bridges { ${quoted(ports.bridge)} }`),
  ].join('\n')}\n`;
}

/** Puts a VNIC's chains in place, replacing what was there; the counters go on counting. Needs the frame. */
export function ensureVNicText(prefix: string, plan: VNicPlan): string {
  const { device } = plan;
  const table = `bridge ${prefix}`;
  const chain = (name: string, rules: string[]): string[] => [
    `add chain ${table} ${name}`,
    `flush chain ${table} ${name}`,
    ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
  ];
  return `${[
    ...REASONS.map((reason) => `add counter ${table} ${counterName(device, reason)}`),
    ...chain(fromChain(device), fromGuestRules(plan)),
    ...chain(toChain(device), toGuestRules(plan)),
    `add element ${table} ports { ${quoted(device)} }`,
    `add element ${table} from_guest { ${quoted(device)} : goto ${fromChain(device)} }`,
    `add element ${table} to_guest { ${quoted(device)} : goto ${toChain(device)} }`,
  ].join('\n')}\n`;
}

/** Removes a VNIC's chains, counters and entries, there or not; its tap is dropped as a stray from then on. */
export function removeVNicText(prefix: string, device: string): string {
  const table = `bridge ${prefix}`;
  const chains = [fromChain(device), toChain(device)];
  return `${[
    ...chains.map((name) => `add chain ${table} ${name}`),
    ...addAndDelete(`element ${table} ports { ${quoted(device)} }`),
    ...addAndDelete(`element ${table} from_guest { ${quoted(device)} : goto ${fromChain(device)} }`),
    ...addAndDelete(`element ${table} to_guest { ${quoted(device)} : goto ${toChain(device)} }`),
    ...chains.flatMap((name) => [`flush chain ${table} ${name}`, `delete chain ${table} ${name}`]),
    ...REASONS.flatMap((reason) => addAndDelete(`counter ${table} ${counterName(device, reason)}`)),
  ].join('\n')}\n`;
}
