// Where the host's CPUs, memory and huge pages are: asked at the connection, and now and then.
import type { Host } from '../host.ts';

/** Asks once; while the hypervisor does not answer, its last answer stays. */
export async function sampleTopology({ hypervisor, totals, log }: Host): Promise<void> {
  if (!hypervisor.connected) return;
  try {
    totals.topology = await hypervisor.topology();
  } catch (error) {
    log.warn({ err: error }, 'the hypervisor does not tell where CPUs and memory are');
  }
}
