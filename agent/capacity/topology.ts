// Where the host's CPUs, memory and huge pages are: asked at the connection, and now and then.
import type { Reader } from '../guest/facts.ts';
import type { Host } from '../host.ts';
import { pagesOf } from './placement.ts';

/** Asks once; while the hypervisor does not answer, its last answer stays. */
export async function sampleTopology({ hypervisor, inventory, totals, log }: Host): Promise<void> {
  if (!hypervisor.connected) return;
  try {
    // One that gives its pages back meanwhile has them in one of the two.
    const before = heldPages(inventory);
    const topology = await hypervisor.topology();
    const after = heldPages(inventory);
    totals.topology = topology;
    totals.foreignHugepages = new Map(
      topology.nodes.flatMap(({ id, hugepages }) =>
        hugepages.map(({ sizeKiB, total, free }): [string, number] => {
          const key = `${id}/${sizeKiB}`;
          const ours = Math.max(before.get(key) ?? 0, after.get(key) ?? 0);
          return [key, Math.max(0, total - free - ours)];
        }),
      ),
    );
  } catch (error) {
    log.warn({ err: error }, 'the hypervisor does not tell where CPUs and memory are');
  }
}

/** By "node/size in KiB", of VServers with power on. */
function heldPages(reader: Reader): Map<string, number> {
  const held = new Map<string, number>();
  for (const { power, placement, memoryMiB } of reader.list('vserver')) {
    if (power !== 'on' || !placement?.hugepageKiB) continue;
    const key = `${placement.numaNode}/${placement.hugepageKiB}`;
    held.set(key, (held.get(key) ?? 0) + pagesOf(memoryMiB, placement.hugepageKiB));
  }
  return held;
}
