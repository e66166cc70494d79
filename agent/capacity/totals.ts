// What the host has, as last observed: the hypervisor's facts, and each pool's room.
import type { HostFacts, HostTopology } from '../../drivers/hypervisor.ts';
import type { MachineInventory } from './machine.ts';

export interface PoolRoom {
  totalBytes: number;
  freeBytes: number;
  /** Why the pool cannot be asked, if so; its last figures are kept. */
  unavailable?: string;
}

/** Refreshed by the sampler; read synchronously by admission and by the report. */
export class HostTotals {
  facts: HostFacts | undefined;
  /** NUMA nodes, their CPUs and huge pages. */
  topology: HostTopology | undefined;
  /** Of the whole machine, as the hypervisor tells it; the agent's own kernel may see but a part. */
  freeMemoryMiB: number | undefined;
  /** Busy part of the processors lately, 0 to 1. */
  processorShare = 0;
  /** What the machine is made of, once it has told it. */
  machine: MachineInventory | undefined;
  /** Huge pages that others than our VServers hold, by "node/size in KiB", as last sampled. */
  foreignHugepages = new Map<string, number>();
  readonly pools = new Map<string, PoolRoom>();
  /** Memory and vCPUs of running domains that are not ours. */
  foreign = { domains: 0, vcpus: 0, memoryMiB: 0 };
}
