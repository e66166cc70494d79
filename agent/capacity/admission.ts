// Decides whether the host can promise what is asked: reserved and asked against what there is. Pure.
import type { Config } from '../config/config.ts';
import type { Reader } from '../guest/facts.ts';
import type { Transaction } from '../inventory/transaction.ts';
import { InnkeeperError } from '../resources/errors.ts';
import type { Placement, PlacementNeeds } from '../resources/placement.ts';
import type { VServer } from '../resources/vserver.ts';
import { dedicatedCpus, nodeRooms, place } from './placement.ts';
import type { HostTotals } from './totals.ts';

export interface Amount {
  vcpus: number;
  memoryMiB: number;
}

/** What a VServer asks for before it gets power. */
export interface Request extends Amount {
  needs?: PlacementNeeds | undefined;
}

/**
 * Shared vCPUs and ordinary memory that VServers with power on hold; powered-off ones hold none. Dedicated CPUs and
 * huge pages are counted for each NUMA node ({@link nodeRooms}).
 */
export function reserved(reader: Reader, except?: string): Amount {
  const held = { vcpus: 0, memoryMiB: 0 };
  for (const { id, power, vcpus, memoryMiB, placement } of reader.list('vserver')) {
    if (power !== 'on' || (except !== undefined && id === except)) continue;
    if (!placement?.cpus) held.vcpus += vcpus;
    if (!placement?.hugepageKiB) held.memoryMiB += memoryMiB;
  }
  return held;
}

/**
 * What can be promised in all, overcommit, other people's domains and the host's own share taken into account; what is
 * set aside as dedicated CPUs and huge pages is not in it.
 */
export function promisable(limits: Config['capacity'], { facts, foreign, topology }: HostTotals): Amount {
  if (!facts) return { vcpus: 0, memoryMiB: 0 };
  const hugepages = (topology?.nodes ?? []).flatMap((node) => node.hugepages);
  const hugeMiB = Math.ceil(hugepages.reduce((sum, { sizeKiB, total }) => sum + sizeKiB * total, 0) / 1024);
  const ordinary = facts.memoryMiB - hugeMiB - limits.host_memory_mib;
  const memory = ordinary * limits.memory_overcommit - foreign.memoryMiB;
  const cpus = Math.max(0, facts.cpus - dedicatedCpus(limits).filter((cpu) => cpu < facts.cpus).length);
  return {
    vcpus: Math.max(0, Math.floor(cpus * limits.cpu_overcommit) - foreign.vcpus),
    memoryMiB: Math.max(0, Math.floor(memory)),
  };
}

export interface AdmissionOptions {
  /** A VServer whose present share counts as free, since it gets this instead. */
  except?: string;
  /** Where it must be and nowhere else. */
  fixed?: Placement | undefined;
}

/**
 * Decides, and says where: undefined where the type asks for no place. The caller writes it into the VServer in the
 * same transaction, and so it is reserved.
 * @throws InnkeeperError `no-capacity`, naming what is short and by how much
 */
export function admit(
  reader: Reader,
  limits: Config['capacity'],
  totals: HostTotals,
  asked: Request,
  { except, fixed }: AdmissionOptions = {},
): Placement | undefined {
  if (!totals.facts) {
    throw new InnkeeperError(
      'no-capacity',
      'The hypervisor has not been reached yet, so nothing can be promised.',
    );
  }
  const { needs } = asked;
  const room = promisable(limits, totals);
  const held = reserved(reader, except);
  if (!needs?.hugepageKiB) refuseShort('MiB of memory', asked.memoryMiB, room.memoryMiB - held.memoryMiB);
  if (!needs?.pinned) refuseShort('vCPUs', asked.vcpus, room.vcpus - held.vcpus);
  return needs && place(nodeRooms(reader, limits, totals, except), needs, asked, fixed);
}

/**
 * Admits a VServer that is off and is to get power, and notes in the same transaction where it is then.
 * @throws InnkeeperError `no-capacity`
 */
export function admitPower(
  tx: Transaction,
  limits: Config['capacity'],
  totals: HostTotals,
  vserver: VServer,
): void {
  if (vserver.power === 'off') {
    tx.patch('vserver', vserver.id, { placement: admit(tx, limits, totals, vserver) });
  }
}

function refuseShort(what: string, asked: number, free: number): void {
  if (asked <= free) return;
  throw new InnkeeperError(
    'no-capacity',
    `${asked} ${what} are asked for, and ${Math.max(0, free)} are free.`,
  );
}

/** Bytes of a pool already promised to VDisks, whether or not they are written yet. */
export function promisedBytes(reader: Reader, pool: string): number {
  return reader.list('vdisk').reduce((sum, vdisk) => sum + (vdisk.pool === pool ? vdisk.sizeBytes : 0), 0);
}

/** Bytes that can still be promised. */
export function freeToPromise(
  reader: Reader,
  limits: Config['capacity'],
  totals: HostTotals,
  pool: string,
): number {
  const room = totals.pools.get(pool);
  if (!room || room.unavailable) return 0;
  const usable = room.totalBytes * (1 - limits.host_disk_percent / 100);
  return Math.max(0, Math.min(usable - promisedBytes(reader, pool), room.freeBytes));
}

/** @throws InnkeeperError `no-capacity` or `not-found` */
export function admitDisk(
  reader: Reader,
  limits: Config['capacity'],
  totals: HostTotals,
  pool: string,
  bytes: number,
): void {
  const room = totals.pools.get(pool);
  if (!room) throw new InnkeeperError('not-found', `There is no storage pool ${pool}.`);
  if (room.unavailable) {
    throw new InnkeeperError('no-capacity', `The storage pool ${pool} is not available: ${room.unavailable}`);
  }
  const free = freeToPromise(reader, limits, totals, pool);
  if (bytes <= free) return;
  const gib = (value: number) => (value / 2 ** 30).toFixed(2);
  const why = `${gib(bytes)} GiB are asked for in the storage pool ${pool}, and ${gib(free)} GiB can be promised.`;
  throw new InnkeeperError('no-capacity', why);
}
