// The nft tables of one agent on the host: hooks, lists of ports, and the texts that add and remove them.
import {
  dropSet,
  fromChain,
  fromGuestRules,
  REASONS,
  SHARED_CHAINS,
  toChain,
  toGuestRules,
} from './guest-rules.ts';
import { behindHostText } from './inet.ts';
import type { InetPlan, VNicPlan } from './plans.ts';
import {
  ensureListLines,
  forgetLines,
  LIST_CHAINS,
  LIST_HOOKS,
  LIST_MAPS,
  removeListLines,
} from './security-list.ts';

/** What one VNet adds to the table. */
export interface VNetPorts {
  bridge: string;
  hostVeth: string;
  /** Only for VLAN and VXLAN. */
  uplink?: string;
  /** Only with a way out: its host end, and the address of the namespace on it. */
  wayOut?: { device: string; inside: string };
  /** Only with a public address: the leg in the provider's network. */
  inet?: { leg: string; plan: InetPlan };
}

const TAP_DIGITS = [...'0123456789abcdef'];

/** Prerouting comes before br_netfilter (0) and before the bridge learns where a MAC is. */
const HOOKS = { prerouting: -300, forward: -200, input: -200, output: -200 };

/** Devices of guests; their elements count every frame from and to a guest, dropped or not. */
const COUNTING_SETS = ['senders', 'receivers'];

/** A device is entered by the first frame dropped; only guests' devices ever get there. */
const DYNAMIC = '{ type ifname ; size 65535 ; flags dynamic ; counter ; }';

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
  const ourTap = quoted(`${prefix}t*`);
  const strays = (side: 'iifname' | 'oifname'): string[] =>
    TAP_DIGITS.map((digit) => `${side} ${quoted(`${prefix}t${digit}*`)} counter name "strays" drop`);
  const chains: Record<string, string[]> = {
    ...SHARED_CHAINS,
    ...LIST_CHAINS,
    from_uplink: [
      'udp sport { 67, 547 } counter name "uplinks" drop',
      'icmpv6 type { nd-router-advert, nd-redirect } counter name "uplinks" drop',
    ],
    strays_in: strays('iifname'),
    strays_out: strays('oifname'),
    prerouting: [
      'iifname @senders jump before_guests',
      'iifname vmap @from_guest',
      'iifname @uplinks goto from_uplink',
      `iifname ${ourTap} goto strays_in`,
    ],
    forward: ['oifname @receivers oifname vmap @to_guest', `oifname ${ourTap} goto strays_out`],
    input: ['iifname @ports counter name "host" drop'],
    output: ['oifname @ports counter name "host" drop', `oifname ${ourTap} goto strays_out`],
  };
  return [
    `add table ${table}`,
    ...['from_guest', 'to_guest', ...LIST_MAPS].map(
      (map) => `add map ${table} ${map} { type ifname : verdict ; }`,
    ),
    ...['ports', 'uplinks'].map((set) => `add set ${table} ${set} { type ifname ; }`),
    ...COUNTING_SETS.map((set) => `add set ${table} ${set} { type ifname ; counter ; }`),
    ...REASONS.map((reason) => `add set ${table} ${dropSet(reason)} ${DYNAMIC}`),
    ...['strays', 'host', 'uplinks'].map((counter) => `add counter ${table} ${counter}`),
    ...Object.entries(HOOKS).map(([hook, priority]) => {
      return `add chain ${table} ${hook} { type filter hook ${hook} priority ${priority} ; policy accept ; }`;
    }),
    ...Object.entries(LIST_HOOKS).map(
      ([chain, hook]) => `add chain ${table} ${chain} { ${hook} ; policy accept ; }`,
    ),
    ...Object.keys(chains).map((chain) => `add chain ${table} ${chain}`),
    ...Object.keys(chains).map((chain) => `flush chain ${table} ${chain}`),
    ...Object.entries(chains).flatMap(([chain, rules]) =>
      rules.map((rule) => `add rule ${table} ${chain} ${rule}`),
    ),
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

/**
 * The host's side of ways out. What comes from a VNet goes on to the outside under the host's own address, never to the
 * host itself, to other VNets or to link-local addresses; nothing is let in but what belongs to it. The chains are there
 * only once a VNet has a way out: a chain that translates makes the host track all its connections.
 */
function waysOutFrame(prefix: string): string[] {
  const table = `inet ${prefix}`;
  const chains: [name: string, hook: string, rules: string[]][] = [
    [
      'ways_input',
      'filter hook input priority 0',
      ['iifname @ways ct state established,related accept', 'iifname @ways counter drop'],
    ],
    [
      'ways_forward',
      'filter hook forward priority 0',
      [
        'iifname @ways oifname @ways counter drop',
        'iifname @ways ip daddr 169.254.0.0/16 counter drop',
        'oifname @ways ct state established,related accept',
        'oifname @ways counter drop',
      ],
    ],
    [
      'ways_translate',
      'nat hook postrouting priority 100',
      ['ip saddr @transit oifname != @ways masquerade'],
    ],
  ];
  return [
    `add set ${table} ways { type ifname ; }`,
    `add set ${table} transit { type ipv4_addr ; }`,
    ...chains.flatMap(([name, hook, rules]) => [
      `add chain ${table} ${name} { type ${hook} ; policy accept ; }`,
      `flush chain ${table} ${name}`,
      ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
    ]),
  ];
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
  if (ports.inet?.plan.behindHost) lines.push(...behindHostText(prefix, ports.inet.plan));
  // On the provider's bridge nothing passes between a VNet and the host itself either.
  else if (ports.inet) lines.push(`add element bridge ${prefix} ports { ${quoted(ports.inet.leg)} }`);
  if (ports.uplink !== undefined)
    lines.push(`add element bridge ${prefix} uplinks { ${quoted(ports.uplink)} }`);
  if (ports.wayOut !== undefined) {
    lines.push(
      ...waysOutFrame(prefix),
      `add element inet ${prefix} ways { ${quoted(ports.wayOut.device)} }`,
      `add element inet ${prefix} transit { ${ports.wayOut.inside} }`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** nft has no "delete if there" before 1.0.8; adding first makes the deletion certain, in the same transaction. */
function addAndDelete(what: string): string[] {
  return [`add ${what}`, `delete ${what}`];
}

/** Of a VNet that is removed everything is named, whether it had it or not; its transit address goes with `wayOut`. */
export type RemovedPorts = Required<Omit<VNetPorts, 'wayOut' | 'inet'>> & {
  leg: string;
  wayOut?: { device: string; inside: string } | undefined;
};

/** Removes the ports of a VNet, there or not. Needs the frame. */
export function removeVNetText(prefix: string, ports: RemovedPorts): string {
  const table = `bridge ${prefix}`;
  return `${[
    ...addAndDelete(`element ${table} ports { ${quoted(ports.hostVeth)} }`),
    ...addAndDelete(`element ${table} ports { ${quoted(ports.uplink)} }`),
    ...addAndDelete(`element ${table} ports { ${quoted(ports.leg)} }`),
    ...addAndDelete(`element ${table} uplinks { ${quoted(ports.uplink)} }`),
    ...addAndDelete(`element inet ${prefix} bridges { ${quoted(ports.bridge)} }`),
    ...(ports.wayOut ? removeWayOut(prefix, ports.wayOut) : []),
  ].join('\n')}\n`;
}

function removeWayOut(prefix: string, { device, inside }: { device: string; inside: string }): string[] {
  return [
    ...waysOutFrame(prefix),
    ...addAndDelete(`element inet ${prefix} ways { ${quoted(device)} }`),
    ...addAndDelete(`element inet ${prefix} transit { ${inside} }`),
  ];
}

/** Puts a VNIC's chains in place, replacing what was there; the counts go on. Needs the frame. */
export function ensureVNicText(prefix: string, plan: VNicPlan): string {
  const { device } = plan;
  const table = `bridge ${prefix}`;
  const chain = (name: string, rules: string[]): string[] => [
    `add chain ${table} ${name}`,
    `flush chain ${table} ${name}`,
    ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
  ];
  return `${[
    ...chain(fromChain(device), fromGuestRules(plan)),
    ...chain(toChain(device), toGuestRules(plan)),
    ...['ports', ...COUNTING_SETS].map((set) => `add element ${table} ${set} { ${quoted(device)} }`),
    `add element ${table} from_guest { ${quoted(device)} : goto ${fromChain(device)} }`,
    `add element ${table} to_guest { ${quoted(device)} : goto ${toChain(device)} }`,
    ...(plan.security ? ensureListLines(prefix, plan) : []),
  ].join('\n')}\n`;
}

/** Replaces a VNIC's security list, or takes it away if the plan has none. Its connections are judged anew. */
export function replaceListText(prefix: string, plan: VNicPlan): string {
  const lines = plan.security
    ? [...ensureListLines(prefix, plan), ...forgetLines(prefix, plan.device)]
    : removeListLines(prefix, plan.device);
  return `${lines.join('\n')}\n`;
}

/** Removes a VNIC's chains, counts and entries, there or not; its tap is dropped as a stray from then on. */
export function removeVNicText(prefix: string, device: string): string {
  const table = `bridge ${prefix}`;
  const chains = [fromChain(device), toChain(device)];
  const sets = ['ports', ...COUNTING_SETS, ...REASONS.map(dropSet)];
  return `${[
    ...chains.map((name) => `add chain ${table} ${name}`),
    ...addAndDelete(`element ${table} from_guest { ${quoted(device)} : goto ${fromChain(device)} }`),
    ...addAndDelete(`element ${table} to_guest { ${quoted(device)} : goto ${toChain(device)} }`),
    ...sets.flatMap((set) => addAndDelete(`element ${table} ${set} { ${quoted(device)} }`)),
    ...chains.flatMap((name) => [`flush chain ${table} ${name}`, `delete chain ${table} ${name}`]),
    ...removeListLines(prefix, device),
  ].join('\n')}\n`;
}
