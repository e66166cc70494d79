// What a VServerType of the configuration asks of the place where its VServers are.
import type { Config, VServerTypeConfig } from '../config/config.ts';
import type { Host } from '../host.ts';
import { InnkeeperError } from '../resources/errors.ts';
import type { PlacementNeeds } from '../resources/placement.ts';
import { parseCpus } from './cpu-list.ts';

const UNIT_KIB = { M: 1024, G: 1024 ** 2 } as const;

/** Undefined where anywhere will do. */
export function needsOf({
  hugepages,
  numa_node,
  cpu_pinning,
}: VServerTypeConfig): PlacementNeeds | undefined {
  if (hugepages === undefined && numa_node === undefined && !cpu_pinning) return undefined;
  return {
    ...(hugepages === undefined ? {} : { hugepageKiB: pageKiB(hugepages) }),
    ...(numa_node === undefined ? {} : { numaNode: numa_node }),
    ...(cpu_pinning ? { pinned: true } : {}),
  };
}

/** As `needsOf`. @throws InnkeeperError `unsupported` where the hypervisor puts no machine anywhere */
export function askedNeeds({ hypervisor }: Host, type: VServerTypeConfig): PlacementNeeds | undefined {
  const needs = needsOf(type);
  if (needs === undefined || hypervisor.features.placement) return needs;
  const why = `VServerType ${type.name} asks for huge pages, a NUMA node or CPUs of its own, which need KVM.`;
  throw new InnkeeperError('unsupported', why);
}

function pageKiB(size: string): number {
  return Number(size.slice(0, -1)) * UNIT_KIB[size.at(-1) as keyof typeof UNIT_KIB];
}

/** @throws InnkeeperError `invalid` for what the schema cannot say */
export function checkPlacement({ capacity, vserver_type }: Config, source: string): void {
  try {
    if (capacity.dedicated_cpus !== undefined) parseCpus(capacity.dedicated_cpus);
  } catch (error) {
    throw new InnkeeperError('invalid', `${source}: capacity.dedicated_cpus: ${(error as Error).message}.`);
  }
  for (const { name, memory_mib, hugepages } of vserver_type) {
    if (hugepages === undefined || (memory_mib * 1024) % pageKiB(hugepages) === 0) continue;
    const why = `the memory of VServerType ${name}, ${memory_mib} MiB, is no multiple of its huge pages (${hugepages})`;
    throw new InnkeeperError('invalid', `${source}: ${why}.`);
  }
}
