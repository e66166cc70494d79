// What is on the host now: links, namespaces and rules, read in as few processes as possible.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { REASONS, type Reason } from './guest-rules.ts';
import type { Run } from './run.ts';

/** Where iproute2 keeps the names of namespaces. */
const NAMESPACES = '/run/netns';

export interface Link {
  name: string;
  alias?: string;
  /** The bridge it is a port of. */
  master?: string;
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

interface NftObject {
  map?: { elem?: unknown };
  set?: { name?: unknown; elem?: unknown };
  counter?: { name?: unknown; packets?: unknown };
}

function nftObjects(json: string): NftObject[] {
  const answer: { nftables?: unknown } = JSON.parse(json || '{}');
  return Array.isArray(answer.nftables) ? (answer.nftables as NftObject[]) : [];
}

/** Devices in the answer of `nft -j list set bridge PREFIX ports`. */
export function readPorts(json: string): string[] {
  return nftObjects(json).flatMap(({ set }) =>
    Array.isArray(set?.elem) ? set.elem.filter((name: unknown) => typeof name === 'string') : [],
  );
}

/** Packets let through and dropped, by reason. */
export type VNicCounters = Record<Reason, number>;

/** Reads the answer of `nft -j list counters table bridge PREFIX`, by device. */
export function readCounters(json: string): Map<string, VNicCounters> {
  const devices = new Map<string, VNicCounters>();
  for (const { counter } of nftObjects(json)) {
    if (typeof counter?.name !== 'string' || typeof counter.packets !== 'number') continue;
    const at = counter.name.lastIndexOf('-');
    const reason = REASONS.find((known) => known === counter.name?.toString().slice(at + 1));
    if (at < 1 || reason === undefined) continue;
    const device = counter.name.slice(0, at);
    let counts = devices.get(device);
    if (counts === undefined) {
      counts = Object.fromEntries(REASONS.map((name) => [name, 0])) as VNicCounters;
      devices.set(device, counts);
    }
    counts[reason] = counter.packets;
  }
  return devices;
}
