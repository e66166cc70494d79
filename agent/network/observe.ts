// What is on the host now: links, namespaces and rules, read in as few processes as possible.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dropSet, REASONS, type Reason } from './guest-rules.ts';
import type { Run } from './run.ts';

/** Where iproute2 keeps the names of namespaces. */
const NAMESPACES = '/run/netns';

export interface Link {
  name: string;
  alias?: string;
  /** The bridge it is a port of. */
  master?: string;
  mtu?: number;
  up: boolean;
}

/** Links and namespaces of the host; the number of a namespace is its inode, or UNMOUNTED. */
export interface HostState {
  links: Map<string, Link>;
  namespaces: Map<string, number>;
}

interface LinkRow {
  ifname?: unknown;
  ifalias?: unknown;
  master?: unknown;
  mtu?: unknown;
  flags?: unknown;
}

/** Reads the answer of `ip -j link show`. */
export function readLinks(json: string): Map<string, Link> {
  const links = new Map<string, Link>();
  const rows: unknown = JSON.parse(json || '[]');
  if (!Array.isArray(rows)) return links;
  for (const row of rows as LinkRow[]) {
    if (typeof row.ifname !== 'string') continue;
    links.set(row.ifname, {
      name: row.ifname,
      up: Array.isArray(row.flags) && row.flags.includes('UP'),
      ...(typeof row.ifalias === 'string' && { alias: row.ifalias }),
      ...(typeof row.master === 'string' && { master: row.master }),
      ...(typeof row.mtu === 'number' && { mtu: row.mtu }),
    });
  }
  return links;
}

/** In place of a namespace's number: there is a file of that name, but nothing is mounted on it. */
export const UNMOUNTED = 0;

/**
 * Namespaces whose name begins with `prefix-`. `ip netns add` makes a file and then mounts the namespace on it;
 * killed in between, or while another VNet is just being made or removed, the file is there alone.
 */
export async function readNamespaces(prefix: string, directory = NAMESPACES): Promise<Map<string, number>> {
  const namespaces = new Map<string, number>();
  const names = await readdir(directory).catch(() => []);
  const ours = names.filter((name) => name.startsWith(`${prefix}-`));
  if (ours.length === 0) return namespaces;
  const { dev } = await stat(directory);
  for (const name of ours) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found !== undefined) namespaces.set(name, found.dev === dev ? UNMOUNTED : found.ino);
  }
  return namespaces;
}

/** Links (one `ip -j`) and namespaces (a directory). */
export async function readHost(run: Run, prefix: string): Promise<HostState> {
  const [links, namespaces] = await Promise.all([
    run('ip', ['-j', 'link', 'show']).then(readLinks),
    readNamespaces(prefix),
  ]);
  return { links, namespaces };
}

interface NftSet {
  family?: unknown;
  table?: unknown;
  name?: unknown;
  elem?: unknown;
}

/** The sets of our table: `nft -j list sets table …` (seen with 1.0.6) answers with those of every table. */
function nftSets(json: string, prefix: string): NftSet[] {
  const answer: { nftables?: unknown } = JSON.parse(json || '{}');
  if (!Array.isArray(answer.nftables)) return [];
  return answer.nftables.flatMap(({ set }: { set?: NftSet }) =>
    set?.family === 'bridge' && set.table === prefix ? [set] : [],
  );
}

/** Devices in the answer of `nft -j list set bridge PREFIX ports`. */
export function readPorts(json: string, prefix: string): string[] {
  return nftSets(json, prefix).flatMap(({ elem }) =>
    Array.isArray(elem) ? elem.filter((name: unknown) => typeof name === 'string') : [],
  );
}

/** Frames of one VNIC since its rules were made. */
export interface VNicCounters {
  /** All it sent and all that was on its way to it, dropped ones included. */
  fromGuest: number;
  toGuest: number;
  dropped: Record<Reason, number>;
}

interface CountedElement {
  elem?: { val?: unknown; counter?: { packets?: unknown } };
}

function* counts(set: NftSet): Generator<[device: string, packets: number]> {
  if (!Array.isArray(set.elem)) return;
  for (const { elem } of set.elem as CountedElement[]) {
    if (typeof elem?.val === 'string' && typeof elem.counter?.packets === 'number')
      yield [elem.val, elem.counter.packets];
  }
}

/** The sets that count: by senders, by receivers, and one for each reason to drop. */
export const COUNTED_SETS = ['senders', 'receivers', ...REASONS.map(dropSet)];

/** Reads the answers of `nft -j list set bridge PREFIX SET` for all that count, by device. */
export function readCounters(answers: readonly string[], prefix: string): Map<string, VNicCounters> {
  const devices = new Map<string, VNicCounters>();
  const sets = new Map(
    answers.flatMap((json) => nftSets(json, prefix)).map((set) => [String(set.name), set]),
  );
  for (const [device, packets] of counts(sets.get('senders') ?? {})) {
    const dropped = Object.fromEntries(REASONS.map((reason) => [reason, 0])) as Record<Reason, number>;
    devices.set(device, { fromGuest: packets, toGuest: 0, dropped });
  }
  for (const [device, packets] of counts(sets.get('receivers') ?? {})) {
    const found = devices.get(device);
    if (found) found.toGuest = packets;
  }
  for (const reason of REASONS) {
    for (const [device, packets] of counts(sets.get(dropSet(reason)) ?? {})) {
      const found = devices.get(device);
      if (found) found.dropped[reason] = packets;
    }
  }
  return devices;
}
