// Which NUMA node, huge pages and CPUs a VServer gets, where its type asks for them. Pure.
import type { HostTopology } from '../../drivers/hypervisor.ts';
import type { Config } from '../config/config.ts';
import type { Reader } from '../guest/facts.ts';
import { InnkeeperError } from '../resources/errors.ts';
import type { Placement, PlacementNeeds } from '../resources/placement.ts';
import { parseCpus } from './cpu-list.ts';
import type { HostTotals } from './totals.ts';

type Limits = Config['capacity'];

/** What one NUMA node has, and can still promise to VServers that are placed. */
export interface NodeRoom {
  id: number;
  /** Ordinary memory: what is not set aside as huge pages. */
  memory: { totalMiB: number; reservedMiB: number; freeMiB: number };
  hugepages: { sizeKiB: number; total: number; reserved: number; free: number }[];
  /** CPUs that are kept for pinned VServers. */
  dedicatedCpus: { total: number[]; free: number[] };
  /** CPUs that all other VServers share. */
  sharedCpus: number[];
}

interface Asked {
  vcpus: number;
  memoryMiB: number;
}

/** Of each NUMA node; empty until the hypervisor has told them. */
export function nodeRooms(reader: Reader, limits: Limits, totals: HostTotals, except?: string): NodeRoom[] {
  const dedicated = new Set(dedicatedCpus(limits));
  const rooms = (totals.topology?.nodes ?? []).map(({ id, memoryBytes, cpus, hugepages }): NodeRoom => {
    const huge = hugepages.reduce((sum, { sizeKiB, total }) => sum + sizeKiB * total, 0);
    const totalMiB = Math.max(0, Math.floor((memoryBytes / 1024 - huge) / 1024));
    return {
      id,
      memory: {
        totalMiB,
        reservedMiB: 0,
        freeMiB: Math.floor(totalMiB * limits.memory_overcommit),
      },
      hugepages: hugepages.map(({ sizeKiB, total }) => {
        const foreign = totals.foreignHugepages.get(`${id}/${sizeKiB}`) ?? 0;
        return { sizeKiB, total, reserved: 0, free: Math.max(0, total - foreign) };
      }),
      dedicatedCpus: {
        total: cpus.filter((cpu) => dedicated.has(cpu)),
        free: cpus.filter((cpu) => dedicated.has(cpu)),
      },
      sharedCpus: cpus.filter((cpu) => !dedicated.has(cpu)),
    };
  });
  for (const vserver of reader.list('vserver')) {
    if (vserver.power !== 'on' || !vserver.placement || vserver.id === except) continue;
    const room = rooms.find(({ id }) => id === vserver.placement!.numaNode);
    if (room) take(room, vserver.placement, vserver);
  }
  return rooms;
}

/**
 * The node with the most that is left of what is asked for, so that load spreads.
 * @param fixed where it must be and nowhere else, as its saved memory says
 * @throws InnkeeperError `no-capacity`, naming what is short on the node that comes nearest
 */
export function place(
  rooms: readonly NodeRoom[],
  needs: PlacementNeeds,
  asked: Asked,
  fixed?: Placement,
): Placement {
  const wanted = fixed?.numaNode ?? (needs.numaNode === 'any' ? undefined : needs.numaNode);
  const candidates = rooms.filter(({ id }) => wanted === undefined || id === wanted);
  if (candidates.length === 0) {
    const known = rooms.map(({ id }) => id).join(', ') || 'none that the hypervisor tells of';
    const asks = wanted === undefined ? 'A NUMA node' : `NUMA node ${wanted}`;
    throw new InnkeeperError('no-capacity', `${asks} is asked for; this host has ${known}.`);
  }
  const looked = candidates.map((room) => ({ room, short: shortage(room, needs, asked, fixed) }));
  const [best] = looked
    .filter(({ short }) => short === undefined)
    .sort((a, b) => left(b.room, needs) - left(a.room, needs));
  if (!best) {
    const why = looked.map(({ room, short }) => `node ${room.id}: ${short}`).join('; ');
    throw new InnkeeperError('no-capacity', `No NUMA node has room for it: ${why}.`);
  }
  const { hugepageKiB, pinned } = needs;
  return {
    numaNode: best.room.id,
    ...(hugepageKiB ? { hugepageKiB } : {}),
    ...(pinned ? { cpus: fixed?.cpus ?? best.room.dedicatedCpus.free.slice(0, asked.vcpus) } : {}),
  };
}

/** Takes what `placement` holds out of a room. */
export function take(room: NodeRoom, { hugepageKiB, cpus }: Placement, { memoryMiB }: Asked): void {
  if (hugepageKiB) {
    const size = room.hugepages.find(({ sizeKiB }) => sizeKiB === hugepageKiB);
    const pages = pagesOf(memoryMiB, hugepageKiB);
    if (size) {
      size.reserved += pages;
      size.free = Math.max(0, size.free - pages);
    }
  } else {
    room.memory.reservedMiB += memoryMiB;
    room.memory.freeMiB = Math.max(0, room.memory.freeMiB - memoryMiB);
  }
  if (cpus) room.dedicatedCpus.free = room.dedicatedCpus.free.filter((cpu) => !cpus.includes(cpu));
}

/** How many more VServers like this can be placed. */
export function placementsLeft(rooms: readonly NodeRoom[], needs: PlacementNeeds, asked: Asked): number {
  const { numaNode, hugepageKiB, pinned } = needs;
  return rooms
    .filter(({ id }) => numaNode === undefined || numaNode === 'any' || id === numaNode)
    .filter(({ sharedCpus: shared }) => pinned || shared.length > 0)
    .reduce((sum, room) => {
      const cpus = pinned ? room.dedicatedCpus.free.length / asked.vcpus : Number.POSITIVE_INFINITY;
      const memory = hugepageKiB
        ? freePages(room, hugepageKiB) / pagesOf(asked.memoryMiB, hugepageKiB)
        : room.memory.freeMiB / asked.memoryMiB;
      return sum + Math.floor(Math.min(cpus, memory));
    }, 0);
}

/** The host's CPUs that are kept for pinned VServers. */
export function dedicatedCpus({ dedicated_cpus }: Limits): number[] {
  return dedicated_cpus === undefined ? [] : parseCpus(dedicated_cpus);
}

/** CPUs that VServers without any of their own run on: those of `node`, or of the whole host where none is named. */
export function sharedCpus(
  topology: HostTopology | undefined,
  limits: Limits,
  node: number | undefined,
): number[] {
  const dedicated = new Set(dedicatedCpus(limits));
  const nodes = (topology?.nodes ?? []).filter(({ id }) => node === undefined || id === node);
  return nodes.flatMap(({ cpus }) => cpus.filter((cpu) => !dedicated.has(cpu)));
}

export function pagesOf(memoryMiB: number, hugepageKiB: number): number {
  return Math.ceil((memoryMiB * 1024) / hugepageKiB);
}

const freePages = (room: NodeRoom, size: number) =>
  room.hugepages.find(({ sizeKiB }) => sizeKiB === size)?.free ?? 0;

const left = (room: NodeRoom, { hugepageKiB }: PlacementNeeds) =>
  hugepageKiB ? freePages(room, hugepageKiB) : room.memory.freeMiB;

/** What is short on a node, or undefined. */
function shortage(
  room: NodeRoom,
  needs: PlacementNeeds,
  asked: Asked,
  fixed?: Placement,
): string | undefined {
  const { hugepageKiB, pinned } = needs;
  if (hugepageKiB) {
    const pages = pagesOf(asked.memoryMiB, hugepageKiB);
    const free = freePages(room, hugepageKiB);
    if (pages > free) return `${pages} huge pages of ${hugepageKiB} KiB are asked for, and ${free} are free`;
  } else if (asked.memoryMiB > room.memory.freeMiB) {
    return `${asked.memoryMiB} MiB of memory are asked for, and ${room.memory.freeMiB} are free`;
  }
  if (!pinned) {
    // QEMU takes huge pages by threads on the node's own CPUs, and must be allowed to run there.
    return room.sharedCpus.length > 0 ? undefined : 'none of its CPUs is shared (capacity.dedicated_cpus)';
  }
  const { total, free } = room.dedicatedCpus;
  if (fixed?.cpus?.some((cpu) => !free.includes(cpu))) return `not all of its CPUs ${fixed.cpus} are free`;
  if (asked.vcpus <= free.length) return undefined;
  const none = total.length === 0 ? ' (capacity.dedicated_cpus names none there)' : '';
  return `${asked.vcpus} CPUs of its own are asked for, and ${free.length} are free${none}`;
}
