// How many more VServers of each type a host takes, if it gets no others.
import type { Config, VServerTypeConfig } from '../config/config.ts';
import type { Reader } from '../guest/facts.ts';
import { type Amount, freeToPromise } from './admission.ts';
import { needsOf } from './needs.ts';
import { type NodeRoom, placementsLeft } from './placement.ts';
import type { HostTotals } from './totals.ts';

/** System disks may be in any pool; a type that does not say their size takes that of the image. */
export function fits(
  config: Config,
  reader: Reader,
  totals: HostTotals,
  free: Amount,
  nodes: readonly NodeRoom[],
): Record<string, number> {
  const pools = [...totals.pools.keys()].map((name) => freeToPromise(reader, config.capacity, totals, name));
  const disks = (gb: number | undefined) =>
    gb ? pools.reduce((sum, room) => sum + Math.floor(room / (gb * 2 ** 30)), 0) : Infinity;
  const count = (type: VServerTypeConfig) =>
    Math.floor(Math.min(disks(type.disk_gb), machines(type, free, nodes)));
  return Object.fromEntries(config.vserver_type.map((type) => [type.name, count(type)]));
}

/** By vCPUs and memory, anywhere or on the nodes where there is room. */
function machines(type: VServerTypeConfig, free: Amount, nodes: readonly NodeRoom[]): number {
  const needs = needsOf(type);
  return Math.min(
    needs?.pinned ? Infinity : free.vcpus / type.vcpus,
    needs?.hugepageKiB ? Infinity : free.memoryMiB / type.memory_mib,
    needs ? placementsLeft(nodes, needs, { vcpus: type.vcpus, memoryMiB: type.memory_mib }) : Infinity,
  );
}
