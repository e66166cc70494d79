// Free memory of the whole machine: what the agent's own kernel calls free may be that of one guest among others.
import type { Host } from '../host.ts';

/** Asks once; while the hypervisor does not answer, its last answer stays. */
export async function sampleMemory({ hypervisor, totals, log }: Host): Promise<void> {
  if (!hypervisor.connected) return;
  try {
    totals.freeMemoryMiB = await hypervisor.freeMemoryMiB();
  } catch (error) {
    log.debug({ err: error }, 'the hypervisor does not tell how much memory is free');
  }
}
